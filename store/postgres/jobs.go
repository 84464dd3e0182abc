package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// jobs are what leases of this process need.
func (s *Store) jobs() *sqlqueue.Config {
	return &sqlqueue.Config{Process: s.process, Now: s.now, Read: func() sqlrow.Conn { return s.conn() }, Write: func(ctx context.Context, fn func(*sqlqueue.Tx) error) error {
		return s.tx(ctx, func(t *transaction) error { return fn(t.Tx) })
	}}
}

// Beat renews the lease of this process and returns the jobs of those that lost theirs, see [store.Queue].
func (s *Store) Beat(ctx context.Context, lease time.Duration) ([]store.Job, error) {
	return s.jobs().Beat(ctx, lease)
}

// now is the time that leases go by.
func (s *Store) now(ctx context.Context, c sqlrow.Conn) (time.Time, error) {
	if s.opts.Clock != nil {
		return s.opts.Clock(), nil
	}
	now, err := sqlrow.Column[int64](ctx, c, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
	if err != nil {
		return time.Time{}, fmt.Errorf("read the clock of the database: %w", err)
	}
	return time.UnixMilli(now[0]), nil
}
