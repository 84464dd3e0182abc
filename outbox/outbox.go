// Package outbox tells people of events: it lets callbacks prepare their messages, which the
// caller stores in the transaction of the event, and delivers what is stored, in order for
// each channel, with a record of what the receiver answered.
//
// A message is marked as sending before it leaves: if the process dies then, the next one
// finds it and says that its fate is unknown. One that fails for itself steps aside, those
// behind it leave. One that fails because the receiver is away holds its channel for a pause,
// after which another one of the channel is tried; the first that gets through releases the
// rest.
package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// DefaultDeadline is [Options.Deadline]: what comes later is of little use, and another way may be open.
const DefaultDeadline = time.Hour

// Options configures [New]. All but Connections, OnUndelivered, Maintenance, Observe and those with a default are
// required.
type Options struct {
	// Callbacks has the senders, and the callbacks that OnUndelivered names.
	Callbacks *callbacks.Registry
	// Connections is looked at while messages wait: who changes one has mended it, perhaps.
	Connections connections.Source
	// Masker hides secrets in what is stored and logged.
	Masker *connections.Masker
	// OnUndelivered are the notifiers that tell of an alert whose own callback could not.
	OnUndelivered []dag.Callback
	// Bare renders the templates of callbacks that belong to no DAG.
	Bare Renderer
	// Deadline is how long a message is tried again while its receiver can't be reached, from when
	// it was written, by a clock that nobody sets as far as this process ran. Default [DefaultDeadline].
	Deadline time.Duration
	// Random gives numbers from 0 to 1, without 1, which spread the tries. Default [rand.Float64].
	Random func() float64
	// FoldAfter is how long a message waits until it is told together with others, and for how long
	// more of a DAG is gathered; see [callbacks.FoldSender]. 0 folds nothing.
	FoldAfter time.Duration
	// Maintenance are times in which alerts are silent.
	Maintenance []Window
	// Sweep is how often all channels are looked at, whatever was missed.
	Sweep time.Duration
	// Persist repeats a write of the outcome of a sending until it succeeds or ctx ends, but
	// not after [store.ErrLostLease].
	Persist func(ctx context.Context, write func() error) error
	// Page is the address of the page of a message by its number; empty where people reach no pages. Nil has none.
	Page  func(id int64) string
	Clock func() time.Time
	Log   *slog.Logger
	// Others, when set, are the other processes on the store that live, by their names.
	Others func(ctx context.Context) (map[string]bool, error)
	// Observe, when set, is told of every change of a message. The message is its to keep.
	Observe func(*store.Delivery)
}

// Outbox prepares and delivers messages. It is safe for concurrent use.
type Outbox struct {
	o     Options
	store Store
	ready chan struct{}

	// undelivered are the callbacks of the last resort.
	undelivered []Callback

	quiet quiet
	clock steady
	// robotsAt is when robots were looked at last, see warn.
	robotsAt time.Time

	mu       sync.Mutex
	channels map[string]*channel
	wg       sync.WaitGroup
	rounds   atomic.Int64
	// lastRound is when the last of them ended.
	lastRound atomic.Pointer[time.Time]
}

// New returns the outbox in a store. It fails when it can't decode [Options.OnUndelivered].
func New(s Store, o Options) (*Outbox, error) {
	undelivered, err := Bind(o.Callbacks, o.OnUndelivered)
	if err != nil {
		return nil, fmt.Errorf("on_undelivered: %w", err)
	}
	o.Deadline = cmp.Or(o.Deadline, DefaultDeadline)
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Observe == nil {
		o.Observe = func(*store.Delivery) {}
	}
	return &Outbox{o: o, store: s, undelivered: undelivered, ready: make(chan struct{}, 1), channels: map[string]*channel{}}, nil
}

// Stored makes the outbox send messages that are in the store from now on, and tells of those
// among them that are settled already because their callbacks could say nothing.
func (o *Outbox) Stored(ds []*store.Delivery) {
	if len(ds) > 0 {
		o.Wake()
	}
	for _, d := range ds {
		if d.State != store.DeliveryWaiting {
			o.report(d)
		}
	}
}

// Wake makes the outbox look for messages that others have put into the store.
func (o *Outbox) Wake() {
	select {
	case o.ready <- struct{}{}:
	default: // it will look anyway
	}
}

