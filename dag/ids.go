package dag

import "path/filepath"

// Folder is the folder of the DAG's file.
func (d *DAG) Folder() string { return filepath.Dir(d.Pos.File) }

// TaskIDs returns the ids of the tasks with the given indexes, in their order.
func (d *DAG) TaskIDs(indexes []int) []string {
	out := make([]string, len(indexes))
	for i, n := range indexes {
		out[i] = d.Tasks[n].ID
	}
	return out
}
