package dag

// indexed is the number of tasks from which a DAG has an index: below it a search is
// as fast and takes no memory.
const indexed = 16

func indexTasks(tasks []*Task) map[string]int {
	if len(tasks) < indexed {
		return nil
	}
	index := make(map[string]int, len(tasks))
	for i, t := range tasks {
		index[t.ID] = i
	}
	return index
}
