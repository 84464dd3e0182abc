package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dingdag/dingdag/callbacks"
)

// outbox sends what callbacks wrote, in order for each channel, and records what the
// receiver answered. A message is marked as sending before it leaves: if the process
// dies then, the next one finds it and says that its fate is unknown.
type outbox struct {
	e     *Engine
	ready chan struct{}

	mu    sync.Mutex
	busy  map[string]bool      // channels with a sender at work
	armed map[string]time.Time // channels with a timer for their next try
	wg    sync.WaitGroup
}

func newOutbox(e *Engine) *outbox {
	return &outbox{e: e, ready: make(chan struct{}, 1), busy: map[string]bool{}, armed: map[string]time.Time{}}
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

// recover settles the messages that were leaving when the last process died.
func (o *outbox) recover(ctx context.Context) error {
	ds, err := o.e.store.Deliveries(ctx, []DeliveryState{DeliverySending}, 0)
	if err != nil {
		return err
	}
	for _, d := range ds {
		d.State, d.Error = DeliveryUncertain, "the process died while the message was leaving; it may have arrived"
		if s, ok := o.e.o.Callbacks.Sender(d.Sender); ok {
			if r, ok := s.(callbacks.RepeatSender); ok && r.RepeatSafe(message(d)) {
				d.State = DeliveryWaiting
			}
		}
		if err := o.write(ctx, d); err != nil {
			return err
		}
		if d.State == DeliveryUncertain {
			o.report(d)
		}
	}
	return nil
}

// dispatch starts a sender for every channel that has messages and none at work.
func (o *outbox) dispatch(ctx context.Context) error {
	ds, err := o.e.store.FirstDeliveries(ctx)
	if err != nil {
		return err
	}
	now := o.e.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range ds {
		switch {
		case o.busy[d.Channel] || d.State != DeliveryWaiting:
		case d.NextTry.After(now):
			if !o.armed[d.Channel].Equal(d.NextTry) {
				o.armed[d.Channel] = d.NextTry
				o.e.timers.at(d.NextTry.Sub(now), o.wake)
			}
		default:
			o.busy[d.Channel] = true
			o.wg.Go(func() { o.channel(ctx, d) })
		}
	}
	return nil
}

// channel sends one message and then lets the outbox look again.
func (o *outbox) channel(ctx context.Context, d *Delivery) {
	var pause time.Duration
	defer func() {
		o.mu.Lock()
		delete(o.busy, d.Channel)
		o.mu.Unlock()
		o.e.timers.at(pause, o.wake)
	}()
	write := context.WithoutCancel(ctx)
	claimed, err := o.claim(write, d)
	if err != nil {
		o.e.o.Log.Error("mark a message as sending", "id", d.ID, "error", err)
		pause = firstPause
	}
	if !claimed {
		return
	}
	receipt, err := o.send(write, d)
	o.settle(d, receipt, err)
	if err := o.e.persist(ctx, func() error { return o.write(write, d) }); err != nil {
		o.e.o.Log.Error("record what became of a message", "id", d.ID, "state", d.State, "error", err)
		return
	}
	o.report(d)
}

// claim makes the message this sender's. What was read may be out of date: another
// sender of the channel can have ended between the reading and now.
func (o *outbox) claim(ctx context.Context, d *Delivery) (ok bool, err error) {
	d.UpdatedAt = o.e.now()
	err = o.e.store.Tx(ctx, func(tx Tx) error {
		ok, err = tx.ClaimDelivery(ctx, d)
		return err
	})
	if err != nil || !ok {
		return false, err
	}
	d.State = DeliverySending
	d.Attempts++
	return true, nil
}

// sendTimeout bounds one delivery, whatever the sender does.
const sendTimeout = 2 * time.Minute

func (o *outbox) send(ctx context.Context, d *Delivery) (receipt string, err error) {
	s, ok := o.e.o.Callbacks.Sender(d.Sender)
	if !ok {
		return "", fmt.Errorf("no sender %q in this program", d.Sender)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sender %s panicked: %v", d.Sender, r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.Send(ctx, message(d))
}

func message(d *Delivery) callbacks.Message {
	return callbacks.Message{Sender: d.Sender, Channel: d.Channel, Summary: d.Summary, Payload: d.Payload}
}

// settle decides what becomes of a message after a try.
func (o *outbox) settle(d *Delivery, receipt string, err error) {
	d.Receipt = o.e.o.Masker.Mask(receipt)
	if err == nil {
		d.State, d.Error = DeliveryDelivered, ""
		return
	}
	d.Error = o.e.o.Masker.Mask(err.Error())
	var de callbacks.DeliveryError
	switch {
	case !errors.As(err, &de):
		d.State = DeliveryRefused
	case de.Uncertain() && !de.Retryable():
		d.State = DeliveryUncertain
	case de.Retryable():
		d.State = DeliveryWaiting
		d.NextTry = o.e.now().Add(max(de.RetryDelay(), deliveryBackoff(d.Attempts)))
	default:
		d.State = DeliveryRefused
	}
}

// deliveryBackoff is the delay before the next try: 1 s, doubled up to 10 minutes.
func deliveryBackoff(attempts int) time.Duration {
	const most = 10 * time.Minute
	if attempts > 10 {
		return most
	}
	return min(time.Second<<max(attempts-1, 0), most)
}

func (o *outbox) write(ctx context.Context, d *Delivery) error {
	d.UpdatedAt = o.e.now()
	return o.e.store.Tx(ctx, func(tx Tx) error { return tx.UpdateDelivery(ctx, d) })
}

// report tells the log and the observer. An alert that did not arrive must be seen.
func (o *outbox) report(d *Delivery) {
	args := []any{"id", d.ID, "channel", d.Channel, "dag", d.DAGID, "run", d.RunID, "task", d.TaskID, "event", d.Event}
	switch d.State {
	case DeliveryDelivered:
		o.e.o.Log.Info("message delivered", args...)
	case DeliveryWaiting:
		o.e.o.Log.Warn("message waits for its next try", append(args, "next_try", d.NextTry, "error", d.Error)...)
	default:
		o.e.o.Log.Error("message not delivered", append(args, "state", d.State, "error", d.Error)...)
	}
	copied := *d
	o.e.observe(Update{Delivery: &copied})
}
