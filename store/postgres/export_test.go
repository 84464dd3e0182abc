package postgres

import (
	"context"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// OpenThrough is Open over connections that somebody comes between.
func OpenThrough(ctx context.Context, url string, o Options, between func(net.Conn) net.Conn) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = pgconn.DialFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return between(c), nil
	})
	return openWith(ctx, config, o)
}

// OpenTraced is Open with somebody who hears of each statement.
func OpenTraced(ctx context.Context, url string, o Options, tracer pgx.QueryTracer) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Tracer = tracer
	return openWith(ctx, config, o)
}

// Listening reports whether it hears of what other processes do.
func (s *Store) Listening() bool { return s.listening.Load() }

// Count reads n rows.
func (s *Store) Count(ctx context.Context, n int, each func()) error {
	return sqlrow.Stream(ctx, s.conn(), func(rows sqlrow.Rows, v *int) error { return rows.Scan(v) }, func(*int) error {
		each()
		return nil
	}, "SELECT generate_series(1, ?)", n)
}

// Channel is where commits are told.
func (s *Store) Channel() string { return s.channel }
