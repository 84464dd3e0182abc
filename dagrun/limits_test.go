package dagrun_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// The limits that hold an instance, in the order in which they are looked at.
func TestNoSlot(t *testing.T) {
	t.Parallel()
	free := dagrun.Load{Pool: dagrun.Pool{Known: true, Slots: 5}}
	for _, c := range []struct {
		name   string
		set    func(*dag.Task)
		active int // instances of the task in the run
		load   dagrun.Load
		want   string
	}{
		{name: "nothing", load: free},
		{name: "no such pool", set: func(t *dag.Task) { t.Pool = "p" }, want: `pool "p" does not exist: create it with dingdag pools set p SLOTS`},
		{name: "the last slot", load: dagrun.Load{Pool: dagrun.Pool{Known: true, Slots: 5, Used: 4}}},
		{name: "a full pool", load: dagrun.Load{Pool: dagrun.Pool{Known: true, Slots: 5, Used: 5}}, want: `pool "default_pool": 5 of 5 slots are taken`},
		{name: "too few for a heavy task", set: func(t *dag.Task) { t.PoolSlots = 2 }, load: dagrun.Load{Pool: dagrun.Pool{Known: true, Slots: 5, Used: 4}}, want: `pool "default_pool": 4 of 5 slots are taken`},
		{name: "a pool full of deferred ones", load: dagrun.Load{Pool: dagrun.Pool{Known: true, Slots: 5, Used: 5, Deferred: 2, IncludeDeferred: true}}, want: `pool "default_pool": 5 of 5 slots are taken, 2 of them by deferred tasks`},
		{name: "a pool without bound", load: dagrun.Load{Pool: dagrun.Pool{Known: true, Slots: -1, Used: 1000}}},
		{name: "a pool without slots", load: dagrun.Load{Pool: dagrun.Pool{Known: true}}, want: `pool "default_pool": 0 of 0 slots are taken`},
		{name: "below max_active_tis_per_dag", set: func(t *dag.Task) { t.MaxActiveTIsPerDAG = 2 }, load: dagrun.Load{Pool: free.Pool, OfDAG: 1}},
		{name: "max_active_tis_per_dag", set: func(t *dag.Task) { t.MaxActiveTIsPerDAG = 2 }, load: dagrun.Load{Pool: free.Pool, OfDAG: 2}, want: "max_active_tis_per_dag: 2 of 2 instances are active"},
		{name: "no max_active_tis_per_dag", load: dagrun.Load{Pool: free.Pool, OfDAG: 2}},
		{name: "below max_active_tis_per_dagrun", set: func(t *dag.Task) { t.MaxActiveTIsPerDAGRun = 2 }, active: 1, load: free},
		{name: "max_active_tis_per_dagrun", set: func(t *dag.Task) { t.MaxActiveTIsPerDAGRun = 2 }, active: 2, load: free, want: "max_active_tis_per_dagrun: 2 of 2 instances are active"},
		{name: "no max_active_tis_per_dagrun", active: 2, load: free},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := graphOf(func(d *dag.DAG) {
				d.Tasks[0].Mapping = &dag.Mapping{}
				if c.set != nil {
					c.set(d.Tasks[0])
				}
			}, "a")
			m := dagrun.NewMachine(g)
			m.Advance()
			m.Unfold(0, c.active+1)
			for _, at := range m.Slots(0)[:c.active] {
				m.Set(at, dag.Queued)
			}
			assert.Equal(t, c.want, m.NoSlot(m.Slots(0)[c.active], c.load).String())
		})
	}
}

// What is taken of a pool need not be counted where it can't hold anybody.
func TestPoolBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		task dag.Settings
		pool dagrun.Pool
		want bool
	}{
		{"unknown", dag.Settings{}, dagrun.Pool{}, false},
		{"no bound", dag.Settings{}, dagrun.Pool{Known: true, Slots: -1}, false},
		{"as many as workers", dag.Settings{}, dagrun.Pool{Known: true, Slots: 8}, false},
		{"fewer than workers", dag.Settings{}, dagrun.Pool{Known: true, Slots: 7}, true},
		{"deferred ones have no worker", dag.Settings{}, dagrun.Pool{Known: true, Slots: 8, IncludeDeferred: true}, true},
		{"a heavy task", dag.Settings{PoolSlots: 2}, dagrun.Pool{Known: true, Slots: 8}, true},
		{"another pool", dag.Settings{Pool: "p"}, dagrun.Pool{Known: true, Slots: 8}, true},
		{"no slots", dag.Settings{}, dagrun.Pool{Known: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.pool.Bounds(&dag.Task{Settings: &c.task}, 8))
		})
	}
}

