package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// Delivery is something that an app gets over its stream.
type Delivery struct {
	// ID counts from 1.
	ID int `json:"id"`
	// App is an app key.
	App   string    `json:"app"`
	Type  string    `json:"type"`
	Topic string    `json:"topic"`
	At    time.Time `json:"at"`
	// Sent are the frames, in order; none while the app had no connection.
	Sent []Sending `json:"sent,omitempty"`
	// Data is what the last frame held.
	Data json.RawMessage `json:"data,omitempty"`
	// Answer is the first answer that counts; nil before it.
	Answer *Answer `json:"answer,omitempty"`
	// Answers is how many frames were answered, those without effect, too.
	Answers int `json:"answers"`
}

// Sending is a frame.
type Sending struct {
	At time.Time `json:"at"`
	// Connection is the id of one.
	Connection string `json:"connection"`
	MessageID  string `json:"message_id"`
	// Fault is what became of it.
	Fault FaultKind `json:"fault,omitempty"`
}

// Answer is what an app answered.
type Answer struct {
	core.PushAnswer

	At         time.Time `json:"at"`
	Connection string    `json:"connection"`
}

type delivery struct {
	Delivery

	push core.Push
	due  time.Time
	// deaf is how many answers a fault loses.
	deaf int
	// again is after how long a frame whose answer was lost is sent anew.
	again time.Duration
}

// view copies what callers see.
func (d *delivery) view() Delivery {
	out := d.Delivery
	out.Sent = slices.Clone(d.Sent)
	return out
}

// pusher is the stream as the families use it.
type pusher struct{ *Service }

// Push sends to one of the app's connections, now or once there is one.
func (s pusher) Push(app *core.App, p core.Push) int {
	s.lastDelivery++
	now := s.core.Now()
	s.pending = append(s.pending, &delivery{
		Delivery: Delivery{ID: s.lastDelivery, App: app.AppKey, Type: p.Type, Topic: p.Topic, At: now}, push: p, due: now,
	})
	s.dispatch()
	return s.lastDelivery
}

// dispatch gives what is due to connections.
func (s *Service) dispatch() {
	now := s.core.Now()
	for _, d := range s.pending {
		if !d.due.After(now) {
			s.send(d, now)
		}
	}
}

// untilDue is how long it is to the next delivery that is due; long without one.
func (s *Service) untilDue() time.Duration {
	const long = time.Hour
	now, least := s.core.Now(), long
	for _, d := range s.pending {
		if wait := d.due.Sub(now); wait > 0 {
			least = min(least, wait)
		}
	}
	return least
}

