package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// runsFlags are the flags of list-runs as they were written.
type runsFlags struct {
	states        []string
	since, output string
	limit         int
}

func newCmdDAGsRuns(a *app) *cobra.Command {
	var f runsFlags
	cmd := &cobra.Command{
		Use: "list-runs [DAG]", Short: "List the runs of a DAG, or of all, newest first",
		Example: "  dingdag dags list-runs my_dag\n  dingdag dags list-runs --state failed --since 24h",
		Args:    rangeArgs(0, "DAG"), ValidArgsFunction: a.completeDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsRuns(cmd.Context(), a, strings.Join(args, ""), f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.states, "state", nil, "only runs in these states: "+strings.Join(runStates, ", "))
	completeWords(cmd, "state", runStates...)
	fl.StringVar(&f.since, "since", "", "only runs that ended since then, or have not ended: 24h, 7d, or a date")
	fl.IntVar(&f.limit, "limit", 50, "at most so many runs, the newest ones; 0 is all")
	outputFlag(cmd, &f.output)
	return cmd
}

var runStates = []string{string(dag.RunQueued), string(dag.RunRunning), string(dag.RunSuccess), string(dag.RunFailed)} //nolint:gochecknoglobals // a constant

// filter reads the flags; a mistake names its flag.
func (f *runsFlags) filter(a *app, dagID string, now time.Time) (store.RunFilter, error) {
	r := store.RunFilter{DAGID: dagID, Limit: f.limit}
	if f.limit < 0 {
		return r, usagef("--limit %d: must be 0 or more", f.limit)
	}
	for _, s := range f.states {
		if !slices.Contains(runStates, s) {
			return r, usagef("unknown state %q: use %s", s, strings.Join(runStates, ", "))
		}
		r.States = append(r.States, dag.RunState(s))
	}
	if f.since == "" {
		return r, nil
	}
	if d, err := yamlvalue.ParseDuration(f.since); err == nil {
		r.Since = now.Add(-d)
		return r, nil
	}
	var err error
	if r.Since, err = a.parseDate(f.since); err != nil {
		return r, usagef("--since: %q is neither a duration such as 24h or 7d nor a date such as 2026-01-31", f.since)
	}
	return r, nil
}

type runRow struct {
	DAGID         string          `json:"dag_id"`
	RunID         string          `json:"run_id"`
	Type          dag.RunType     `json:"run_type"`
	State         dag.RunState    `json:"state"`
	Reason        string          `json:"reason,omitempty"`
	LogicalDate   *time.Time      `json:"logical_date"`
	IntervalStart *time.Time      `json:"data_interval_start"`
	IntervalEnd   *time.Time      `json:"data_interval_end"`
	RunAfter      *time.Time      `json:"run_after"`
	StartDate     *time.Time      `json:"start_date"`
	EndDate       *time.Time      `json:"end_date"`
	Duration      *float64        `json:"duration"`
	Conf          json.RawMessage `json:"conf,omitempty"`
}

// optional is a moment for JSON, in UTC, or nil.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func runDAGsRuns(ctx context.Context, a *app, id string, f runsFlags) error {
	if err := checkOutput(f.output); err != nil {
		return err
	}
	now := clock()
	filter, err := f.filter(a, id, now)
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	if filter.Limit > 0 {
		filter.Limit++ // one more tells whether there are more
	}
	runs, err := s.Runs(ctx, filter)
	if err != nil {
		return err
	}
	more := f.limit > 0 && len(runs) > f.limit
	if more {
		runs = runs[:f.limit]
	}
	if len(runs) == 0 && id != "" {
		if _, err := s.DAG(ctx, id); errors.Is(err, store.ErrNotFound) {
			if _, err := a.findDAG(id); err != nil {
				return err
			}
		}
	}
	if f.limit == 0 {
		slices.Reverse(runs) // without a limit the store has the oldest first
	}
	l := listing{
		columns: []string{"Run", "State", "Reason", "Logical date", "Start", "Duration", "End"},
		drop:    []string{"End", "Logical date", "Reason", "Start"},
	}
	if id == "" {
		l.columns = slices.Insert(l.columns, 0, "DAG")
	} else if len(runs) > 0 {
		a.showInZoneOf(ctx, s, runs[0].Version)
	}
	for _, r := range runs {
		cells := []string{r.RunID, string(r.State), r.Reason, a.date(r.LogicalDate), a.date(r.StartDate), took(r.StartDate, r.EndDate, now), a.date(r.EndDate)}
		if id == "" {
			cells = slices.Insert(cells, 0, r.DAGID)
		}
		l.add(runRow{
			r.DAGID, r.RunID, r.Type, r.State, r.Reason, optional(r.LogicalDate), optional(r.IntervalStart), optional(r.IntervalEnd),
			optional(r.RunAfter), optional(r.StartDate), optional(r.EndDate), seconds(r.StartDate, r.EndDate), r.Conf,
		}, cells...)
	}
	l.zone = a.showZone()
	if err := l.print(a.Out, f.output); err != nil {
		return err
	}
	if more {
		a.notef("these are the newest; --limit shows more than %d, and 0 all", f.limit)
	}
	return nil
}
