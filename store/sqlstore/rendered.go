package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// RenderedFields returns what the templated fields of a try rendered to, or nil.
func (q Queries) RenderedFields(ctx context.Context, runKey int64, taskID string, mapIndex, try int) (json.RawMessage, error) {
	v, err := sqlrow.One(ctx, q.c, func(rows sqlrow.Rows, v *json.RawMessage) error { return rows.Scan(sqlrow.RawJSON(v)) },
		"SELECT fields FROM rendered_fields WHERE run_key = ? AND task_id = ? AND map_index = ? AND try = ?", runKey, taskID, mapIndex, try)
	if err != nil {
		return nil, fmt.Errorf("read rendered fields of %s: %w", taskID, err)
	}
	if v == nil {
		return nil, nil
	}
	return *v, nil
}

// PutRenderedFields keeps the fields of a try, and drops those of the runs of its DAG that
// are not among the newest ones that rendered something.
func (q Queries) PutRenderedFields(ctx context.Context, r *store.RenderedTry, runs int) error {
	_, err := q.c.Exec(ctx, `INSERT INTO rendered_fields (run_key, task_id, map_index, try, fields) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (run_key, task_id, map_index, try) DO UPDATE SET fields = excluded.fields`,
		r.RunKey, r.TaskID, r.MapIndex, r.Try, string(r.Fields))
	if err != nil {
		return fmt.Errorf("write rendered fields of %s: %w", r.TaskID, err)
	}
	known, err := q.c.Exec(ctx, "UPDATE rendered_run SET rendered_at = ? WHERE run_key = ?", sqlrow.UnixMilli(r.At), r.RunKey)
	if err != nil || known > 0 {
		return sqlrow.Wrapped("note a run with rendered fields", err)
	}
	if _, err = q.c.Exec(ctx, "INSERT INTO rendered_run (run_key, dag_id, rendered_at) VALUES (?, ?, ?)", r.RunKey, r.DAGID, sqlrow.UnixMilli(r.At)); err != nil {
		return sqlrow.Wrapped("note a run with rendered fields", err)
	}
	old, err := sqlrow.Column[int64](ctx, q.c, "SELECT run_key FROM rendered_run WHERE dag_id = ? ORDER BY rendered_at DESC, run_key DESC LIMIT ? OFFSET ?", r.DAGID, 1<<30, runs)
	for _, key := range old {
		for _, table := range []string{"rendered_fields", "rendered_run"} {
			if err == nil {
				_, err = q.c.Exec(ctx, "DELETE FROM "+table+" WHERE run_key = ?", key)
			}
		}
	}
	return sqlrow.Wrapped("drop old rendered fields", err)
}
