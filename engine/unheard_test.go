package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// hardOfHearing is the store of a process that leads and cannot read what others report.
type hardOfHearing struct {
	store.Store
	deaf atomic.Bool
	// lost counts the beats that found lost attempts.
	lost atomic.Int64
}

var errCutOff = errors.New("cut off")

// Reports fails.
func (s *hardOfHearing) Reports(ctx context.Context, after int64, limit int) ([]*store.Report, error) {
	if s.deaf.Load() {
		return nil, errCutOff
	}
	return s.Store.Reports(ctx, after, limit)
}

// Renew counts.
func (s *hardOfHearing) Renew(ctx context.Context, n *store.Node, o store.Renewal) (*store.Renewed, error) {
	r, err := s.Store.Renew(ctx, n, o)
	if err == nil && len(r.Lost) > 0 {
		s.lost.Add(1)
	}
	return r, err
}

// withoutLease is the store of a process that cannot renew its lease.
type withoutLease struct {
	store.Store
	cut atomic.Bool
}

// Renew fails.
func (s *withoutLease) Renew(ctx context.Context, n *store.Node, o store.Renewal) (*store.Renewed, error) {
	if s.cut.Load() {
		return nil, errCutOff
	}
	return s.Store.Renew(ctx, n, o)
}

// A task that must not run twice does not, when its process is lost and whoever leads could not read that it had begun.
func TestRunIsNotRepeatedUnheard(t *testing.T) {
	t.Parallel()
	b := newAwayBench(t)
	leader, worker := &hardOfHearing{}, &withoutLease{}
	b.wrap = func(s store.Store) store.Store { leader.Store = s; return leader }
	b.wrapWorkers = func(s store.Store) store.Store { worker.Store = s; return worker }
	b.stopStore()
	b.open()
	begun, over := make(chan struct{}, 2), make(chan struct{})
	b.do["once"] = func(context.Context, *operator.TaskContext) (any, error) {
		begun <- struct{}{}
		<-over
		return nil, nil
	}
	b.load("d:\n  tasks: [{task_id: t, operator: unsafe, do: once}]\n")
	b.start(engine.RunOptions{})
	defer close(over)
	leader.deaf.Store(true)
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	assert.NoError(t, err)
	<-begun
	worker.cut.Store(true)
	b.until("it is lost for several beats", func() bool { return leader.lost.Load() > 2 })
	leader.deaf.Store(false)
	assert.Equal(t, dag.RunFailed, b.ended1(r.Key).State)
	assert.Equal(t, []string{"t#1"}, b.ranSoFar())
	assert.Contains(t, b.instance(r, "t").Error, "it is not known whether its work was done")
}
