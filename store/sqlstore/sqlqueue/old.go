package sqlqueue

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// jobEnds are the states of jobs that have ended. River's own cleaner looks at every job that
// there is, in one statement; it does not run.
var jobEnds = []string{"completed", "cancelled", "discarded"}

// Old finds jobs that have ended by when they did, see [store.OldJobs]: all of them may go, so the first ones are
// always next.
func Old(ctx context.Context, c sqlrow.Conn, f store.OldRows) (*store.OldPage, error) {
	p := &store.OldPage{}
	if f.Before.IsZero() {
		return p, nil
	}
	for _, state := range jobEnds {
		ids, err := sqlrow.Column[int64](ctx, c, `SELECT id FROM river_job WHERE state = ? AND finalized_at IS NOT NULL AND finalized_at < ?
			ORDER BY finalized_at LIMIT ?`, state, riverTime(c.Dialect(), f.Before), f.Limit-len(p.IDs))
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

// riverTime is a moment in the form of River's.
func riverTime(d sqlrow.Dialect, t time.Time) any {
	if d == sqlrow.SQLite {
		return t.UTC().Format("2006-01-02 15:04:05.000")
	}
	return t
}

// Remove removes jobs that have ended.
func Remove(ctx context.Context, c sqlrow.Conn, ids []int64) error {
	for _, id := range ids {
		if _, err := c.Exec(ctx, "DELETE FROM river_job WHERE id = ? AND finalized_at IS NOT NULL", id); err != nil {
			return fmt.Errorf("remove old jobs: %w", err)
		}
	}
	return nil
}
