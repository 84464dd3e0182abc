package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// discards makes the bench note which folders of logs are moved away.
func (b *bench) discards() (folders *[]string) {
	b.t.Helper()
	b.stopStore()
	folders = &[]string{}
	b.o.Discard = func(folder string, _ int64) error { *folders = append(*folders, filepath.ToSlash(folder)); return nil }
	b.open()
	return folders
}

const twoTasks = "d:\n  is_paused_upon_creation: true\n  tasks:\n    - {task_id: t, operator: probe, do: hang}\n    - {task_id: u, operator: probe, dependencies: [t]}\n"

// A run goes with all that belongs to it, once it has ended; one that is queued goes and never starts.
func TestRemoveRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gate := make(chan struct{})
	b.do["hang"] = func(context.Context, *operator.TaskContext) (any, error) { <-gate; return "result", nil }
	folders := b.discards()
	b.load("d:\n  max_active_runs: 1\n  tasks:\n    - {task_id: t, operator: probe, do: hang}\n")
	b.start(engine.RunOptions{Schedule: true})
	first, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "first", NoLogicalDate: true})
	require.NoError(t, err)
	b.until("the task runs", func() bool { return b.states(first)["t"] == "running" })
	waits, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "waits", NoLogicalDate: true})
	require.NoError(t, err)

	ann := store.Actor{Name: "ann", Via: store.ViaCLI}
	remove := func(runID string) error {
		_, err := b.e.Remove(t.Context(), engine.RemoveRequest{DAGID: "d", RunID: runID, MapIndex: -1, Actor: ann})
		return err
	}
	err = remove("first")
	require.ErrorIs(t, err, engine.ErrAtWork)
	require.ErrorContains(t, err, "dingdag dags mark-failed d first")
	require.NoError(t, remove("waits"))
	_, err = b.store.Run(t.Context(), waits.Key)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, remove("waits"), store.ErrNotFound)
	require.ErrorContains(t, remove("frist"), `did you mean "first"?`)
	close(gate)
	b.ended1(first.Key)
	b.until("its task is settled", func() bool { return remove("first") == nil })
	is, err := b.store.Instances(t.Context(), first.Key)
	require.NoError(t, err)
	assert.Empty(t, is)
	xs, err := b.store.RunXComs(t.Context(), first.Key)
	require.NoError(t, err)
	assert.Empty(t, xs)
	left, err := b.store.RemovedRuns(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left to do")
	assert.Equal(t, []string{"dag_id=d/run_id=waits", "dag_id=d/run_id=first"}, *folders)
	assert.Equal(t, []string{"trigger", "trigger", "run_delete", "run_delete"}, b.kinds())

	// Another one with its id is a new one.
	again := b.finish(engine.Trigger{RunID: "first", NoLogicalDate: true})
	assert.NotEqual(t, first.Key, again.Key)
	assert.Equal(t, 1, b.instance(again, "t").Try)
}

// One instance of a run that has ended goes with its tries and XComs, and has no state then.
func TestRemoveInstance(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	folders := b.discards()
	b.load("d:\n  tasks:\n    - {task_id: m, operator: probe, expand: {do: [a, b]}}\n    - {task_id: u, operator: probe}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	remove := func(task string, index int) error {
		_, err := b.e.Remove(t.Context(), engine.RemoveRequest{DAGID: "d", RunID: r.RunID, TaskID: task, MapIndex: index})
		return err
	}
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutXCom(t.Context(), r.Key, "m", 0, "kept", json.RawMessage("1"))
	}))
	// A try may outlast its run for a moment.
	b.until("nothing is at work", func() bool { return remove("m", 1) == nil })
	b.until("nothing is at work", func() bool { return remove("u", -1) == nil })
	require.ErrorIs(t, remove("m", 1), store.ErrNotFound)
	require.ErrorIs(t, remove("m", -1), store.ErrNotFound)
	assert.Equal(t, map[string]string{"m": "success"}, b.states(r))
	xs, err := b.store.RunXComs(t.Context(), r.Key)
	require.NoError(t, err)
	for _, x := range xs {
		assert.Equal(t, 0, x.MapIndex)
	}
	assert.NotEmpty(t, xs)
	assert.Equal(t, []string{"dag_id=d/run_id=" + r.RunID + "/task_id=m/map_index=1", "dag_id=d/run_id=" + r.RunID + "/task_id=u"}, *folders)
	removals, err := b.store.LogRemovals(t.Context(), 0, 9)
	require.NoError(t, err)
	require.Len(t, removals, 2, "the log store loses them too")
	assert.Equal(t, *folders, []string{removals[0].Folder, removals[1].Folder})
	assert.False(t, removals[0].Before.IsZero())
	assert.Contains(t, b.kinds(), "task_instance_delete")
}

// A DAG loses its history; while its file is there it is a new one, paused or not as a new one is.
func TestRemoveDAG(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, stopped := b.hangs()
	b.stopStore()
	b.again(twoTasks)
	remove := func() (*engine.Removed, error) {
		return b.e.Remove(t.Context(), engine.RemoveRequest{DAGID: "d", MapIndex: -1})
	}
	loaded, err := b.store.DAG(t.Context(), "d")
	require.NoError(t, err)
	assert.False(t, loaded.LoadedAt.IsZero())
	pause := func(paused bool) {
		b.setPaused(paused, "")
		require.NoError(t, b.e.Refresh(t.Context()))
	}
	pause(false)
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "one", NoLogicalDate: true})
	require.NoError(t, err)
	<-begun
	_, err = remove()
	require.ErrorIs(t, err, engine.ErrAtWork)
	b.mark(engine.MarkRequest{RunID: "one", State: "failed"})
	<-stopped
	pause(true)
	for i := range 60 { // more than one transaction removes
		_, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: fmt.Sprint("more", i), NoLogicalDate: true})
		require.NoError(t, err)
	}
	var done *engine.Removed
	b.until("nothing is at work", func() bool { done, err = remove(); return err == nil })
	assert.True(t, done.Stays)
	assert.GreaterOrEqual(t, done.Runs, 50)
	runs, err := b.store.Runs(t.Context(), store.RunFilter{DAGID: "d"})
	require.NoError(t, err)
	assert.Empty(t, runs)
	_, err = b.store.Version(t.Context(), r.Version)
	require.ErrorIs(t, err, store.ErrNotFound)
	st, err := b.store.DAG(t.Context(), "d")
	require.NoError(t, err)
	assert.True(t, st.Paused, "as a new one")
	assert.True(t, st.LoadedAt.After(loaded.LoadedAt), "and read just now")
	pauses, err := b.store.Pauses(t.Context(), "d")
	require.NoError(t, err)
	assert.Len(t, pauses, 1, "it was seen first just now")
	pause(false)
	_, err = b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "one", NoLogicalDate: true})
	require.NoError(t, err)
	<-begun

	_, err = b.e.Remove(t.Context(), engine.RemoveRequest{DAGID: "dd", MapIndex: -1})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, `no dag "dd"`)
}
