package dagrun

// weigh returns the effective weights of the tasks by which waiting ones are queued
// (Airflow, WeightRule): a task's own weight, plus with downstream those of everything
// below it, or with upstream those of everything above it.
func (g *Graph) weigh() []int {
	out := make([]int, len(g.d.Tasks))
	for i, t := range g.d.Tasks {
		switch t.WeightRule {
		case "absolute":
			out[i] = t.PriorityWeight
		case "upstream":
			out[i] = g.sumWeights(g.Above(Task(i)))
		default:
			out[i] = g.sumWeights(g.Below(Task(i)))
		}
	}
	return out
}

func (g *Graph) sumWeights(list []Task) (sum int) {
	for _, t := range list {
		sum += g.d.Tasks[t].PriorityWeight
	}
	return sum
}
