package cli

import (
	"context"
	"fmt"
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

func newCmdAlerts(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "alerts", Short: "List the messages of callbacks, and decide about those that failed",
		Example: "  dingdag alerts list --state refused,uncertain\n  dingdag alerts resend 7",
	}
	cmd.AddCommand(alertsSnoozes(a)...)
	cmd.AddCommand(
		newCmdAlertsList(a),
		newCmdAlertsDecide(a, api.ResendAlert, "Send a refused or uncertain message again", "is sent again"),
		newCmdAlertsDecide(a, api.DismissAlert, "End a message that is waiting or uncertain", "is dismissed"),
	)
	return cmd
}

// alertsFlags are the flags of the list as they were written.
type alertsFlags struct {
	states                       []string
	task, channel, since, output string
	limit                        int
}

func newCmdAlertsList(a *app.App) *cobra.Command {
	var f alertsFlags
	cmd := &cobra.Command{
		Use: "list [DAG] [RUN_ID]", Short: "List the messages of callbacks, newest first: all, or those of a DAG or a run",
		Example: "  dingdag alerts list\n  dingdag alerts list my_dag --state refused,uncertain --since 24h",
		Args:    command.RangeArgs(0, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runAlertsList(cmd.Context(), a, command.Argument(args, 0), command.Argument(args, 1), f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.states, "state", nil, "only messages in these states: "+strings.Join(alertStates(), ", "))
	command.CompleteWords(cmd, "state", alertStates()...)
	fl.StringVar(&f.task, "task", "", "only those of this task")
	fl.StringVar(&f.channel, "channel", "", "only those of this channel, for instance dingding:dingding_default")
	fl.StringVar(&f.since, "since", "", "only those written since then: 24h, 7d, or a date")
	fl.IntVar(&f.limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &f.output)
	return cmd
}

func alertStates() (names []string) {
	for _, s := range api.AlertStates() {
		names = append(names, string(s))
	}
	return names
}

// query reads the flags; a mistake names its flag.
func (f *alertsFlags) query(a *app.App) (q api.AlertQuery, err error) {
	q = api.AlertQuery{TaskID: f.task, Channel: f.channel, Page: api.Page{Limit: f.limit}}
	if f.limit < 0 {
		return q, command.Usagef("--limit %d: must be 0 or more", f.limit)
	}
	for _, s := range f.states {
		if !slices.Contains(alertStates(), s) {
			return q, command.Usagef("unknown state %q: use %s", s, strings.Join(alertStates(), ", "))
		}
		q.States = append(q.States, store.DeliveryState(s))
	}
	q.Since, err = since(a, f.since)
	return q, err
}

func runAlertsList(ctx context.Context, a *app.App, dagID, runID string, f alertsFlags) error {
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
	if q.DAGID, q.RunID = dagID, runID; runID != "" {
		if _, err := ask.Run(ctx, dagID, runID); err != nil {
			return err
		}
	}
	as, err := ask.Alerts(ctx, q)
	if err != nil {
		return err
	}
	if version, err := ask.KnownVersion(ctx, dagID); err == nil {
		a.ShowInZoneOf(ctx, ask, version) // it is the one DAG that is shown
	}
	l := show.List{
		Columns: []string{"ID", "State", "Summary", "Channel", "Written", "Attempts", "Next try", "Why"}, Wrap: []string{"Summary", "Why"},
		Drop: []string{"Attempts", "Next try", "Channel"},
	}
	for _, x := range as.Items {
		l.Add(
			x, strconv.FormatInt(x.ID, 10), string(x.State), x.Summary, x.Channel, a.Date(x.CreatedAt), strconv.Itoa(x.Attempts),
			a.Date(moment(x.NextTry)), x.Error,
		)
	}
	l.Zone = a.ShowZone()
	if err := l.Print(a.Out, f.output); err != nil {
		return err
	}
	if as.Next != "" {
		a.Notef("these are the newest; --limit shows more than %d, and 0 all", f.limit)
	}
	return nil
}

func newCmdAlertsDecide(a *app.App, what api.AlertDecision, short, done string) *cobra.Command {
	long := `A message that was refused for good, or whose answer was lost, is not sent again unless somebody
says so. Parts of it that arrived are not repeated. The dingdag that works on the same home folder
sends it at once, or else when it starts.`
	if what == api.DismissAlert {
		long = `A message that waits is not tried any more, and one whose answer was lost counts as settled. It
stays in the list as refused, with who dismissed it.`
	}
	return &cobra.Command{
		Use: string(what) + " ID", Short: short, Long: long, Example: "  dingdag alerts " + string(what) + " 7", Args: command.ExactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return command.Usagef("%q is not the number of an alert: see dingdag alerts list", args[0])
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			x, err := ask.DecideAlert(cmd.Context(), id, what)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "alert %d (%s) %s\n", x.ID, show.Shown(a.Out, x.Summary), done)
			return err
		},
	}
}
