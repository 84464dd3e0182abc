package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/callbacks"
)

// outbox sends what callbacks wrote, in order for each channel, and records what the
// receiver answered. A message is marked as sending before it leaves: if the process
// dies then, the next one finds it and says that its fate is unknown.
//
// One that fails for itself steps aside, those behind it leave. One that fails because
// the receiver is away holds its channel for a pause, after which another one of the
// channel is tried; the first that gets through releases the rest.
type outbox struct {
	e     *Engine
	ready chan struct{}

	mu       sync.Mutex
	channels map[string]*channel
	wg       sync.WaitGroup
}

// channel is what the outbox remembers of a channel while messages wait in it.
type channel struct {
	// busy says that a sender is at work, kicked that there may be more for it.
	busy, kicked bool
	// armed is the moment for which a timer is set.
	armed time.Time
	// fails counts the failures since a message got through.
	fails int
	// suspects counts, for each message, how often it failed right after another one got
	// through: then it is the message and not the receiver.
	suspects map[int64]int
	// failed is the message that failed last, conn the fingerprint of its connection then.
	failed *store.Delivery
	conn   string
}

func newOutbox(e *Engine) *outbox {
	return &outbox{e: e, ready: make(chan struct{}, 1), channels: map[string]*channel{}}
}

// wake makes the outbox look for new messages.
func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default: // it will look anyway
	}
}

