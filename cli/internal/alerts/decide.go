package alerts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

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
	// undone is what can't be done with others.
	undone string
	// ask is the question before it is done, with the number of the alerts.
	ask string
}

var (
	retry = decision{ //nolint:gochecknoglobals // never changed
		what: api.RetryAlert, states: []string{string(store.DeliveryRefused)}, short: "Send refused, silenced or uncertain messages again", done: "is sent again", undone: "sent again",
		ask: "send %s again",
		long: `A message that was refused for good, or whose answer was lost, is not sent again unless somebody
says so. Parts of it that arrived are not repeated. The dingdag that works on the same home folder
sends it at once, or else when it starts.

Without numbers the flags select the messages, of which the refused ones are sent again; add
--state refused,uncertain for others. What another message has told already, one that stands in for it
or a digest, is left out, and so is what stands in for one that is sent again; its number sends it all the
same.`,
	}
	drop = decision{ //nolint:gochecknoglobals // never changed
		what: api.DropAlert, states: []string{string(store.DeliveryWaiting)}, short: "End messages that are waiting or uncertain", done: "is dropped", undone: "dropped",
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
		how          doing
	)
	cmd := &cobra.Command{
		Use: string(d.what) + " [ID...]", Short: d.short, Long: d.long,
		Example: fmt.Sprintf("  dingdag alerts %s 7 8\n  dingdag alerts %s --robot ops --since 1d", d.what, d.what),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return decideAll(cmd.Context(), a, d, args)
			}
			return decideMatching(cmd, a, d, f, named(dagID, runID), how)
		},
	}
	f.add(cmd, d.states...)
	addAbout(cmd, &dagID, &runID)
	cmd.Flags().BoolVarP(&how.yes, "yes", "y", false, "do it without asking")
	cmd.Flags().BoolVar(&how.dryRun, "dry-run", false, "list the alerts that the flags select, and change nothing")
	return cmd
}