// choose picks one of the connections that want a delivery, by chance.
func (s *Service) choose(d *delivery) *conn {
	var fit []*conn
	for _, c := range s.conns {
		if c.app.AppKey == d.App && !c.leaving && c.wants(d.Type, d.Topic) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit[s.chance.IntN(len(fit))]
}

// send queues the frame of a delivery for a connection, if there is one.
func (s *Service) send(d *delivery, now time.Time) {
	c := s.choose(d)
	if c == nil {
		return
	}
	fault, _ := s.takeFault(d.App, FaultDisconnect, FaultHangUp, FaultDrop, FaultDuplicate, FaultRedeliver, FaultSlow)
	if fault.Kind == FaultDisconnect {
		s.disconnect(c, fault.Delay)
		s.send(d, now) // to another, if there is one
		return
	}
	item := s.frame(d, c, now, fault.Kind)
	d.due = now.Add(s.settings.Redeliver)
	switch fault.Kind {
	case FaultHangUp:
		item.hangUp, c.leaving = true, true
		d.due = now
	case FaultDrop:
		s.core.Touch()
		return
	case FaultDuplicate:
		c.push(item)
		item = s.frame(d, c, now, fault.Kind)
	case FaultRedeliver:
		d.deaf, d.again = 1, fault.Delay
		d.due = now.Add(fault.Delay)
	case FaultSlow:
		item.delay = fault.Delay
	default:
	}
	c.push(item)
	s.core.Touch()
}

// frame writes a frame and notes that it is sent.
func (s *Service) frame(d *delivery, c *conn, now time.Time, fault FaultKind) item {
	d.Data = d.push.Data(c.base)
	headers := map[string]string{"appId": d.App}
	maps.Copy(headers, d.push.Headers)
	id := s.messageID(c)
	s.frames[id] = d
	d.Sent = append(d.Sent, Sending{At: now, Connection: c.id, MessageID: id, Fault: fault})
	return item{frame: c.frame(d.Type, d.Topic, id, now, headers, d.Data), of: d}
}

// messageID has the form of DingTalk's.
func (s *Service) messageID(c *conn) string {
	c.lastFrame++
	return fmt.Sprintf("%s_%d_%s", c.id, c.lastFrame, s.core.Code(12))
}

// answer takes the answer to a frame. It tells whether the frame is known.
func (s *Service) answer(c *conn, messageID string, a core.PushAnswer) bool {
	d := s.frames[messageID]
	if d == nil || d.App != c.app.AppKey {
		return false
	}
	d.Answers++
	now := s.core.Now()
	switch {
	case d.Answer != nil: // the first one counts
	case d.deaf > 0:
		d.deaf--
		d.due = now.Add(d.again)
	case d.Type == core.PushEvent && wantsLater(a):
		d.due = now.Add(s.settings.Redeliver)
	default:
		d.Answer = &Answer{PushAnswer: a, At: now, Connection: c.id}
		s.pending = slices.DeleteFunc(s.pending, func(o *delivery) bool { return o == d })
		s.done = append(s.done, d)
		for _, old := range s.done[:max(0, len(s.done)-s.core.Keep())] {
			for _, f := range old.Sent {
				delete(s.frames, f.MessageID)
			}
		}
		s.done = core.Last(s.done, s.core.Keep())
		if d.push.Answered != nil {
			d.push.Answered(a)
		}
	}
	s.core.Touch()
	return true
}

// wantsLater reads the answer to an event. Some clients say LATER with code 500, others with 200; a
// handler that failed has not taken the event either.
func wantsLater(a core.PushAnswer) bool {
	var status struct {
		Status string `json:"status"`
	}
	if json.Unmarshal([]byte(a.Data), &status) == nil && status.Status == "LATER" {
		return true
	}
	return a.Code != 200
}

// Redeliver sends everything again now that has no answer yet, and returns how much that is.
func (s *Service) Redeliver() int {
	s.core.Lock()
	defer s.core.Unlock()
	now := s.core.Now()
	for _, d := range s.pending {
		d.due = now
	}
	s.dispatch()
	s.wakeAll()
	return len(s.pending)
}

// Deliveries lists what apps got or have yet to get, oldest first.
func (s *Service) Deliveries() []Delivery {
	s.core.Lock()
	defer s.core.Unlock()
	return s.deliveries()
}

func (s *Service) deliveries() []Delivery {
	var out []Delivery
	for _, d := range slices.Concat(s.done, s.pending) {
		out = append(out, d.view())
	}
	slices.SortFunc(out, func(a, b Delivery) int { return a.ID - b.ID })
	return out
}

// WaitDeliveries waits until the list of deliveries satisfies a condition, and returns it. When ctx is
// done first, it returns the list as it is, and an error that wraps the cause.
func (s *Service) WaitDeliveries(ctx context.Context, until func([]Delivery) bool) ([]Delivery, error) {
	for {
		s.core.Lock()
		list, changed := s.deliveries(), s.core.Changed()
		s.core.Unlock()
		if until(list) {
			return list, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return list, fmt.Errorf("wait for deliveries, there are %d: %w", len(list), context.Cause(ctx))
		}
	}
}

// millis writes a time as frames have it.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
