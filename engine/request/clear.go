package request

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
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
	TaskRegex  string `json:"task_regex,omitempty"`
	Upstream   bool   `json:"upstream,omitempty"`
	Downstream bool   `json:"downstream,omitempty"`
	// OnlyFailed keeps the instances that are failed or upstream_failed, OnlyRunning
	// those that are running.
	OnlyFailed  bool `json:"only_failed,omitempty"`
	OnlyRunning bool `json:"only_running,omitempty"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// DryRun changes nothing and tells what would be cleared.
	DryRun bool `json:"dry_run,omitempty"`
}

// Check reports what is wrong with a request in itself: options that exclude each other,
// or an expression that is none.
func (r *Clear) Check() error {
	switch {
	case r.OnlyFailed && r.OnlyRunning:
		return errors.New("only failed and only running exclude each other: no instance is both")
	case r.RunID == "" && (r.Past || r.Future):
		return errors.New("past and future need a run")
	case r.RunID != "" && (!r.Start.IsZero() || !r.End.IsZero()):
		return errors.New("a run and dates exclude each other: name the run, or from when to when")
	case !r.Start.IsZero() && !r.End.IsZero() && r.End.Before(r.Start):
		return fmt.Errorf("the end %s is before the start %s", r.End.Format(time.RFC3339), r.Start.Format(time.RFC3339))
	}
	if _, err := regexp.Compile(r.TaskRegex); err != nil {
		return fmt.Errorf("task expression %q: %w", r.TaskRegex, err)
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
