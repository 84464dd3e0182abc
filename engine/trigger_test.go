package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// Two readings of one file in different environments.
const (
	ofService = "d:\n  params: {day: monday}\n  deadline: {reference: dagrun_queued_at, interval: 1ms, callback: {callback: say, text: '{{ run_id }} is late'}}\n  tasks: [{task_id: t, operator: probe, do: hold}]\n"
	ofCaller  = "d:\n  params: {day: monday}\n  tasks: [{task_id: t, operator: probe, text: caller}]\n"
)

// asking is a command beside the bench whose files say something else.
func (b *bench) asking(text string, alone bool) *engine.Engine {
	b.t.Helper()
	ds, diags := dagfile.Parse("test.yaml", []byte(text), b.e.Catalog(), dagfile.Options{})
	require.False(b.t, diags.HasErrors(), diags.String())
	return b.beside(engine.Options{Clock: b.o.Clock, Alone: func() (bool, error) { return alone, nil }, FindDAG: func(id string) (*dag.DAG, error) {
		for _, d := range ds {
			if d.ID == id {
				return d, nil
			}
		}
		return nil, errors.New("the folder of the command has no such DAG")
	}})
}

// hold keeps the tasks of ofService until it is released: then their deadline has passed.
func (b *bench) hold() (release func()) {
	gate := make(chan struct{})
	b.do["hold"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		select {
		case <-gate:
			return "service", nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return func() { close(gate) }
}

func (b *bench) said(r *store.Run) string {
	b.t.Helper()
	v, err := b.store.XCom(context.Background(), r.Key, "t", -1, "return_value")
	require.NoError(b.t, err)
	return string(v)
}

// The process that works on the store makes the runs that others ask for: with its own
// version of the DAG, and with deadlines.
func TestRunsAreMadeByWhoSchedules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var read atomic.Bool
	release := b.hold()
	b.load(ofCaller)
	b.start(engine.RunOptions{Schedule: true, Reload: func(ctx context.Context) error {
		read.Store(true)
		ds, _ := dagfile.Parse("test.yaml", []byte(ofService), b.e.Catalog(), dagfile.Options{})
		return b.e.SetDAGs(ctx, ds)
	}})
	other := b.asking(ofCaller, false)
	done, err := other.TriggerRun(t.Context(), "d", engine.Trigger{RunID: "asked", Conf: json.RawMessage(`{"dya": "<b>", "day": 1}`)})
	require.NoError(t, err)
	assert.True(t, read.Load(), "the files may have changed a moment ago")
	assert.Equal(t, "asked", done.Run.RunID)
	assert.Equal(t, 1, done.Tasks)
	assert.Equal(t, []string{`conf: the DAG has no param "dya"; did you mean "day"?; only dag_run.conf holds it`}, done.Warnings)
	assert.Equal(t, []string{"on_deadline  asked is late"}, b.told(1))
	release()
	r := b.ended1(done.Run.Key)
	assert.JSONEq(t, `"service"`, b.said(r))
	assert.Equal(t, `{"dya":"<b>","day":1}`, string(r.Conf))
	assert.False(t, r.Provisional)
	assert.Equal(t, b.dagState("d").Version, r.Version)

	_, err = other.TriggerRun(t.Context(), "d", engine.Trigger{RunID: "asked"})
	require.ErrorIs(t, err, engine.ErrExists)
	_, err = other.TriggerRun(t.Context(), "dd", engine.Trigger{})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, `no dag "dd"`)
	_, err = other.TriggerRun(t.Context(), "d", engine.Trigger{RunID: "a b"})
	te, ok := errors.AsType[*engine.TriggerError](err)
	require.True(t, ok, err)
	assert.Equal(t, "run_id", te.Field)
	b.setPaused(true, "")
	_, err = other.TriggerRun(t.Context(), "d", engine.Trigger{NotPaused: true})
	require.ErrorIs(t, err, engine.ErrPaused)
	done, err = other.TriggerRun(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	assert.True(t, done.Paused)
}

func (b *bench) dagState(id string) *store.DAGState {
	b.t.Helper()
	s, err := b.store.DAG(context.Background(), id)
	require.NoError(b.t, err)
	return s
}

// A run that was asked for while no process worked starts with the version, and has the
// deadlines, of the process that comes next. So it is with a backfill.
func TestRunsOfNobodyAreAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(noon)
	const schedule = "  schedule: '@daily'\n  start_date: 2026-03-20\n"
	other := b.asking(ofCaller+schedule, true)
	done, err := other.TriggerRun(t.Context(), "d", engine.Trigger{RunID: "asked"})
	require.NoError(t, err)
	assert.True(t, done.Run.Provisional)
	fill, err := other.CreateBackfill(t.Context(), "d", engine.BackfillRequest{From: march(1), To: march(3)})
	require.NoError(t, err)
	assert.Equal(t, map[store.BackfillOutcome]int{store.BackfillCreated: 3}, fill.Dates)
	_, err = other.TriggerRun(t.Context(), "e", engine.Trigger{})
	require.EqualError(t, err, "trigger: the folder of the command has no such DAG")

	release := b.hold()
	b.start(engine.RunOptions{Schedule: true}) // its files are broken at first
	require.NoError(t, b.e.Refresh(t.Context()))
	r, err := b.store.Run(t.Context(), done.Run.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunQueued, r.State)
	version := b.load(ofService + schedule)[0].Version
	sent := b.told(4)
	assert.Contains(t, sent, "on_deadline  asked is late")
	assert.Contains(t, sent, "on_deadline  backfill__2026-03-02T00:00:00+00:00 is late")
	release()
	r = b.ended1(done.Run.Key)
	assert.JSONEq(t, `"service"`, b.said(r))
	b.untilCompleted(fill.Backfill.ID)
	for _, r := range b.runs() {
		assert.Equal(t, version, r.Version, r.RunID)
		assert.False(t, r.Provisional)
	}
}

// Of the deadlines of a backfill those count that lie ahead.
func TestDeadlinesOfABackfill(t *testing.T) {
	t.Parallel()
	b, d := filling(t, "d:\n  schedule: '@daily'\n  start_date: 2026-03-20\n  deadline:\n    - {reference: dagrun_logical_date, interval: 200h, callback: say}\n    - {reference: dagrun_queued_at, interval: 1h, callback: say}\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	b.untilCompleted(b.backfill(d, engine.BackfillRequest{From: march(1), To: march(3)}).ID)
	ls, err := b.store.DueDeadlines(t.Context(), time.Now().AddDate(100, 0, 0))
	require.NoError(t, err)
	at := map[string]int{}
	for _, l := range ls {
		at[l.At.UTC().Format("02 15")]++
	}
	assert.Equal(t, map[string]int{"10 13": 3, "11 08": 1}, at, "of the 3rd only: the others had missed it long ago")
	assert.Empty(t, b.sentSoFar())
}
