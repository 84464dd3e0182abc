package page

import "path/filepath"

// FileBelow is a DAG file as people may know it: below the DAGs folder from there on, and elsewhere by its name alone. Where
// the folder is on the machine is nothing for everybody.
func FileBelow(folder, file string) string {
	if below, err := filepath.Rel(folder, file); err == nil && filepath.IsLocal(below) && below != "." {
		return filepath.ToSlash(below)
	}
	return filepath.Base(file)
}
