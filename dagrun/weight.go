package dagrun

import "github.com/dingdag/dingdag/dag"

// Weights are the effective weights of the tasks by which waiting ones are queued, by task
// (Airflow, WeightRule): a task's own weight, plus with downstream those of everything
// below it, or with upstream those of everything above it.
func Weights(d *dag.DAG, g *Graph) []int {
	out := make([]int, len(d.Tasks))
	for i, t := range d.Tasks {
		out[i] = t.PriorityWeight
		switch t.WeightRule {
		case "absolute":
		case "upstream":
			out[i] = sumWeights(d, g.Above(Task(i)))
		default:
			out[i] = sumWeights(d, g.Below(Task(i)))
		}
	}
	return out
}

func sumWeights(d *dag.DAG, list []Task) (sum int) {
	for _, t := range list {
		sum += d.Tasks[t].PriorityWeight
	}
	return sum
}
