package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

// empty is a store without messages whose answers a test chooses.
type empty struct {
	Store
	looks int
	look  func(n int) (again time.Time, err error)
	// sending are the messages that a process left, open the answer when channels are asked for.
	sending []*store.Delivery
	open    func() error
	// write is the answer to a write, of which tx keeps what it was to do.
	write func(n int) error
	tx    changes
}

// KnownGates has none.
func (*empty) KnownGates(context.Context) ([]*store.Gate, error) { return nil, nil }

// changes keeps what it was to change.
type changes struct {
	store.OutboxTx
	updated  []*store.Delivery
	attempts []*store.DeliveryAttempt
	released []string
	n        int
}

func (c *changes) UpdateDelivery(_ context.Context, d *store.Delivery, _ ...store.DeliveryState) error {
	c.updated = append(c.updated, d)
	return nil
}

func (c *changes) PutDeliveryAttempt(_ context.Context, a *store.DeliveryAttempt) error {
	c.attempts = append(c.attempts, a)
	return nil
}

func (c *changes) RestartPauses(context.Context, time.Time) error {
	c.released = append(c.released, "pauses")
	return nil
}

func (c *changes) InsertDeliveries(context.Context, []*store.Delivery) error { return nil }

func (c *changes) ReleaseDeliveries(_ context.Context, channel string, except []int64, holds ...store.Hold) error {
	c.released = append(c.released, fmt.Sprint(channel, except, holds))
	return nil
}

func (s *empty) SendingDeliveries(context.Context) ([]*store.Delivery, error) { return s.sending, nil }

func (s *empty) OpenChannels(context.Context) ([]string, error) { return nil, s.open() }

func (s *empty) Write(_ context.Context, fn func(store.OutboxTx) error) error {
	s.tx.n++
	if err := fn(&s.tx); err != nil || s.write == nil {
		return err
	}
	return s.write(s.tx.n)
}

func (s *empty) OpenSilences(context.Context) ([]*store.Silence, error) { return nil, nil }

func (s *empty) EndingSilences(context.Context, int) ([]*store.Silence, error) { return nil, nil }

func (s *empty) UnsilencedDeliveries(context.Context, int64, int) ([]*store.Unsilenced, error) {
	return nil, nil
}

func (s *empty) DeliveryLine(context.Context, string, time.Time) ([]*store.DeliveryHead, time.Time, error) {
	s.looks++
	again, err := s.look(s.looks)
	return nil, again, err
}

func (s *empty) LeastTriedDelivery(context.Context, string, time.Time) (*store.Delivery, time.Time, error) {
	s.looks++
	again, err := s.look(s.looks)
	return nil, again, err
}

// drained lets a sender of a channel look into a store, in a bubble.
func drained(t *testing.T, test func(t *testing.T, o *Outbox, s *empty, c *channel, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		var log bytes.Buffer
		s := &empty{look: func(int) (time.Time, error) { return time.Time{}, nil }}
		o := &Outbox{
			o: Options{
				Clock: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)), Masker: connections.NewMasker(), Sweep: time.Hour,
				Deadline: time.Hour, Random: func() float64 { return 0.5 },
				Callbacks: &callbacks.Registry{}, Observe: func(*store.Delivery) {},
			},
			store: s, ready: make(chan struct{}, 1), channels: map[string]*channel{},
		}
		c := &channel{busy: true, suspects: map[int64]int{}}
		test(t, o, s, c, &log)
		c.disarm()
	})
}

// woken is after how long the outbox is to look at its channels again.
func woken(o *Outbox) time.Duration {
	began := time.Now()
	select {
	case <-o.ready:
		return time.Since(began)
	case <-time.After(time.Hour):
		return -1
	}
}

func TestDrainAfterAnErrorOfTheStore(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, c *channel, log *bytes.Buffer) {
		t.Helper()
		s.look = func(int) (time.Time, error) { return time.Time{}, errors.New("the disk is full") }
		c.kicked = true // a sender that looked again at once would do nothing else
		o.drain(t.Context(), "ops", c)
		assert.Equal(t, 1, s.looks)
		assert.False(t, c.busy)
		assert.Contains(t, log.String(), `msg="send from the outbox" channel=ops error="the disk is full"`)
		assert.Equal(t, errorPause, woken(o))
	})
}

// Errors of a stop are nobody's business, and nothing looks again.
func TestDrainAtAStop(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, c *channel, log *bytes.Buffer) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		s.look = func(int) (time.Time, error) {
			stop()
			return time.Time{}, context.Canceled
		}
		o.drain(ctx, "ops", c)
		assert.Equal(t, 1, s.looks)
		assert.False(t, c.busy)
		assert.Empty(t, log.String())
		assert.Equal(t, time.Duration(-1), woken(o))
		o.drain(ctx, "ops", c)
		assert.Equal(t, 1, s.looks, "after it nobody looks")
	})
}

// Whoever is told of more while at work looks again, once.
func TestDrainAfterAKick(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, c *channel, log *bytes.Buffer) {
		t.Helper()
		c.kicked = true
		s.look = func(int) (time.Time, error) { return time.Now().Add(time.Minute), nil }
		o.drain(t.Context(), "ops", c)
		assert.Equal(t, 2, s.looks)
		assert.False(t, c.kicked)
		assert.Empty(t, log.String())
		assert.Equal(t, time.Minute, woken(o))
	})
}

