package wiring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// checkCycle reports one cycle of the final graph, with the places of its tasks.
func (w *wiring) checkCycle() {
	cycle := findCycle(w.tasks)
	if cycle == nil {
		return
	}
	var path strings.Builder
	for _, i := range append(cycle, cycle[0]) {
		if path.Len() > 0 {
			path.WriteString(" -> ")
		}
		t := w.tasks[i]
		fmt.Fprintf(&path, "%s (%d:%d)", t.ID, t.Pos.Line, t.Pos.Column)
	}
	w.Errorf(reading.FirstKey(w.tasks[cycle[0]].Node), "the dependencies form a cycle: %s", path.String())
}

// findCycle returns the tasks of a cycle in order, from the first one of the file, or nil.
func findCycle(tasks []*Task) []int {
	waiting := make([]int, len(tasks))
	var ready []int
	for i, t := range tasks {
		if waiting[i] = len(t.Upstream); waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		i := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, down := range tasks[i].Downstream {
			if waiting[down]--; waiting[down] == 0 {
				ready = append(ready, down)
			}
		}
	}
	// Every task still waiting has an upstream that waits too: going up must end in a cycle.
	start := slices.IndexFunc(waiting, func(n int) bool { return n > 0 })
	if start < 0 {
		return nil
	}
	step := map[int]int{}
	var path []int
	for i := start; ; {
		if from, seen := step[i]; seen {
			return fromSmallest(path[from:])
		}
		step[i] = len(path)
		path = append(path, i)
		i = tasks[i].Upstream[slices.IndexFunc(tasks[i].Upstream, func(up int) bool { return waiting[up] > 0 })]
	}
}

// fromSmallest turns a cycle found upwards into downward order from its smallest index.
func fromSmallest(cycle []int) []int {
	slices.Reverse(cycle)
	at := slices.Index(cycle, slices.Min(cycle))
	return append(slices.Clone(cycle[at:]), cycle[:at]...)
}
