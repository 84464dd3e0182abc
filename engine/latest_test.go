package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// rows are the instances of a run as task[index]#try state, those that are mapped with their index.
func (b *bench) rows(key int64) []string {
	b.t.Helper()
	is, err := b.store.Instances(context.Background(), key)
	require.NoError(b.t, err)
	var out []string
	for _, in := range is {
		out = append(out, fmt.Sprintf("%s#%d %s", in.Label(), in.Try, in.State))
	}
	slices.Sort(out)
	return out
}

// latest clears on the latest version, and waits for the end.
func (b *bench) latest(r engine.ClearRequest) *store.Run {
	b.t.Helper()
	r.Latest = true
	return b.clear(r)
}

const brokenAtThree = `
d:
  tasks:
    - {task_id: a, operator: probe, text: one}
    - {task_id: b, operator: probe, do: fail, dependencies: [a]}
    - {task_id: c, operator: probe, dependencies: [b]}
    - {task_id: gone, operator: probe, text: kept}
`

const mendedAtThree = `
d:
  tasks:
    - {task_id: a, operator: probe, text: other}
    - {task_id: b, operator: free, value: mended, retries: 4, dependencies: [a]}
    - {task_id: c, operator: probe, dependencies: [b, fresh]}
    - {task_id: fresh, operator: probe, dependencies: [a]}
`

// What somebody does at three in the morning: mend the file, and clear what failed on it.
func TestClearOnTheLatestVersion(t *testing.T) {
	t.Parallel()
	b, r := broken(t, brokenAtThree)
	require.Equal(t, []string{"a#1 success", "b#1 failed", "c#0 upstream_failed", "gone#1 success"}, b.rows(r.Key))
	second := b.load(mendedAtThree)[0].Version
	require.NotEqual(t, r.Version, second)

	ask := engine.ClearRequest{DAGID: "d", RunID: r.RunID, OnlyFailed: true, Latest: true, DryRun: true}
	would, err := b.e.Clear(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, r.Version, b.run(r.Key).Version, "a dry run changes nothing")
	ask.DryRun = false
	done, err := b.e.Clear(t.Context(), ask)
	require.NoError(t, err)
	assert.Equal(t, would, done)
	assert.Equal(t, []engine.AffectedRun{{
		RunID: r.RunID, LogicalDate: r.LogicalDate, From: dag.RunFailed, State: dag.RunQueued, Latest: true,
		Instances: []engine.AffectedInstance{
			{TaskID: "b", MapIndex: -1, From: dag.Failed, State: dag.None},
			{TaskID: "c", MapIndex: -1, From: dag.UpstreamFailed, State: dag.None},
			{TaskID: "fresh", MapIndex: -1, From: dag.None, State: dag.None},
			{TaskID: "gone", MapIndex: -1, From: dag.Success, State: dag.Removed},
		},
	}}, done.Runs)

	got := b.ended1(r.Key)
	assert.Equal(t, dag.RunSuccess, got.State)
	assert.Equal(t, second, got.Version)
	assert.False(t, got.Provisional)
	assert.Equal(t, []string{"a#1 success", "b#2 success", "c#1 success", "fresh#1 success", "gone#1 removed"}, b.rows(r.Key))
	mended := b.instance(r, "b")
	assert.Equal(t, "free", mended.Operator)
	assert.Equal(t, 6, mended.MaxTries, "one try that was, and those of the new version")
	assert.Equal(t, map[string]string{"a": `"one"`, "b": `"mended"`, "gone": `"kept"`}, b.results(r.Key, "a", "b", "gone"))
	past, err := b.store.PastTries(t.Context(), r.Key, "b")
	require.NoError(t, err)
	require.Len(t, past, 1)
	assert.Equal(t, "probe", past[0].Operator, "the try that was is as it was")
	es, err := b.store.Events(t.Context(), store.EventFilter{DAGID: "d", Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, store.EventClear, es[0].Kind)
	assert.JSONEq(t, `{"from": "failed", "state": "queued", "task_instances": 4, "tasks": ["b", "c", "fresh", "gone"], "run_on_latest_version": true}`, string(es[0].Extra))

	// It is on the latest version now: to clear it there is to clear it.
	again := b.latest(engine.ClearRequest{RunID: r.RunID, TaskRegex: "^c$"})
	assert.Equal(t, second, again.Version)
	assert.Equal(t, []string{"a#1 success", "b#2 success", "c#2 success", "fresh#1 success", "gone#1 removed"}, b.rows(r.Key))
	// Back to the file as it was: what had been removed runs again.
	b.load(brokenAtThree)
	b.latest(engine.ClearRequest{RunID: r.RunID, TaskRegex: "^a$"})
	assert.Equal(t, []string{"a#2 success", "b#2 success", "c#2 success", "fresh#1 removed", "gone#2 success"}, b.rows(r.Key))
}

func (b *bench) run(key int64) *store.Run {
	b.t.Helper()
	r, err := b.store.Run(context.Background(), key)
	require.NoError(b.t, err)
	return r
}

// xcoms are the results of some tasks that are not mapped.
func (b *bench) results(key int64, tasks ...string) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	for _, id := range tasks {
		v, err := b.store.XCom(context.Background(), key, id, -1, "return_value")
		require.NoError(b.t, err)
		out[id] = string(v)
	}
	return out
}

