package dagrun

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag"
)

// shape builds a graph from the upstream lists of its tasks.
func shape(rules []dag.TriggerRule, upstream ...[]Task) *Graph {
	g := &Graph{tasks: make([]node, len(upstream))}
	for i, ups := range upstream {
		g.tasks[i].up = ups
		g.tasks[i].rule = dag.AllSuccess
		if i < len(rules) && rules[i] != "" {
			g.tasks[i].rule = rules[i]
		}
		for _, u := range ups {
			g.tasks[u].down = append(g.tasks[u].down, Task(i))
		}
	}
	g.sort()
	return g
}

// machineOf is the machine of a run whose tasks have the given states.
func machineOf(g *Graph, states []dag.State) *Machine {
	m := NewMachine(g)
	for i, s := range states {
		m.Set(g.first[i], s)
	}
	return m
}

func TestMachineChain(t *testing.T) {
	t.Parallel()
	m := machineOf(shape(nil, nil, []Task{0}, []Task{1}), nil)
	p := m.Advance()
	assert.Equal(t, m.Slots(0), p.Ready)
	assert.Empty(t, p.Settled)

	m.Set(p.Ready[0], dag.Success)
	p = m.Advance()
	assert.Equal(t, m.Slots(1), p.Ready)
	state, _ := m.Verdict()
	assert.Equal(t, dag.RunRunning, state)

	m.Set(p.Ready[0], dag.Failed)
	p = m.Advance()
	assert.Empty(t, p.Ready)
	assert.Equal(t, m.Slots(2), p.Settled)
	assert.Equal(t, dag.UpstreamFailed, m.State(p.Settled[0]))
	state, reason := m.Verdict()
	assert.Equal(t, dag.RunFailed, state)
	assert.Equal(t, "task_failure", reason)
}

// The run's state follows the leaves only (Airflow, DagRun.update_state).
func TestMachineLeavesDecide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		middle, leaf dag.State
		want         dag.RunState
	}{
		"failed middle, good leaf": {dag.Failed, dag.Success, dag.RunSuccess},
		"skipped leaf":             {dag.Success, dag.Skipped, dag.RunSuccess},
		"failed leaf":              {dag.Success, dag.Failed, dag.RunFailed},
		"upstream_failed leaf":     {dag.Failed, dag.UpstreamFailed, dag.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := machineOf(shape([]dag.TriggerRule{"", dag.AllDone}, nil, []Task{0}), []dag.State{c.middle, c.leaf})
			m.Advance()
			state, _ := m.Verdict()
			assert.Equal(t, c.want, state)
		})
	}
}

func TestMachineInstantTasksTravelInOneStep(t *testing.T) {
	t.Parallel()
	g := shape(nil, nil, []Task{0}, []Task{1}, []Task{2})
	g.tasks[0].instant, g.tasks[1].instant, g.tasks[3].instant = true, true, true
	m := NewMachine(g)
	p := m.Advance()
	assert.Equal(t, m.Slots(2), p.Ready)
	assert.Equal(t, g.first[:2], p.Settled)
}

func TestMachineWaitingForeverIsADeadlock(t *testing.T) {
	t.Parallel()
	// Task 1 was left in state none although its upstream is removed from its rule's view.
	m := machineOf(shape([]dag.TriggerRule{"", dag.AllSkipped}, nil, []Task{0}), nil)
	m.dirty = nil
	state, reason := m.Verdict()
	assert.Equal(t, dag.RunFailed, state)
	assert.Equal(t, "all_tasks_deadlocked", reason)
}

// naive is the specification: it looks at everything until nothing changes.
func naive(g *Graph, states []dag.State, released map[Task]bool) []dag.State {
	states = slices.Clone(states)
	for changed := true; changed; {
		changed = false
		for i, n := range g.tasks {
			if states[i] != dag.None {
				continue
			}
			var c counts
			for _, u := range n.up {
				c.add(states[u], 1)
			}
			next := map[Verdict]dag.State{Runs: dag.Scheduled, Skips: dag.Skipped, UpstreamFails: dag.UpstreamFailed}[naiveRule(g, Task(i), evaluate(n.rule, c, int32(len(n.up))), func(s Task) []dag.State { return states[s : s+1] })]
			if n.instant && next == dag.Scheduled {
				next = dag.Success
			}
			if next != dag.None && (next != dag.Skipped || !n.waitsToSkip || released[Task(i)]) {
				states[i], changed = next, true
			}
		}
	}
	return states
}

