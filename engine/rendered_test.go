package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// rendered is what the field text of a try was, and whether it was kept.
func (b *bench) rendered(r *store.Run, task string, mapIndex, try int) (text any, kept bool) {
	b.t.Helper()
	got, err := b.e.RenderedTry(b.t.Context(), r, task, mapIndex, try)
	require.NoError(b.t, err)
	require.Len(b.t, got.Fields, 1)
	require.Equal(b.t, "text", got.Fields[0].Name)
	return got.Fields[0].Value, got.Kept
}

// partsOp is an operator with templates in the elements of a list.
type partsOp struct {
	// Parts are its parts.
	Parts []part `yaml:"parts"`
	// Text is no template.
	Text string `yaml:"text"`
}

// part is an element.
type part struct {
	// Name is a template.
	Name string `yaml:"name" param:"template"`
	// Key is a secret one.
	Key string `yaml:"key" param:"template,secret"`
	// Count is none.
	Count int `yaml:"count"`
}

// Execute does nothing.
func (*partsOp) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// A list whose elements have templates is shown as a whole, as it was rendered.
func TestRenderedListsOfParts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  tasks:
    - {task_id: t, operator: parts, text: as it is, parts: [{name: "{{ ds }}", count: 3}, {name: b, key: "{{ ds }}"}]}
    - {task_id: fixed, operator: parts, parts: [{name: a}]}
`)
	assert.Equal(t, []string{"parts"}, b.e.TemplateFields("parts"))
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	got, err := b.e.RenderedTry(t.Context(), r, "t", -1, 1)
	require.NoError(t, err)
	assert.True(t, got.Kept)
	told, err := json.Marshal(got.Fields)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"name": "parts", "value": [{"name": "2026-01-31", "key": "", "count": 3}, {"name": "b", "key": "***", "count": 0}]}]`, string(told))
	got, err = b.e.RenderedTry(t.Context(), r, "fixed", -1, 1)
	require.NoError(t, err)
	assert.False(t, got.Kept)
	assert.True(t, got.Same, "there is nothing to keep")
	told, err = json.Marshal(got.Fields)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"name": "parts", "value": [{"name": "a", "key": "", "count": 0}]}]`, string(told))
}

// Each try keeps what it rendered, masked, whatever becomes of the DAG file and of the
// values that it took in (Airflow, RenderedTaskInstanceFields).
func TestRenderedFieldsOfEachTryAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, errors.New("broken") }
	b.load(`
d:
  tasks:
    - {task_id: a, operator: probe, text: first}
    - {task_id: t, operator: probe, do: fail, text: "{{ ti.xcom_pull(task_ids='a') }} <{{ ti.try_number }}> hunter22", dependencies: [a], retries: 1, retry_delay: 0.01}
    - {task_id: m, operator: probe, expand: {text: ["{{ ds }}", two]}}
    - {task_id: broken, operator: probe, text: "{{ nope }}"}
    - {task_id: late, operator: probe, text: "{{ ds }}", dependencies: [t]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.ClearXCom(t.Context(), r.Key, "a", -1) }))
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, text: other}\n")

	for try, want := range map[int]string{1: "first <1> ***", 2: "first <2> ***", 0: "first <2> ***"} {
		text, kept := b.rendered(r, "t", -1, try)
		assert.Equal(t, want, text)
		assert.True(t, kept)
	}
	text, kept := b.rendered(r, "m", 0, 1)
	assert.Equal(t, "2026-01-31", text)
	assert.True(t, kept)
	text, kept = b.rendered(r, "m", 1, 1)
	assert.Equal(t, "two", text, "a mapped value is its instance's own")
	assert.True(t, kept)

	plain, err := b.e.RenderedTry(t.Context(), r, "a", -1, 0)
	require.NoError(t, err)
	assert.False(t, plain.Kept, "without a template there is nothing to keep")
	assert.True(t, plain.Same)
	text, kept = b.rendered(r, "late", -1, 0)
	assert.Equal(t, "2026-01-31", text, "a task that has not run is rendered with the run's dates and version")
	assert.False(t, kept)

	for name, ask := range map[string]func() error{
		`nope is undefined`: func() error { _, err := b.e.RenderedTry(t.Context(), r, "broken", -1, 1); return err },
		`t has no try 3`:    func() error { _, err := b.e.RenderedTry(t.Context(), r, "t", -1, 3); return err },
		`not mapped`:        func() error { _, err := b.e.RenderedTry(t.Context(), r, "t", 0, 1); return err },
	} {
		require.ErrorContains(t, ask(), name)
	}
	_, err = b.e.RenderedTry(t.Context(), r, "gone", -1, 1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A long value is cut, and says so; of the runs only the newest ones keep their fields.
func TestRenderedFieldsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.RenderedRuns, b.o.RenderedLength = 2, 10
	b.stopStore()
	b.open()
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, text: \"{{ dag_run.run_id }} {{ 'ü' * 10 }}\"}\n")
	b.start(engine.RunOptions{})
	var runs []*store.Run
	for n := range 3 {
		runs = append(runs, b.finish(engine.Trigger{RunID: fmt.Sprintf("run%d", n)}))
	}
	_, kept := b.rendered(runs[0], "t", -1, 1)
	assert.False(t, kept, "the oldest run has lost its own")
	for _, r := range runs[1:] {
		text, kept := b.rendered(r, "t", -1, 1)
		assert.True(t, kept)
		assert.Equal(t, r.RunID+" üü… (cut: 25 bytes in all)", text, "no character is cut in two")
	}
}

// What a try that hangs has rendered can be seen while it runs.
func TestRenderedFieldsOfALongTryAreKeptAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	release := make(chan struct{})
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil, nil
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: hang, text: \"{{ 'x' * 3 }}\"}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("its fields are kept", func() bool {
		v, err := b.store.RenderedFields(t.Context(), r.Key, "t", -1, 1)
		require.NoError(t, err)
		return strings.Contains(string(v), `"xxx"`)
	})
	assert.Equal(t, map[string]string{"t": "running"}, b.states(r))
	close(release)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
}

// Nothing is kept where nothing is asked for.
func TestRenderedFieldsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.RenderedRuns = -1
	b.stopStore()
	b.open()
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, text: \"{{ ds }}\"}\n")
	b.start(engine.RunOptions{})
	_, kept := b.rendered(b.finish(engine.Trigger{}), "t", -1, 1)
	assert.False(t, kept)
}
