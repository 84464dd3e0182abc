package engine

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
func shape(rules []dag.TriggerRule, upstream ...[]int) *graph {
	g := &graph{tasks: make([]node, len(upstream))}
	for i, ups := range upstream {
		g.tasks[i].up = ups
		g.tasks[i].rule = dag.AllSuccess
		if i < len(rules) && rules[i] != "" {
			g.tasks[i].rule = rules[i]
		}
		for _, u := range ups {
			g.tasks[u].down = append(g.tasks[u].down, i)
		}
	}
	g.sort()
	return g
}

func TestMachineChain(t *testing.T) {
	t.Parallel()
	m := newMachine(shape(nil, nil, []int{0}, []int{1}), nil)
	p := m.advance()
	assert.Equal(t, m.slotsOf(0), p.ready)
	assert.Empty(t, p.settled)

	m.set(p.ready[0], dag.Success)
	p = m.advance()
	assert.Equal(t, m.slotsOf(1), p.ready)
	state, _ := m.verdict()
	assert.Equal(t, dag.RunRunning, state)

	m.set(p.ready[0], dag.Failed)
	p = m.advance()
	assert.Empty(t, p.ready)
	assert.Equal(t, m.slotsOf(2), p.settled)
	assert.Equal(t, dag.UpstreamFailed, m.states.at(p.settled[0]))
	state, reason := m.verdict()
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
			m := newMachine(shape([]dag.TriggerRule{"", dag.AllDone}, nil, []int{0}), []dag.State{c.middle, c.leaf})
			m.advance()
			state, _ := m.verdict()
			assert.Equal(t, c.want, state)
		})
	}
}

func TestMachineInstantTasksTravelInOneStep(t *testing.T) {
	t.Parallel()
	g := shape(nil, nil, []int{0}, []int{1}, []int{2})
	g.tasks[0].instant, g.tasks[1].instant, g.tasks[3].instant = true, true, true
	m := newMachine(g, nil)
	p := m.advance()
	assert.Equal(t, m.slotsOf(2), p.ready)
	assert.Equal(t, g.first[:2], p.settled)
}

func TestMachineWaitingForeverIsADeadlock(t *testing.T) {
	t.Parallel()
	// Task 1 was left in state none although its upstream is removed from its rule's view.
	m := newMachine(shape([]dag.TriggerRule{"", dag.AllSkipped}, nil, []int{0}), nil)
	m.dirty = nil
	state, reason := m.verdict()
	assert.Equal(t, dag.RunFailed, state)
	assert.Equal(t, "all_tasks_deadlocked", reason)
}

// naive is the specification: it looks at everything until nothing changes.
func naive(g *graph, states []dag.State, released map[int]bool) []dag.State {
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
			next := map[verdict]dag.State{doRun: dag.Scheduled, doSkip: dag.Skipped, doUpstreamFail: dag.UpstreamFailed}[naiveRule(g, i, evaluate(n.rule, c, int32(len(n.up))), func(s int) []dag.State { return states[s : s+1] })]
			if n.instant && next == dag.Scheduled {
				next = dag.Success
			}
			if next != dag.None && (next != dag.Skipped || !n.waitsToSkip || released[i]) {
				states[i], changed = next, true
			}
		}
	}
	return states
}

// naiveRule corrects what a trigger rule says by the instances of the task's setups, in
// the words of Airflow's documentation.
func naiveRule(g *graph, i int, v verdict, statesOf func(int) []dag.State) verdict {
	n := g.tasks[i]
	if n.rule == dag.Always || len(n.up) == 0 {
		return v
	}
	var c counts
	total := 0
	for s := range g.tasks {
		if g.tasks[s].setup && (n.teardown && slices.Contains(n.up, s) || !n.teardown && !slices.Contains(n.up, s) && inScope(g, s, i)) {
			for _, state := range statesOf(s) {
				c.add(state, 1)
				total++
			}
		}
	}
	switch {
	case total == 0:
	case n.teardown && v == doRun:
		if int(c.skipped) == total {
			return doSkip
		}
		if c.success == 0 {
			return doUpstreamFail
		}
	case n.teardown:
	case c.failed+c.upstreamFailed > 0:
		return doUpstreamFail
	case c.skipped > 0:
		return doSkip
	case v == doRun && int(c.success) < total:
		return doWait
	}
	return v
}

