package dag_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

// What is not finished or went wrong shows first.
func TestCombined(t *testing.T) {
	t.Parallel()
	order := []dag.State{dag.Removed, dag.Skipped, dag.Success, dag.UpstreamFailed, dag.Failed, dag.Running}
	for i, a := range order {
		for j, b := range order {
			assert.Equal(t, order[max(i, j)], dag.Combined(a, b), "%s and %s", a, b)
		}
	}
	assert.Equal(t, dag.Queued, dag.Combined(dag.Queued, dag.Running), "of two alike the first")
}
