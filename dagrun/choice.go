package dagrun

import (
	"fmt"
	"slices"
	"strings"
)

// Targets are the tasks directly downstream of a task that an id of a branch names: a task
// by its full or bare id, or the tasks of a group that follow directly.
func (g *Graph) Targets(t Task, id string) []Task {
	var out []Task
	for _, n := range g.tasks[t].down {
		if g.d.Tasks[n].Named(id) {
			out = append(out, n)
		}
	}
	return out
}

// Branch are the tasks that a branch skips which chose the given ids: those directly
// downstream of it that were not chosen and do not follow a chosen one (Airflow,
// BranchMixIn.skip_all_except). It is an error to choose what does not follow directly.
func (g *Graph) Branch(t Task, ids []string) ([]Task, error) {
	var chosen []Task
	for _, id := range ids {
		found := g.Targets(t, id)
		if len(found) == 0 {
			return nil, fmt.Errorf("branch chose %q, which is not a task or group directly downstream of %q; there are %s", id, g.d.Tasks[t].ID, g.Names(g.tasks[t].down))
		}
		chosen = append(chosen, found...)
	}
	kept := g.Below(chosen...)
	return slices.DeleteFunc(slices.Clone(g.tasks[t].down), func(n Task) bool { return slices.Contains(kept, n) }), nil
}

// ShortCircuit are the tasks that a task skips which ends the way below it: all of them, or
// only those directly downstream. What was set up is taken down all the same (Airflow,
// ShortCircuitOperator).
func (g *Graph) ShortCircuit(t Task, directOnly bool) []Task {
	out := slices.Clone(g.tasks[t].down)
	if !directOnly {
		out = g.Below(out...)
	}
	return slices.DeleteFunc(out, func(n Task) bool { return g.tasks[n].teardown })
}

// Names are the ids of tasks, for people.
func (g *Graph) Names(list []Task) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(g.IDs(list), ", ")
}

// IDs are the ids of tasks.
func (g *Graph) IDs(list []Task) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = g.d.Tasks[t].ID
	}
	return out
}