// Run sends until ctx ends, then finishes what is under way and returns nil.
func (o *Outbox) Run(ctx context.Context) error {
	err := o.recover(ctx)
	if ctx.Err() != nil {
		return nil // the next start goes on with it
	}
	if err != nil {
		return fmt.Errorf("recover the outbox: %w", err)
	}
	defer o.stop()
	t := time.NewTicker(o.o.Sweep)
	defer t.Stop()
	for {
		if err := o.dispatch(ctx); err != nil && ctx.Err() == nil {
			o.o.Log.Error("read the outbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.ready:
		case <-t.C:
		}
	}
}

// stop waits for what is under way.
func (o *Outbox) stop() {
	o.wg.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.channels {
		c.disarm()
	}
	o.quiet.stop()
}

// recover settles the messages that were leaving when the last process died, and lets
// those that waited leave at once: whoever starts the program may have mended what kept
// them. A receiver that takes nothing for a time is left alone for that time. The clock may have been
// set back since.
func (o *Outbox) recover(ctx context.Context) error {
	ds, err := o.orphans(ctx)
	if err != nil {
		return err
	}
	for _, d := range ds {
		d.State, d.Error = store.DeliveryUncertain, "the process died while the message was leaving; it may have arrived"
		if d.Receipt != "" {
			d.Error += " (" + d.Receipt + ")"
		}
		if s, ok := o.o.Callbacks.Sender(d.Sender); ok {
			if r, ok := s.(callbacks.RepeatSender); ok && r.RepeatSafe(message(d)) {
				d.State = store.DeliveryWaiting
			}
		}
		err := o.recordFrom(ctx, o.store.Write, []store.DeliveryState{store.DeliverySending}, d, cutOff(d), nil)
		if errors.Is(err, store.ErrLostLease) {
			continue // its process lives, and has just said what became of it
		}
		if err != nil {
			return err
		}
		if d.State == store.DeliveryUncertain {
			o.report(d)
		}
	}
	if err := o.mendPauses(ctx); err != nil {
		return err
	}
	return o.release(ctx, "", nil, store.HoldNone, store.HoldOutage)
}

// othersPause is the time between two looks whether what others send has arrived.
const othersPause = 100 * time.Millisecond

// orphans are the messages that are leaving and whose process is gone. While other processes send some, it waits: they say
// what became of them, or their lease ends.
func (o *Outbox) orphans(ctx context.Context) ([]*store.Delivery, error) {
	for {
		ds, err := o.store.SendingDeliveries(ctx)
		if err != nil || len(ds) == 0 || o.o.Others == nil {
			return ds, err
		}
		others, err := o.o.Others(ctx)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(ds, func(d *store.Delivery) bool { return others[d.Node] }) {
			return ds, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(othersPause):
		}
	}
}

// dispatch starts a sender for every channel that has messages and none at work.
func (o *Outbox) dispatch(ctx context.Context) error {
	if o.now(); o.clock.wasSetBack() {
		if err := o.mendPauses(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		o.clock.restored()
	}
	if err := o.hush(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := o.warn(context.WithoutCancel(ctx)); err != nil { // which keeps nobody from being told the rest
		o.o.Log.Error("look at the quotas of robots", "error", err)
	}
	names, err := o.store.OpenChannels(ctx)
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
		if !open[name] && !c.busy && o.forgets(c) {
			c.disarm()
			delete(o.channels, name)
		}
	}
	o.rounds.Add(1)
	o.lastRound.Store(new(o.now()))
	return nil
}

// Rounds counts how often the outbox has looked for messages and given them to their senders.
func (o *Outbox) Rounds() int64 { return o.rounds.Load() }

// LastRound is when it last did so, zero for never.
func (o *Outbox) LastRound() time.Time {
	if at := o.lastRound.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

func message(d *store.Delivery) callbacks.Message {
	return callbacks.Message{Sender: d.Sender, Channel: d.Channel, Summary: d.Summary, Payload: d.Payload, ID: d.ID}
}

func (o *Outbox) release(ctx context.Context, name string, except []int64, holds ...store.Hold) error {
	return o.store.Write(ctx, func(tx store.OutboxTx) error { return tx.ReleaseDeliveries(ctx, name, except, holds...) })
}

// report tells the log and the observer. An alert that did not arrive must be seen.
func (o *Outbox) report(d *store.Delivery) {
	args := []any{"id", d.ID, "channel", d.Channel, "dag", d.Owner.DAGID, "run", d.Owner.RunID, "task", d.Owner.TaskID, "event", d.Owner.Event}
	switch d.State {
	case store.DeliveryDelivered:
		o.o.Log.Info("message delivered", args...)
	case store.DeliveryWaiting:
		o.o.Log.Warn("message waits for its next try", append(args, "next_try", d.NextTry, "error", d.Error)...)
	case store.DeliveryRefused:
		say := o.o.Log.Error
		if d.Hold == store.HoldQuota {
			say = o.o.Log.Warn // as it was wanted
		}
		say("message not delivered", append(args, "state", d.State, "error", d.Error)...)
	default:
		o.o.Log.Error("message not delivered", append(args, "state", d.State, "error", d.Error)...)
	}
	copied := *d
	o.o.Observe(&copied)
}

// now is the time as the store keeps it.
func (o *Outbox) now() time.Time {
	now, set := o.clock.read(o.o.Clock)
	if set != 0 {
		o.o.Log.Warn("the clock was set", "by", set.Round(time.Millisecond), "to", now)
	}
	return now
}

// mendPauses lets the pauses of what was written before the clock was set back begin anew: they would
// last until that clock has caught up.
func (o *Outbox) mendPauses(ctx context.Context) error {
	now := o.now()
	return o.store.Write(ctx, func(tx store.OutboxTx) error { return tx.RestartPauses(ctx, now) })
}
