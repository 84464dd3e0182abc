package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

var ann = store.Actor{Name: "ann", Via: store.ViaCLI} //nolint:gochecknoglobals // a constant

// events are what people did, oldest first, a line each.
func (b *bench) events() (out []string) {
	b.t.Helper()
	es, err := b.store.Events(b.t.Context(), store.EventFilter{})
	require.NoError(b.t, err)
	for _, e := range es {
		out = append([]string{fmt.Sprintf("%s %s %s/%s/%s/%d %s", e.Actor, e.Kind, e.DAGID, e.RunID, e.TaskID, e.MapIndex, e.Extra)}, out...)
	}
	return out
}

// kinds are what was done, oldest first.
func (b *bench) kinds() (out []string) {
	b.t.Helper()
	es, err := b.store.Events(b.t.Context(), store.EventFilter{})
	require.NoError(b.t, err)
	for _, e := range es {
		out = append([]string{string(e.Kind)}, out...)
	}
	return out
}

// Who asked is kept with the run and among the events, whoever does what was asked for.
func TestWhoAskedIsKept(t *testing.T) {
	t.Parallel()
	const two = "d:\n  tasks:\n    - {task_id: a, operator: probe}\n    - {task_id: b, operator: probe, dependencies: [a]}\n"
	for name, beside := range map[string]bool{"of this process": false, "of another one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(two)
			b.start(engine.RunOptions{})
			e := b.e
			if beside {
				e = b.asking(two, false)
			}
			r, err := e.Trigger(t.Context(), "d", engine.Trigger{RunID: "r", Actor: ann})
			require.NoError(t, err)
			r = b.ended1(r.Key)
			assert.Equal(t, ann, r.Actor)
			ended := func() { b.until("the run has ended", func() bool { return b.ended1(r.Key).State.Finished() }) }
			_, err = e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "r", TaskRegex: "^b$", DryRun: true, Actor: ann})
			require.NoError(t, err)
			_, err = e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "r", TaskRegex: "^b$", Actor: ann})
			require.NoError(t, err)
			ended()
			_, err = e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "r", Actor: ann})
			require.NoError(t, err)
			ended()
			_, err = e.Mark(t.Context(), engine.MarkRequest{DAGID: "d", RunID: "r", TaskID: "b", State: dag.Failed, Actor: ann})
			require.NoError(t, err)
			ended()
			_, err = e.Mark(t.Context(), engine.MarkRequest{DAGID: "d", RunID: "r", State: dag.Success, Actor: ann})
			require.NoError(t, err)
			_, err = e.Trigger(t.Context(), "d", engine.Trigger{RunID: "r", Reset: true, Actor: store.Actor{Via: store.ViaOperator}})
			require.NoError(t, err)
			ended()
			made, err := e.Trigger(t.Context(), "d", engine.Trigger{RunID: "by_task", Actor: store.Actor{Via: store.ViaOperator}})
			require.NoError(t, err)
			assert.Equal(t, store.ViaOperator, made.Actor.Via)
			assert.Equal(t, []string{
				"ann (cli) trigger d/r//-1 ",
				`ann (cli) clear d/r/b/-1 {"from":"success","state":"queued","task_instances":1,"tasks":["b"]}`,
				`ann (cli) clear d/r//-1 {"from":"success","state":"queued","task_instances":2,"tasks":["a","b"]}`,
				`ann (cli) mark_failed d/r/b/-1 {"from":"success","state":"success","task_instances":1,"tasks":["b"]}`,
				`ann (cli) mark_success d/r//-1 {"from":"success","state":"success","task_instances":1,"tasks":["b"]}`,
				`operator clear d/r//-1 {"from":"success","state":"queued","task_instances":2,"tasks":["a","b"]}`,
			}, b.events(), "a dry run is no event, and neither is a run that a task triggers")
			assert.Equal(t, ann, b.ended1(r.Key).Actor, "who made it stays")
		})
	}
}

// Runs that nobody asked for say what made them; a task that triggers a run is no event.
func TestRunsSayWhatMadeThem(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	b.start(engine.RunOptions{Schedule: true})
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(4), Actor: ann})
	b.untilCompleted(bf.ID)
	rs, err := b.store.Runs(t.Context(), store.RunFilter{BackfillID: bf.ID})
	require.NoError(t, err)
	require.Len(t, rs, 2)
	assert.Equal(t, store.Actor{Name: "ann", Via: store.ViaBackfill}, rs[0].Actor)
	last, err := b.store.LastScheduled(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, store.Actor{Via: store.ViaTimetable}, last.Actor)
	got, err := b.store.Backfill(t.Context(), bf.ID)
	require.NoError(t, err)
	assert.Equal(t, ann, got.Actor)
	assert.Equal(t, []string{fmt.Sprintf(`ann (cli) backfill_create d///-1 {"backfill_id":%d}`, bf.ID)}, b.events())
}

// What was done to one instance of a mapped task names it; what was done to more names the task.
func TestEventsNameWhatWasChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fail := b.failing("flaky")
	b.load("d:\n  tasks:\n    - {task_id: m, operator: probe, expand: {do: [ok, flaky]}}\n    - {task_id: t, operator: probe}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{RunID: "r"})
	fail(false)
	b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "m", OnlyFailed: true})
	b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "m"})
	b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "m|t"})
	var of []string
	for _, e := range b.events()[1:] {
		words := strings.Fields(e)
		of = append(of, words[len(words)-2])
	}
	assert.Equal(t, []string{"d/r/m/1", "d/r/m/-1", "d/r//-1"}, of)
}

// What a message asks for is done once, whoever does it.
func TestAMessageChangesOnce(t *testing.T) {
	t.Parallel()
	const one = "d:\n  tasks:\n    - {task_id: a, operator: probe}\n"
	for name, beside := range map[string]bool{"by this process": false, "by another one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(one)
			b.start(engine.RunOptions{})
			e := b.e
			if beside {
				e = b.asking(one, false)
			}
			said := func(id string) store.Actor { return store.Actor{Name: "u1", Via: store.ViaChat, Ref: "c/" + id} }
			r, err := e.Trigger(t.Context(), "d", engine.Trigger{Actor: said("1")})
			require.NoError(t, err)
			b.until("the run has ended", func() bool { return b.ended1(r.Key).State.Finished() })
			_, err = e.Trigger(t.Context(), "d", engine.Trigger{Actor: said("1")})
			require.ErrorIs(t, err, store.ErrRepeated)
			runs, err := b.store.Runs(t.Context(), store.RunFilter{DAGID: "d"})
			require.NoError(t, err)
			assert.Len(t, runs, 1)
			again := engine.ClearRequest{DAGID: "d", RunID: r.RunID, Actor: said("2")}
			_, err = e.Clear(t.Context(), again)
			require.NoError(t, err)
			b.until("the run has ended again", func() bool { return b.ended1(r.Key).State.Finished() })
			_, err = e.Clear(t.Context(), again)
			require.ErrorIs(t, err, store.ErrRepeated)
			assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State, "it stays as it was")
			assert.Equal(t, []string{"trigger", "clear"}, b.kinds())
		})
	}
}