// max_active_tasks bounds what is queued at once, heavy tasks go first, and what is held
// lets others by.
func TestCandidates(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) {
		d.MaxActiveTasks = 2
		for i, w := range []int{1, 3, 2, 3} {
			d.Tasks[i].PriorityWeight = w
		}
	}, "a", "b", "c", "e")
	m := dagrun.NewMachine(g)
	m.Advance()
	take := func(not string) string {
		var seen []dagrun.Slot
		for at := range m.Candidates() {
			seen = append(seen, at)
			if ids(m, g, seen[len(seen)-1:]) != not {
				m.Set(at, dag.Queued)
			}
		}
		return ids(m, g, seen)
	}
	assert.True(t, m.Full().IsZero())
	assert.Equal(t, "b e c", take("b"), "of the same weight the first, and one that is held lets others by")
	assert.Equal(t, "max_active_tasks: 2 of 2 tasks of the run are active", m.Full().String())
	assert.Equal(t, "b a", ids(m, g, m.Waiting()))
	assert.Empty(t, take(""), "all places are taken")
	m.Set(place(m, g, "e"), dag.Running)
	assert.Empty(t, take(""), "a running task keeps its place")
	m.Set(place(m, g, "e"), dag.Success)
	assert.Equal(t, "b", take(""))
	m.Set(place(m, g, "b"), dag.UpForRetry)
	assert.Equal(t, "a", take(""), "a task that waits for its retry has given its place back")
	m.Set(place(m, g, "b"), dag.Scheduled)
	m.Set(place(m, g, "c"), dag.Failed)
	assert.Equal(t, "b", take(""))
	assert.Empty(t, m.Waiting())
}

// Whether there is room for all counts what is active already.
func TestCandidatesBesideActiveOnes(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.MaxActiveTasks = 2; d.Tasks[2].PriorityWeight = 9 }, "busy", "a", "b")
	m := dagrun.NewMachine(g)
	m.Advance()
	m.Set(place(m, g, "busy"), dag.Running)
	for at := range m.Candidates() {
		m.Set(at, dag.Queued)
	}
	assert.Equal(t, "a", ids(m, g, m.Waiting()), "the heavier one goes first")
}

// Where there is room for all, they go in the order in which they became ready.
func TestCandidatesWithRoom(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.MaxActiveTasks = 2; d.Tasks[1].PriorityWeight = 9 }, "a", "b")
	m := dagrun.NewMachine(g)
	m.Advance()
	var first dagrun.Slot
	for at := range m.Candidates() {
		first = at
		break
	}
	assert.Equal(t, place(m, g, "a"), first)
	assert.Len(t, m.Waiting(), 2, "one that was not queued goes on waiting")
}

// The three rules of weights: its own, what is below too, what is above too.
func TestWeights(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{"absolute": "c b a", "downstream": "a b c", "upstream": "c b a", "": "a b c"} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			// Three chains of the length 3, of which the k-th has its k-th task ready.
			g := graphOf(func(d *dag.DAG) {
				d.MaxActiveTasks = 1
				for i, task := range d.Tasks {
					if task.WeightRule = rule; rule == "absolute" {
						task.PriorityWeight = i/3 + 1
					}
				}
			}, "a:", "a1: a", "a2: a1", "b0:", "b: b0", "b2: b", "c0:", "c1: c0", "c: c1")
			m := dagrun.NewMachine(g)
			for _, done := range []string{"b0", "c0", "c1"} {
				m.Set(place(m, g, done), dag.Success)
			}
			m.Advance()
			var order []string
			for range 3 {
				for at := range m.Candidates() {
					order = append(order, ids(m, g, []dagrun.Slot{at}))
					m.Set(at, dag.Queued)
					m.Set(at, dag.UpForRetry)
					break
				}
			}
			assert.Equal(t, want, strings.Join(order, " "))
		})
	}
}

