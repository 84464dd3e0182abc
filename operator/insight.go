package operator

import "encoding/json"

// Insight is what templates of a try see, for operators that hand it to programs.
type Insight interface {
	// Values are the names of a template that are known without a look into the store, as a
	// mapping that encodes to JSON. Moments are text in ISO 8601, in UTC.
	Values() map[string]any
	// Previous are the names about the newest successful run before this one, as in Values.
	Previous() (map[string]any, error)
	// Events are the updates of assets that the run was made for, oldest first.
	Events() ([]map[string]any, error)
	// XComs returns one element for each task id, nil where there is no XCom.
	XComs(q XComQuery) ([]json.RawMessage, error)
	// File returns the text of a file that the version of the DAG has, by its path below the folder of the DAG file with slashes.
	// The error wraps [io/fs.ErrNotExist] where there is none.
	File(name string) (string, error)
}

// XComQuery is what ti.xcom_pull asks for.
type XComQuery struct {
	TaskIDs []string
	Key     string
	// DAGID and RunID are empty for those of the task itself.
	DAGID, RunID string
	// PriorDates also looks at runs of earlier logical dates, the newest first.
	PriorDates bool
	// MapIndexes selects instances of a mapped task; nil is all of them.
	MapIndexes []int
}

// Sourcer is implemented by operators whose code is in files of the DAGs folder, which become a part of the version of the DAG.
type Sourcer interface {
	// SourceFolders are where such files are, too, behind the folder of the DAG file.
	SourceFolders() []string
	// Sources reads all of them. Folders are where they are looked for; read takes one, by its path below a folder, for the version.
	// Its error wraps [io/fs.ErrNotExist] where there is none. The error of Sources is about a parameter, see params.At.
	Sources(folders []string, read func(name string) (string, error)) error
}
