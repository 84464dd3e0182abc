package alerts

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

// decision is a command by which people decide about alerts.
type decision struct {
	what api.AlertDecision
	// states are those in which alerts are that a filter selects.
	states            []string
	short, long, done string
	// ask is the question before it is done, with the number of the alerts.
	ask string
}

var (
	retry = decision{ //nolint:gochecknoglobals // never changed
		what: api.RetryAlert, states: []string{string(store.DeliveryRefused)}, short: "Send refused, silenced or uncertain messages again", done: "is sent again",
		ask: "send %s again",
		long: `A message that was refused for good, or whose answer was lost, is not sent again unless somebody
says so. Parts of it that arrived are not repeated. The dingdag that works on the same home folder
sends it at once, or else when it starts.

Without numbers the flags select the messages, of which the refused ones are sent again; add
--state refused,uncertain for others.`,
	}
	drop = decision{ //nolint:gochecknoglobals // never changed
		what: api.DropAlert, states: []string{string(store.DeliveryWaiting)}, short: "End messages that are waiting or uncertain", done: "is dropped",
		ask: "drop %s",
		long: `A message that waits is not tried any more, and one whose answer was lost counts as settled. It
stays in the list as refused, with who dropped it.

Without numbers the flags select the messages, of which those that wait are dropped; add
--state waiting,uncertain for others.`,
	}
)

func newCmdDecide(a *app.App, d decision) *cobra.Command {
	var (
		f            filter
		dagID, runID string
		yes          bool
	)
	cmd := &cobra.Command{
		Use: string(d.what) + " [ID...]", Short: d.short, Long: d.long,
		Example: fmt.Sprintf("  dingdag alerts %s 7 8\n  dingdag alerts %s --robot ops --since 1d", d.what, d.what),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return decideAll(cmd.Context(), a, d, args)
			}
			return decideMatching(cmd, a, d, f, dagID, runID, yes)
		},
	}
	f.add(cmd, d.states...)
	addAbout(cmd, &dagID, &runID)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do it without asking")
	return cmd
}

// addAbout adds the flags that name a DAG and a run.
func addAbout(cmd *cobra.Command, dagID, runID *string) {
	cmd.Flags().StringVar(dagID, "dag", "", "only those of this DAG")
	cmd.Flags().StringVar(runID, "run", "", "only those of this run of the DAG")
}

// decideAll decides about alerts by their numbers. What is wrong with one keeps the others from nothing.
func decideAll(ctx context.Context, a *app.App, d decision, args []string) error {
	ids := make([]int64, len(args))
	for i, text := range args {
		var err error
		if ids[i], err = number(a, text); err != nil {
			return err
		}
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		x, err := ask.DecideAlert(ctx, id, d.what)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(a.Out, "alert %d (%s) %s\n", x.ID, show.Shown(a.Out, x.Summary), d.done)
	}
	return errors.Join(errs...)
}

// decideMatching decides about those that flags select. Without a flag that says which it is an error.
func decideMatching(cmd *cobra.Command, a *app.App, d decision, f filter, dagID, runID string, yes bool) error {
	ctx := cmd.Context()
	if cmd.Flags().NFlag() == 0 || cmd.Flags().NFlag() == 1 && yes {
		return command.Usagef("which alerts? Name them by their numbers, or select some, for instance by --robot or --since")
	}
	q, err := f.query(a)
	if err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	if err := about(ctx, ask, named(dagID, runID), &q); err != nil {
		return err
	}
	found, err := ask.Alerts(ctx, q)
	if err != nil {
		return err
	}
	if len(found.Items) == 0 {
		fmt.Fprintln(a.Err, "no alert matches: nothing was changed")
		return nil
	}
	if !yes {
		if ok, err := a.Confirm(ctx, fmt.Sprintf(d.ask, count(len(found.Items)))); err != nil || !ok {
			return err
		}
	}
	var (
		errs []error
		n    int
	)
	for i := range found.Items { // as they were written
		if _, err := ask.DecideAlert(ctx, found.Items[len(found.Items)-1-i].ID, d.what); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	fmt.Fprintf(a.Out, "%s: %s\n", d.what, count(n))
	return errors.Join(errs...)
}

// named are a DAG and a run as arguments have them.
func named(dagID, runID string) []string { return []string{dagID, runID} }

func count(n int) string {
	if n == 1 {
		return "1 alert"
	}
	return strconv.Itoa(n) + " alerts"
}

func newCmdAck(a *app.App) *cobra.Command {
	var (
		dagID, runID, note, by string
		digest                 int64
	)
	cmd := &cobra.Command{
		Use: "ack [ID...]", Short: "Say that you have seen alerts",
		Long: `Notes who has seen alerts, when, and what he says of it: those with the given numbers, those of a
DAG or a run, or those that a digest tells. Who has said so first is kept. Others see it in "alerts list",
"alerts show" and "alerts told", and nothing else changes.`,
		Example: "  dingdag alerts ack 17 --note 'the disk is being replaced'\n  dingdag alerts ack --dag my_dag --run manual__1",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			q := api.AlertQuery{DigestID: digest}
			for _, text := range args {
				id, err := number(a, text)
				if err != nil {
					return err
				}
				q.IDs = append(q.IDs, id)
			}
			return runAck(cmd.Context(), a, q, dagID, runID, by, note)
		},
	}
	addAbout(cmd, &dagID, &runID)
	cmd.Flags().Int64Var(&digest, "digest", 0, "those that the alert with this number tells")
	cmd.Flags().StringVar(&note, "note", "", "what you say of it")
	cmd.Flags().StringVar(&by, "by", "", "who has seen them (default: the user of the operating system)")
	return cmd
}

func runAck(ctx context.Context, a *app.App, q api.AlertQuery, dagID, runID, by, note string) error {
	if len(q.IDs) == 0 && dagID == "" && q.DigestID == 0 {
		return command.Usagef("which alerts? Name them by their numbers, or give --dag, --run or --digest")
	}
	if runID != "" && dagID == "" {
		return command.Usagef("--run %s: give --dag too", runID)
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	if err := about(ctx, ask, named(dagID, runID), &q); err != nil {
		return err
	}
	if by != "" {
		ask = ask.By(store.Actor{Name: by, Via: store.ViaCLI})
	}
	n, err := ask.AckAlerts(ctx, q, note)
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(a.Err, "nothing to acknowledge: somebody has done so before, or no alert matches")
		return nil
	}
	_, err = fmt.Fprintf(a.Out, "acknowledged: %s\n", count(n))
	return err
}