// Whatever happens to instances, what is active and waits is what a count of all would say.
func TestCountsProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, counts)
}

// FuzzMachine looks for a way to bring the counts of a machine out of step.
func FuzzMachine(f *testing.F) { f.Fuzz(rapid.MakeFuzz(counts)) }

func counts(t *rapid.T) {
	g := graphOf(func(d *dag.DAG) {
		for _, task := range d.Tasks {
			task.Pool = rapid.SampledFrom([]string{"", "p"}).Draw(t, "pool")
			task.PoolSlots = rapid.IntRange(0, 3).Draw(t, "pool_slots")
			task.MaxActiveTIsPerDAG = rapid.IntRange(0, 1).Draw(t, "per dag")
			task.MaxActiveTIsPerDAGRun = rapid.IntRange(0, 1).Draw(t, "per run")
			task.DependsOnPast = rapid.Bool().Draw(t, "depends_on_past")
			task.WaitForPastDependsBeforeSkipping = rapid.Bool().Draw(t, "waits to skip")
			if rapid.Bool().Draw(t, "mapped") {
				task.Mapping = &dag.Mapping{}
			}
		}
	}, "a:", "b: a", "c: a", "e: b c")
	m := dagrun.NewMachine(g)
	for range rapid.IntRange(0, 40).Draw(t, "steps") {
		switch rapid.IntRange(0, 5).Draw(t, "step") {
		case 0:
			for _, task := range m.Advance().Expand {
				m.Unfold(task, rapid.IntRange(1, 3).Draw(t, "length"))
			}
		case 1:
			for at := range m.Candidates() {
				if rapid.Bool().Draw(t, "admitted") {
					m.Set(at, dag.Queued)
				}
			}
		case 2:
			for task := range m.Held() {
				m.Release(task)
			}
		case 3:
			m.StopFast(func(dagrun.Slot) bool { return rapid.Bool().Draw(t, "begun") })
		default:
			all := []dagrun.Slot{}
			for at := range m.All() {
				all = append(all, at)
			}
			m.Set(rapid.SampledFrom(all).Draw(t, "slot"), rapid.SampledFrom([]dag.State{
				dag.None, dag.Scheduled, dag.Queued, dag.Running, dag.Success, dag.Failed, dag.Skipped, dag.UpForRetry, dag.Removed, dag.Restarting, dag.UpstreamFailed, dag.Deferred,
			}).Draw(t, "state"))
		}
		var (
			active, inFlight int
			waiting          []dagrun.Slot
			pools, deferred  = map[string]int{}, map[string]int{}
			of               = map[dagrun.Task]int{}
		)
		for at, s := range m.All() {
			task := g.DAG().Tasks[m.Task(at)]
			if s != dag.None && !s.Finished() {
				inFlight++
			}
			if s == dag.Scheduled {
				waiting = append(waiting, at)
			}
			if s == dag.Queued || s == dag.Running {
				active++
				of[m.Task(at)]++
				name, slots := dagrun.PoolOf(task)
				pools[name] += slots
			}
			if s == dag.Deferred {
				name, slots := dagrun.PoolOf(task)
				deferred[name] += slots
			}
		}
		require.Equal(t, active, m.Active())
		require.Equal(t, inFlight, m.InFlight())
		require.ElementsMatch(t, waiting, m.Waiting())
		for _, name := range []string{"p", dagrun.DefaultPool} {
			require.Equal(t, pools[name], m.PoolUse(name))
			require.Equal(t, deferred[name], m.PoolDeferred(name))
		}
		for i, task := range g.DAG().Tasks {
			want := of[dagrun.Task(i)]
			if task.MaxActiveTIsPerDAG+task.MaxActiveTIsPerDAGRun == 0 {
				want = 0 // nobody asks
			}
			require.Equal(t, want, m.ActiveOf(dagrun.Task(i)))
		}
	}
}
