package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

// quiet is what the outbox knows of the times in which messages are not sent.
type quiet struct {
	mu store.Lock
	// open are the silences of people and of the configuration.
	open []*store.Silence
	// newest is the last silence that is known, seen the last message that was looked at since it is.
	newest, seen int64
	// begun says that silences of an earlier process have been looked at, ends when the first silence of
	// all kinds ends; zero is not known.
	begun bool
	ends  time.Time
	// window is when the windows of the configuration are to be looked at again.
	window time.Time
	// timer lets the outbox look at silences again at a moment, which is armed.
	timer *time.Timer
	armed time.Time
}

const (
	// hushPage is how many messages are looked at in one go.
	hushPage = 500
	// windowLook is how often the windows of the configuration are looked at, at least: the clock may be set.
	windowLook = time.Minute
)

// arm sets the timer to the next moment at which something begins or ends.
func (q *quiet) arm(now time.Time, windows bool, wake func()) {
	at := q.ends
	if windows && (at.IsZero() || q.window.Before(at)) {
		at = q.window
	}
	if at.Equal(q.armed) && at.After(now) {
		return
	}
	q.stop()
	if q.armed = at; !at.IsZero() {
		q.timer = time.AfterFunc(max(at.Sub(now), time.Millisecond), wake)
	}
}

func (q *quiet) stop() {
	if q.timer != nil {
		q.timer.Stop()
	}
}

// hush silences what waits and is not to be told now, and sums up the silences that have ended.
func (o *Outbox) hush(ctx context.Context) error {
	q := &o.quiet
	q.mu.Lock()
	defer q.mu.Unlock()
	now := o.now()
	if err := o.openWindows(ctx, now); err != nil {
		return err
	}
	open, err := o.store.OpenSilences(ctx)
	if err != nil {
		return err
	}
	q.open = q.open[:0]
	for _, s := range open {
		if s.Until.After(now) {
			q.open = append(q.open, s)
		}
		if s.ID > q.newest {
			q.newest, q.seen = s.ID, 0 // it may be of what waits already
		}
		if q.ends.IsZero() || s.Until.Before(q.ends) {
			q.ends = s.Until
		}
	}
	if err := o.hushNew(ctx, now); err != nil {
		return err
	}
	if !q.begun || !q.ends.IsZero() && !now.Before(q.ends) {
		if err := o.endSilences(ctx, now); err != nil {
			return err
		}
	}
	q.arm(now, len(o.o.Maintenance) > 0, o.Wake)
	return nil
}

// openWindows begins the windows of the configuration whose time has come. Those that an earlier
// configuration has begun, and that this one does not have, end.
func (o *Outbox) openWindows(ctx context.Context, now time.Time) error {
	q := &o.quiet
	if q.begun && now.Before(q.window) && q.window.Sub(now) <= windowLook {
		return nil
	}
	var begin []*store.Silence
	keys := map[string]bool{}
	next := now.Add(windowLook)
	for _, w := range o.o.Maintenance {
		keys[w.key()] = true
		since, until, ok := w.at(now)
		switch {
		case !ok:
		case since.After(now):
			next = earlier(next, since)
		default:
			begin = append(begin, w.silence(since, until))
			next = earlier(next, until)
		}
	}
	if err := o.begin(ctx, begin, keys, now); err != nil {
		return err
	}
	q.window = next
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// begin stores windows that begin, and at first ends those that are not configured any more.
func (o *Outbox) begin(ctx context.Context, windows []*store.Silence, keys map[string]bool, now time.Time) error {
	var gone []*store.Silence
	if !o.quiet.begun {
		open, err := o.store.OpenSilences(ctx)
		if err != nil {
			return err
		}
		gone = slices.DeleteFunc(open, func(s *store.Silence) bool { return s.Kind != store.SilenceMaintenance || keys[s.Key] })
	}
	if len(windows) == 0 && len(gone) == 0 {
		return nil
	}
	return o.store.Hush(ctx, func(tx HushTx) error {
		for _, s := range gone {
			if _, err := tx.EndSilence(ctx, s.ID, now, store.Actor{}); err != nil {
				return err
			}
		}
		for _, s := range windows {
			if _, err := tx.InsertSilence(ctx, s); err != nil { // there is one since it began
				return err
			}
		}
		return nil
	})
}

// hushNew looks at the messages that nobody has looked at.
func (o *Outbox) hushNew(ctx context.Context, now time.Time) error {
	q := &o.quiet
	for {
		found, err := o.store.UnsilencedDeliveries(ctx, q.seen, hushPage)
		if err != nil || len(found) == 0 {
			return err
		}
		last := found[len(found)-1].ID
		maybe := slices.DeleteFunc(found, func(d *store.Unsilenced) bool {
			if isDigest(d.Event, d.StandsInFor) {
				return len(q.open) == 0
			}
			return d.DedupeKey == "" && q.silenceOf(d) == nil
		})
		if err := o.silence(ctx, maybe, now); err != nil {
			return err
		}
		q.seen = last
	}
}

// hushed silences a message that is about to leave, if it came back after the last look. It also reports true
// for one that nobody has looked at yet.
func (o *Outbox) hushed(ctx context.Context, d *store.Delivery) (bool, error) {
	q := &o.quiet
	q.mu.Lock()
	defer q.mu.Unlock()
	u := unsilenced(d)
	switch {
	case d.SilenceID == 0 && d.ID > q.seen:
		return true, nil
	case d.SilenceID != 0 || q.silenceOf(u) == nil:
		return false, nil
	}
	if err := o.silence(ctx, []*store.Unsilenced{u}, o.now()); err != nil {
		return false, err
	}
	return u.ID == 0, nil
}

// unsilenced is what says of a message whether it is to be silenced.
func unsilenced(d *store.Delivery) *store.Unsilenced {
	return &store.Unsilenced{
		ID: d.ID, Channel: d.Channel, Event: d.Owner.Event, DAGID: d.Owner.DAGID, TaskID: d.Owner.TaskID, Priority: d.Priority, CreatedAt: d.CreatedAt,
		DedupeKey: d.DedupeKey, StandsInFor: d.StandsInFor,
	}
}

// lookedAt is the last message that was looked at for silences.
func (q *quiet) lookedAt() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.seen
}

