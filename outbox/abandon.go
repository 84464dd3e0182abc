package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

const (
	// wordlessLimit is after how many messages in a row that lack a receiver's keyword those that
	// wait behind them are not sent: they lack it, too.
	wordlessLimit = 3
	// abandonBatch is how many messages are given up in one transaction.
	abandonBatch = 100
)

// hopeless is why messages of a channel need not be tried.
type hopeless struct {
	// reason is told with them; empty is of none.
	reason string
	// written is until when they were written.
	written time.Time
	// instead are those that tell the event of one of them, or false for one that is tried after all.
	instead func(d *store.Delivery) ([]*store.Delivery, bool)
}

// abandon gives up what waits in a channel, when what became of d says that it would fare no better:
// the receiver is gone, or refuses for a keyword one message after another, or has been away for as
// long as messages are tried again. What stands in for these messages is told at once, too.
func (o *Outbox) abandon(ctx context.Context, name string, c *channel, d *store.Delivery, cause error) error {
	h := o.hopeless(ctx, c, d, cause)
	if h.reason == "" {
		return nil
	}
	for after := int64(0); ; {
		ds, err := o.store.WaitingDeliveries(ctx, name, h.written, after, abandonBatch)
		if err != nil || len(ds) == 0 {
			return err
		}
		after = ds[len(ds)-1].ID
		if err := o.giveUp(ctx, ds, h); err != nil {
			return fmt.Errorf("give up messages of channel %s: %w", name, err)
		}
		for _, d := range ds {
			delete(c.suspects, d.ID)
		}
	}
}

// hopeless says which messages need not be tried after d.
func (o *Outbox) hopeless(ctx context.Context, c *channel, d *store.Delivery, cause error) hopeless {
	elsewhere := func(d *store.Delivery) ([]*store.Delivery, bool) { return o.standInsElsewhere(ctx, d), true }
	var refusal callbacks.RefusalError
	refused := d.State == store.DeliveryRefused && errors.As(cause, &refusal)
	noKeyword := refused && refusal.NoKeyword()
	const wordless = "not sent, since the receiver refused one message after another for want of a keyword, alert %d among them: %s"
	switch {
	case cause == nil:
		return hopeless{}
	case refused && refusal.Gone():
		return hopeless{fmt.Sprintf("not sent, since the receiver refused alert %d and would refuse this one: %s", d.ID, d.Error), o.now(), func(other *store.Delivery) ([]*store.Delivery, bool) {
			if o.channelOf(other) != o.channelOf(d) {
				return nil, false
			}
			return elsewhere(other)
		}}
	case noKeyword && c.wordless >= wordlessLimit:
		return hopeless{fmt.Sprintf(wordless, d.ID, d.Error), o.now(), elsewhere}
	case noKeyword && c.replaced >= wordlessLimit:
		return hopeless{fmt.Sprintf(wordless, d.ID, d.Error), o.now(), func(d *store.Delivery) ([]*store.Delivery, bool) {
			return o.standInHere(d, cause)
		}}
	case c.fails > 0:
		return hopeless{
			fmt.Sprintf("not delivered within %s, since the receiver cannot be reached; alert %d: %s", o.o.Deadline, d.ID, d.Error),
			o.clock.ago(o.now(), o.o.Deadline), elsewhere,
		}
	}
	return hopeless{}
}

// giveUp refuses messages that wait, but those that have moved on, and lets others stand in for them.
func (o *Outbox) giveUp(ctx context.Context, ds []*store.Delivery, h hopeless) error {
	instead := map[int64][]*store.Delivery{}
	ds = slices.DeleteFunc(slices.Clone(ds), func(d *store.Delivery) bool {
		before := d.Error
		d.Error = h.reason
		out, ok := h.instead(d)
		if !ok {
			d.Error = before
			return true
		}
		d.State, d.Hold, d.NextTry, d.UpdatedAt = store.DeliveryRefused, store.HoldNone, time.Time{}, o.now()
		instead[d.ID] = out
		return false
	})
	var given []*store.Delivery
	err := o.o.Persist(ctx, func() error {
		given = given[:0]
		return o.store.Write(ctx, func(tx store.OutboxTx) error {
			for _, d := range ds {
				switch err := tx.UpdateDelivery(ctx, d, store.DeliveryWaiting); {
				case errors.Is(err, store.ErrLostLease): // it leaves, or was silenced or folded
				case err != nil:
					return err
				default:
					given = append(given, d)
					if err := tx.InsertDeliveries(ctx, instead[d.ID]); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, d := range given {
		o.report(d)
	}
	o.Wake() // what stands in for them may go through other channels
	return nil
}
