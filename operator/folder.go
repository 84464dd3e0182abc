package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// FileInFolder is the path of a file that a task reads, such as an attachment: a relative one is in the folder of the DAG file. Tasks make such files, so they
// are no part of the version of the DAG, as template files are, and are read on the machine where the task runs. Where a relative one is not there the
// error is a [Fail].
func (tc *TaskContext) FileInFolder(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	whole := filepath.Join(tc.DAGFolder, path)
	if _, err := os.Stat(whole); errors.Is(err, fs.ErrNotExist) {
		return "", Fail(fmt.Errorf("no file %q in the folder of the DAG file, %s, on this machine: put it there, let queue lead the task to machines that have it, "+
			"or give an absolute path that all machines share", path, tc.DAGFolder))
	}
	return whole, nil
}