// inScope reports whether a task lies between a setup and one of its teardowns, or
// anywhere after a setup without teardown.
func inScope(g *graph, s, i int) bool {
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

func leads(g *graph, from, to int) bool {
	return slices.ContainsFunc(g.tasks[from].down, func(d int) bool { return d == to || leads(g, d, to) })
}

// naiveVerdict judges a run in which every task has finished.
func naiveVerdict(g *graph, states []dag.State) dag.RunState {
	counted := func(i int) bool { return !g.tasks[i].teardown || g.tasks[i].failsRun }
	var leaves, ends []int
	for i, n := range g.tasks {
		if counted(i) && !slices.ContainsFunc(n.down, counted) {
			leaves = append(leaves, i)
		}
		if len(n.down) == 0 {
			ends = append(ends, i)
		}
	}
	if len(leaves) == 0 {
		leaves = ends
	}
	if slices.ContainsFunc(leaves, func(i int) bool { return failed(states[i]) }) {
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
		ups := make([][]int, n)
		rules := make([]dag.TriggerRule, n)
		for i := range n {
			for u := range i {
				if rapid.Bool().Draw(t, "edge") {
					ups[i] = append(ups[i], u)
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
		m := newMachine(g, nil)
		for step := 0; ; step++ {
			before := slices.Clone(m.states.list)
			m.advance()
			require.Equal(t, naive(g, before, m.released), m.states.list)
			if rapid.Bool().Draw(t, "crash") {
				held := m.held
				m = newMachine(g, m.states.list)
				p := m.advance()
				require.Empty(t, p.ready)
				require.Empty(t, p.settled)
				require.Equal(t, len(held), len(m.held))
			}
			var busyTasks []int
			for i, s := range m.states.list {
				if busy(s) {
					busyTasks = append(busyTasks, i)
				}
			}
			state, _ := m.verdict()
			if held := slices.Sorted(maps.Keys(m.held)); len(held) > 0 && (len(busyTasks) == 0 || rapid.Bool().Draw(t, "release")) {
				require.Equal(t, dag.RunRunning, state, "a task waits to be skipped, which is no deadlock")
				m.release(rapid.SampledFrom(held).Draw(t, "held"))
				continue
			}
			if len(busyTasks) == 0 {
				require.Equal(t, naiveVerdict(g, m.states.list), state, "nothing runs, so the run has ended")
				break
			}
			require.Equal(t, dag.RunRunning, state)
			require.Less(t, step, 5*n+5, "a run ends")
			i := rapid.SampledFrom(busyTasks).Draw(t, "task")
			m.set(g.first[i], rapid.SampledFrom([]dag.State{dag.Queued, dag.Running, dag.Success, dag.Failed, dag.Skipped}).Filter(func(s dag.State) bool {
				return s.Finished() || m.states.list[i] != s && m.states.list[i] != dag.Running
			}).Draw(t, "state"))
		}
	})
}

// naiveMapped is the specification with mapped tasks: instances by task, an empty list
// for a mapped task that was not expanded yet and has no state.
func naiveMapped(g *graph, states [][]dag.State) (next [][]dag.State, expand []int) {
	for _, s := range states {
		next = append(next, slices.Clone(s))
	}
	for changed := true; changed; {
		changed = false
		for i, n := range g.tasks {
			if !slices.Contains(next[i], dag.None) || slices.Contains(expand, i) {
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
			v := naiveRule(g, i, evaluate(n.rule, c, total), func(s int) []dag.State { return next[s] })
			to := map[verdict]dag.State{doRun: dag.Scheduled, doSkip: dag.Skipped, doUpstreamFail: dag.UpstreamFailed}[v]
			switch {
			case to == dag.None:
				continue
			case v == doRun && n.mapped:
				expand = append(expand, i)
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
		ups, rules := make([][]int, n), make([]dag.TriggerRule, n)
		for i := range n {
			for u := range i {
				if rapid.Bool().Draw(t, "edge") {
					ups[i] = append(ups[i], u)
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
		m := newMachine(g, nil)
		byTask := func() (out [][]dag.State) {
			for i := range n {
				var s []dag.State
				for _, slot := range m.slotsOf(i) {
					s = append(s, m.states.at(slot))
				}
				out = append(out, s)
			}
			return out
		}
		for step := 0; ; step++ {
			want, expand := naiveMapped(g, byTask())
			p := m.advance()
			got := slices.Clone(p.expand)
			slices.Sort(got)
			require.Equal(t, expand, got)
			require.Equal(t, want, byTask())
			for _, i := range p.expand {
				length := rapid.IntRange(0, 3).Draw(t, "length")
				if length == 0 {
					m.set(m.slotsOf(i)[0], dag.Skipped)
					continue
				}
				m.expand(i, length)
				for _, slot := range m.slotsOf(i) {
					m.set(slot, dag.Scheduled)
				}
			}
			if len(p.expand) > 0 {
				continue
			}
			if rapid.Bool().Draw(t, "crash") {
				next := newMachine(g, nil)
				for at, s := range m.states.all() {
					i, index := m.task.at(at), m.index.at(at)
					if index >= 0 {
						next.expand(i, len(m.slotsOf(i)))
					}
					to, ok := next.slot(i, index)
					require.True(t, ok)
					next.set(to, s)
				}
				m = next
				require.Equal(t, progress{}, m.advance())
			}
			var inFlight []slot
			for at, s := range m.states.all() {
				if busy(s) {
					inFlight = append(inFlight, at)
				}
			}
			state, _ := m.verdict()
			if len(inFlight) == 0 {
				require.True(t, state.Finished(), "nothing runs, so the run has ended")
				break
			}
			require.Equal(t, dag.RunRunning, state)
			require.Less(t, step, 12*n+12, "a run ends")
			m.set(rapid.SampledFrom(inFlight).Draw(t, "slot"), rapid.SampledFrom([]dag.State{dag.Success, dag.Failed, dag.Skipped}).Draw(t, "state"))
		}
	})
}
