package live

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
)

// skipmixinKey is the XCom of a task that chose, as in Airflow: {"skipped": [task ids]}.
const skipmixinKey = "skipmixin_key"

// rememberSkips stores which tasks a result skips, so that they are skipped again when
// they are cleared and the choice is not (Airflow, SkipMixin and NotPreviouslySkippedDep).
func (lr *Run) rememberSkips(tx *Tx, in *store.Instance, skips []dagrun.Task) error {
	if len(skips) == 0 {
		return nil
	}
	b, err := json.Marshal(map[string][]string{"skipped": lr.Plan.Graph.IDs(skips)})
	if err != nil {
		return fmt.Errorf("encode what was skipped: %w", err)
	}
	return tx.PutXCom(tx.Ctx, in.RunKey, in.TaskID, in.MapIndex, skipmixinKey, b)
}

// Skipped reads which tasks a task skipped.
func Skipped(ctx context.Context, rd store.Reader, runKey int64, taskID string) ([]string, error) {
	b, err := rd.XCom(ctx, runKey, taskID, -1, skipmixinKey)
	if err != nil || b == nil {
		return nil, err
	}
	var choice struct {
		Skipped []string `json:"skipped"`
	}
	if err := json.Unmarshal(b, &choice); err != nil {
		return nil, fmt.Errorf("read what task %q skipped: %w", taskID, err)
	}
	return choice.Skipped, nil
}
