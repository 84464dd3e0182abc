package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

// trail is an event with the way that its messages have gone, as [store.Delivery.EventData] has it.
type trail struct {
	*callbacks.Event

	// Via are the connections that could not deliver it: none is tried twice.
	Via []string `json:"via,omitempty"`
	// Last says that a receiver of the last resort is told.
	Last bool `json:"last_resort,omitempty"`
}

// join adds the way of an event that is told together with others: what could not deliver one of
// them is not tried for all of them. The last resort is told of all, unless they are for it alone.
func (t *trail) join(other trail) {
	for _, id := range other.Via {
		if !slices.Contains(t.Via, id) {
			t.Via = append(t.Via, id)
		}
	}
	t.Last = t.Last && other.Last
}

// trailOf is the event of a message and its way, or nil when nothing is to stand in for it.
func (o *Outbox) trailOf(d *store.Delivery) *trail {
	if d.EventData == nil {
		return nil
	}
	t := &trail{Event: &callbacks.Event{}}
	if err := json.Unmarshal(d.EventData, t); err != nil {
		o.o.Log.Error("read the event of a message", "id", d.ID, "error", err)
		return nil
	}
	return t
}

// standIn is a message that tells the event of another one in its place.
func (o *Outbox) standIn(d *store.Delivery, m callbacks.Message, t *trail) *store.Delivery {
	out := o.delivery(m, t.Event)
	data, err := json.Marshal(t)
	if err != nil { // as with the event
		o.o.Log.Error("encode an event", "error", err)
	}
	out.StandsInFor, out.EventData, out.Priority = d.ID, data, d.Priority
	return out
}

// connID is the connection that a message leaves through, or "".
func (o *Outbox) connID(sender string, m callbacks.Message) string {
	s, ok := o.o.Callbacks.Sender(sender)
	if !ok {
		return ""
	}
	cs, ok := s.(callbacks.ConnSender)
	if !ok {
		return ""
	}
	return cs.ConnID(m)
}

// standInsElsewhere are the messages for other receivers that tell the event of one that was refused:
// through the next connection of its fallbacks, else those of the last resort.
func (o *Outbox) standInsElsewhere(ctx context.Context, d *store.Delivery) []*store.Delivery {
	t := o.trailOf(d)
	if t == nil {
		return nil
	}
	if id := o.connID(d.Sender, message(d)); id != "" && !slices.Contains(t.Via, id) {
		t.Via = append(t.Via, id)
	}
	if out := o.fallback(ctx, d, t); out != nil {
		return []*store.Delivery{out}
	}
	if t.Last {
		return nil
	}
	return o.lastResort(d, t)
}

// fallback is the message through the first connection that stands in for those that could not
// deliver, and was not tried yet; nil for none.
func (o *Outbox) fallback(ctx context.Context, d *store.Delivery, t *trail) *store.Delivery {
	if o.o.Connections == nil {
		return nil
	}
	next := *t
	ev := *t.Event
	next.Event = &ev
	ev.Problem = join(ev.Problem, fmt.Sprintf("%s: %s", d.Summary, d.Error))
	for _, from := range t.Via {
		// What is wrong with it was said at the start, and may not be said for each of hundreds.
		chain, _ := connections.FallbackChain(ctx, o.o.Connections, from)
		for _, id := range chain {
			if slices.Contains(next.Via, id) {
				continue
			}
			m, err := o.through(ctx, id, &ev)
			if err == nil {
				return o.standIn(d, m, &next)
			}
			next.Via = append(next.Via, id)
			text := o.o.Masker.Mask(err.Error())
			ev.Problem = join(ev.Problem, text)
			o.o.Log.Error("a fallback cannot be used", "id", d.ID, "conn_id", id, "error", text)
		}
	}
	t.Via = next.Via
	return nil
}

// through is a message that tells the event through a connection.
func (o *Outbox) through(ctx context.Context, id string, ev *callbacks.Event) (m callbacks.Message, err error) {
	defer recovered(&err)
	c, err := o.o.Connections.Connection(ctx, id)
	if err != nil {
		return m, err
	}
	extra, err := c.ExtraMap()
	if err != nil {
		return m, connections.About("connection", id, err)
	}
	return o.o.Callbacks.StandIn(callbacks.Conn{ID: id, Type: c.Type, Login: c.GetLogin(), Extra: extra}, ev)
}
