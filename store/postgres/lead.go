package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Renew says that this process works on, see [store.Membership].
func (s *Store) Renew(ctx context.Context, n *store.Node, o store.Renewal) (*store.Renewed, error) {
	out, err := s.jobs().Renew(ctx, n, o)
	if err != nil {
		return nil, err
	}
	if lost := o.Lead && o.Epoch != 0 && out.Epoch == 0; !lost { // one that lost the lead stays kept out until it says that it knows
		s.epoch.Store(out.Epoch)
	}
	return out, nil
}

// Canceled returns the attempts of this process that are to end, see [store.Membership].
func (s *Store) Canceled(ctx context.Context) ([]*store.Canceled, error) {
	return s.jobs().Canceled(ctx)
}

// Taken returns jobs that this process does not hold any more, see [store.Membership].
func (s *Store) Taken(ctx context.Context, js []store.Job) ([]store.Job, error) {
	return s.jobs().Taken(ctx, js)
}

// LeaseClock is the time by which leases go.
func (s *Store) LeaseClock(ctx context.Context) (time.Time, error) { return s.now(ctx, s.conn()) }

// Own is Tx whoever leads, see [store.Membership].
func (s *Store) Own(ctx context.Context, fn func(store.Tx) error) error {
	return s.tx(ctx, func(t *transaction) error { return fn(t) })
}

// Recover returns the jobs of processes whose lease has ended. All others run on.
func (s *Store) Recover(ctx context.Context) (js []store.Job, err error) {
	err = s.tx(ctx, func(t *transaction) error {
		now, err := s.now(ctx, t.c)
		if err != nil {
			return err
		}
		js, err = t.Lost(ctx, now.UnixMilli())
		return err
	})
	return js, err
}

// fence keeps out the transactions of a process that led before the one that leads now. As no two transactions are at work at
// once, who leads stays as it is until this one ends.
func (t *transaction) fence(ctx context.Context) error {
	own := t.in.s.epoch.Load()
	if own == 0 {
		return nil
	}
	if t.in.epoch == 0 {
		epochs, err := sqlrow.Column[int64](ctx, t.c, "SELECT epoch FROM leader")
		if err != nil {
			return fmt.Errorf("read who leads: %w", err)
		}
		t.in.epoch = epochs[0]
	}
	if t.in.epoch != own {
		return store.ErrNotLeader
	}
	return nil
}