// Which runs of which requests get the latest version.
func TestWhatMovesToTheLatestVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		clear engine.ClearRequest
		moves bool
		err   string
	}{
		"the whole run":         {clear: engine.ClearRequest{}, moves: true},
		"a task":                {clear: engine.ClearRequest{TaskRegex: "^a$"}, moves: true},
		"a new task":            {clear: engine.ClearRequest{TaskRegex: "^fresh$"}, moves: true},
		"below a task":          {clear: engine.ClearRequest{Instances: []engine.InstanceRef{{TaskID: "fresh", MapIndex: -1}}, Downstream: true}, moves: true},
		"a task that is gone":   {clear: engine.ClearRequest{TaskRegex: "^gone$"}, moves: true},
		"what runs":             {clear: engine.ClearRequest{OnlyRunning: true}},
		"what failed of it":     {clear: engine.ClearRequest{TaskRegex: "^(fresh|gone)$", OnlyFailed: true}},
		"a task of no version":  {clear: engine.ClearRequest{TaskRegex: "^nix$"}, err: `clear: no task of dag "d" matches "^nix$"; it has a, b, c, fresh: not found`},
		"one of the version":    {clear: engine.ClearRequest{Instances: []engine.InstanceRef{{TaskID: "gone", MapIndex: -1}}}, err: `clear: the latest version of dag "d" has no task "gone": not found`},
		"a run that is unknown": {clear: engine.ClearRequest{RunID: "nix"}, err: `clear: dag "d" has no run "nix": not found`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, r := broken(t, brokenAtThree)
			second := b.load(mendedAtThree)[0].Version
			c.clear.DAGID, c.clear.Latest = "d", true
			if c.clear.RunID == "" {
				c.clear.RunID = r.RunID
			}
			done, err := b.e.Clear(t.Context(), c.clear)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.moves, len(done.Runs) == 1)
			if c.moves {
				assert.Equal(t, second, b.ended1(r.Key).Version)
			} else {
				assert.Equal(t, r.Version, b.run(r.Key).Version)
			}
		})
	}
}

// The task that failed is not in the file any more: nothing is left to run, and the run ends well.
func TestTheTaskThatFailedIsGone(t *testing.T) {
	t.Parallel()
	b, r := broken(t, "d:\n  tasks:\n    - {task_id: a, operator: probe}\n    - {task_id: bad, operator: probe, do: fail, dependencies: [a]}\n")
	b.load("d:\n  tasks: [{task_id: a, operator: probe}]\n")
	assert.Equal(t, dag.RunSuccess, b.latest(engine.ClearRequest{RunID: r.RunID, OnlyFailed: true}).State)
	assert.Equal(t, []string{"a#1 success", "bad#1 removed"}, b.rows(r.Key))
}

