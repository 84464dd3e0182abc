package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

// RenderedFields returns what the templated fields of a try rendered to, or nil.
func (q Queries) RenderedFields(ctx context.Context, runKey int64, taskID string, mapIndex, try int) (json.RawMessage, error) {
	v, err := one(ctx, q.c, func(rows Rows, v *json.RawMessage) error { return rows.Scan(rawJSON{v}) },
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
	known, err := q.c.Exec(ctx, "UPDATE rendered_run SET rendered_at = ? WHERE run_key = ?", ms(r.At), r.RunKey)
	if err != nil || known > 0 {
		return wrapped("note a run with rendered fields", err)
	}
	if _, err = q.c.Exec(ctx, "INSERT INTO rendered_run (run_key, dag_id, rendered_at) VALUES (?, ?, ?)", r.RunKey, r.DAGID, ms(r.At)); err != nil {
		return wrapped("note a run with rendered fields", err)
	}
	old, err := column[int64](ctx, q.c, "SELECT run_key FROM rendered_run WHERE dag_id = ? ORDER BY rendered_at DESC, run_key DESC LIMIT ? OFFSET ?", r.DAGID, 1<<30, runs)
	for _, key := range old {
		for _, table := range []string{"rendered_fields", "rendered_run"} {
			if err == nil {
				_, err = q.c.Exec(ctx, "DELETE FROM "+table+" WHERE run_key = ?", key)
			}
		}
	}
	return wrapped("drop old rendered fields", err)
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