// run sends until ctx ends; what is under way then is finished.
func (o *outbox) run(ctx context.Context) error {
	if err := o.recover(ctx); err != nil {
		return fmt.Errorf("recover the outbox: %w", err)
	}
	defer o.wg.Wait()
	t := time.NewTicker(o.e.o.Sweep)
	defer t.Stop()
	for {
		if err := o.dispatch(ctx); err != nil && ctx.Err() == nil {
			o.e.o.Log.Error("read the outbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.ready:
		case <-t.C:
		}
	}
}

// recover settles the messages that were leaving when the last process died, and lets
// those that waited leave at once: whoever starts the program may have mended what kept
// them. A receiver that takes nothing for a time is left alone for that time.
func (o *outbox) recover(ctx context.Context) error {
	ds, err := o.e.store.SendingDeliveries(ctx)
	if err != nil {
		return err
	}
	for _, d := range ds {
		d.State, d.Error = store.DeliveryUncertain, "the process died while the message was leaving; it may have arrived"
		if d.Receipt != "" {
			d.Error += " (" + d.Receipt + ")"
		}
		if s, ok := o.e.o.Callbacks.Sender(d.Sender); ok {
			if r, ok := s.(callbacks.RepeatSender); ok && r.RepeatSafe(message(d)) {
				d.State = store.DeliveryWaiting
			}
		}
		if err := o.write(ctx, d); err != nil {
			return err
		}
		if d.State == store.DeliveryUncertain {
			o.report(d)
		}
	}
	return o.release(ctx, "", nil, store.HoldNone, store.HoldOutage)
}

// dispatch starts a sender for every channel that has messages and none at work.
func (o *outbox) dispatch(ctx context.Context) error {
	names, err := o.e.store.OpenChannels(ctx)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	open := map[string]bool{}
	for _, name := range names {
		open[name] = true
		c := o.channels[name]
		if c == nil {
			c = &channel{suspects: map[int64]int{}}
			o.channels[name] = c
		}
		if c.busy {
			c.kicked = true
			continue
		}
		c.busy, c.kicked = true, false
		o.wg.Go(func() { o.drain(ctx, name, c) })
	}
	for name, c := range o.channels {
		if !open[name] && !c.busy {
			delete(o.channels, name)
		}
	}
	return nil
}

// drain sends what a channel has, one after another, until all of it waits.
func (o *outbox) drain(ctx context.Context, name string, c *channel) {
	for ctx.Err() == nil {
		sent, again, err := o.sendNext(ctx, name, c)
		if err != nil && ctx.Err() == nil {
			o.e.o.Log.Error("send from the outbox", "channel", name, "error", err)
			again = o.e.now().Add(firstPause)
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
func (o *outbox) arm(c *channel, at time.Time) {
	if at.IsZero() {
		return
	}
	now := o.e.now()
	if c.failed != nil { // its connection may be mended before
		if look := now.Add(connLook); look.Before(at) {
			at = look
		}
	}
	if c.armed.After(now) && !c.armed.After(at) {
		return
	}
	c.armed = at
	o.e.timers.at(at.Sub(now), o.wake)
}

// sendNext sends the next message of a channel. Without one it says when to look again.
func (o *outbox) sendNext(ctx context.Context, name string, c *channel) (sent bool, again time.Time, err error) {
	write := context.WithoutCancel(ctx)
	if err := o.lookForMendedConn(write, name, c); err != nil {
		return false, again, err
	}
	d, again, err := o.e.store.NextDelivery(write, name, o.e.now(), c.fails > 0)
	if err != nil || d == nil {
		return false, again, err
	}
	claimed, err := o.claim(write, d)
	if err != nil || !claimed {
		return err == nil, again, err // it has moved on: look again
	}
	conn := o.connOf(write, d)
	receipt, err := o.send(ctx, d)
	standIns := o.settle(c, d, conn, receipt, err)
	if err := o.e.persist(ctx, func() error { return o.write(write, d, standIns...) }); err != nil {
		return false, again, fmt.Errorf("record what became of message %d (%s): %w", d.ID, d.State, err)
	}
	o.report(d)
	if len(standIns) > 0 {
		o.wake() // they may go through another channel
	}
	if d.State == store.DeliveryDelivered && c.fails > 0 {
		return true, again, o.released(write, name, c)
	}
	return true, again, nil
}

// claim makes the message this sender's. What was read may be out of date: another
// sender of the channel can have ended between the reading and now.
func (o *outbox) claim(ctx context.Context, d *store.Delivery) (ok bool, err error) {
	d.UpdatedAt = o.e.now()
	err = o.e.store.Tx(ctx, func(tx store.Tx) error {
		ok, err = tx.ClaimDelivery(ctx, d)
		return err
	})
	if err != nil || !ok {
		return false, err
	}
	d.State = store.DeliverySending
	d.Attempts++
	return true, nil
}

// sendTimeout bounds one delivery, whatever the sender does.
const sendTimeout = 2 * time.Minute

func (o *outbox) send(ctx context.Context, d *store.Delivery) (receipt string, err error) {
	s, ok := o.e.o.Callbacks.Sender(d.Sender)
	if !ok {
		return "", fmt.Errorf("no sender %q in this program", d.Sender)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sender %s panicked: %v", d.Sender, r)
		}
	}()
	// What is under way when the process is told to stop is finished.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	parts, ok := s.(callbacks.PartSender)
	if !ok {
		return s.Send(sending, message(d))
	}
	return parts.SendParts(sending, message(d), d.Progress, func(progress, receipt string) error {
		d.Progress, d.Receipt = progress, o.e.o.Masker.Mask(receipt)
		return o.e.persist(ctx, func() error { return o.write(sending, d) })
	})
}

func message(d *store.Delivery) callbacks.Message {
	return callbacks.Message{Sender: d.Sender, Channel: d.Channel, Summary: d.Summary, Payload: d.Payload}
}

// write stores what became of a message, together with those that stand in for it.
func (o *outbox) write(ctx context.Context, d *store.Delivery, standIns ...*store.Delivery) error {
	d.UpdatedAt = o.e.now()
	return o.e.store.Tx(ctx, func(tx store.Tx) error {
		return errors.Join(tx.UpdateDelivery(ctx, d), tx.InsertDeliveries(ctx, standIns))
	})
}

func (o *outbox) release(ctx context.Context, name string, except []int64, holds ...store.Hold) error {
	return o.e.store.Tx(ctx, func(tx store.Tx) error { return tx.ReleaseDeliveries(ctx, name, except, holds...) })
}

// report tells the log and the observer. An alert that did not arrive must be seen.
func (o *outbox) report(d *store.Delivery) {
	args := []any{"id", d.ID, "channel", d.Channel, "dag", d.DAGID, "run", d.RunID, "task", d.TaskID, "event", d.Event}
	switch d.State {
	case store.DeliveryDelivered:
		o.e.o.Log.Info("message delivered", args...)
	case store.DeliveryWaiting:
		o.e.o.Log.Warn("message waits for its next try", append(args, "next_try", d.NextTry, "error", d.Error)...)
	default:
		o.e.o.Log.Error("message not delivered", append(args, "state", d.State, "error", d.Error)...)
	}
	copied := *d
	o.e.observe(Update{Delivery: &copied})
}
