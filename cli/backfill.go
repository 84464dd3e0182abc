package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

func newCmdBackfill(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "backfill", Short: "Run a DAG for past dates",
		Example: "  dingdag backfill create my_dag --from-date 2026-01-01 --to-date 2026-01-31\n  dingdag backfill list",
	}
	cmd.AddCommand(
		newCmdBackfillCreate(a), newCmdBackfillList(a),
		newCmdBackfillSet(a, "pause", store.BackfillPaused, "Pause a backfill: it starts no more runs, running ones go on"),
		newCmdBackfillSet(a, "unpause", store.BackfillRunning, "Resume a paused backfill"),
		newCmdBackfillSet(a, "cancel", store.BackfillCancelled, "End a backfill: its queued runs fail, running ones go on"),
	)
	return cmd
}

// backfillFlags are the flags of create as they were written.
type backfillFlags struct {
	dagID, from, to, reprocess, conf, output string
	backwards, latest, dryRun                bool
	maxActiveRuns                            int
}

func newCmdBackfillCreate(a *app.App) *cobra.Command {
	var f backfillFlags
	cmd := &cobra.Command{
		Use:   "create DAG",
		Short: "Create the runs for a range of dates",
		Long: `Requests a run for each date of the DAG's schedule from --from-date to --to-date, inclusive,
whose data interval has ended. The scheduler on the same home folder starts them within a
second, at most --max-active-runs at a time whatever the DAG's own limit is, and continues
after a restart. While the DAG is paused, none starts.

Queued and running runs are left alone. So are finished ones, unless --reprocess-behavior
clears them; they keep their conf, and go on in the DAG as its file is when the backfill is
made. With --run-on-latest-version=false each of them keeps its version.`,
		Example: `  dingdag backfill create my_dag --from-date 2026-01-01 --to-date 2026-01-31 --dry-run
  dingdag backfill create --dag-id my_dag --from-date 2026-01-01 --to-date 2026-01-31 --reprocess-behavior failed`,
		Args: command.RangeArgs(0, "DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && f.dagID != "" && f.dagID != args[0]:
				return command.Usagef("--dag-id %s: the argument says %s", f.dagID, args[0])
			case len(args) > 0:
				f.dagID = args[0]
			case f.dagID == "":
				return command.Usagef("missing argument DAG")
			}
			return runBackfillCreate(cmd.Context(), a, f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.dagID, "dag-id", "", "the DAG, instead of the argument")
	fl.StringVar(&f.from, "from-date", "", "first logical date, for instance 2026-01-01")
	fl.StringVar(&f.to, "to-date", "", "last logical date, inclusive")
	fl.StringVar(&f.reprocess, "reprocess-behavior", "none", "which finished runs run again: none, failed or completed (failed and successful)")
	fl.IntVar(&f.maxActiveRuns, "max-active-runs", api.DefaultBackfillRuns, "how many of its runs may be active at once")
	fl.BoolVar(&f.backwards, "run-backwards", false, "newest date first")
	fl.BoolVar(&f.latest, "run-on-latest-version", true, "finished runs that run again go on in the latest version of the DAG; =false: each in its own")
	fl.StringVar(&f.conf, "dag-run-conf", "", "JSON object for the conf and params of new runs")
	fl.BoolVar(&f.dryRun, "dry-run", false, "list the dates and what would happen to each, and change nothing")
	command.CompleteWords(cmd, "reprocess-behavior", "none", "failed", "completed")
	show.OutputFlag(cmd, &f.output)
	return cmd
}

// request reads the flags; a mistake names its flag.
func (f *backfillFlags) request(a *app.App) (r api.BackfillRequest, err error) {
	for _, d := range []struct {
		flag, value string
		to          *time.Time
	}{{"from-date", f.from, &r.From}, {"to-date", f.to, &r.To}} {
		if *d.to, err = a.ParseDate(d.value); err != nil {
			return r, command.Usagef("--%s: %w", d.flag, err)
		}
	}
	if f.maxActiveRuns < 1 { // 0 is the default of the engine, and here a mistake
		return r, command.Usagef("--max-active-runs: %d: must be at least 1", f.maxActiveRuns)
	}
	r.DAGID = f.dagID
	r.Reprocess, r.MaxActiveRuns, r.Backwards, r.Latest, r.Conf = store.Reprocess(f.reprocess), f.maxActiveRuns, f.backwards, f.latest, json.RawMessage(f.conf)
	return r, nil
}

func runBackfillCreate(ctx context.Context, a *app.App, f backfillFlags) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	r, err := f.request(a)
	if err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	d, derr := a.DAGs.Find(f.dagID)
	if derr == nil {
		a.ShowIn(d)
	}
	if now := a.Clock(); r.From.Before(now) && r.To.After(now) {
		fmt.Fprintf(a.Err, "a backfill runs what is past: dates up to %s that are not over yet are left out\n", a.Date(r.To))
	}
	if f.dryRun {
		if derr != nil {
			return derr
		}
		dates, err := ask.PlanBackfill(ctx, r)
		if err != nil {
			return byFlag(err)
		}
		l := show.List{Columns: []string{"Logical date", "Run after", "Run"}}
		for _, x := range dates {
			l.Add(x, a.Date(x.LogicalDate), a.Date(x.RunAfter), string(x.Outcome))
		}
		l.Zone = a.ShowZone()
		return l.Print(a.Out, f.output)
	}
	done, err := ask.CreateBackfill(ctx, r)
	if err != nil {
		return unknownToScheduler(a, byFlag(err))
	}
	if done.Paused {
		fmt.Fprintf(a.Err, "dag %s is paused: no run starts until dingdag dags unpause %s\n", done.DAGID, done.DAGID)
	}
	if !done.Working {
		fmt.Fprintf(a.Err, "no scheduler is running on %s: no run starts until dingdag standalone\n", a.Place())
	}
	n := done.Dates
	_, err = fmt.Fprintf(a.Out, "created backfill %d of dag %s: %d new, %d cleared, %d in flight, %d left as they are\n", done.ID, done.DAGID,
		n[store.BackfillCreated], n[store.BackfillCleared], n[store.BackfillInFlight], n[store.BackfillExists])
	return err
}

