package sqllist

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// TasksAtWork implements [listing.Reader]. The open runs are looked at first: others may have a million instances.
func (q Queries) TasksAtWork(ctx context.Context) ([]*listing.AtWork, error) {
	scan := func(rows sqlrow.Rows, w *listing.AtWork) error {
		return rows.Scan(&w.Version, &w.TaskID, &w.State, &w.Count)
	}
	out, err := sqlrow.Collect(ctx, q.c, scan, `SELECT r.version, i.task_id, i.state, count(*)
		FROM dag_run r `+q.c.Dialect().JoinBehind()+` task_instance i ON i.run_key = r.id
		WHERE r.state IN ('queued', 'running') AND i.state IN ('scheduled', 'queued', 'running', 'deferred')
		GROUP BY r.version, i.task_id, i.state`)
	if err != nil {
		return nil, fmt.Errorf("count what is at work: %w", err)
	}
	return out, nil
}
