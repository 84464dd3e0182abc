package request

import (
	"regexp"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Clear selects task instances that are to run again (Airflow, DAG.clear).
type Clear struct {
	DAGID string `json:"dag_id"`
	// RunID is the run; with Past and Future the runs with an earlier or later logical
	// date too. Empty means every run with a logical date from Start to End, which count
	// themselves; a zero one is open.
	RunID  string    `json:"run_id,omitempty"`
	Past   bool      `json:"past,omitempty"`
	Future bool      `json:"future,omitempty"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
	// TaskRegex selects the tasks in whose id it matches somewhere; empty means all.
	// Upstream and Downstream add what lies above and below them.
	TaskRegex string `json:"task_regex,omitempty"`
	// MapIndexes are those of the instances of the selected tasks that are meant; none are all.
	MapIndexes []int `json:"map_indexes,omitempty"`
	// Instances are single task instances that are meant beside these tasks, or without a TaskRegex in place of them.
	Instances  []InstanceRef `json:"instances,omitempty"`
	Upstream   bool          `json:"upstream,omitempty"`
	Downstream bool          `json:"downstream,omitempty"`
	// OnlyFailed keeps the instances that are failed or upstream_failed, OnlyRunning
	// those that are running.
	OnlyFailed  bool `json:"only_failed,omitempty"`
	OnlyRunning bool `json:"only_running,omitempty"`
	// Latest lets the runs go on in the latest version of their DAG, as it is loaded now; each must have ended then, or
	// have that version. Otherwise they keep theirs.
	Latest bool `json:"run_on_latest_version,omitempty"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// DryRun changes nothing and tells what would be cleared.
	DryRun bool `json:"dry_run,omitempty"`
}

// InstanceRef names a task instance of a run. The map index is -1 for a task that is not mapped.
type InstanceRef struct {
	TaskID   string `json:"task_id"`
	MapIndex int    `json:"map_index"`
}

// Whole reports whether all instances of all tasks are meant.
func (r *Clear) Whole() bool {
	return r.TaskRegex == "" && len(r.MapIndexes) == 0 && len(r.Instances) == 0 && !r.OnlyFailed && !r.OnlyRunning
}

// Check reports what is wrong with a request in itself: options that exclude each other,
// or an expression that is none.
func (r *Clear) Check() error {
	switch {
	case r.OnlyFailed && r.OnlyRunning:
		return phrase.Err("clear.both")
	case r.RunID == "" && (r.Past || r.Future):
		return phrase.Err("clear.run")
	case r.RunID != "" && (!r.Start.IsZero() || !r.End.IsZero()):
		return phrase.Err("clear.dates")
	case !r.Start.IsZero() && !r.End.IsZero() && r.End.Before(r.Start):
		return phrase.Err("clear.end", ISO(r.End), ISO(r.Start))
	}
	if i := slices.IndexFunc(r.MapIndexes, func(n int) bool { return n < -1 }); i >= 0 {
		return phrase.Err("clear.index", r.MapIndexes[i])
	}
	if len(r.MapIndexes) > 0 && r.TaskRegex == "" {
		return phrase.Err("clear.tasks")
	}
	if _, err := regexp.Compile(r.TaskRegex); err != nil {
		return phrase.Err("clear.regex", r.TaskRegex, err)
	}
	return nil
}

// Keeps reports whether the request means an instance with that state. What has no
// state has nothing to clear.
func (r *Clear) Keeps(s dag.State) bool {
	switch {
	case r.OnlyFailed:
		return dagrun.Failed(s)
	case r.OnlyRunning:
		return s == dag.Running
	default:
		return s != dag.None
	}
}
