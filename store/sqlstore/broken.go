package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	brokenTable = sqlrow.Declare("broken", func(b *store.Broken) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("dag_id", &b.DAGID),
			sqlrow.Col("task_id", &b.TaskID),
			sqlrow.Col("map_index", &b.MapIndex),
			sqlrow.Col("since", sqlrow.Moment(&b.Since)),
			sqlrow.Col("failures", &b.Failures),
			sqlrow.Col("run_id", &b.RunID),
			sqlrow.Col("logical_date", sqlrow.Moment(&b.LogicalDate)),
			sqlrow.Col("run_start", sqlrow.Moment(&b.RunStart)),
		}
	})
	brokenAll, brokenState = brokenTable.But(), brokenTable.But("dag_id", "task_id", "map_index")
)

// BrokenInstances returns what a success may mend, see [store.BrokenThings].
func (q Queries) BrokenInstances(ctx context.Context, dagID, taskID string, mapIndex int) ([]*store.Broken, error) {
	query, args := brokenTable.Select()+" WHERE dag_id = ? AND task_id = ?", []any{dagID, taskID}
	if mapIndex >= 0 {
		query, args = query+" AND map_index IN (-1, ?)", append(args, mapIndex)
	}
	bs, err := sqlrow.Collect(ctx, q.c, brokenTable.Scan, query+" ORDER BY map_index", args...)
	if err != nil {
		return nil, fmt.Errorf("read what is broken: %w", err)
	}
	return bs, nil
}

// BrokenOf returns all that is broken of a DAG.
func (q Queries) BrokenOf(ctx context.Context, dagID string) ([]*store.Broken, error) {
	bs, err := sqlrow.Collect(ctx, q.c, brokenTable.Scan, brokenTable.Select()+" WHERE dag_id = ? ORDER BY task_id, map_index", dagID)
	if err != nil {
		return nil, fmt.Errorf("read what is broken: %w", err)
	}
	return bs, nil
}

// PutBroken writes what is broken.
func (q Queries) PutBroken(ctx context.Context, b *store.Broken) error {
	_, err := q.c.Exec(ctx, brokenAll.Insert()+" ON CONFLICT (dag_id, task_id, map_index) DO UPDATE SET "+brokenState.Excluded, brokenAll.Args(b)...)
	if err != nil {
		return fmt.Errorf("write what is broken: %w", err)
	}
	return nil
}

// DeleteBroken removes what is mended.
func (q Queries) DeleteBroken(ctx context.Context, b *store.Broken) error {
	_, err := q.c.Exec(ctx, "DELETE FROM broken WHERE dag_id = ? AND task_id = ? AND map_index = ?", b.DAGID, b.TaskID, b.MapIndex)
	if err != nil {
		return fmt.Errorf("delete what was broken: %w", err)
	}
	return nil
}