// naiveRule corrects what a trigger rule says by the instances of the task's setups, in
// the words of Airflow's documentation.
func naiveRule(g *Graph, i Task, v Verdict, statesOf func(Task) []dag.State) Verdict {
	n := g.tasks[i]
	if n.rule == dag.Always || len(n.up) == 0 {
		return v
	}
	var c counts
	total := 0
	for s := range g.tasks {
		if g.tasks[s].setup && (n.teardown && slices.Contains(n.up, Task(s)) || !n.teardown && !slices.Contains(n.up, Task(s)) && inScope(g, Task(s), i)) {
			for _, state := range statesOf(Task(s)) {
				c.add(state, 1)
				total++
			}
		}
	}
	switch {
	case total == 0:
	case n.teardown && v == Runs:
		if int(c.skipped) == total {
			return Skips
		}
		if c.success == 0 {
			return UpstreamFails
		}
	case n.teardown:
	case c.failed+c.upstreamFailed > 0:
		return UpstreamFails
	case c.skipped > 0:
		return Skips
	case v == Runs && int(c.success) < total:
		return Waits
	}
	return v
}

// inScope reports whether a task lies between a setup and one of its teardowns, or
// anywhere after a setup without teardown.
func inScope(g *Graph, s, i Task) bool {
	if !leads(g, s, i) {
		return false
	}
	alone := true
	for _, d := range g.tasks[s].down {
		if g.tasks[d].teardown {
			alone = false
			if leads(g, i, d) {
				return true
			}
		}
	}
	return alone
}

func leads(g *Graph, from, to Task) bool {
	return slices.ContainsFunc(g.tasks[from].down, func(d Task) bool { return d == to || leads(g, d, to) })
}

// naiveVerdict judges a run in which every task has finished.
func naiveVerdict(g *Graph, states []dag.State) dag.RunState {
	counted := func(i Task) bool { return !g.tasks[i].teardown || g.tasks[i].failsRun }
	var leaves, ends []Task
	for i, n := range g.tasks {
		if counted(Task(i)) && !slices.ContainsFunc(n.down, counted) {
			leaves = append(leaves, Task(i))
		}
		if len(n.down) == 0 {
			ends = append(ends, Task(i))
		}
	}
	if len(leaves) == 0 {
		leaves = ends
	}
	if slices.ContainsFunc(leaves, func(i Task) bool { return Failed(states[i]) }) {
		return dag.RunFailed
	}
	return dag.RunSuccess
}

// Whatever the DAG and whatever its tasks do: the incremental machine is always where
// the specification is, a run ends, and a machine read back from its states goes on alike.
func TestMachineProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "tasks")
		ups := make([][]Task, n)
		rules := make([]dag.TriggerRule, n)
		for i := range n {
			for u := range i {
				if rapid.Bool().Draw(t, "edge") {
					ups[i] = append(ups[i], Task(u))
				}
			}
			rules[i] = rapid.SampledFrom(allRules).Draw(t, "rule")
		}
		g := shape(rules, ups...)
		for i := range n {
			g.tasks[i].instant = rapid.IntRange(0, 4).Draw(t, "instant") == 0
			g.tasks[i].waitsToSkip = rapid.IntRange(0, 3).Draw(t, "waits to skip") == 0
			switch rapid.IntRange(0, 4).Draw(t, "role") {
			case 0:
				g.tasks[i].setup = true
			case 1:
				g.tasks[i].teardown, g.tasks[i].rule = true, dag.AllDoneSetupSuccess
				g.tasks[i].failsRun = rapid.Bool().Draw(t, "fails run")
			}
		}
		g.findScopes()
		m := NewMachine(g)
		for step := 0; ; step++ {
			before := slices.Clone(m.states.list)
			m.Advance()
			require.Equal(t, naive(g, before, m.released), m.states.list)
			if rapid.Bool().Draw(t, "crash") {
				held := m.held
				m = machineOf(g, m.states.list)
				p := m.Advance()
				require.Empty(t, p.Ready)
				require.Empty(t, p.Settled)
				require.Equal(t, len(held), len(m.held))
			}
			var busyTasks []int
			for i, s := range m.states.list {
				if busy(s) {
					busyTasks = append(busyTasks, i)
				}
			}
			state, _ := m.Verdict()
			if held := slices.Sorted(maps.Keys(m.held)); len(held) > 0 && (len(busyTasks) == 0 || rapid.Bool().Draw(t, "release")) {
				require.Equal(t, dag.RunRunning, state, "a task waits to be skipped, which is no deadlock")
				m.Release(rapid.SampledFrom(held).Draw(t, "held"))
				continue
			}
			if len(busyTasks) == 0 {
				require.Equal(t, naiveVerdict(g, m.states.list), state, "nothing runs, so the run has ended")
				break
			}
			require.Equal(t, dag.RunRunning, state)
			require.Less(t, step, 5*n+5, "a run ends")
			i := rapid.SampledFrom(busyTasks).Draw(t, "task")
			m.Set(g.first[i], rapid.SampledFrom([]dag.State{dag.Queued, dag.Running, dag.Success, dag.Failed, dag.Skipped}).Filter(func(s dag.State) bool {
				return s.Finished() || m.states.list[i] != s && m.states.list[i] != dag.Running
			}).Draw(t, "state"))
		}
	})
}

