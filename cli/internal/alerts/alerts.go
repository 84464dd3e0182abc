// Package alerts has the commands about messages of callbacks: what became of them, and what people
// decide.
package alerts

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

// Commands are the commands about alerts.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newCmdList(a), newCmdShow(a), newCmdTold(a), newCmdCheck(a), newCmdDecide(a, retry), newCmdDecide(a, drop), newCmdAck(a), newCmdExport(a),
	}
}

// filter are the flags that select alerts, as they were written.
type filter struct {
	states                             []string
	robot, channel, task, since, until string
	digest                             int64
	unacked                            bool
}

// add adds the flags to a command. Without a default all states are selected.
func (f *filter) add(cmd *cobra.Command, states ...string) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.states, "state", states, "only messages in these states: "+strings.Join(stateNames(), ", "))
	command.CompleteWords(cmd, "state", stateNames()...)
	fl.StringVar(&f.robot, "robot", "", "only those to the robot of this connection")
	fl.StringVar(&f.channel, "channel", "", "only those of this channel, for instance smtp:mail or dingding_bot:oncall@cid…")
	fl.StringVar(&f.task, "task", "", "only those of this task")
	fl.StringVar(&f.since, "since", "", "only those written since then: 24h, 7d, or a date")
	fl.StringVar(&f.until, "until", "", "only those written before then: 24h for a day ago, or a date")
	fl.Int64Var(&f.digest, "digest", 0, "only those that the alert with this number tells")
	fl.BoolVar(&f.unacked, "unacked", false, "only those that nobody has acknowledged")
}

func stateNames() (names []string) {
	for _, s := range api.AlertStates() {
		names = append(names, string(s))
	}
	return names
}

// query reads the flags; a mistake names its flag.
func (f *filter) query(a *app.App) (q api.AlertQuery, err error) {
	q = api.AlertQuery{TaskID: f.task, Channel: f.channel, DigestID: f.digest, Unacked: f.unacked}
	if f.robot != "" {
		if f.channel != "" {
			return q, command.Usagef("--robot and --channel: give one of them")
		}
		q.Robot = f.robot
	}
	for _, s := range f.states {
		if !slices.Contains(stateNames(), s) {
			return q, command.Usagef("unknown state %q: use %s", s, strings.Join(stateNames(), ", "))
		}
		q.States = append(q.States, store.DeliveryState(s))
	}
	if q.Since, err = a.Since("--since", f.since); err != nil {
		return q, err
	}
	q.Until, err = a.Since("--until", f.until)
	return q, err
}

func newCmdList(a *app.App) *cobra.Command {
	var (
		f      filter
		limit  int
		output string

		dagID, runID string
	)
	cmd := &cobra.Command{
		Use: "list [DAG] [RUN_ID]", Short: "List the messages of callbacks, newest first: all, or those of a DAG or a run",
		Example: "  dingdag alerts list\n  dingdag alerts list my_dag --state refused,uncertain --since 24h\n  dingdag alerts list --robot ops --unacked",
		Args:    command.RangeArgs(0, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return command.Usagef("--limit %d: must be 0 or more", limit)
			}
			switch {
			case dagID != "" && len(args) > 0:
				return command.Usagef("--dag %s: a DAG was named already", dagID)
			case runID != "" && len(args) > 1:
				return command.Usagef("--run %s: a run was named already", runID)
			case runID != "" && dagID == "" && len(args) == 0:
				return command.Usagef("--run %s: give --dag too", runID)
			case dagID != "":
				args = named(dagID, runID)
			case runID != "":
				args = named(args[0], runID)
			}
			return runList(cmd.Context(), a, args, f, limit, output)
		},
	}
	f.add(cmd)
	addAbout(cmd, &dagID, &runID)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &output)
	return cmd
}

// about reads the DAG and the run that were named. One that is not known is an error.
func about(ctx context.Context, ask *api.API, args []string, q *api.AlertQuery) error {
	if q.DAGID, q.RunID = command.Argument(args, 0), command.Argument(args, 1); q.RunID == "" {
		return nil
	}
	_, err := ask.Run(ctx, q.DAGID, q.RunID)
	return err
}

func runList(ctx context.Context, a *app.App, args []string, f filter, limit int, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	q, err := f.query(a)
	if err != nil {
		return err
	}
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	if err := about(ctx, ask, args, &q); err != nil {
		return err
	}
	if q.DigestID != 0 {
		if _, err := ask.Alert(ctx, q.DigestID); err != nil {
			return fmt.Errorf("--digest: %w", err)
		}
	}
	q.Limit = limit
	as, err := ask.Alerts(ctx, q)
	if err != nil {
		return err
	}
	inZone(ctx, a, ask, q.DAGID)
	if err := table(a, as.Items).Print(a.Out, output); err != nil {
		return err
	}
	if as.Next != "" {
		a.Notef("these are the newest; --limit shows more than %d, and 0 all", limit)
	}
	return nil
}

// inZone shows times in the zone of the one DAG that is shown, if it is known.
func inZone(ctx context.Context, a *app.App, ask *api.API, dagID string) {
	if version, err := ask.KnownVersion(ctx, dagID); err == nil {
		a.ShowInZoneOf(ctx, ask, version)
	}
}

// table lists alerts.
func table(a *app.App, as []api.Alert) *show.List {
	l := &show.List{
		Columns: []string{"ID", "State", "Summary", "Channel", "Written", "Attempts", "Next try", "Why", "Acked"}, Wrap: []string{"Summary", "Why"},
		Drop: []string{"Attempts", "Next try", "Channel", "Acked"},
	}
	for _, x := range as {
		l.Add(
			x, strconv.FormatInt(x.ID, 10), string(x.State), x.Summary, x.Channel, a.Date(x.CreatedAt), strconv.Itoa(x.Attempts),
			a.When(x.NextTry), why(x), x.AckedBy,
		)
	}
	l.Zone = a.ShowZone()
	return l
}

// why is why an alert is in its state.
func why(x api.Alert) string {
	if x.State == store.DeliveryFolded && x.Error == "" {
		return "told by alert " + strconv.FormatInt(x.DigestID, 10)
	}
	return x.Error
}

// number reads the number of an alert.
func number(a *app.App, text string) (int64, error) {
	return command.Number(text, "an alert", a.Command("alerts", "list"))
}