// As in Airflow only a run that has ended gets another version, but here somebody is told.
func TestARunUnderWayKeepsItsVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(pipeline)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "slow"})
	require.NoError(t, err)
	<-begun
	same := engine.ClearRequest{DAGID: "d", RunID: "slow", TaskRegex: "^a$", Latest: true, DryRun: true}
	done, err := b.e.Clear(t.Context(), same)
	require.NoError(t, err, "it has the latest version")
	assert.False(t, done.Runs[0].Latest)

	b.load(strings.Replace(pipeline, "text: first", "text: other", 1))
	for _, dry := range []bool{true, false} {
		same.DryRun = dry
		_, err = b.e.Clear(t.Context(), same)
		require.ErrorIs(t, err, engine.ErrAtWork)
		require.ErrorContains(t, err, `run slow of dag "d"`)
		require.ErrorContains(t, err, "it is running, and only a run that has ended goes on in the latest version of its DAG")
	}
	// What has nothing to clear is not in the way of others.
	done, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", OnlyFailed: true, Latest: true})
	require.NoError(t, err)
	assert.Empty(t, done.Runs)
	assert.Equal(t, r.Version, b.run(r.Key).Version)
}

// A DAG whose file is broken or gone has no latest version to run on.
func TestNoLatestVersion(t *testing.T) {
	t.Parallel()
	b, r := broken(t, brokenAtThree)
	require.NoError(t, b.e.SetDAGs(t.Context(), nil))
	_, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, Latest: true})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, `no dag "d"`)
	assert.Equal(t, dag.RunFailed, b.run(r.Key).State)
}

// A run whose own version this program cannot load any more goes on in the latest one.
func TestTheVersionBeforeNeedNotLoad(t *testing.T) {
	t.Parallel()
	b, r := broken(t, "d:\n  tasks:\n    - {task_id: a, operator: nop}\n    - {task_id: b, operator: probe, do: fail, dependencies: [a]}\n")
	b.stop()
	b.lacks = []string{"nop"}
	b.open()
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe}\n    - {task_id: b, operator: probe, dependencies: [a]}\n")
	b.start(engine.RunOptions{})
	_, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.ErrorContains(t, err, "its version cannot be loaded")
	assert.Equal(t, dag.RunSuccess, b.latest(engine.ClearRequest{RunID: r.RunID, OnlyFailed: true}).State)
	assert.Equal(t, []string{"a#0 success", "b#2 success"}, b.rows(r.Key))
}

