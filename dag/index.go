package dag

// indexed is the number of tasks from which a DAG has an index: below it a search is
// as fast and takes no memory.
const indexed = 16

// IndexTasks makes [DAG.Task] quick in a large DAG, once its tasks are complete.
func (d *DAG) IndexTasks() {
	if len(d.Tasks) < indexed {
		return
	}
	d.index = make(map[string]int, len(d.Tasks))
	for i, t := range d.Tasks {
		d.index[t.ID] = i
	}
}
