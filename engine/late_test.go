package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// lateOp renders a condition when it knows more.
type lateOp struct {
	// When is the condition.
	When string `yaml:"success_when" param:"late"`
}

// Execute returns what the condition comes to.
func (l *lateOp) Execute(_ context.Context, tc *operator.TaskContext) (any, error) {
	return tc.Render(l.When, map[string]any{"row": []any{int64(1)}})
}

// A late template sees Airflow's names and those of the operator; nothing renders it
// before, but a mistake in it shows when the file is read.
func TestLateTemplate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  user_defined_macros: {site: 7}\n  tasks: [{task_id: t, operator: late, success_when: \"{{ ds }} {{ row[0] }} {{ site }} {{ ti.task_id }}\"}]\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	require.Equal(t, dag.RunSuccess, r.State)
	v, err := b.store.XCom(t.Context(), r.Key, "t", -1, "return_value")
	require.NoError(t, err)
	assert.JSONEq(t, `"2026-01-31 1 7 t"`, string(v))

	_, diags := dagfile.Parse("test.yaml", []byte("d:\n  tasks:\n    - {task_id: t, operator: late, success_when: \"{{ row[ }}\"}\n"), b.e.Catalog(), dagfile.Options{})
	assert.Contains(t, diags.String(), `test.yaml:3:50: error: dag "d", task "t": template in "success_when": template line 1`)
}
