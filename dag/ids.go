package dag

// TaskIDs returns the ids of the tasks with the given indexes, in their order.
func (d *DAG) TaskIDs(indexes []int) []string {
	out := make([]string, len(indexes))
	for i, n := range indexes {
		out[i] = d.Tasks[n].ID
	}
	return out
}
