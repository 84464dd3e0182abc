package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

// attempt is the record of a try of a message that began at a moment and ended with err, after the
// receiver took some parts. It is nil when nothing left. What became of the message is settled.
func (o *Outbox) attempt(d *store.Delivery, began time.Time, taken int, err error) *store.DeliveryAttempt {
	a := &store.DeliveryAttempt{
		DeliveryID: d.ID, Attempt: d.Attempts, At: began, Node: d.Node, Outcome: outcome(d, err), Message: d.Error, PartsTaken: taken, NextTry: d.NextTry,
	}
	if a.Outcome == store.AttemptGated && taken == 0 {
		return nil
	}
	if err == nil {
		a.Message = d.Receipt
		if d.Attempts == 1 {
			a.Parts = taken // else some may have left before
		}
	}
	if answered, ok := errors.AsType[callbacks.AnsweredError](err); ok {
		a.HTTPStatus, a.Code = answered.Answer()
		a.Code = o.o.Masker.Mask(a.Code)
	}
	if parts, ok := errors.AsType[callbacks.PartsError](err); ok {
		a.Parts = parts.PartsInAll()
	}
	return a
}

// outcome is what came of a try that ended with err and left the message as it is.
func outcome(d *store.Delivery, err error) store.AttemptOutcome {
	de, ok := errors.AsType[callbacks.DeliveryError](err)
	switch {
	case d.State == store.DeliveryDelivered:
		return store.AttemptDelivered
	case ok && de.Uncertain():
		return store.AttemptUncertain
	case gated(err) != nil:
		return store.AttemptGated
	case d.State == store.DeliveryWaiting:
		return store.AttemptRetry
	default:
		return store.AttemptRefused
	}
}

// cutOff is the record of a try that the death of its process cut off.
func cutOff(d *store.Delivery) *store.DeliveryAttempt {
	return &store.DeliveryAttempt{
		DeliveryID: d.ID, Attempt: d.Attempts, At: d.UpdatedAt, Node: d.Node, Outcome: store.AttemptUncertain, Message: d.Error, NextTry: d.NextTry,
	}
}

// record stores what became of a message, with the try that led to it unless that is nil, those
// that it names if it was delivered, and those that stand in for it.
func (o *Outbox) record(ctx context.Context, d *store.Delivery, a *store.DeliveryAttempt, named []int64, standIns ...*store.Delivery) error {
	return o.recordFrom(ctx, o.store.WriteOwn, knownFrom(d.State), d, a, named, standIns...)
}

// knownFrom are the states of a message that give way to what its sender knows. Another process that
// took the sender for dead could only guess: that the message is uncertain, or that it may leave
// again. Who does not know either replaces no guess, which people may have acted upon.
func knownFrom(s store.DeliveryState) []store.DeliveryState {
	switch s {
	case store.DeliverySending, store.DeliveryUncertain:
		return []store.DeliveryState{store.DeliverySending}
	default:
		return []store.DeliveryState{store.DeliverySending, store.DeliveryUncertain, store.DeliveryWaiting}
	}
}

// recordFrom is record, by write, of a message that is in one of some states, else it fails with [store.ErrLostLease].
func (o *Outbox) recordFrom(
	ctx context.Context, write func(context.Context, func(store.OutboxTx) error) error, from []store.DeliveryState, d *store.Delivery, a *store.DeliveryAttempt, named []int64, standIns ...*store.Delivery,
) error {
	d.UpdatedAt = o.now()
	return write(ctx, func(tx store.OutboxTx) error {
		if err := tx.UpdateDelivery(ctx, d, from...); err != nil {
			return err
		}
		if a != nil {
			a.EndedAt = d.UpdatedAt
			if err := tx.PutDeliveryAttempt(ctx, a); err != nil {
				return err
			}
		}
		if err := recordNamed(ctx, tx, d, named); err != nil {
			return err
		}
		return tx.InsertDeliveries(ctx, standIns)
	})
}
