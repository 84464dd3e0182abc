package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

// TaskProgress returns what a try of an instance saved under a key, or "".
func (q Queries) TaskProgress(ctx context.Context, in *store.Instance, key string) (string, error) {
	values, err := column[string](ctx, q.c,
		"SELECT value FROM task_progress WHERE run_key = ? AND task_id = ? AND map_index = ? AND key = ? AND max_tries = ?",
		in.RunKey, in.TaskID, in.MapIndex, key, in.MaxTries)
	if err != nil {
		return "", fmt.Errorf("read the progress of %s: %w", in.TaskID, err)
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}

// PutTaskProgress saves it, in place of what was saved before.
func (q Queries) PutTaskProgress(ctx context.Context, in *store.Instance, key, value string) error {
	_, err := q.c.Exec(ctx, `INSERT INTO task_progress (run_key, task_id, map_index, key, max_tries, value) VALUES (`+marks(6)+`)
		ON CONFLICT (run_key, task_id, map_index, key) DO UPDATE SET max_tries = excluded.max_tries, value = excluded.value`,
		in.RunKey, in.TaskID, in.MapIndex, key, in.MaxTries, value)
	if err != nil {
		return fmt.Errorf("write the progress of %s: %w", in.TaskID, err)
	}
	return nil
}
