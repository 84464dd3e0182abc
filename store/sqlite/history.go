package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// autoVacuumIncremental is SQLite's mode in which a file gives pages back one by one. A file has
// its mode from the moment it is made, or from a VACUUM.
const autoVacuumIncremental = 2

// Space returns how much room the store takes.
func (s *Store) Space(ctx context.Context) (store.Space, error) { return space(ctx, s.pool()) }

// Space is that of the store in the transaction.
func (t *transaction) Space(ctx context.Context) (store.Space, error) { return space(ctx, t.c) }

func space(ctx context.Context, c sqlrow.Conn) (store.Space, error) {
	var v [4]int64
	for i, pragma := range []string{"page_size", "page_count", "freelist_count", "auto_vacuum"} {
		n, err := sqlrow.Column[int64](ctx, c, "PRAGMA "+pragma)
		if err != nil || len(n) != 1 {
			return store.Space{}, fmt.Errorf("read how large the store is: %w", errors.Join(err, oneRow(len(n))))
		}
		v[i] = n[0]
	}
	return store.Space{Total: v[0] * v[1], Unused: v[0] * v[2], Shrinks: v[3] == autoVacuumIncremental}, nil
}

func oneRow(n int) error {
	if n == 1 {
		return nil
	}
	return fmt.Errorf("%d rows where one was expected", n)
}

// GiveBack gives about so many unused bytes back to the operating system.
func (t *transaction) GiveBack(ctx context.Context, bytes int64) error {
	size, err := sqlrow.Column[int64](ctx, t.c, "PRAGMA page_size")
	if err == nil {
		err = oneRow(len(size))
	}
	if err == nil {
		_, err = t.c.Exec(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", max(bytes/size[0], 1)))
	}
	if err != nil {
		return fmt.Errorf("give back unused space: %w", err)
	}
	return nil
}

// Vacuum writes the store anew, without unused space and so that it can give space back by
// itself from then on. It needs as much room again on the disk, and nobody else may use the store meanwhile.
func (s *Store) Vacuum(ctx context.Context) error {
	return s.alone(ctx, func(c *sql.Conn) error {
		for _, statement := range []string{fmt.Sprintf("PRAGMA auto_vacuum = %d", autoVacuumIncremental), "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
			if _, err := c.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("rewrite the store: %w", err)
			}
		}
		return nil
	})
}

// alone runs fn on the connection that writes, outside of any transaction.
func (s *Store) alone(ctx context.Context, fn func(*sql.Conn) error) error {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	return errors.Join(fn(c), c.Close())
}
