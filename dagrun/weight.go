package dagrun

import "github.com/dingdag/dingdag/dag"

// Weight is the effective weight of a task by its index, by which waiting ones are queued (Airflow, WeightRule): its own weight,
// plus with downstream those of everything below it, or with upstream those of everything above it.
func Weight(d *dag.DAG, task int) int {
	var next func(*dag.Task) []int
	switch d.Tasks[task].WeightRule {
	case "absolute":
		return d.Tasks[task].PriorityWeight
	case "upstream":
		next = func(t *dag.Task) []int { return t.Upstream }
	default:
		next = func(t *dag.Task) []int { return t.Downstream }
	}
	seen := make([]bool, len(d.Tasks))
	seen[task] = true
	sum, left := 0, []int{task}
	for len(left) > 0 {
		t := d.Tasks[left[len(left)-1]]
		left = left[:len(left)-1]
		sum += t.PriorityWeight
		for _, n := range next(t) {
			if !seen[n] {
				seen[n] = true
				left = append(left, n)
			}
		}
	}
	return sum
}

// weigh returns the weights of all tasks.
func (g *Graph) weigh() []int {
	out := make([]int, len(g.d.Tasks))
	for i := range out {
		out[i] = Weight(g.d, i)
	}
	return out
}
