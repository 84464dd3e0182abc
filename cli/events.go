package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

func newCmdEvents(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "events", Short: "List who changed what: runs, states, pauses, backfills, pools, alerts, connections and variables",
		Example: "  dingdag events list my_dag\n  dingdag events list --owner ann --since 24h",
	}
	cmd.AddCommand(newCmdEventsList(a))
	return cmd
}

// eventsFlags are the flags of the list as they were written.
type eventsFlags struct {
	task, owner, since, output string
	events                     []string
	limit                      int
}

func newCmdEventsList(a *app.App) *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use: "list [DAG] [RUN_ID]", Short: "List who changed what, newest first: everything, or a DAG or a run",
		Long: `Lists what people changed and when, newest first: each run that was triggered, cleared or
marked, each DAG that was paused, each backfill, pool, connection and variable (by its name),
and what was decided about an alert. A person is the user of the operating system who called
dingdag, behind sudo the one who called sudo, or the one who signed in; From is the address that
a request over HTTP came from. A run that a backfill, or a task with
trigger_dagrun, ran again is listed as well.`,
		Example: "  dingdag events list my_dag\n  dingdag events list my_dag scheduled__2026-01-31T00:00:00+00:00 --task load\n  dingdag events list --owner ann --event clear --since 24h",
		Args:    command.RangeArgs(0, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runEventsList(cmd.Context(), a, command.Argument(args, 0), command.Argument(args, 1), f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.task, "task", "", "only what changed this task, alone or with others")
	fl.StringSliceVar(&f.events, "event", nil, "only these: "+strings.Join(api.EventKinds(), ", "))
	command.CompleteWords(cmd, "event", api.EventKinds()...)
	fl.StringVar(&f.owner, "owner", "", "only what this user changed")
	fl.StringVar(&f.since, "since", "", "only what was changed since then: 24h, 7d, or a date")
	fl.IntVar(&f.limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &f.output)
	return cmd
}

// query reads the flags; a mistake names its flag.
func (f *eventsFlags) query(a *app.App) (q api.EventQuery, err error) {
	q = api.EventQuery{TaskID: f.task, Owner: f.owner, Page: api.Page{Limit: f.limit}}
	if f.limit < 0 {
		return q, command.Usagef("--limit %d: must be 0 or more", f.limit)
	}
	for _, e := range f.events {
		if !slices.Contains(api.EventKinds(), e) {
			return q, command.Usagef("unknown event %q: use %s", e, strings.Join(api.EventKinds(), ", "))
		}
		q.Events = append(q.Events, store.EventKind(e))
	}
	q.Since, err = a.Since("--since", f.since)
	return q, err
}

func runEventsList(ctx context.Context, a *app.App, dagID, runID string, f eventsFlags) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	q, err := f.query(a)
	if err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	q.DAGID, q.RunID = dagID, runID
	if runID != "" {
		if _, err := ask.Run(ctx, dagID, runID); err != nil {
			return err
		}
	}
	es, err := ask.Events(ctx, q)
	if err != nil {
		return err
	}
	if version, err := ask.KnownVersion(ctx, dagID); err == nil {
		a.ShowInZoneOf(ctx, ask, version) // it is the one DAG that is shown
	}
	l := show.List{
		Columns: []string{"When", "Who", "Via", "Event", "DAG", "Run", "Task", "Details", "From"}, Wrap: []string{"Details", "Run"},
		Drop: []string{"Details", "Via", "From"},
	}
	for _, e := range es.Items {
		task := e.TaskID
		if e.MapIndex >= 0 {
			task += "[" + strconv.Itoa(e.MapIndex) + "]"
		}
		l.Add(e, a.Date(e.When), e.Owner, string(e.Via), string(e.Event), e.DAGID, e.RunID, task, string(e.Extra), e.Address)
	}
	l.Zone = a.ShowZone()
	if err := l.Print(a.Out, f.output); err != nil {
		return err
	}
	if es.Next != "" {
		a.Notef("these are the newest; --limit shows more than %d, and 0 all", f.limit)
	}
	return nil
}