// silenceOf is the silence that a message falls into, or nil.
func (q *quiet) silenceOf(d *store.Unsilenced) *store.Silence {
	for _, s := range q.open {
		if covers(s, d) {
			return s
		}
	}
	return nil
}

// covers reports whether a silence is of a message.
func covers(s *store.Silence, d *store.Unsilenced) bool {
	switch {
	case isDigest(d.Event, d.StandsInFor):
		return false // its messages are looked at one by one
	case s.Kind == store.SilenceMaintenance && d.CreatedAt.Before(s.Since):
		return false // it tells of what was before
	case d.Priority <= int(gate.Urgent) && !s.Urgent && (s.Kind != store.SilenceSnooze || s.TaskID == ""):
		return false
	case d.Event == string(callbacks.SilenceEnd) && len(s.DAGs) > 0:
		return false // it tells of another silence
	case s.TaskID != "" && s.TaskID != d.TaskID:
		return false
	case len(s.Robots) > 0 && !slices.Contains(s.Robots, robotOf(d.Channel)):
		return false
	}
	return len(s.DAGs) == 0 || slices.ContainsFunc(s.DAGs, func(pattern string) bool {
		ok, err := path.Match(pattern, d.DAGID)
		return ok && err == nil
	})
}

// robotOf is the connection of a channel.
func robotOf(channel string) string {
	_, conn, _ := callbacks.SplitChannel(channel)
	return conn
}

