package reading

import (
	"time"

	"github.com/dingdag/dingdag/dag/templatefile"
)

// Rests is what the outcome of a file rests on besides its text and that of its defaults
// files.
type Rests struct {
	// Variables are those that were looked up, with what they had.
	Variables map[string]Variable
	// Environment are the names of environment variables that the files have.
	Environment map[string]bool
	// Volatile says that it may be another one at the next load: it rests on the moment, or on
	// other files.
	Volatile bool
	// OnDisk says that it was looked at what else is on the disk.
	OnDisk bool
	// Files are the template files that were looked at; nil where none were, as in most DAG files.
	Files *Files
}

// Files are template files that an outcome rests on.
type Files struct {
	// Seen are the files and folders, and Written is when the newest of them was written.
	Seen    []templatefile.Seen
	Written time.Time
	// Outside says that some lie outside of the DAGs folder.
	Outside bool
}

// Variable is what a variable had at the moment of a load.
type Variable struct {
	Text  string
	Found bool
	Err   error
}

// Same reports whether nothing has changed.
func (v Variable) Same(w Variable) bool {
	return v.Found == w.Found && v.Text == w.Text && (v.Err == nil) == (w.Err == nil)
}
