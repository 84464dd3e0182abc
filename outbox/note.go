package outbox

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

const (
	// doubted is for how long a message that may have arrived is named in a later one.
	doubted = 24 * time.Hour
	// maxDoubts is of how many of them one message tells; the next one tells of the rest.
	maxDoubts = 100
)

// note is what a message says of earlier ones of its channel that may have arrived.
type note struct {
	text string
	ids  []int64
}

// noter is the sender of a message if its messages can have notes.
func (o *Outbox) noter(d *store.Delivery) (callbacks.NoteSender, bool) {
	s, ok := o.o.Callbacks.Sender(d.Sender)
	if !ok {
		return nil, false
	}
	n, ok := s.(callbacks.NoteSender)
	return n, ok
}

// noteFor is the note for a message that is about to leave; there may be nothing to say.
func (o *Outbox) noteFor(ctx context.Context, d *store.Delivery) (n note, err error) {
	if _, ok := o.noter(d); !ok {
		return n, nil
	}
	ds, err := o.store.UnnamedDeliveries(ctx, d.Channel, o.now().Add(-doubted), maxDoubts)
	if err != nil {
		return n, err
	}
	doubts := make([]callbacks.Doubt, len(ds))
	for i, u := range ds {
		doubts[i] = callbacks.Doubt{ID: u.ID, At: u.CreatedAt, Summary: u.Summary}
		if t := o.trailOf(u); t != nil {
			doubts[i].Event = t.Event
		}
		n.ids = append(n.ids, u.ID)
	}
	n.text = callbacks.DoubtNote(doubts)
	return n, nil
}

// addNote writes a note into a message that waits, in place of the one that it was to leave with
// before. Where there is no room for it n names nothing any more.
func (o *Outbox) addNote(ctx context.Context, tx store.OutboxTx, d *store.Delivery, n *note) error {
	s, ok := o.noter(d)
	switch {
	case !ok || n.text == "" && d.Attempts == 0:
		return nil
	case d.Progress != "": // the rest of it is sent as it is
		n.ids = nil
		return nil
	}
	m, ok := o.withNote(s, d, n.text)
	if !ok {
		n.ids = nil
	}
	if bytes.Equal(m.Payload, d.Payload) {
		return nil
	}
	d.Payload = m.Payload
	return tx.RewriteDelivery(ctx, d)
}

// withNote asks a sender, which may panic.
func (o *Outbox) withNote(s callbacks.NoteSender, d *store.Delivery, text string) (m callbacks.Message, ok bool) {
	var err error
	func() {
		defer recovered(&err)
		m, ok = s.WithNote(message(d), text)
	}()
	if err != nil {
		o.o.Log.Error("a message leaves without its note", "id", d.ID, "error", o.o.Masker.Mask(err.Error()))
		return message(d), false
	}
	return m, ok
}

// recordNamed notes that a message has told people of those in its note.
func recordNamed(ctx context.Context, tx store.OutboxTx, d *store.Delivery, ids []int64) error {
	if d.State != store.DeliveryDelivered || len(ids) == 0 {
		return nil
	}
	if err := tx.NameDeliveries(ctx, d.ID, ids); err != nil {
		return fmt.Errorf("note of which messages message %d tells: %w", d.ID, err)
	}
	return nil
}
