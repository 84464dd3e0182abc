package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

const producers = `
a: {tasks: [{task_id: write, operator: probe, outlets: [s3://a]}]}
b: {tasks: [{task_id: write, operator: probe, outlets: [s3://b]}]}
`

// consumer is the DAG d with a schedule.
func consumer(schedule, more string) string {
	return "d:\n  schedule: " + schedule + more + `
  tasks: [{task_id: read, operator: probe, text: "{{ triggering_asset_events.items() | map('first') | join(' ') }}"}]
`
}

// produce runs a DAG to its end.
func (b *bench) produce(dagID string) *store.Run {
	b.t.Helper()
	r, err := b.e.Trigger(context.Background(), dagID, engine.Trigger{})
	require.NoError(b.t, err)
	return b.ended1(r.Key)
}

func (b *bench) waiting() (uris []string) {
	b.t.Helper()
	es, err := b.store.WaitingAssetEvents(context.Background(), "d", []string{"s3://a", "s3://b"})
	require.NoError(b.t, err)
	for _, e := range es {
		uris = append(uris, e.URI)
	}
	return uris
}

// result is the XCom of a task as text.
func (b *bench) result(r *store.Run, task string) string {
	b.t.Helper()
	v, err := b.store.XCom(context.Background(), r.Key, task, -1, "return_value")
	require.NoError(b.t, err)
	return string(v)
}

func TestAssetsTriggerOnceAllAreUpdated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(producers + consumer("[s3://a, S3://b/]", ""))
	b.start(engine.RunOptions{Schedule: true})
	b.produce("a")
	b.produce("a")
	assert.Equal(t, []string{"s3://a"}, b.waiting())
	assert.Empty(t, b.runs(), "b is missing")
	source := b.produce("b")
	rs := b.untilRuns(1)
	require.Len(t, rs, 1)
	r := rs[0]
	assert.Equal(t, dag.AssetRun, r.Type)
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.Equal(t, dag.RunID(dag.AssetRun, r.RunAfter), r.RunID, "asset_triggered__ and the moment of the last update")
	assert.Regexp(t, `^asset_triggered__\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$`, r.RunID)
	assert.True(t, r.LogicalDate.IsZero() && r.IntervalStart.IsZero() && r.IntervalEnd.IsZero(), "no logical date, no data interval")
	taken, err := b.store.TakenAssetEvents(t.Context(), r.Key)
	require.NoError(t, err)
	require.Len(t, taken, 3, "all that came since the last run")
	assert.Equal(t, store.AssetEvent{
		ID: taken[2].ID, URI: "s3://b", At: r.RunAfter, DAGID: "b", RunID: source.RunID, TaskID: "write", MapIndex: -1,
	}, *taken[2])
	assert.Equal(t, `"s3://a s3://b"`, b.result(r, "read"))

	assert.Empty(t, b.waiting())
	b.produce("a")
	assert.Len(t, b.runs(), 1, "both are needed again")
	b.produce("b")
	assert.Len(t, b.untilRuns(2), 2)
}

func TestAssetsTriggerByCondition(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(producers + consumer("{datasets: 's3://a | s3://b & s3://c'}", ""))
	b.start(engine.RunOptions{Schedule: true})
	b.produce("b")
	assert.Empty(t, b.runs(), "b needs c")
	b.produce("a")
	r := b.untilRuns(1)[0]
	assert.Equal(t, `"s3://b s3://a"`, b.result(r, "read"), "everything that came is taken")
	assert.Empty(t, b.waiting())
}

func TestAssetsTriggerBesideTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at("2026-03-10T12:00:00Z")
	b.load(producers + consumer("{datasets: [s3://a], timetable: '@daily'}", "\n  start_date: 2026-03-01"))
	b.start(engine.RunOptions{Schedule: true})
	b.untilRuns(1)
	b.produce("a")
	rs := b.untilRuns(2)
	types := []dag.RunType{rs[0].Type, rs[1].Type}
	assert.Equal(t, []dag.RunType{dag.ScheduledRun, dag.AssetRun}, types)
	assert.Equal(t, `""`, b.result(rs[0], "read"), "a run by time took nothing")
	assert.Equal(t, `"s3://a"`, b.result(rs[1], "read"))
}

