package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

// channel is what the outbox remembers of a channel while messages wait in it.
type channel struct {
	// busy says that a sender is at work, kicked that there may be more for it.
	busy, kicked bool
	// timer makes the outbox look at the channel again; nil before it is set first.
	timer *time.Timer
	// fails counts the failures since a message got through.
	fails int
	// suspects counts, for each message, how often it failed right after another one got
	// through: then it is the message and not the receiver.
	suspects map[int64]int
	// wordless counts the messages since one got through that were refused for want of a keyword,
	// replaced those of them that a simpler message stands in for.
	wordless, replaced int
	// failed is the message that failed last, conn the fingerprint of its connection then.
	failed *store.Delivery
	conn   string
	// waited says that the robot would not take the next message at once, alerting how many DAGs
	// have one that tells of a failure or a retry.
	waited   bool
	alerting int
	// told is when it told of each DAG last.
	told map[string]told
}

// errorPause is how long a channel is left alone after an error of the store.
const errorPause = 500 * time.Millisecond

// drain sends what a channel has, one after another, until all of it waits.
func (o *Outbox) drain(ctx context.Context, name string, c *channel) {
	for ctx.Err() == nil {
		sent, again, err := o.sendNext(ctx, name, c)
		if err != nil && ctx.Err() == nil {
			o.o.Log.Error("send from the outbox", "channel", name, "error", err)
			again = o.now().Add(errorPause)
		}
		if sent && err == nil {
			continue
		}
		o.mu.Lock()
		if c.kicked && err == nil {
			c.kicked = false
			o.mu.Unlock()
			continue
		}
		c.busy = false
		o.arm(c, again)
		o.mu.Unlock()
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c.busy = false
}

// arm sets a timer for when a channel is to be looked at. The caller holds the lock.
func (o *Outbox) arm(c *channel, at time.Time) {
	if at.IsZero() {
		return
	}
	now := o.now()
	if c.failed != nil { // its connection may be mended before
		if look := now.Add(connLook); look.Before(at) {
			at = look
		}
	}
	// Timers count what has passed and know nothing of a clock that somebody sets: a far
	// moment is looked at again with the next sweep.
	c.disarm()
	c.timer = time.AfterFunc(max(at.Sub(now), 0), o.Wake)
}

func (c *channel) disarm() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// sendNext sends the next message of a channel. Without one it says when to look again.
func (o *Outbox) sendNext(ctx context.Context, name string, c *channel) (sent bool, again time.Time, err error) {
	write := context.WithoutCancel(ctx)
	if err := o.lookForMendedConn(write, name, c); err != nil {
		return false, again, err
	}
	if err := o.hush(write); err != nil {
		return false, again, err
	}
	d, again, err := o.next(write, name, c)
	if err != nil || d == nil {
		return false, again, err
	}
	if silent, err := o.hushed(write, d); err != nil || silent {
		return silent, again, err
	}
	ctx = gate.With(ctx, turn(name, d))
	if closed := o.closed(ctx, d); closed != nil {
		c.waited = true
		return false, o.now().Add(max(closed.RetryDelay(), time.Millisecond)), nil
	}
	d, named, claimed, err := o.claim(write, c, d)
	if err != nil || !claimed {
		return err == nil, again, err // it has moved on: look again
	}
	conn, began := o.connOf(write, d), d.UpdatedAt
	receipt, taken, why := o.send(ctx, d)
	if errors.Is(why, store.ErrLostLease) {
		o.takenOver(name, d)
		return true, again, nil
	}
	standIns := o.settle(write, c, d, conn, receipt, why)
	attempt := o.attempt(d, began, taken, why)
	err = o.o.Persist(ctx, func() error { return o.record(write, d, attempt, named, standIns...) })
	if errors.Is(err, store.ErrLostLease) {
		o.takenOver(name, d)
		return true, again, nil
	}
	if err != nil {
		return false, again, fmt.Errorf("record what became of message %d (%s): %w", d.ID, d.State, err)
	}
	o.report(d)
	if len(standIns) > 0 {
		o.Wake() // they may go through another channel
	}
	if err := o.abandon(write, name, c, d, why); err != nil {
		return true, again, err
	}
	if d.State == store.DeliveryDelivered && c.fails > 0 {
		return true, again, o.released(write, name, c)
	}
	return true, again, nil
}

// takenOver says that another process took a message over while this one hung, and records what becomes
// of it.
func (o *Outbox) takenOver(channel string, d *store.Delivery) {
	o.o.Log.Warn("a message was taken over by another process", "id", d.ID, "channel", channel, "outcome", d.State)
}

// turn is the place of a channel in the line of its receiver, with the next of its messages.
func turn(channel string, d *store.Delivery) gate.Turn {
	return gate.Turn{Key: "channel " + channel, Rank: gate.Rank(d.Priority), DAGID: d.Owner.DAGID}
}

// rankOf is how urgent it is to tell of an event.
func rankOf(k callbacks.Kind) gate.Rank {
	switch k {
	case callbacks.Failure, callbacks.Missed, callbacks.Deadline, callbacks.ImportError, callbacks.NearlySpent,
		callbacks.Recovery: // a later failure must not overtake it, or the last word would be wrong
		return gate.Failure
	case callbacks.Asked: // somebody waits for the answer
		return gate.Urgent
	case callbacks.Retry:
		return gate.Retry
	default:
		return gate.Success
	}
}

// closed returns nil unless the receiver of a message has had enough for now.
func (o *Outbox) closed(ctx context.Context, d *store.Delivery) callbacks.GatedError {
	s, ok := o.o.Callbacks.Sender(d.Sender)
	if !ok {
		return nil
	}
	paced, ok := s.(callbacks.PacedSender)
	if !ok {
		return nil
	}
	return gated(paced.Ready(ctx, message(d)))
}

// gated is the error of a message that did not leave because the receiver has had enough, or nil.
func gated(err error) callbacks.GatedError {
	var g callbacks.GatedError
	if errors.As(err, &g) && g.Gated() {
		return g
	}
	return nil
}

// claim makes a message this sender's, or one that tells it together with others, and returns that
// with the ids of earlier ones that it names. What was read may be out of date: another sender of
// the channel can have ended between the reading and now.
func (o *Outbox) claim(ctx context.Context, c *channel, d *store.Delivery) (_ *store.Delivery, named []int64, ok bool, err error) {
	n, err := o.noteFor(ctx, d)
	if err != nil {
		return nil, nil, false, err
	}
	folded := n
	digest, dags, err := o.fold(ctx, c, d, &folded)
	if errors.Is(err, errSilent) {
		return d, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	if digest != nil {
		o.tells(c, digest, dags)
		return digest, folded.ids, true, nil
	}
	d.UpdatedAt = o.now()
	err = o.store.Write(ctx, func(tx store.OutboxTx) error { return o.claimWith(ctx, tx, d, &n) })
	switch {
	case errors.Is(err, errClaimed):
		return d, nil, false, nil
	case err != nil:
		return nil, nil, false, err
	}
	o.tells(c, d, nil)
	return d, n.ids, true, nil
}

// errClaimed says that a message is another sender's, or has been.
var errClaimed = errors.New("the message was claimed by another sender")

// claimWith makes a message with a note this sender's, in a transaction.
func (o *Outbox) claimWith(ctx context.Context, tx store.OutboxTx, d *store.Delivery, n *note) error {
	err := o.addNote(ctx, tx, d, n)
	if err == nil {
		var ok bool
		if ok, err = tx.ClaimDelivery(ctx, d); err == nil && !ok {
			err = errClaimed
		}
	}
	if errors.Is(err, store.ErrLostLease) {
		return errClaimed
	}
	return err
}

// sendTimeout bounds one delivery, whatever the sender does.
const sendTimeout = 2 * time.Minute

// send sends a message and returns how many parts of it the receiver took. It fails with
// [store.ErrLostLease], whatever the sender says, when another process took it over between two parts.
func (o *Outbox) send(ctx context.Context, d *store.Delivery) (receipt string, taken int, err error) {
	s, ok := o.o.Callbacks.Sender(d.Sender)
	if !ok {
		return "", 0, fmt.Errorf("no sender %q in this program", d.Sender)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sender %s panicked: %v", d.Sender, r)
		}
		if err == nil {
			taken++ // the last one
		}
	}()
	// What is under way when the process is told to stop is finished.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	parts, ok := s.(callbacks.PartSender)
	if !ok {
		receipt, err = s.Send(sending, message(d))
		return receipt, 0, err
	}
	var recorded error
	receipt, err = parts.SendParts(sending, message(d), d.Progress, func(progress, receipt string) error {
		taken++
		d.Progress, d.Receipt = progress, o.o.Masker.Mask(receipt)
		recorded = o.o.Persist(ctx, func() error { return o.record(sending, d, nil, nil) })
		return recorded
	})
	if errors.Is(recorded, store.ErrLostLease) {
		err = recorded
	}
	return receipt, taken, err
}
