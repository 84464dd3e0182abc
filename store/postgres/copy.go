package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Side is the store for who copies or compares it, under a name that people read.
func (s *Store) Side(name string) sqlcopy.Side {
	return sqlcopy.Side{
		Name: name, Conn: s.conn(), Migrations: s.migrations,
		Write: func(ctx context.Context, fn func(sqlrow.Conn) error) error {
			return s.change(ctx, func(_ store.Tx, c sqlrow.Conn) error { return fn(c) })
		},
		Now: func(ctx context.Context) (time.Time, error) { return s.now(ctx, s.conn()) },
	}
}

// migrations are how the tables stand to the migrations of the program.
func (s *Store) migrations(ctx context.Context) (state *sqlmigrate.State, err error) {
	m, err := s.migrator()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.look(ctx)
}
