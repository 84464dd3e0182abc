package dag

import (
	"slices"
	"time"

	"github.com/dingdag/dingdag/timetable"
)

// Summary is what lists show of a DAG, in the words of [DAG].
type Summary struct {
	ID          string   `json:"id"`
	Pos         Position `json:"pos"`
	Description string   `json:"description,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	// ScheduleSummary says for people when the DAG runs.
	ScheduleSummary string `json:"schedule_summary,omitempty"`
	// OnAssets says that it runs when assets are updated.
	OnAssets bool `json:"on_assets,omitempty"`
	// Tasks is how many tasks it has.
	Tasks                int   `json:"tasks"`
	IsPausedUponCreation *bool `json:"is_paused_upon_creation,omitempty"`

	Schedule Schedule `json:"schedule,omitzero"`
	// Zone is the name of Location.
	Zone      string    `json:"zone"`
	StartDate time.Time `json:"start_date,omitzero"`
	EndDate   time.Time `json:"end_date,omitzero"`
	Catchup   bool      `json:"catchup,omitempty"`

	// DisplayName is how people call the DAG.
	DisplayName              string `json:"display_name,omitempty"`
	MaxActiveRuns            int    `json:"max_active_runs,omitempty"`
	MaxActiveTasks           int    `json:"max_active_tasks,omitempty"`
	MaxConsecutiveFailedRuns int    `json:"max_consecutive_failed_runs,omitempty"`
	// TaskLimits says that a task bounds how many of its instances run at once.
	TaskLimits bool `json:"task_limits,omitempty"`

	// Timetable is made of Schedule and Zone.
	Timetable timetable.Timetable `json:"-"`
}

// Summary is what lists show of the DAG.
func (d *DAG) Summary() *Summary {
	return &Summary{
		ID: d.ID, Pos: d.Pos, Description: d.Description, Owner: d.Owner, Tags: d.Tags, ScheduleSummary: d.ScheduleSummary(), OnAssets: d.Assets != nil,
		Tasks: len(d.Tasks), IsPausedUponCreation: d.IsPausedUponCreation, Schedule: d.Schedule, Zone: d.Location.String(),
		StartDate: d.StartDate, EndDate: d.EndDate, Catchup: d.Catchup, Timetable: d.Timetable,
		DisplayName: d.DisplayName, MaxActiveRuns: d.MaxActiveRuns, MaxActiveTasks: d.MaxActiveTasks, MaxConsecutiveFailedRuns: d.MaxConsecutiveFailedRuns,
		TaskLimits: slices.ContainsFunc(d.Tasks, func(t *Task) bool { return t.MaxActiveTIsPerDAG > 0 || t.MaxActiveTIsPerDAGRun > 0 }),
	}
}
