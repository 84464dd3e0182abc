package outbox

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

// empty is a store without messages whose answers a test chooses.
type empty struct {
	Store
	looks int
	look  func(n int) (again time.Time, err error)
}

func (s *empty) NextDelivery(context.Context, string, time.Time, bool) (*store.Delivery, time.Time, error) {
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
			o:     Options{Clock: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))},
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