// doing is whether to ask before something is done, and whether to do it at all.
type doing struct{ yes, dryRun bool }

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
	ask, err := a.AskStore(ctx)
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
func decideMatching(cmd *cobra.Command, a *app.App, d decision, f filter, of []string, how doing) error {
	ctx := cmd.Context()
	if n := cmd.Flags().NFlag(); n == 0 || n == 1 && (how.yes || how.dryRun) {
		return command.Usagef("which alerts? Name them by their numbers, or select some, for instance by --robot or --since")
	}
	q, err := f.query(a)
	if err != nil {
		return err
	}
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	if err := about(ctx, ask, of, &q); err != nil {
		return err
	}
	found, err := ask.Undecided(ctx, q, d.what)
	if err != nil {
		return err
	}
	leftOut(a, found, d)
	switch n := len(found.Open); {
	case n == 0 && len(found.Told)+len(found.StandIns)+len(found.Closed) > 0:
		return errors.New("nothing was changed: all alerts that match were left out")
	case n == 0:
		return noMatch(ctx, a, ask, q)
	case how.dryRun:
		return table(a, found.Open).Print(a.Out, "table")
	case !how.yes:
		if ok, err := a.Confirm(ctx, fmt.Sprintf(d.ask, count(n))); err != nil || !ok {
			return err
		}
	}
	var (
		errs []error
		n    int
	)
	for _, x := range found.Open { // as they were written
		if _, err := ask.DecideAlert(ctx, x.ID, d.what); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	fmt.Fprintf(a.Out, "%s: %s\n", d.what, count(n))
	return errors.Join(errs...)
}

// leftOut says which alerts match and are let be, why, and what to do about them.
func leftOut(a *app.App, found api.Undecided, d decision) {
	if n := len(found.Told); n > 0 {
		words := []string{"alerts", string(d.what)}
		for _, x := range found.Told[:min(n, 20)] {
			words = append(words, number64(x.ID))
		}
		rest := ""
		if n > 20 {
			rest = fmt.Sprintf(" (these are the first 20 of %d)", n)
		}
		a.Notef("left out: %s that another message tells; to send again all the same: %s%s", count(n), a.Command(words...), rest)
	}
	if n := len(found.StandIns); n > 0 {
		a.Notef("left out: %s in place of others that are sent again themselves", count(n))
	}
	if len(found.Closed) > 0 {
		in := api.AlertCounts{}
		for _, x := range found.Closed {
			in[x.State]++
		}
		a.Notef("left out: %s that cannot be %s: %s", count(len(found.Closed)), d.undone, Counted(in))
	}
}

// noMatch is the error when no alert matches: what was looked for, and in which states there are some.
func noMatch(ctx context.Context, a *app.App, ask *api.API, q api.AlertQuery) error {
	text := "no alert matches, and nothing was changed; looked for alerts" + sought(a, q)
	if len(q.States) == 0 {
		return errors.New(text)
	}
	others := api.AlertCounts{}
	for _, state := range api.AlertStates() {
		in := q
		in.States, in.Page = []store.DeliveryState{state}, api.Page{Limit: 1, Count: true}
		found, err := ask.Alerts(ctx, in)
		if err != nil {
			return err
		}
		others[state] = found.Total
	}
	if text := Counted(others); text != "" {
		return fmt.Errorf("no alert matches, and nothing was changed; looked for alerts%s; in other states there are %s", sought(a, q), text)
	}
	return errors.New(text)
}

// sought says what a query selects: " of DAG etl, refused, to dingding:ops".
func sought(a *app.App, q api.AlertQuery) string {
	var all []string
	add := func(yes bool, format string, args ...any) {
		if yes {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(q.DAGID != "", "of DAG %s", q.DAGID)
	add(q.RunID != "", "of run %s", q.RunID)
	add(q.TaskID != "", "of task %s", q.TaskID)
	var states []string
	for _, s := range q.States {
		states = append(states, string(s))
	}
	add(len(states) > 0, "in state %s", strings.Join(states, " or "))
	add(q.Robot != "", "to robot %s", q.Robot)
	add(q.Channel != "", "to %s", q.Channel)
	add(!q.Since.IsZero(), "written since %s", a.Date(q.Since))
	add(!q.Until.IsZero(), "written before %s", a.Date(q.Until))
	add(q.DigestID != 0, "told by alert %d", q.DigestID)
	add(q.Unacked, "not acknowledged")
	if len(all) == 0 {
		return ""
	}
	return " " + strings.Join(all, ", ")
}

// named are a DAG and a run as arguments have them.
func named(dagID, runID string) []string { return []string{dagID, runID} }

// all are the n alerts that are meant.
func all(n int) string {
	if n == 1 {
		return "the alert"
	}
	return "all " + count(n)
}

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
	cmd.Flags().StringVar(&by, "by", "", "who has seen them (default: the user of the operating system, or of the token)")
	return cmd
}

func runAck(ctx context.Context, a *app.App, q api.AlertQuery, dagID, runID, by, note string) error {
	if len(q.IDs) == 0 && dagID == "" && q.DigestID == 0 {
		return command.Usagef("which alerts? Name them by their numbers, or give --dag, --run or --digest")
	}
	if runID != "" && dagID == "" {
		return command.Usagef("--run %s: give --dag too", runID)
	}
	ask, err := a.AskStore(ctx)
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
		seen, err := ask.Alerts(ctx, api.AlertQuery{DAGID: q.DAGID, RunID: q.RunID, IDs: q.IDs, DigestID: q.DigestID, Page: api.Page{Limit: 1, Count: true}})
		if err != nil {
			return err
		}
		if seen.Total == 0 {
			return noMatch(ctx, a, ask, q)
		}
		a.Notef("nothing to acknowledge: somebody has acknowledged %s before", all(seen.Total))
		return nil
	}
	_, err = fmt.Fprintf(a.Out, "acknowledged: %s\n", count(n))
	return err
}
