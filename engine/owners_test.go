package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/owners"
)

// Events concern the owner of their task, those of a failed run the owners of what failed, and
// those of other runs the owners of all tasks. Templates of tasks see the task's.
func TestOwnersOfEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	book := owners.New(
		&owners.Entry{Name: "ann", People: owners.People{Mobiles: []string{"138001"}}},
		&owners.Entry{Name: "bob", People: owners.People{Mobiles: []string{"138002"}}},
		&owners.Entry{Name: "cid", People: owners.People{UserIDs: []string{"u3"}}},
	)
	b.restartWith(func(o *engine.Options) { o.Owners = book })
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Fail(errors.New("no")) }
	const text = "{{ owner }} {{ owner_mobiles | join('+') }} {{ owner_user_ids | join('+') }}"
	b.load(`
bad:
  default_args: {on_failure_callback: {callback: say, text: "` + text + `"}}
  on_failure_callback: {callback: say, text: "` + text + `"}
  tasks:
    - {task_id: a, operator: probe, do: fail, owner: "ann, cid"}
    - {task_id: b, operator: probe, text: "` + text + `", owner: bob, on_success_callback: {callback: say, text: "{{ ti.xcom_pull() }}"}}
good:
  on_success_callback: {callback: say, text: "` + text + `"}
  tasks:
    - {task_id: a, operator: probe, owner: ann}
    - {task_id: b, operator: probe, owner: bob}
    - {task_id: c, operator: probe}
`)
	b.start(engine.RunOptions{})
	for _, id := range []string{"bad", "good"} {
		_, err := b.e.Trigger(t.Context(), id, engine.Trigger{})
		assert.NoError(t, err)
	}
	b.until("all messages", func() bool { return len(b.sentSoFar()) == 4 })
	seen := b.sentSoFar()
	slices.Sort(seen)
	assert.Equal(t, []string{
		"on_failure  ann, cid, bob 138001 u3", "on_failure a ann, cid 138001 u3", "on_success  airflow, ann, bob 138001+138002 ", "on_success b bob 138002 ",
	}, seen)
}