// A mapped task has as many instances as its new version says.
func TestMappedTasksOfTheLatestVersion(t *testing.T) {
	t.Parallel()
	over := func(values string) string { return "{task_id: m, operator: probe, expand: {text: " + values + "}}" }
	const source = "{task_id: s, operator: free, value: [x, y]}, {task_id: m, operator: probe, expand: {text: s.output}}"
	const single = "{task_id: m, operator: probe, text: alone}"
	for name, c := range map[string]struct {
		before, after string
		clear         string
		want          []string
		results       string
	}{
		"longer":                    {before: over("[a, b]"), after: over("[a, b, c]"), want: []string{"m[0]#1 success", "m[1]#1 success", "m[2]#1 success"}, results: `["a","b","c"]`},
		"shorter":                   {before: over("[a, b, c]"), after: over("[a]"), want: []string{"m[0]#1 success", "m[1]#1 removed", "m[2]#1 removed"}, results: `["a"]`},
		"shorter and cleared":       {before: over("[a, b]"), after: over("[z]"), clear: "^m$", want: []string{"m[0]#2 success", "m[1]#1 removed"}, results: `["z"]`},
		"nothing":                   {before: over("[a, b]"), after: over("[]"), want: []string{"m[0]#1 skipped", "m[1]#1 removed"}, results: `[]`},
		"something":                 {before: over("[]"), after: over("[a, b]"), want: []string{"m#0 removed", "m[0]#1 success", "m[1]#1 success"}, results: `["a","b"]`},
		"mapped now":                {before: single, after: over("[a, b]"), want: []string{"m#1 removed", "m[0]#1 success", "m[1]#1 success"}, results: `["a","b"]`},
		"not mapped any more":       {before: over("[a, b]"), after: single, want: []string{"m#1 success", "m[0]#1 removed", "m[1]#1 removed"}, results: `[]`},
		"over a result as before":   {before: source, after: source + ", {task_id: n, operator: probe}", want: []string{"m[0]#1 success", "m[1]#1 success", "n#1 success", "s#1 success"}, results: `["x","y"]`},
		"over a new task":           {before: over("[a]"), after: source, want: []string{"m[0]#2 success", "m[1]#1 success", "s#1 success"}, results: `["x","y"]`},
		"over what is there":        {before: "{task_id: s, operator: free, value: [x]}, " + over("[a, b]"), after: source, want: []string{"m[0]#1 success", "m[1]#1 removed", "s#1 success"}, results: `["a"]`},
		"its source is mapped":      {before: "{task_id: s, operator: probe, text: x}, {task_id: m, operator: probe, text: x, dependencies: [s]}", after: "{task_id: s, operator: probe, expand: {text: [x, y]}}, {task_id: m, operator: probe, expand: {text: s.output}}", want: []string{"m#1 removed", "m[0]#1 success", "m[1]#1 success", "s#1 removed", "s[0]#1 success", "s[1]#1 success"}, results: `["x","y"]`},
		"its mapped source grows":   {before: "{task_id: s, operator: probe, expand: {text: [x]}}, {task_id: m, operator: probe, expand: {text: s.output}}", after: "{task_id: s, operator: probe, expand: {text: [x, y]}}, {task_id: m, operator: probe, expand: {text: s.output}}", want: []string{"m[0]#2 success", "m[1]#1 success", "s[0]#1 success", "s[1]#1 success"}, results: `["x","y"]`},
		"its mapped source shrinks": {before: "{task_id: m, operator: probe, expand: {text: s.output}}, {task_id: s, operator: probe, expand: {text: [x, y]}}", after: "{task_id: m, operator: probe, expand: {text: s.output}}, {task_id: s, operator: probe, expand: {text: [x]}}", want: []string{"m[0]#1 success", "m[1]#1 removed", "s[0]#1 success", "s[1]#1 removed"}, results: `["x"]`},
		"its source runs again":     {before: source, after: source + ", {task_id: n, operator: probe}", clear: "^s$", want: []string{"m[0]#1 success", "m[1]#1 success", "n#1 success", "s#2 success"}, results: `["x","y"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			file := func(tasks string) string { return "d:\n  tasks: [{task_id: other, operator: probe}, " + tasks + "]\n" }
			b.load(file(c.before))
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			require.Equal(t, dag.RunSuccess, r.State)
			b.load(file(c.after))
			if c.clear == "" {
				c.clear = "^other$"
			}
			ask := engine.ClearRequest{DAGID: "d", RunID: r.RunID, TaskRegex: c.clear, Latest: true, DryRun: true}
			would, err := b.e.Clear(t.Context(), ask)
			require.NoError(t, err)
			ask.DryRun = false
			done, err := b.e.Clear(t.Context(), ask)
			require.NoError(t, err)
			assert.Equal(t, would, done)
			assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
			assert.Equal(t, c.want, slices.DeleteFunc(b.rows(r.Key), func(s string) bool { return strings.HasPrefix(s, "other#") }))
			xs, err := b.store.XComs(t.Context(), r.Key, "m", "return_value")
			require.NoError(t, err)
			results := []string{}
			for _, x := range xs {
				results = append(results, string(x.Value))
			}
			assert.Equal(t, c.results, "["+strings.Join(results, ",")+"]", "nobody finds the results of instances that are gone")
		})
	}
}

// There and back again: an instance that was removed is taken up where it was.
func TestMappedAndBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	mapped, single := "d:\n  tasks: [{task_id: o, operator: probe}, {task_id: m, operator: probe, expand: {text: [a, b]}}]\n", "d:\n  tasks: [{task_id: o, operator: probe}, {task_id: m, operator: probe}]\n"
	b.load(mapped)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	b.load(single)
	b.latest(engine.ClearRequest{RunID: r.RunID, TaskRegex: "o"})
	assert.Equal(t, []string{"m#1 success", "m[0]#1 removed", "m[1]#1 removed", "o#2 success"}, b.rows(r.Key))
	// An ordinary clear leaves removed instances where they are.
	b.clear(engine.ClearRequest{RunID: r.RunID})
	assert.Equal(t, []string{"m#2 success", "m[0]#1 removed", "m[1]#1 removed", "o#3 success"}, b.rows(r.Key))
	b.load(mapped)
	assert.Equal(t, dag.RunSuccess, b.latest(engine.ClearRequest{RunID: r.RunID, TaskRegex: "o"}).State)
	assert.Equal(t, []string{"m#2 removed", "m[0]#2 success", "m[1]#2 success", "o#4 success"}, b.rows(r.Key))
}

// The choice of a branch stands: as in Airflow it did not choose a task that was not there.
func TestABranchOfTheLatestVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const before = `
d:
  tasks:
    - {task_id: fork, operator: fork, to: [left]}
    - {task_id: left, operator: probe, dependencies: [fork]}
    - {task_id: right, operator: probe, dependencies: [fork]}
`
	b.load(before)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	b.load(before + "    - {task_id: middle, operator: probe, dependencies: [fork]}\n    - {task_id: below, operator: probe, dependencies: [left]}\n")
	b.latest(engine.ClearRequest{RunID: r.RunID, TaskRegex: "left|right"})
	assert.Equal(t, []string{"below#1 success", "fork#1 success", "left#2 success", "middle#0 skipped", "right#0 skipped"}, b.rows(r.Key))
	b.latest(engine.ClearRequest{RunID: r.RunID, TaskRegex: "fork", Downstream: true})
	assert.Equal(t, []string{"below#2 success", "fork#2 success", "left#3 success", "middle#0 skipped", "right#0 skipped"}, b.rows(r.Key))
}

// A task whose own dates leave the run out now is gone from it.
func TestATaskThatIsNoPartOfTheRunAnyMore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const file = "d:\n  schedule: '@daily'\n  start_date: 2026-01-01\n  tasks: [{task_id: a, operator: probe}, {task_id: b, operator: probe%s}]\n"
	b.load(fmt.Sprintf(file, ""))
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: day(5)})
	b.load(fmt.Sprintf(file, ", start_date: 2026-01-06"))
	assert.Equal(t, dag.RunSuccess, b.latest(engine.ClearRequest{RunID: r.RunID}).State)
	assert.Equal(t, []string{"a#2 success", "b#1 removed"}, b.rows(r.Key))
	b.load(fmt.Sprintf(file, ", end_date: 2026-01-06"))
	assert.Equal(t, dag.RunSuccess, b.latest(engine.ClearRequest{RunID: r.RunID}).State)
	assert.Equal(t, []string{"a#3 success", "b#2 success"}, b.rows(r.Key))
}

// The deadlines of the run are those of its new version that lie ahead.
func TestDeadlinesOfTheLatestVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(noon)
	b.failing("fail")
	const file = `
d:
  tasks: [{task_id: a, operator: probe, do: %s}]
  deadline:
    - {reference: dagrun_queued_at, interval: %s, callback: say}
    - {reference: "2026-03-09T00:00:00+00:00", interval: 1h, callback: {callback: say, text: old news}}
`
	b.load(strings.ReplaceAll(fmt.Sprintf(file, "fail", "5h"), "2026-03-09", "2026-03-19"))
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	due := func() (out []string) {
		ls, err := b.store.DueDeadlines(t.Context(), time.Now().AddDate(100, 0, 0))
		require.NoError(t, err)
		for _, l := range ls {
			out = append(out, fmt.Sprintf("%d at %s", l.Index, l.At.UTC().Format("02 15h")))
		}
		return out
	}
	require.Equal(t, []string{"0 at 10 17h", "1 at 19 01h"}, due())
	b.load(fmt.Sprintf(file, "ok", "9h"))
	b.latest(engine.ClearRequest{RunID: r.RunID})
	assert.Equal(t, []string{"0 at 10 21h"}, due())
	assert.Empty(t, b.sentSoFar())
}

// While no process works on the store, a command moves a run to the version that it has read, and the process that
// comes next to its own.
func TestMovedWhileNobodyWorks(t *testing.T) {
	t.Parallel()
	b, r := broken(t, brokenAtThree)
	b.stop()
	b.open()
	other := b.asking(mendedAtThree, true)
	ask := engine.ClearRequest{DAGID: "d", RunID: r.RunID, OnlyFailed: true, Latest: true, DryRun: true}
	would, err := other.Clear(t.Context(), ask)
	require.NoError(t, err)
	ask.DryRun = false
	done, err := other.Clear(t.Context(), ask)
	require.NoError(t, err)
	assert.Equal(t, would, done)
	moved := b.run(r.Key)
	assert.True(t, moved.Provisional)
	assert.NotEqual(t, r.Version, moved.Version)
	assert.Equal(t, []string{"a#1 success", "b#1 none", "c#0 none", "fresh#0 none", "gone#1 removed"}, b.rows(r.Key))

	b.start(engine.RunOptions{})
	third := b.load(strings.ReplaceAll(mendedAtThree, "fresh", "later"))[0].Version
	got := b.ended1(r.Key)
	assert.Equal(t, dag.RunSuccess, got.State)
	assert.Equal(t, third, got.Version)
	assert.False(t, got.Provisional)
	assert.Equal(t, []string{"a#1 success", "b#2 success", "c#1 success", "fresh#0 removed", "gone#1 removed", "later#1 success"}, b.rows(r.Key))
}

// A deadline that lay behind the run when it was moved is not told by the process that comes next, either.
func TestDeadlinesOfAMoveWhileNobodyWorks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	const file = "d:\n  tasks: [{task_id: a, operator: probe, do: %s}, {task_id: %s, operator: probe}]\n"
	const deadlines = `
  deadline:
    - {reference: dagrun_queued_at, interval: 5h, callback: say}
    - {reference: "2020-01-01T00:00:00+00:00", interval: 1h, callback: {callback: say, text: old news}}
`
	b.load(fmt.Sprintf(file, "fail", "b"))
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	b.stop()
	b.open()
	_, err := b.asking(fmt.Sprintf(file, "ok", "c")+deadlines, true).Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, Latest: true})
	require.NoError(t, err)
	b.start(engine.RunOptions{})
	b.load(fmt.Sprintf(file, "ok", "d") + deadlines)
	require.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	due := func(at time.Time) int {
		ls, err := b.store.DueDeadlines(t.Context(), at)
		require.NoError(t, err)
		return len(ls)
	}
	b.until("what is due is told", func() bool { return due(time.Now()) == 0 })
	assert.Equal(t, 1, due(time.Now().AddDate(1, 0, 0)))
	told, err := b.store.DeliveryLog(t.Context(), store.DeliveryFilter{})
	require.NoError(t, err)
	assert.Empty(t, told)
}

// The process that works on the store reads the files again before it does what another one asks for.
func TestTheLatestVersionIsReadWhenAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	b.load(brokenAtThree)
	var version string
	b.start(engine.RunOptions{Reload: func(context.Context) error {
		ds := b.load(mendedAtThree) //nolint:contextcheck // as all tests do
		version = ds[0].Version
		return nil
	}})
	r := b.finish(engine.Trigger{})
	other := b.asking(mendedAtThree, false)
	_, err := other.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, OnlyFailed: true})
	require.NoError(t, err)
	require.Equal(t, dag.RunFailed, b.ended1(r.Key).State)
	assert.Empty(t, version, "of an ordinary clear the files do not matter")
	done, err := other.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, OnlyFailed: true, Latest: true})
	require.NoError(t, err)
	assert.True(t, done.Runs[0].Latest)
	assert.Equal(t, version, b.ended1(r.Key).Version)
}

// So does the process itself when it is asked.
func TestTheLatestVersionIsReadBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	b.load(brokenAtThree)
	b.start(engine.RunOptions{Reload: func(context.Context) error {
		b.load(mendedAtThree) //nolint:contextcheck // as all tests do
		return nil
	}})
	r := b.finish(engine.Trigger{})
	done, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, OnlyFailed: true, Latest: true, DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, "fresh", done.Runs[0].Instances[2].TaskID)
}