// While a message has failed its connection is looked at every two seconds, but not later than
// the channel is to be looked at anyway; a later time takes the place of an earlier one.
func TestArm(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, _ *empty, c *channel, _ *bytes.Buffer) {
		t.Helper()
		o.arm(c, time.Time{})
		assert.Nil(t, c.timer, "nothing waits")
		o.arm(c, time.Now().Add(-time.Minute))
		assert.Zero(t, woken(o), "what is due is looked at now")
		o.arm(c, time.Now().Add(time.Second))
		o.arm(c, time.Now().Add(time.Minute))
		assert.Equal(t, time.Minute, woken(o))
		c.failed = &store.Delivery{}
		o.arm(c, time.Now().Add(time.Minute))
		assert.Equal(t, connLook, woken(o))
		o.arm(c, time.Now().Add(time.Second))
		assert.Equal(t, time.Second, woken(o))
	})
}

func TestDoubled(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 10: time.Minute, 11: time.Minute, 1 << 40: time.Minute,
	} {
		assert.Equal(t, want, doubled(n, time.Minute), "%d", n)
	}
	assert.Equal(t, 512*time.Second, doubled(10, time.Hour))
	assert.Equal(t, time.Hour, doubled(11, time.Hour))
}

// What failed twice right after others got through keeps its own pause when an outage ends.
func TestReleased(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, c *channel, _ *bytes.Buffer) {
		t.Helper()
		c.fails, c.suspects = 5, map[int64]int{4: 1, 3: 3, 2: 2}
		require.NoError(t, o.released(t.Context(), "ops", c))
		assert.Zero(t, c.fails)
		assert.Equal(t, []string{fmt.Sprint("ops", []int64{2, 3}, []store.Hold{store.HoldOutage})}, s.tx.released)
	})
}

// What a try says of its receipt counts; a failure that says nothing leaves what was said of
// the parts that arrived.
func TestSettleKeepsReceipts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		receipt string
		err     error
		want    string
	}{
		{"ok", nil, "ok"},
		{"", nil, ""},
		{"", errors.New("no"), "took 1 of 3"},
		{"took 2 of 3", errors.New("no"), "took 2 of 3"},
	} {
		drained(t, func(t *testing.T, o *Outbox, _ *empty, ch *channel, _ *bytes.Buffer) {
			t.Helper()
			d := &store.Delivery{Receipt: "took 1 of 3"}
			assert.Empty(t, o.settle(t.Context(), ch, d, "", c.receipt, c.err))
			assert.Equal(t, c.want, d.Receipt, "%+v", c)
		})
	}
}

// An error of the store is logged, and does not end the outbox; one of a stop is not logged.
func TestRunAfterAnErrorOfTheStore(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, _ *channel, log *bytes.Buffer) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		asked := 0
		s.open = func() error {
			if asked++; asked == 1 {
				return errors.New("the disk is full")
			}
			stop()
			return context.Canceled
		}
		o.Wake()
		require.NoError(t, o.Run(ctx))
		assert.Equal(t, 2, asked)
		assert.Contains(t, log.String(), `msg="read the outbox" error="the disk is full"`)
		assert.NotContains(t, log.String(), context.Canceled.Error())
	})
}

// What a process left is settled message by message: one that its process settled itself is
// passed over, and what can't be written ends the outbox before it begins.
func TestRecover(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, _ *channel, _ *bytes.Buffer) {
		t.Helper()
		var seen []int64
		o.o.Observe = func(d *store.Delivery) { seen = append(seen, d.ID) }
		left := func() { s.sending = []*store.Delivery{{ID: 1}, {ID: 2}, {ID: 3}} }
		left()
		s.write = func(n int) error {
			if n == 2 {
				return store.ErrLostLease
			}
			return nil
		}
		require.NoError(t, o.recover(t.Context()))
		assert.Len(t, s.tx.updated, 3)
		assert.Len(t, s.tx.attempts, 3, "in the same transaction, whatever becomes of it")
		assert.Equal(t, []int64{1, 3}, seen)
		assert.Equal(t, []string{"pauses", fmt.Sprint("", []int64(nil), []store.Hold{store.HoldNone, store.HoldOutage})}, s.tx.released)

		left()
		s.write = func(int) error { return errors.New("the disk is full") }
		require.EqualError(t, o.Run(t.Context()), "recover the outbox: the disk is full")
		assert.Equal(t, []int64{1, 3}, seen, "nobody is told of what is not stored")
	})
}

// A clock that was set back is seen to once, as soon as the store can be written.
func TestPausesOfAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	drained(t, func(t *testing.T, o *Outbox, s *empty, _ *channel, _ *bytes.Buffer) {
		t.Helper()
		o.clock.setBack = true
		s.open = func() error { return nil }
		s.write = func(n int) error {
			if n == 1 {
				return errors.New("the disk is full")
			}
			return nil
		}
		require.EqualError(t, o.dispatch(t.Context()), "the disk is full")
		s.tx.released = nil
		require.NoError(t, o.dispatch(t.Context()))
		require.NoError(t, o.dispatch(t.Context()))
		assert.Equal(t, []string{"pauses"}, s.tx.released)
	})
}

// Templates of callbacks without a DAG know the task of an event that has one.
func TestBareContext(t *testing.T) {
	t.Parallel()
	ev := callbacks.Event{DAGID: "d", RunID: "r", TaskID: "t", MapIndex: 2, TryNumber: 3, Owner: "ann", Error: "broken"}
	of := bareContext(&ev)
	assert.Equal(t, "d", of.DAG.DAGID)
	assert.Equal(t, "t", of.Task.TaskID)
	assert.Equal(t, "ann", of.Task.Owner)
	assert.Equal(t, []any{"d", "r", "t", 2, 3}, []any{of.TI.DAGID, of.TI.RunID, of.TI.TaskID, of.TI.MapIndex, of.TI.TryNumber})
	ev.TaskID = ""
	of = bareContext(&ev)
	assert.Equal(t, "r", of.Run.RunID)
	assert.Equal(t, "broken", of.Exception)
	assert.Zero(t, of.Task)
	assert.Zero(t, of.TI)
}
