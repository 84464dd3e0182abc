package sqlite

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
)

// Side is the store for who copies it to another database, or compares it with one. Nothing can be copied into it.
func (s *Store) Side() sqlcopy.Side {
	return sqlcopy.Side{
		Name: s.path, Conn: s.pool(),
		Migrations: func(ctx context.Context) (*sqlmigrate.State, error) {
			p, m, err := s.migrators()
			if err != nil {
				return nil, err
			}
			return s.look(ctx, p, m)
		},
		Now: func(context.Context) (time.Time, error) { return s.opts.Clock(), nil },
	}
}