// byFlag names the flag of a mistake of a request.
func byFlag(err error) error {
	if be, ok := errors.AsType[*api.FieldError](err); ok {
		return command.Usagef("--%s: %w", strings.ReplaceAll(be.Field, "_", "-"), be.Err)
	}
	return err
}

func newCmdBackfillList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list [DAG]", Short: "List backfills and their progress", Example: "  dingdag backfill list\n  dingdag backfill list my_dag -o json",
		Args: command.RangeArgs(0, "DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBackfillList(cmd.Context(), a, strings.Join(args, ""), output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runBackfillList(ctx context.Context, a *app.App, dagID, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	bs, err := ask.Backfills(ctx, api.BackfillQuery{DAGID: dagID})
	if err != nil {
		return err
	}
	if version, err := ask.KnownVersion(ctx, dagID); err == nil {
		a.ShowInZoneOf(ctx, ask, version) // it is the one DAG that is shown
	}
	l := show.List{Columns: []string{"ID", "DAG", "State", "From", "To", "Done", "Failed", "Active", "Left", "Untouched", "Removed", "By"}, Drop: []string{"By", "Removed", "Untouched", "Left", "Active"}}
	for _, b := range slices.Backward(bs.Items) { // the oldest first
		cells := []string{strconv.FormatInt(b.ID, 10), b.DAGID, string(b.State), a.Date(b.From), a.Date(b.To)}
		for _, n := range []int{b.Done, b.Failed, b.Active, b.Left, b.Untouched, b.Removed} {
			cells = append(cells, strconv.Itoa(n))
		}
		l.Add(b, append(cells, b.TriggeringUser)...)
	}
	l.Zone = a.ShowZone()
	return l.Print(a.Out, output)
}

func newCmdBackfillSet(a *app.App, verb string, state store.BackfillState, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Example: "  dingdag backfill " + verb + " 1", Args: command.ExactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := command.Number(args[0], "a backfill", a.Command("backfill", "list"))
			if err != nil {
				return err
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			b, err := ask.SetBackfill(cmd.Context(), id, state)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "backfill %d of dag %s is %s\n", id, b.DAGID, b.State)
			return err
		},
	}
}
