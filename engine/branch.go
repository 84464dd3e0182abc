package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
)

// skips is which tasks below a task are skipped because of its result.
type skips []int

// skipsOf reads a result that chooses, and returns what is stored as XCom.
func skipsOf(d *dag.DAG, i int, v any) (skips, any, error) {
	switch v := v.(type) {
	case operator.Branch:
		s, err := branchSkips(d, i, v.TaskIDs)
		if len(v.TaskIDs) == 1 {
			return s, v.TaskIDs[0], err
		}
		return s, v.TaskIDs, err
	case operator.SkipDownstream:
		s := slices.Clone(d.Tasks[i].Downstream)
		if !v.DirectOnly {
			s = below(d, s)
		}
		// What was set up is taken down all the same (Airflow, ShortCircuitOperator).
		return slices.DeleteFunc(s, func(n int) bool { return d.Tasks[n].Teardown }), v.Value, nil
	default:
		return nil, v, nil
	}
}

// branchSkips are the direct downstream tasks that were not chosen and do not follow a
// chosen one (Airflow, BranchMixIn.skip_all_except).
func branchSkips(d *dag.DAG, i int, ids []string) (skips, error) {
	var chosen []int
	for _, id := range ids {
		found := targets(d, i, id)
		if len(found) == 0 {
			return nil, operator.Fail(fmt.Errorf("branch chose %q, which is no task or group directly downstream of %q; there are %s", id, d.Tasks[i].ID, names(d, d.Tasks[i].Downstream)))
		}
		chosen = append(chosen, found...)
	}
	kept := below(d, chosen)
	var out skips
	for _, n := range d.Tasks[i].Downstream {
		if !slices.Contains(kept, n) {
			out = append(out, n)
		}
	}
	return out, nil
}

// targets are the direct downstream tasks that an id names: a task by its full or bare
// id, or the tasks of a group that follow directly.
func targets(d *dag.DAG, i int, id string) (out []int) {
	for _, n := range d.Tasks[i].Downstream {
		if d.Tasks[n].Named(id) {
			out = append(out, n)
		}
	}
	return out
}

func names(d *dag.DAG, is []int) string {
	if len(is) == 0 {
		return "none"
	}
	return strings.Join(taskIDs(d, is), ", ")
}

// below are the given tasks and everything downstream of them, ascending.
func below(d *dag.DAG, from []int) []int {
	return reach(d, from, func(t *dag.Task) []int { return t.Downstream })
}

// reach are the given tasks and everything that next leads to from them, ascending.
func reach(d *dag.DAG, from []int, next func(*dag.Task) []int) []int {
	seen := make([]bool, len(d.Tasks))
	todo := slices.Clone(from)
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[n] {
			seen[n] = true
			todo = append(todo, next(d.Tasks[n])...)
		}
	}
	var out []int
	for n, s := range seen {
		if s {
			out = append(out, n)
		}
	}
	return out
}

// skip marks tasks as skipped that have not begun.
func (c *change) skip(lr *liveRun, s skips) {
	for _, n := range s {
		for _, slot := range lr.m.slotsOf(n) {
			if lr.m.states.at(slot) == dag.None {
				c.set(lr, slot, dag.Skipped).EndDate = c.now
			}
		}
	}
}
