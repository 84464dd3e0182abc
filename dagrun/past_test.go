package dagrun_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// What depends_on_past and wait_for_downstream make of the run before.
func TestPastUnmet(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	at := func(states string, absent ...string) *dagrun.Past {
		p := &dagrun.Past{RunID: "r1", State: dag.RunRunning, LogicalDate: day(1), States: map[string]dag.State{}, Absent: map[string]bool{}}
		for s := range strings.FieldsSeq(states) {
			id, state, _ := strings.Cut(s, "=")
			p.States[id] = dag.State(state)
		}
		for _, id := range absent {
			p.Absent[id] = true
		}
		return p
	}
	past := func(d *dag.DAG) { d.Tasks[0].DependsOnPast = true }
	below := func(d *dag.DAG) { d.Tasks[0].DependsOnPast, d.Tasks[0].WaitForDownstream = true, true }
	strict := func(d *dag.DAG) { d.Tasks[0].DependsOnPast, d.Tasks[0].IgnoreFirstDependsOnPast = true, false }
	const first = `depends_on_past: task "a" is not in run r1, and ignore_first_depends_on_past is false`
	queued := at("a=failed")
	queued.State = dag.RunQueued
	for _, c := range []struct {
		name string
		set  func(*dag.DAG)
		prev *dagrun.Past
		want string
	}{
		{"does not look back", nil, at("a=failed"), ""},
		{"no run before", past, nil, ""},
		{"succeeded", past, at("a=success"), ""},
		{"skipped", past, at("a=skipped"), ""},
		{"failed", past, at("a=failed"), `depends_on_past: task "a" is failed in run r1`},
		{"running", past, at("a=running"), `depends_on_past: task "a" is running in run r1`},
		{"not begun", past, at(""), `depends_on_past: task "a" is none in run r1`},
		{"removed", past, at("a=removed"), `depends_on_past: task "a" is removed in run r1`},
		{"queued run", past, queued, `depends_on_past: task "a" is failed in run r1, which is queued, and starts in the slot of this run once nothing else is left to do here`},
		{"only itself", past, at("a=success b=failed"), ""},
		{"wait_for_downstream", below, at("a=success b=failed c=success"), `depends_on_past: task "b" is failed in run r1`},
		{"wait_for_downstream, all good", below, at("a=success b=success c=skipped"), ""},
		{"only directly downstream", below, at("a=success b=success c=success e=failed"), ""},
		{"wait_for_downstream, what was no part of the run", below, at("a=success b=success", "c"), ""},
		{"first instance", past, at("", "a"), ""},
		{"first instance, strict", strict, at("", "a"), first},
		{"first instance, strict, with catchup from its start", func(d *dag.DAG) { strict(d); d.Catchup = true; d.Tasks[0].StartDate = day(1) }, at("", "a"), first},
		{"first instance, strict, with catchup before its start", func(d *dag.DAG) { strict(d); d.Catchup = true; d.Tasks[0].StartDate = day(2) }, at("", "a"), ""},
		{"strict is of the task itself", func(d *dag.DAG) { below(d); d.Tasks[0].IgnoreFirstDependsOnPast = false }, at("a=success b=success", "c"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := graphOf(c.set, "a:", "b: a", "c: a", "e: b")
			assert.Equal(t, c.want, g.PastUnmet(0, c.prev).String())
		})
	}
}

func TestLooksBack(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.Tasks[0].WaitForDownstream, d.Tasks[1].DependsOnPast = true, true }, "a:", "b: a", "c: a")
	assert.Equal(t, []string{"a", "b", "c"}, g.LooksBack(0))
	assert.Equal(t, []string{"b"}, g.LooksBack(1))
	assert.Empty(t, g.LooksBack(2))
}

// A run does nothing but wait for the one before when all that waits in it looks back.
func TestOnlyLooksBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, states string
		want         bool
	}{
		{"nothing waits", "a=success b=success c=success", false},
		{"one that looks back waits", "a=scheduled b=success c=success", true},
		{"two that look back wait", "a=scheduled b=scheduled c=success", true},
		{"another waits, too", "a=scheduled c=scheduled", false},
		{"one is active", "a=scheduled b=running", false},
		{"one waits for its retry", "a=scheduled b=up_for_retry", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := graphOf(func(d *dag.DAG) { d.Tasks[0].DependsOnPast, d.Tasks[1].DependsOnPast = true, true }, "a:", "b:", "c:")
			m := dagrun.NewMachine(g)
			for s := range strings.FieldsSeq(c.states) {
				id, state, _ := strings.Cut(s, "=")
				m.Set(place(m, g, id), dag.State(state))
			}
			assert.Equal(t, c.want, m.OnlyLooksBack())
		})
	}
}

// A task that waits to be skipped until the run before has ended counts as one that waits.
func TestOnlyLooksBackWithHeldTask(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) {
		d.Tasks[1].DependsOnPast, d.Tasks[1].WaitForPastDependsBeforeSkipping, d.Tasks[2].DependsOnPast = true, true, true
	}, "a:", "b: a", "c:")
	m := dagrun.NewMachine(g)
	m.Set(place(m, g, "a"), dag.Skipped)
	m.Set(place(m, g, "c"), dag.Success)
	m.Advance()
	assert.Equal(t, []dagrun.Task{1}, slices.Collect(m.Held()))
	assert.True(t, m.Holds(1))
	assert.Equal(t, 1, m.HeldCount())
	assert.True(t, m.OnlyLooksBack())
	m.Set(place(m, g, "c"), dag.Scheduled)
	assert.True(t, m.OnlyLooksBack(), "beside one that is queued only then")
	m.Set(place(m, g, "c"), dag.Success)
	state, _ := m.Verdict()
	assert.Equal(t, dag.RunRunning, state)
	m.Release(1)
	p := m.Advance()
	assert.Equal(t, "b", ids(m, g, p.Settled))
	assert.False(t, m.Holds(1))
	assert.False(t, m.OnlyLooksBack())
}

// A task is in the runs between its own dates, both counted.
func TestInWindow(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	task := func(start, end time.Time) *dag.Task {
		return &dag.Task{Settings: &dag.Settings{StartDate: start, EndDate: end}}
	}
	both := task(day(2), day(3))
	for _, c := range []struct {
		name string
		task *dag.Task
		kind dag.RunType
		date time.Time
		want bool
	}{
		{"no dates", task(time.Time{}, time.Time{}), dag.ScheduledRun, day(1), true},
		{"before", both, dag.ScheduledRun, day(1), false},
		{"at its start", both, dag.ScheduledRun, day(2), true},
		{"at its end", both, dag.ManualRun, day(3), true},
		{"after", both, dag.ManualRun, day(4), false},
		{"no end", task(day(2), time.Time{}), dag.ManualRun, day(4), true},
		{"backfill", both, dag.BackfillRun, day(4), true},
		{"no logical date", both, dag.ManualRun, time.Time{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, dagrun.InWindow(c.task, c.kind, c.date))
		})
	}
	g := graphOf(func(d *dag.DAG) { d.Tasks[0].StartDate, d.Tasks[2].StartDate = day(2), day(2) }, "a:", "b: a", "c:")
	m := dagrun.NewMachine(g)
	m.Set(place(m, g, "c"), dag.Success)
	m.LeaveOut(dag.ScheduledRun, day(1))
	p := m.Advance()
	assert.Equal(t, dag.Removed, m.State(place(m, g, "a")))
	assert.Equal(t, "b", ids(m, g, p.Ready), "what is downstream does as if it were not there")
	assert.Equal(t, dag.Success, m.State(place(m, g, "c")), "what has a state keeps it")
}
