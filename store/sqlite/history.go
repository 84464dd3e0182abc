package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// jobEnds are the states of jobs that have ended. River's own cleaner looks at every job that
// there is, in one statement; it does not run.
var jobEnds = []string{"completed", "cancelled", "discarded"}

// OldRows returns the first rows of a kind that may go, see [store.History].
func (s *Store) OldRows(ctx context.Context, f store.OldRows) (*store.OldPage, error) {
	if f.Kind == store.OldJobs {
		return oldJobs(ctx, s.pool(), f)
	}
	return s.Queries.OldRows(ctx, f)
}

// OldRows is that of the store in the transaction.
func (t *transaction) OldRows(ctx context.Context, f store.OldRows) (*store.OldPage, error) {
	if f.Kind == store.OldJobs {
		return oldJobs(ctx, sqlTx{t.tx}, f)
	}
	return t.Queries.OldRows(ctx, f)
}

// oldJobs finds them by when they ended: all of them may go, so the first ones are always next.
func oldJobs(ctx context.Context, c sqlrow.Conn, f store.OldRows) (*store.OldPage, error) {
	p := &store.OldPage{}
	if f.Before.IsZero() {
		return p, nil
	}
	for _, state := range jobEnds {
		ids, err := numbers(ctx, c, `SELECT id FROM river_job WHERE state = ? AND finalized_at IS NOT NULL AND finalized_at < ?
			ORDER BY finalized_at LIMIT ?`, state, f.Before.UTC().Format(riverTime), f.Limit-len(p.IDs))
		if err != nil {
			return nil, fmt.Errorf("look for old jobs: %w", err)
		}
		p.IDs = append(p.IDs, ids...)
	}
	if len(p.IDs) == f.Limit {
		p.Next = math.MaxInt64
	}
	return p, nil
}

// riverTime is the form of River's times.
const riverTime = "2006-01-02 15:04:05.000"

// RemoveRows removes rows of a kind.
func (t *transaction) RemoveRows(ctx context.Context, kind store.OldKind, ids []int64) error {
	if kind != store.OldJobs {
		return t.Queries.RemoveRows(ctx, kind, ids)
	}
	for _, id := range ids {
		if _, err := (sqlTx{t.tx}).Exec(ctx, "DELETE FROM river_job WHERE id = ? AND finalized_at IS NOT NULL", id); err != nil {
			return fmt.Errorf("remove old jobs: %w", err)
		}
	}
	return nil
}

// autoVacuumIncremental is SQLite's mode in which a file gives pages back one by one. A file has
// its mode from the moment it is made, or from a VACUUM.
const autoVacuumIncremental = 2

// Space returns how much room the store takes.
func (s *Store) Space(ctx context.Context) (store.Space, error) { return space(ctx, s.pool()) }

// Space is that of the store in the transaction.
func (t *transaction) Space(ctx context.Context) (store.Space, error) { return space(ctx, sqlTx{t.tx}) }

func space(ctx context.Context, c sqlrow.Conn) (store.Space, error) {
	var v [4]int64
	for i, pragma := range []string{"page_size", "page_count", "freelist_count", "auto_vacuum"} {
		n, err := numbers(ctx, c, "PRAGMA "+pragma)
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
	size, err := numbers(ctx, sqlTx{t.tx}, "PRAGMA page_size")
	if err == nil {
		err = oneRow(len(size))
	}
	if err == nil {
		_, err = sqlTx{t.tx}.Exec(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", max(bytes/size[0], 1)))
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

// numbers are the values of a query with one column.
func numbers(ctx context.Context, c sqlrow.Conn, query string, args ...any) (out []int64, err error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
