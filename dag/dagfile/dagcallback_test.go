package dagfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// What only tasks can come to is, on a DAG, for its tasks; default_args and the task
// itself go before it.
func TestTaskCallbacksOnADAG(t *testing.T) {
	t.Parallel()
	const text = `
a:
  on_execute_callback: dingding
  on_retry_callback: dingding
  on_skipped_callback: dingding
  default_args:
    on_retry_callback: [dingding, dingding]
  tasks:
    - {task_id: plain, operator: empty}
    - {task_id: own, operator: empty, on_skipped_callback: null}
`
	dags, found := Parse("a.yaml", []byte(text), newFakeCatalog(), Options{})
	require.False(t, found.HasErrors(), found.String())
	assert.Empty(t, found)
	again, err := Restore(Source(dags[0]), newFakeCatalog(), Options{})
	require.NoError(t, err)
	assert.Equal(t, dags[0].Version, again.Version)
	for _, d := range []*dag.DAG{dags[0], again} {
		plain, own := d.Task("plain"), d.Task("own")
		assert.Len(t, plain.OnExecute, 1)
		assert.Len(t, plain.OnRetry, 2)
		assert.Len(t, plain.OnSkipped, 1)
		assert.Len(t, own.OnExecute, 1)
		assert.Empty(t, own.OnSkipped)
		assert.Empty(t, plain.OnFailure)
	}
}

// What is told of ticks that started nothing is part of what a DAG is restored from.
func TestMissedCallback(t *testing.T) {
	t.Parallel()
	const text = "a:\n  schedule: '@daily'\n  start_date: 2026-01-01\n  on_missed_callback: [dingding, dingding]\n  tasks: [{task_id: t, operator: empty}]\n"
	dags, found := Parse("a.yaml", []byte(text), newFakeCatalog(), Options{})
	require.Empty(t, found)
	again, err := Restore(Source(dags[0]), newFakeCatalog(), Options{})
	require.NoError(t, err)
	for _, d := range []*dag.DAG{dags[0], again} {
		assert.Len(t, d.OnMissed, 2)
		assert.Empty(t, d.Tasks[0].OnFailure)
	}
	_, found = Parse("a.yaml", []byte("a:\n  on_missed_callback: nobody\n  tasks: [{task_id: t, operator: empty}]\n"), newFakeCatalog(), Options{})
	assert.Contains(t, found.String(), `a.yaml:2:23: error: dag "a": on_missed_callback: unknown notifier "nobody"`)
}
