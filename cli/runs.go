package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/alerts"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

// runsFlags are the flags of list-runs as they were written.
type runsFlags struct {
	states        []string
	since, output string
	limit         int
}

func newCmdDAGsRuns(a *app.App) *cobra.Command {
	var f runsFlags
	cmd := &cobra.Command{
		Use: "list-runs [DAG]", Short: "List the runs of a DAG, or of all DAGs, newest first",
		Example: "  dingdag dags list-runs my_dag\n  dingdag dags list-runs --state failed --since 24h",
		Args:    command.RangeArgs(0, "DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsRuns(cmd.Context(), a, strings.Join(args, ""), f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.states, "state", nil, "only runs in these states: "+strings.Join(runStates(), ", "))
	command.CompleteWords(cmd, "state", runStates()...)
	fl.StringVar(&f.since, "since", "", "only runs that ended since then, or have not ended: 24h, 7d, or a date")
	fl.IntVar(&f.limit, "limit", 50, "how many runs to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &f.output)
	return cmd
}

func runStates() (names []string) {
	for _, s := range api.RunStates() {
		names = append(names, string(s))
	}
	return names
}

// query reads the flags; a mistake names its flag.
func (f *runsFlags) query(a *app.App, dagID string) (api.RunQuery, error) {
	q := api.RunQuery{DAGID: dagID, Page: api.Page{Limit: f.limit}}
	if f.limit < 0 {
		return q, command.Usagef("--limit %d: must be 0 or more", f.limit)
	}
	for _, s := range f.states {
		if !slices.Contains(runStates(), s) {
			return q, command.Usagef("unknown state %q: use %s", s, strings.Join(runStates(), ", "))
		}
		q.States = append(q.States, dag.RunState(s))
	}
	var err error
	q.Since, err = a.Since("--since", f.since)
	return q, err
}

func runDAGsRuns(ctx context.Context, a *app.App, id string, f runsFlags) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	now := a.Clock()
	q, err := f.query(a, id)
	if err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	runs, err := ask.Runs(ctx, q)
	if err != nil {
		return err
	}
	l := show.List{
		Columns: []string{"Run", "State", "Reason", "Logical date", "Start", "Duration", "End", "By", "Alerts"},
		Drop:    []string{"By", "Alerts", "End", "Logical date", "Reason", "Start"},
	}
	if id == "" {
		l.Columns = slices.Insert(l.Columns, 0, "DAG")
	} else if len(runs.Items) > 0 {
		a.ShowInZoneOf(ctx, ask, runs.Items[0].Version)
	}
	told, err := alertsOf(ctx, ask, runs.Items)
	if err != nil {
		return err
	}
	for _, r := range runs.Items {
		start, end := moment(r.StartDate), moment(r.EndDate)
		cells := []string{r.RunID, string(r.State), r.Reason, a.Date(moment(r.LogicalDate)), a.Date(start), show.Took(start, end, now), a.Date(end), r.By(), alerts.Counted(told[r.DAGID][r.RunID])}
		if id == "" {
			cells = slices.Insert(cells, 0, r.DAGID)
		}
		l.Add(r, cells...)
	}
	l.Zone = a.ShowZone()
	if err := l.Print(a.Out, f.output); err != nil {
		return err
	}
	if runs.Next != "" {
		a.Notef("these are the newest; --limit shows more than %d, and 0 all", f.limit)
	}
	return nil
}

// alertsOf counts the alerts of runs, by DAG and run.
func alertsOf(ctx context.Context, ask *api.API, runs []api.Run) (map[string]map[string]api.AlertCounts, error) {
	ids := map[string][]string{}
	for _, r := range runs {
		ids[r.DAGID] = append(ids[r.DAGID], r.RunID)
	}
	out := map[string]map[string]api.AlertCounts{}
	for dagID, runIDs := range ids {
		var err error
		if out[dagID], err = ask.AlertsOfRuns(ctx, dagID, runIDs...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
