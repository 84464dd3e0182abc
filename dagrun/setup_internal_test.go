package dagrun

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

// scoped builds a graph from lines such as "s: " or "t: s w" (upstream). Names that begin
// with s are setups, with t teardowns, with T teardowns that fail the run.
func scoped(lines ...string) (*Graph, map[string]Task) {
	names := map[string]Task{}
	ups := make([][]Task, len(lines))
	for i, l := range lines {
		name, above, _ := strings.Cut(l, ":")
		names[name] = Task(i)
		for u := range strings.FieldsSeq(above) {
			ups[i] = append(ups[i], names[u])
		}
	}
	g := shape(nil, ups...)
	for name, i := range names {
		n := &g.tasks[i]
		n.setup = name[0] == 's'
		if n.teardown = name[0] == 't' || name[0] == 'T'; n.teardown {
			n.rule, n.failsRun = dag.AllDoneSetupSuccess, name[0] == 'T'
		}
	}
	g.findScopes()
	return g, names
}

var letters = map[byte]dag.State{'S': dag.Success, 'F': dag.Failed, 'K': dag.Skipped, 'U': dag.UpstreamFailed, 'R': dag.Removed}

// outcome sets states, written "s1=S w=F", and returns what the trigger rules make of the task.
func outcome(g *Graph, names map[string]Task, states, task string) dag.State {
	m := NewMachine(g)
	for s := range strings.FieldsSeq(states) {
		name, letter, _ := strings.Cut(s, "=")
		m.Set(g.first[names[name]], letters[letter[0]])
	}
	m.Advance()
	return m.State(g.first[names[task]])
}

// The table of Airflow's setup and teardown rules.
func TestSetupAndTeardownRules(t *testing.T) {
	t.Parallel()
	one := []string{"s:", "w: s", "t: w s"}
	two := []string{"s1:", "s2:", "w: s1 s2", "t: w s1 s2"}
	chain := []string{"s:", "w1: s", "w2: w1", "t: w2 s"}
	join := []string{"s1:", "s2:", "a: s1", "b: s2", "c: a b", "t1: c s1", "t2: c s2"}
	for _, c := range []struct {
		name, states, task string
		dag                []string
		want               dag.State
	}{
		{"teardown waits for all its upstream tasks", "s=S", "t", one, dag.None},
		{"teardown after success", "s=S w=S", "t", one, dag.Scheduled},
		{"teardown after failed work", "s=S w=F", "t", one, dag.Scheduled},
		{"teardown after skipped work", "s=S w=K", "t", one, dag.Scheduled},
		{"teardown of a failed setup", "s=F", "t", one, dag.UpstreamFailed},
		{"teardown of a skipped setup", "s=K", "t", one, dag.Skipped},
		{"one setup of two succeeded", "s1=S s2=F", "t", two, dag.Scheduled},
		{"one setup skipped, one succeeded", "s1=S s2=K", "t", two, dag.Scheduled},
		{"one setup skipped, one failed", "s1=K s2=F", "t", two, dag.UpstreamFailed},
		{"all setups skipped", "s1=K s2=K", "t", two, dag.Skipped},
		{"teardown waits for the other setup", "s1=F", "t", two, dag.None},
		{"no setups: all_done", "w=F", "t", []string{"w:", "t: w"}, dag.Scheduled},
		{"no setups, all skipped: all_done", "w=K", "t", []string{"w:", "t: w"}, dag.Scheduled},

		{"work in the scope of a failed setup", "s=F w1=S", "w2", chain, dag.UpstreamFailed},
		{"work in the scope of a skipped setup", "s=K w1=S", "w2", chain, dag.Skipped},
		{"told at once, without waiting for the other setup", "s1=F", "c", join, dag.UpstreamFailed},
		{"a skipped setup is told at once", "s2=K", "c", join, dag.Skipped},
		{"failed wins over skipped", "s1=K s2=F", "c", join, dag.UpstreamFailed},
		{"work waits for its indirect setups", "s1=S a=S b=S", "c", join, dag.None},
		{"and runs after them", "s1=S s2=S a=S b=S", "c", join, dag.Scheduled},
		{"below the teardown a setup counts no more", "s=F t=S", "x", []string{"s:", "w: s", "t: w s", "x: t"}, dag.Scheduled},
		{"a setup without teardown has everything below in its scope", "s=F w=S", "x", []string{"s:", "w: s", "x: w"}, dag.UpstreamFailed},
		{"a nested setup", "s1=F w=S", "s2", []string{"s1:", "w: s1", "s2: w", "v: s2", "t2: v s2", "t1: t2 s1"}, dag.UpstreamFailed},
		{"a teardown has no indirect setups", "s1=F s2=S v=S", "t2", []string{"s1:", "s2: s1", "v: s2", "t2: v s2", "t1: t2 s1"}, dag.Scheduled},
		{"a removed setup counts nothing", "s1=R s2=S a=S b=S", "c", join, dag.Scheduled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, names := scoped(c.dag...)
			assert.Equal(t, c.want, outcome(g, names, c.states, c.task))
		})
	}
}

// What decides about the run (Airflow, DagRun._tis_for_dagrun_state).
func TestTeardownsAndTheRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, states string
		dag          []string
		want         dag.RunState
	}{
		{"a failed teardown does not count", "s=S w=S t=F", []string{"s:", "w: s", "t: w s"}, dag.RunSuccess},
		{"failed work is the leaf above it", "s=S w=F t=S", []string{"s:", "w: s", "t: w s"}, dag.RunFailed},
		{"on_failure_fail_dagrun", "s=S w=S T=F", []string{"s:", "w: s", "T: w s"}, dag.RunFailed},
		{"then the work above it is no leaf", "s=S w=F T=S", []string{"s:", "w: s", "T: w s"}, dag.RunSuccess},
		{"only teardowns", "t1=S t2=F", []string{"t1:", "t2: t1"}, dag.RunFailed},
		{"only teardowns, the last is good", "t1=F t2=S", []string{"t1:", "t2: t1"}, dag.RunSuccess},
		{"a task after a teardown is a leaf, and so is the work", "s=S w=F t=S x=S", []string{"s:", "w: s", "t: w s", "x: t"}, dag.RunFailed},
		{"a setup with nothing but its teardown", "s=F t=U", []string{"s:", "t: s"}, dag.RunFailed},
		{"removed leaf", "s=S w=R t=S", []string{"s:", "w: s", "t: w s"}, dag.RunSuccess},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, names := scoped(c.dag...)
			m := NewMachine(g)
			for s := range strings.FieldsSeq(c.states) {
				name, letter, _ := strings.Cut(s, "=")
				m.Set(g.first[names[name]], letters[letter[0]])
			}
			m.Advance()
			state, _ := m.Verdict()
			assert.Equal(t, c.want, state)
		})
	}
}

// Clearing takes the setups and teardowns of a task along (Airflow, DAG.partial_subset).
func TestClearedWith(t *testing.T) {
	t.Parallel()
	g, names := scoped("s1:", "s2: s1", "w: s2", "t2: w s2", "v: t2", "t1: v s1", "out: t1")
	for task, want := range map[string]string{
		"w": "s1 s2 t2 t1", "v": "s1 t1", "s1": "t1", "s2": "t2", "t1": "", "t2": "", "out": "",
	} {
		var got []string
		for _, i := range g.ClearedWith(names[task]) {
			for name, n := range names {
				if n == i {
					got = append(got, name)
				}
			}
		}
		assert.Equal(t, want, strings.Join(got, " "), task)
	}
}
