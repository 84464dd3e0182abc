package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

func (s *Store) openJobs() (err error) {
	s.Jobs, err = sqlqueue.Open(riverpgxv5.New(s.pool), sqlqueue.Config{
		Node: s.opts.Node, Log: s.opts.Log, Hub: &s.hub, Looks: s.opts.Looks, Now: s.now,
		Write: func(ctx context.Context, fn func(*sqlqueue.Tx) error) error {
			return s.tx(ctx, func(t *transaction) error { return fn(t.Tx) })
		},
	})
	return err
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
