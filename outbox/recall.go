package outbox

import (
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

// Recalls are the messages that take back those of delivered ones that can be and are to be, now
// that what they told of is over.
func (o *Outbox) Recalls(told []*store.Delivery) (out []*store.Delivery) {
	for _, d := range told {
		s, found := o.o.Callbacks.Sender(d.Sender)
		r, can := s.(callbacks.RecallSender)
		if !found || !can {
			continue
		}
		m, ok := r.Recall(message(d), d.Receipt)
		if !ok {
			continue
		}
		now := o.now()
		of := d.Owner
		of.Event = string(callbacks.Recovery)
		out = append(out, &store.Delivery{
			State: store.DeliveryWaiting, Channel: m.Channel, Sender: m.Sender, Summary: m.Summary, Payload: m.Payload,
			Owner: of, CreatedAt: now, UpdatedAt: now, Priority: d.Priority,
		})
	}
	return out
}
