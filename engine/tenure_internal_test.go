package engine

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// What is tried for as long as a lease holds is tried until then, and no longer than that.
func TestTenureOutlasts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		renew  []time.Duration // how long after the start the lease of 3 s is renewed
		gives  time.Duration   // when it is given up, 0 for never
		stop   time.Duration   // when the process is told to stop
		passes time.Duration   // how long it is tried
	}{
		"no lease":               {nil, 0, time.Second, time.Second},
		"stopped while it holds": {[]time.Duration{0}, 0, time.Second, 3 * time.Second},
		"renewed meanwhile":      {[]time.Duration{0, 2 * time.Second}, 0, time.Second, 5 * time.Second},
		"not stopped":            {[]time.Duration{0}, 0, 9 * time.Second, 9 * time.Second},
		"renewed too late":       {[]time.Duration{0, 4 * time.Second}, 0, 5 * time.Second, 7 * time.Second},
		"given up":               {[]time.Duration{0}, 2 * time.Second, time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n tenure
				ctx, stop := context.WithTimeout(t.Context(), c.stop)
				defer stop()
				if len(c.renew) > 0 {
					n.renew(3 * time.Second)
				}
				begun := time.Now()
				out, cancel := n.outlast(ctx)
				defer cancel()
				for _, at := range c.renew {
					time.AfterFunc(at, func() { n.renew(3 * time.Second) })
				}
				if c.gives > 0 {
					time.AfterFunc(c.gives, n.end)
				}
				<-out.Done()
				assert.Equal(t, c.passes, time.Since(begun))
			})
		})
	}
}

// breaking is a store whose transactions of its own process fail at first.
type breaking struct {
	store.Store
	answers []error // the last one stays
	calls   int
}

var errBroken = errors.New("the connection is broken")

// Own answers.
func (b *breaking) Own(context.Context, func(store.Tx) error) error {
	err := b.answers[min(b.calls, len(b.answers)-1)]
	b.calls++
	return err
}

// That a try goes back to the queue is said again when the connection breaks, also while the process stops, until it is written or
// the try is not its own any more.
func TestBackIsReportedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []error
		want    error
		calls   int // 0 is any number
	}{
		"written at last": {[]error{errBroken, errBroken, nil}, nil, 3},
		"taken":           {[]error{errBroken, store.ErrLostLease}, store.ErrLostLease, 2},
		"never":           {[]error{errBroken}, errBroken, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &breaking{answers: c.answers}
				x := &executor{store: s, log: slog.New(slog.DiscardHandler), shared: true, reported: func() {}}
				x.tenure.renew(3 * time.Second)
				stopped, stop := context.WithCancel(t.Context())
				stop()
				begun := time.Now()
				a := &attempt{x: x, job: store.Job{RunKey: 1, TaskID: "t", Try: 1}, away: true}
				err := a.finishAway(stopped, &worker.Result{Instance: store.Instance{State: dag.Queued}}, nil)
				require.ErrorIs(t, err, errGiveBack)
				if c.want != nil {
					require.ErrorIs(t, err, c.want)
				} else {
					require.NotErrorIs(t, err, errBroken)
				}
				if c.calls > 0 {
					assert.Equal(t, c.calls, s.calls)
				} else {
					assert.Equal(t, 3*time.Second, time.Since(begun), "as long as the lease")
				}
				x.tenure.end()
			})
		})
	}
}

// An attempt that others have taken is ended once, however long it takes until it has ended.
func TestTakenIsEndedOnce(t *testing.T) {
	t.Parallel()
	var w atWork
	j := store.Job{RunKey: 1, TaskID: "t", Try: 1}
	ctx, cancel := context.WithCancelCause(t.Context())
	known := w.runs(&attempt{job: j}, cancel)
	assert.Equal(t, []store.Job{j}, w.jobs())
	assert.True(t, w.end(j, errTaken))
	require.ErrorIs(t, context.Cause(ctx), errTaken)
	assert.False(t, w.end(j, errTaken))
	assert.Empty(t, w.jobs(), "nobody asks for it again")
	known()
}
