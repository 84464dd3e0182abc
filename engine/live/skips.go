package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// skipmixinKey is the XCom of a task that chose: {"skipped": [task ids]}, and of a branch {"followed": [task ids]} as well,
// which in Airflow has that alone.
const skipmixinKey = "skipmixin_key"

// rememberSkips stores which tasks a result skips, so that they are skipped again when
// they are cleared and the choice is not (Airflow, SkipMixin and NotPreviouslySkippedDep).
func (lr *Run) rememberSkips(tx *Tx, i dagrun.Task, in *store.Instance, res *worker.Result) error {
	if len(res.Skips) == 0 && !res.Branched {
		return nil
	}
	c := Choice{Skipped: lr.Plan.Graph.IDs(res.Skips)}
	if res.Branched {
		followed := slices.DeleteFunc(slices.Clone(lr.Plan.Graph.Downstream(i)), func(t dagrun.Task) bool { return slices.Contains(res.Skips, t) })
		c.Followed = lr.Plan.Graph.IDs(followed)
	}
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode what was skipped: %w", err)
	}
	return tx.PutXCom(tx.Ctx, in.RunKey, in.TaskID, in.MapIndex, skipmixinKey, b)
}

// Choice is what a task chose of the tasks below it.
type Choice struct {
	Skipped []string `json:"skipped"`
	// Followed are the tasks directly below a branch that were not skipped; nil for what is no branch, and for one
	// that chose before this was kept.
	Followed []string `json:"followed,omitzero"`
}

// Skips reports whether the choice stands against a task directly below: it was skipped, or a branch did not have it
// among those that it could choose.
func (c Choice) Skips(taskID string) bool {
	return slices.Contains(c.Skipped, taskID) || c.Followed != nil && !slices.Contains(c.Followed, taskID)
}

// Chosen reads what a task chose, nothing for one that chose nothing.
func Chosen(ctx context.Context, rd store.Reader, runKey int64, taskID string) (c Choice, err error) {
	b, err := rd.XCom(ctx, runKey, taskID, -1, skipmixinKey)
	if err != nil || b == nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read what task %q skipped: %w", taskID, err)
	}
	return c, nil
}
