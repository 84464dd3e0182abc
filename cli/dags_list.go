package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/timetable"
)

func newCmdDAGsList(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the DAGs of the DAGs folder, with the state of their last run and when they run next",
		Example: "  dingdag dags list\n  dingdag dags list -o json", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDAGsList(cmd.Context(), a, output) },
	}
	outputFlag(cmd, &output)
	return cmd
}

type dagRow struct {
	DAGID     string       `json:"dag_id"`
	File      string       `json:"file"`
	Owner     string       `json:"owner"`
	Schedule  string       `json:"schedule"`
	Tags      []string     `json:"tags"`
	Tasks     int          `json:"tasks"`
	Paused    bool         `json:"is_paused"`
	LastRunID string       `json:"last_run_id"`
	LastState dag.RunState `json:"last_run_state"`
	LastStart *time.Time   `json:"last_run_start_date"`
	NextRun   *time.Time   `json:"next_dagrun_run_after"`
}

func runDAGsList(ctx context.Context, a *app, output string) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	res, err := a.readDAGs()
	if err != nil {
		return err
	}
	paused, err := a.pausedDAGs(ctx)
	if err != nil {
		return err
	}
	newest, err := a.newestRuns(ctx)
	if err != nil {
		return err
	}
	l := listing{
		columns: []string{"DAG", "Schedule", "Tasks", "Owner", "Paused", "Last run", "Next run", "File"},
		drop:    []string{"File", "Owner", "Tasks", "Paused", "Schedule"},
		wrap:    []string{"Schedule"},
	}
	now := clock()
	for _, d := range res.DAGs {
		row := dagRow{
			DAGID: d.ID, File: d.Pos.File, Owner: d.Owner, Schedule: d.ScheduleSummary(), Tags: d.Tags, Tasks: len(d.Tasks),
			Paused: isPaused(paused, d, a.cfg.PausedAtCreation),
		}
		if row.Tags == nil {
			row.Tags = []string{}
		}
		if r := newest[d.ID]; r != nil {
			row.LastRunID, row.LastState, row.LastStart = r.RunID, r.State, optional(r.StartDate)
		}
		next, at, err := a.nextOf(ctx, d, row.Paused, now)
		if err != nil {
			return err
		}
		row.NextRun = optional(at)
		l.add(row, row.DAGID, row.Schedule, strconv.Itoa(row.Tasks), row.Owner, yesNo(row.Paused), string(row.LastState), next, row.File)
	}
	l.zone = a.showZone()
	if err := l.print(a.Out, output); err != nil {
		return err
	}
	if res.Diagnostics.HasErrors() {
		fmt.Fprintln(a.Err, "some DAG files have errors: see dingdag dags list-import-errors")
	}
	return nil
}

// newestRuns is the newest run of each DAG, by its id. Without a store there are none.
func (a *app) newestRuns(ctx context.Context) (map[string]*store.Run, error) {
	newest := map[string]*store.Run{}
	ok, err := a.storeExists()
	if err != nil || !ok {
		return newest, err
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	rs, err := s.NewestRuns(ctx)
	for _, r := range rs {
		newest[r.DAGID] = r
	}
	return newest, err
}

// nextOf tells when the schedule of a DAG makes its next run, in words and as a moment.
func (a *app) nextOf(ctx context.Context, d *dag.DAG, paused bool, now time.Time) (string, time.Time, error) {
	if d.Assets != nil {
		return "on assets", time.Time{}, nil
	}
	last, err := a.lastScheduled(ctx, d.ID)
	if err != nil {
		return "", time.Time{}, err
	}
	r, ok := nextRun(d, last)
	switch {
	case !ok:
		return "", time.Time{}, nil
	case paused:
		return "paused", r.RunAfter, nil
	case !r.RunAfter.After(now):
		return "due now", r.RunAfter, nil
	default:
		return a.date(r.RunAfter), r.RunAfter, nil
	}
}

// lastScheduled is the interval of the newest run that the schedule of a DAG made, or nil.
func (a *app) lastScheduled(ctx context.Context, dagID string) (*timetable.Interval, error) {
	ok, err := a.storeExists()
	if err != nil || !ok {
		return nil, err
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.LastScheduled(ctx, dagID)
	if err != nil || r == nil {
		return nil, err
	}
	return &timetable.Interval{Start: r.IntervalStart, End: r.IntervalEnd}, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
