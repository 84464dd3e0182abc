package sqlite

import (
	"context"
	"errors"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/dingdag/dingdag/store"
)

// jobDriver is River's driver with the hub as its listener, and with the store's fence
// where River writes what became of jobs.
type jobDriver struct {
	*riversqlite.Driver
	s *Store
}

// SupportsListenNotify is false so that River writes no notification rows: the hub wakes.
func (d *jobDriver) SupportsListenNotify() bool { return false }

// GetListener returns a listener that the hub feeds.
func (d *jobDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{hub: d.s.hub, c: make(chan *riverdriver.Notification, 1)}
}

// GetExecutor returns what River's own writes go through.
func (d *jobDriver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d}
}

type executor struct {
	riverdriver.Executor
	d *jobDriver
}

// JobGetAvailable takes jobs for the free workers. When it finds one for each there may
// be more, and River looks for them as soon as a worker ends; but not if that one ends
// before River has heard of these. So it is told to look again.
func (x executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	taken, err := x.Executor.JobGetAvailable(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(taken.Jobs) == p.MaxToLock {
		x.d.s.hub.publish()
	}
	return taken, nil
}

// JobSetStateIfRunningMany is called some time after workers returned. Handlers have
// ended their jobs by then, in transactions of their own, and the fence holds for those
// that are given back: River would end or give back a job that another node has taken.
func (x executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	var back []handle
	for i, id := range p.ID {
		if p.State[i] != rivertype.JobStateCompleted && p.Attempt[i] != nil {
			// River gives it back with the attempt uncounted.
			back = append(back, handle{id: id, attempt: int64(*p.Attempt[i]) + 1, node: x.d.s.opts.Node})
		}
	}
	if len(back) == 0 {
		return nil, nil
	}
	return nil, x.d.s.tx(ctx, func(t *transaction) error {
		for _, h := range back {
			if err := t.giveBack(ctx, h); err != nil && !errors.Is(err, store.ErrLostLease) {
				return err
			}
		}
		return nil
	})
}