// silence silences those of some messages that are to be silent; their ID is 0 then.
func (o *Outbox) silence(ctx context.Context, maybe []*store.Unsilenced, now time.Time) error {
	if len(maybe) == 0 {
		return nil
	}
	var done []*store.Delivery
	err := o.store.Hush(ctx, func(tx HushTx) error {
		done = done[:0]
		for _, u := range maybe {
			ds, err := o.silenceOne(ctx, tx, u, now)
			if err != nil {
				return fmt.Errorf("silence message %d: %w", u.ID, err)
			}
			done = append(done, ds...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	o.silenced(done)
	for _, u := range maybe {
		if slices.ContainsFunc(done, func(d *store.Delivery) bool { return d.ID == u.ID }) {
			u.ID = 0
		}
	}
	return nil
}

// silenced tells the log and the observer.
func (o *Outbox) silenced(ds []*store.Delivery) {
	for _, d := range ds {
		o.o.Log.Info("message silenced", "id", d.ID, "channel", d.Channel, "dag", d.Owner.DAGID, "run", d.Owner.RunID, "task", d.Owner.TaskID,
			"event", d.Owner.Event, "silence", d.SilenceID, "reason", d.Error)
		copied := *d
		o.o.Observe(&copied)
	}
}

// silenceOne silences a message, or those that a digest was to tell, and returns what it has silenced.
func (o *Outbox) silenceOne(ctx context.Context, tx HushTx, u *store.Unsilenced, now time.Time) ([]*store.Delivery, error) {
	d, err := tx.Delivery(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if isDigest(u.Event, u.StandsInFor) {
		if d.State != store.DeliveryWaiting || d.SilenceID != 0 {
			return nil, nil
		}
		silent, left, err := o.thin(ctx, tx, d, now) // what it says is written anew when it leaves
		if err == nil && len(silent) > 0 && left == 0 {
			err = o.emptied(ctx, tx, d, now)
			silent = append(silent, d)
		}
		return silent, err
	}
	var why string
	s := o.quiet.silenceOf(u)
	if s != nil {
		why = silencedBy(s)
	} else if s, err = o.doubled(ctx, tx, d, now); err != nil || s == nil {
		return nil, err
	} else {
		why = fmt.Sprintf("the same as alert %d (dedupe_key %s)", s.ToldBy, d.DedupeKey)
	}
	d.State, d.SilenceID, d.UpdatedAt, d.Error = store.DeliverySilenced, s.ID, now, o.o.Masker.Mask(why)
	if ok, err := tx.SilenceDelivery(ctx, d); err != nil || !ok {
		return nil, err
	}
	d.NextTry, d.Hold = time.Time{}, store.HoldNone
	return []*store.Delivery{d}, nil
}

// silencedBy is why a message is silenced.
func silencedBy(s *store.Silence) string {
	why := fmt.Sprintf("silenced by %s %d of %s, planned until %s", s.Kind, s.ID, s.What(), s.Until.Format(time.RFC3339))
	if s.Reason != "" {
		why += ": " + s.Reason
	}
	return why
}

// doubled is the silence of messages that say what another one has told or is going to tell, if d is
// one of them; else nil. What stands in for another message is none.
func (o *Outbox) doubled(ctx context.Context, tx HushTx, d *store.Delivery, now time.Time) (*store.Silence, error) {
	if d.DedupeKey == "" || d.StandsInFor != 0 {
		return nil, nil
	}
	const enough = 20 // receivers of one channel, such as those of mails
	told, err := tx.ToldDeliveries(ctx, d, d.CreatedAt.Add(-d.DedupeFor), enough)
	if err != nil {
		return nil, err
	}
	for _, first := range told {
		if first.StandsInFor != 0 || o.receiverOf(first) != o.receiverOf(d) {
			continue
		}
		until := first.CreatedAt.Add(d.DedupeFor)
		if !until.After(now) {
			until = now.Add(time.Millisecond) // it is late
		}
		s := &store.Silence{Kind: store.SilenceDouble, Key: d.DedupeKey, ToldBy: first.ID, Since: first.CreatedAt, Until: until}
		made, err := tx.InsertSilence(ctx, s)
		if err != nil {
			return nil, err
		}
		if !made {
			return tx.SilenceOfDoubles(ctx, first.ID)
		}
		if q := &o.quiet; q.ends.IsZero() || until.Before(q.ends) {
			q.ends = until
		}
		return s, nil
	}
	return nil, nil
}

// receiverOf tells the receivers of messages apart: the same event is told to one receiver by one
// message.
func (o *Outbox) receiverOf(d *store.Delivery) string {
	m, err := o.tellLike(d, anyEnd())
	if err != nil {
		return d.Channel
	}
	return m.Channel + " " + string(m.Payload)
}

// channelOf is the channel of messages for the receiver of d. It may be another one than that of d, which
// an earlier version wrote.
func (o *Outbox) channelOf(d *store.Delivery) string {
	m, err := o.tellLike(d, anyEnd())
	if err != nil {
		return d.Channel
	}
	return m.Channel
}

// anyEnd is an event that each sender can tell.
func anyEnd() *callbacks.Event {
	return &callbacks.Event{Kind: callbacks.SilenceEnd, MapIndex: -1, Silence: &callbacks.Silence{}}
}

// tellLike is the message that tells an event to the receiver of another message.
func (o *Outbox) tellLike(d *store.Delivery, ev *callbacks.Event) (m callbacks.Message, err error) {
	defer recovered(&err)
	s, ok := o.o.Callbacks.Sender(d.Sender)
	if !ok {
		return m, fmt.Errorf("no sender %q in this program", d.Sender)
	}
	t, ok := s.(callbacks.EventSender)
	if !ok {
		return m, fmt.Errorf("sender %s tells no events", d.Sender)
	}
	return t.Tell(message(d), ev)
}

// eventOf is the event of a message, as far as it is stored.
func eventOf(d *store.Delivery) callbacks.Event {
	var ev callbacks.Event
	if d.EventData == nil || json.Unmarshal(d.EventData, &ev) != nil {
		return callbacks.Event{}
	}
	return ev
}
