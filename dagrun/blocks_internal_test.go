package dagrun

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag"
)

// What a failure blocks depends on the rules below it and on what has happened before it.
func TestBlocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, states, fails, want string
		dag                       []string
		rules                     map[string]dag.TriggerRule
	}{
		{"all that follows", "", "a", "b c d", []string{"a:", "b: a", "c: a", "d: b c"}, nil},
		{"not what stands beside it", "", "b", "d", []string{"a:", "b: a", "c: a", "d: b c"}, nil},
		{"not what copes with it, nor what follows that", "", "a", "b", []string{"a:", "b: a", "c: b", "d: c"}, map[string]dag.TriggerRule{"c": dag.AllDone}},
		{"not what waits for it to fail", "", "a", "", []string{"a:", "b: a"}, map[string]dag.TriggerRule{"b": dag.OneFailed}},
		{"not what another one is enough for", "", "a", "", []string{"a:", "b:", "c: a b"}, map[string]dag.TriggerRule{"c": dag.OneSuccess}},
		{"what the other one was not enough for", "b=F", "a", "c", []string{"a:", "b:", "c: a b"}, map[string]dag.TriggerRule{"c": dag.OneSuccess}},
		{"not what is skipped anyway", "", "a", "", []string{"a:", "b:", "c: a b", "d: c"}, map[string]dag.TriggerRule{"c": dag.AllFailed}},
		{"not what another failure has blocked", "b=F c=U", "a", "d", []string{"a:", "b:", "c: a b", "d: a"}, nil},
		{"not what has run before", "b=S", "a", "c", []string{"a:", "b: a", "c: a b"}, nil},
		{"when it is known to have failed", "a=F", "a", "b", []string{"a:", "b: a"}, nil},
		{"what is in the scope of a setup, but what takes it down", "", "s", "w1 w2 t", []string{"s:", "w1: s", "w2: w1", "t: w2 s"}, map[string]dag.TriggerRule{"w2": dag.AllDone}},
		{"not what takes a scope down", "", "w", "", []string{"s:", "w: s", "t: w s"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, names := scoped(c.dag...)
			for name, rule := range c.rules {
				g.tasks[names[name]].rule = rule
			}
			m := NewMachine(g)
			for s := range strings.FieldsSeq(c.states) {
				name, letter, _ := strings.Cut(s, "=")
				m.Set(g.first[names[name]], letters[letter[0]])
			}
			var got []string
			for _, i := range m.Blocks(g.first[names[c.fails]]) {
				for name, is := range names {
					if is == i {
						got = append(got, name)
					}
				}
			}
			assert.Equal(t, c.want, strings.Join(got, " "))
		})
	}
}

// copied is a machine with the same instances and states.
func copied(m *Machine) *Machine {
	next := NewMachine(m.g)
	for at, s := range m.All() {
		i, index := m.Task(at), m.MapIndex(at)
		if index >= 0 {
			next.Expand(i, len(m.Slots(i)))
		}
		to, _ := next.Slot(i, index)
		next.Set(to, s)
	}
	return next
}

// played is how a run ends when an instance ends in a state and all others succeed.
func played(m *Machine, at Slot, s dag.State) *Machine {
	i, index := m.Task(at), m.MapIndex(at)
	m = copied(m)
	at, _ = m.Slot(i, index)
	m.Set(at, s)
	for again := true; again; {
		p := m.Advance()
		again = len(p.Expand) > 0
		for _, i := range p.Expand {
			m.Expand(i, 1)
			m.Set(m.Slots(i)[0], dag.Scheduled)
		}
		for slot, s := range m.All() {
			if busy(s) {
				m.Set(slot, dag.Success)
				again = true
			}
		}
	}
	return m
}

// A failure blocks what does not run in the end, and would have run without it.
func TestBlocksIsWhatHappens(t *testing.T) {
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
		for m := NewMachine(g); ; {
			p := m.Advance()
			for _, i := range p.Expand {
				m.Expand(i, rapid.IntRange(1, 3).Draw(t, "length"))
				for _, slot := range m.Slots(i) {
					m.Set(slot, dag.Scheduled)
				}
			}
			var inFlight []Slot
			for at, s := range m.All() {
				if busy(s) {
					inFlight = append(inFlight, at)
				}
			}
			if len(inFlight) == 0 {
				return
			}
			at := rapid.SampledFrom(inFlight).Draw(t, "slot")
			good, bad := played(m, at, dag.Success), played(m, at, dag.Failed)
			var want []Task
			for _, i := range g.order {
				if m.waits(i) && good.State(good.Slots(i)[0]) == dag.Success && bad.State(bad.Slots(i)[0]) != dag.Success {
					want = append(want, i)
				}
			}
			require.Equal(t, want, m.Blocks(at))
			m.Set(at, rapid.SampledFrom([]dag.State{dag.Success, dag.Failed, dag.Skipped}).Draw(t, "state"))
			if m.State(at) == dag.Failed {
				require.Equal(t, want, m.Blocks(at), "once it is known")
			}
		}
	})
}