// naiveMapped is the specification with mapped tasks: instances by task, an empty list
// for a mapped task that was not expanded yet and has no state.
func naiveMapped(g *Graph, states [][]dag.State) (next [][]dag.State, expand []Task) {
	for _, s := range states {
		next = append(next, slices.Clone(s))
	}
	for changed := true; changed; {
		changed = false
		for i, n := range g.tasks {
			if !slices.Contains(next[i], dag.None) || slices.Contains(expand, Task(i)) {
				continue
			}
			var (
				c     counts
				total int32
			)
			for _, u := range n.up {
				for _, s := range next[u] {
					c.add(s, 1)
					total++
				}
			}
			v := naiveRule(g, Task(i), evaluate(n.rule, c, total), func(s Task) []dag.State { return next[s] })
			to := map[Verdict]dag.State{Runs: dag.Scheduled, Skips: dag.Skipped, UpstreamFails: dag.UpstreamFailed}[v]
			switch {
			case to == dag.None:
				continue
			case v == Runs && n.mapped:
				expand = append(expand, Task(i))
			default:
				for k, s := range next[i] {
					if s == dag.None {
						next[i][k] = to
					}
				}
			}
			changed = true
		}
	}
	slices.Sort(expand)
	return next, expand
}

// With mapped tasks too the machine is where the specification is, whatever the lengths,
// and a machine that is built from rows goes on alike.
func TestMachineMappedProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "tasks")
		ups, rules := make([][]Task, n), make([]dag.TriggerRule, n)
		for i := range n {
			for u := range i {
				if rapid.Bool().Draw(t, "edge") {
					ups[i] = append(ups[i], Task(u))
				}
			}
			rules[i] = rapid.SampledFrom(allRules).Draw(t, "rule")
		}
		g := shape(rules, ups...)
		for i := range n {
			g.tasks[i].mapped = rapid.Bool().Draw(t, "mapped")
			switch rapid.IntRange(0, 4).Draw(t, "role") {
			case 0:
				g.tasks[i].setup = true
			case 1:
				g.tasks[i].teardown, g.tasks[i].rule = true, dag.AllDoneSetupSuccess
			}
		}
		g.findScopes()
		m := NewMachine(g)
		byTask := func() (out [][]dag.State) {
			for i := range n {
				var s []dag.State
				for _, slot := range m.Slots(Task(i)) {
					s = append(s, m.State(slot))
				}
				out = append(out, s)
			}
			return out
		}
		for step := 0; ; step++ {
			want, expand := naiveMapped(g, byTask())
			p := m.Advance()
			got := slices.Clone(p.Expand)
			slices.Sort(got)
			require.Equal(t, expand, got)
			require.Equal(t, want, byTask())
			for _, i := range p.Expand {
				length := rapid.IntRange(0, 3).Draw(t, "length")
				if length == 0 {
					m.Set(m.Slots(i)[0], dag.Skipped)
					continue
				}
				m.Expand(i, length)
				for _, slot := range m.Slots(i) {
					m.Set(slot, dag.Scheduled)
				}
			}
			if len(p.Expand) > 0 {
				continue
			}
			if rapid.Bool().Draw(t, "crash") {
				next := NewMachine(g)
				for at, s := range m.All() {
					i, index := m.Task(at), m.MapIndex(at)
					if index >= 0 {
						next.Expand(i, len(m.Slots(i)))
					}
					to, ok := next.Slot(i, index)
					require.True(t, ok)
					next.Set(to, s)
				}
				m = next
				require.Equal(t, Progress{}, m.Advance())
			}
			var inFlight []Slot
			for at, s := range m.All() {
				if busy(s) {
					inFlight = append(inFlight, at)
				}
			}
			state, _ := m.Verdict()
			if len(inFlight) == 0 {
				require.True(t, state.Finished(), "nothing runs, so the run has ended")
				break
			}
			require.Equal(t, dag.RunRunning, state)
			require.Less(t, step, 12*n+12, "a run ends")
			m.Set(rapid.SampledFrom(inFlight).Draw(t, "slot"), rapid.SampledFrom([]dag.State{dag.Success, dag.Failed, dag.Skipped}).Draw(t, "state"))
		}
	})
}
