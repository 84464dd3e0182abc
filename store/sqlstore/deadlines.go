package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

var (
	deadlineTable = declare("run_deadline", func(l *store.RunDeadline) []field {
		return []field{{"run_key", &l.RunKey}, {"position", &l.Index}, {"at", moment{&l.At}}}
	})
	deadlineAll = deadlineTable.but()
)

// DueDeadlines returns the deadlines that have passed, the earliest first.
func (q Queries) DueDeadlines(ctx context.Context, now time.Time) ([]*store.RunDeadline, error) {
	ls, err := collect(ctx, q.c, deadlineTable.scan, deadlineTable.rows()+" WHERE at <= ? ORDER BY at, run_key, position", ms(now))
	if err != nil {
		return nil, fmt.Errorf("read deadlines: %w", err)
	}
	return ls, nil
}

// PutDeadline notes a deadline.
func (q Queries) PutDeadline(ctx context.Context, l *store.RunDeadline) error {
	_, err := q.c.Exec(ctx, deadlineAll.insert(), deadlineAll.args(l)...)
	if err != nil {
		return fmt.Errorf("write deadline: %w", err)
	}
	return nil
}

// DeleteDeadline removes a deadline and reports whether it was there.
func (q Queries) DeleteDeadline(ctx context.Context, l *store.RunDeadline) (bool, error) {
	found, err := column[int64](ctx, q.c, "DELETE FROM run_deadline WHERE run_key = ? AND position = ? RETURNING position", l.RunKey, l.Index)
	if err != nil {
		return false, fmt.Errorf("delete deadline: %w", err)
	}
	return len(found) > 0, nil
}

// DeleteDeadlines removes all deadlines of a run.
func (q Queries) DeleteDeadlines(ctx context.Context, runKey int64) error {
	if _, err := q.c.Exec(ctx, "DELETE FROM run_deadline WHERE run_key = ?", runKey); err != nil {
		return fmt.Errorf("delete the deadlines of a run: %w", err)
	}
	return nil
}
