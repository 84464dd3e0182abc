package dag

import (
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

	// Timetable is made of Schedule and Zone.
	Timetable timetable.Timetable `json:"-"`
}

// Summary is what lists show of the DAG.
func (d *DAG) Summary() *Summary {
	return &Summary{
		ID: d.ID, Pos: d.Pos, Description: d.Description, Owner: d.Owner, Tags: d.Tags, ScheduleSummary: d.ScheduleSummary(), OnAssets: d.Assets != nil,
		Tasks: len(d.Tasks), IsPausedUponCreation: d.IsPausedUponCreation, Schedule: d.Schedule, Zone: d.Location.String(),
		StartDate: d.StartDate, EndDate: d.EndDate, Catchup: d.Catchup, Timetable: d.Timetable,
	}
}