// What a task does decides whether its outlets are updated.
func TestAssetEventsOfTasks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tries := 0
	b.do["second"] = func(context.Context, *operator.TaskContext) (any, error) {
		if tries++; tries == 1 {
			return nil, errors.New("not yet")
		}
		return nil, nil
	}
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Fail(errors.New("no")) }
	b.do["skip"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Skip("not today") }
	b.load(`
d:
  tasks:
    - {task_id: retried, operator: probe, do: second, retries: 1, retry_delay: 0, outlets: [x://retried]}
    - {task_id: failed, operator: probe, do: fail, outlets: [x://failed]}
    - {task_id: skipped, operator: probe, do: skip, outlets: [x://skipped]}
    - {task_id: below, operator: nop, dependencies: [failed], outlets: [x://below]}
    - {task_id: nothing, operator: nop, outlets: [x://nothing, x://more]}
    - {task_id: reader, operator: nop, inlets: [x://inlet]}
    - {task_id: many, operator: probe, expand: {text: [a, b]}, outlets: [x://many]}
    - {task_id: last, operator: probe, trigger_rule: all_done, dependencies: [retried, below, skipped, nothing, reader, many], outlets: [x://last]}
e:
  schedule:
    __or__: [x://last, {__and__: [x://retried, x://failed, x://skipped, x://below, x://nothing, x://more, x://inlet, x://many]}]
  tasks: [{task_id: t, operator: nop}]
`)
	b.start(engine.RunOptions{Schedule: true})
	b.finish(engine.Trigger{})
	var rs []*store.Run
	b.until("the run of e", func() bool {
		var err error
		rs, err = b.store.Runs(t.Context(), store.RunFilter{DAGID: "e"})
		require.NoError(t, err)
		return len(rs) == 1
	})
	es, err := b.store.TakenAssetEvents(t.Context(), rs[0].Key)
	require.NoError(t, err)
	indexes, uris := map[string][]int{}, []string{}
	for _, e := range es {
		uris = append(uris, e.URI)
		indexes[e.TaskID] = append(indexes[e.TaskID], e.MapIndex)
	}
	assert.ElementsMatch(t, []string{"x://retried", "x://nothing", "x://more", "x://many", "x://many", "x://last"}, uris)
	assert.ElementsMatch(t, []int{0, 1}, indexes["many"], "each instance of a mapped task")
	assert.Equal(t, []int{-1}, indexes["retried"])
}

func (b *bench) pause(paused bool) {
	b.t.Helper()
	require.NoError(b.t, b.store.Tx(context.Background(), func(tx store.Tx) error {
		return tx.SetPaused(context.Background(), "d", paused)
	}))
	require.NoError(b.t, b.e.Refresh(context.Background()))
}

func TestPausedDAGsAreNotToldOfAssets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(producers + consumer("[s3://a, s3://b]", ""))
	b.start(engine.RunOptions{Schedule: true})
	b.produce("a")
	b.pause(true)
	b.produce("b")
	assert.Equal(t, []string{"s3://a"}, b.waiting(), "what came before stays, what comes meanwhile does not count")
	events, err := b.store.AssetEvents(t.Context())
	require.NoError(t, err)
	assert.Len(t, events, 2, "it happened all the same")
	b.pause(false)
	assert.Empty(t, b.runs())
	b.produce("b")
	assert.Len(t, b.untilRuns(1), 1)
}

// A DAG that changed while it was paused runs once it is unpaused, if that is enough now.
func TestAssetsAreLookedAtAfterAPause(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(producers + consumer("[s3://a, s3://b]", ""))
	b.start(engine.RunOptions{Schedule: true})
	b.produce("a")
	b.pause(true)
	b.load(producers + consumer("[s3://a]", ""))
	assert.Empty(t, b.runs())
	b.pause(false)
	assert.Len(t, b.untilRuns(1), 1)
}

func TestAssetsRespectMaxActiveRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	gone := make(chan struct{})
	hang := b.do["hang"]
	b.do["hang"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-gone:
				cancel()
			case <-ctx.Done():
			}
		}()
		_, err := hang(ctx, tc)
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return nil, err
	}
	b.load(producers + `
d: {schedule: [s3://a], max_active_runs: 1, tasks: [{task_id: read, operator: probe, do: hang}]}
`)
	b.start(engine.RunOptions{Schedule: true})
	b.produce("a")
	<-begun
	b.produce("a")
	b.produce("a")
	assert.Len(t, b.runs(), 1)
	assert.Len(t, b.waiting(), 1, "it waits for the run to end")
	close(gone)
	rs := b.untilRuns(2)
	require.Len(t, rs, 2)
	taken, err := b.store.TakenAssetEvents(t.Context(), rs[1].Key)
	require.NoError(t, err)
	assert.Len(t, taken, 2, "one run takes both")
	assert.Empty(t, b.waiting())
}

// The event is there with the success, and the run of it comes after the crash.
func TestAssetsSurviveACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text := producers + consumer("[s3://a]", "")
	b.load(text)
	b.start(engine.RunOptions{}) // nobody makes runs of it
	b.produce("a")
	assert.Equal(t, []string{"s3://a"}, b.waiting())
	next := b.crash()
	next.load(text)
	next.start(engine.RunOptions{Schedule: true})
	rs := next.untilRuns(1)
	require.Len(t, rs, 1)
	assert.Equal(t, dag.AssetRun, rs[0].Type)
	assert.Empty(t, next.waiting())
	b.stop()
}

func TestAssetTemplates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
a: {tasks: [{task_id: write, operator: probe, outlets: [s3://a]}]}
d:
  schedule: [s3://a]
  tasks:
    - task_id: event
      operator: probe
      text: "{% set e = triggering_asset_events['s3://a'] | first %}{{ e.source_dag_id }} {{ e.source_task_id }} {{ e.source_map_index }} {{ e.timestamp == dag_run.run_after }} {{ e.extra }}"
    - task_id: own
      operator: probe
      inlets: [s3://a]
      outlets: [{__type__: airflow.sdk.Asset, name: out, uri: s3://out, extra: {team: bi}}]
      text: "{{ inlets[0].uri }} {{ outlets[0].name }} {{ outlets[0].extra.team }} {{ outlets | length }}"
    - task_id: undated
      operator: probe
      text: "{{ ds }}"
`)
	b.start(engine.RunOptions{Schedule: true})
	b.produce("a")
	r := b.untilRuns(1)[0]
	assert.Equal(t, `"a write -1 True {}"`, b.result(r, "event"))
	assert.Equal(t, `"s3://a out bi 1"`, b.result(r, "own"))
	assert.Equal(t, "failed", b.states(r)["undated"], "a run by assets has no logical date")
}

// Two updates in one millisecond, with a run between them, make two runs.
func TestAssetRunsOfOneMoment(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	b.o.Clock = func() time.Time { return now }
	b.open()
	b.load(producers + consumer("[s3://a]", ""))
	b.start(engine.RunOptions{Schedule: true})
	for i, id := range []string{"one", "two"} {
		r, err := b.e.Trigger(t.Context(), "a", engine.Trigger{RunID: id, NoLogicalDate: true})
		require.NoError(t, err)
		b.ended1(r.Key)
		b.untilRuns(i + 1)
	}
	rs := b.untilRuns(2)
	assert.Equal(t, "asset_triggered__2026-03-10T12:00:00+00:00", rs[0].RunID)
	assert.Equal(t, "asset_triggered__2026-03-10T12:00:00+00:00_2", rs[1].RunID)
	assert.Empty(t, b.waiting())
}
