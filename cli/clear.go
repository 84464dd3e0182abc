package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// clearFlags are the flags of a command that clears.
type clearFlags struct {
	yes, dryRun bool
	output      string
}

func (f *clearFlags) add(cmd *cobra.Command, r *api.ClearRequest) {
	cmd.Flags().BoolVarP(&r.OnlyFailed, "only-failed", "f", false, "only what is failed or upstream_failed")
	cmd.Flags().BoolVarP(&r.OnlyRunning, "only-running", "r", false, "only what is running; it is stopped and runs again")
	cmd.Flags().BoolVar(&r.Latest, "run-on-latest-version", false, "finished runs go on in the latest version of the DAG (default each in its own)")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "list what would be cleared and change nothing")
	show.OutputFlag(cmd, &f.output)
}

const clearLong = `Cleared task instances lose their state and XComs and run again, with all of their retries.
Earlier tries are kept, with their logs. A finished run is queued again, with the version of
the DAG that it started with; a running task is stopped first. A task that a branch did not
choose is skipped again unless the branch is cleared too, and work is cleared with its
setups and teardowns. Callbacks do not run.

With --run-on-latest-version a finished run goes on in the DAG as its file is now: tasks that
are gone are removed, new ones run too, and mapped ones get as many instances as the file
says. What is not cleared keeps its state and XComs. A run under way keeps its version, so
that such a request is refused for it.

It lists what it would clear and asks. The scheduler on the same home folder does it within a
second; while none is running it is done in the store, for the next one to start.`

func newCmdTasksClear(a *app.App) *cobra.Command {
	var (
		r          api.ClearRequest
		f          clearFlags
		start, end string
	)
	cmd := &cobra.Command{
		Use:   "clear DAG",
		Short: "Make tasks of past or running DAG runs run again",
		Long:  clearLong,
		Example: `  dingdag tasks clear my_dag --run-id manual__2026-01-31T00:00:00+00:00 -t '^load$' -d
  dingdag tasks clear my_dag --run-id manual__2026-01-31T00:00:00+00:00 -t '^load$' --map-index 3
  dingdag tasks clear my_dag -s 2026-01-01 -e 2026-01-31 -f -y
  dingdag tasks clear my_dag --run-id manual__2026-01-31T00:00:00+00:00 -f --run-on-latest-version`,
		Args: command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.DAGID = args[0]
			if r.Start, err = a.ParseDate(start); err != nil {
				return command.Usagef("--start-date: %w", err)
			}
			if r.End, err = a.ParseDate(end); err != nil {
				return command.Usagef("--end-date: %w", err)
			}
			return runClear(cmd.Context(), a, r, f)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&r.TaskRegex, "task-regex", "t", "", "only tasks in whose id this expression matches (default all)")
	fl.IntSliceVar(&r.MapIndexes, "map-index", nil, "with -t: of the tasks that match only these instances, for instance 0,3")
	fl.StringVar(&r.RunID, "run-id", "", "only this run (default every run)")
	a.CompleteRunFlag(cmd, "run-id")
	fl.BoolVar(&r.Past, "past", false, "with --run-id: the runs with an earlier logical date too")
	fl.BoolVar(&r.Future, "future", false, "with --run-id: the runs with a later logical date too")
	fl.StringVarP(&start, "start-date", "s", "", "only runs with this logical date or a later one")
	fl.StringVarP(&end, "end-date", "e", "", "only runs with this logical date or an earlier one")
	fl.BoolVarP(&r.Upstream, "upstream", "u", false, "the tasks upstream of these too")
	fl.BoolVarP(&r.Downstream, "downstream", "d", false, "the tasks downstream of these too")
	f.add(cmd, &r)
	return cmd
}

func newCmdDAGsClear(a *app.App) *cobra.Command {
	var (
		r api.ClearRequest
		f clearFlags
	)
	cmd := &cobra.Command{
		Use: "clear DAG RUN_ID", Short: "Run a DAG run again, all of it or only what failed", Long: clearLong,
		Example: "  dingdag dags clear my_dag manual__2026-01-31T00:00:00+00:00\n  dingdag dags clear my_dag scheduled__2026-01-31T00:00:00+00:00 -f -y",
		Args:    command.ExactArgs("DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.DAGID, r.RunID = args[0], args[1]
			return runClear(cmd.Context(), a, r, f)
		},
	}
	f.add(cmd, &r)
	return cmd
}

func runClear(ctx context.Context, a *app.App, r api.ClearRequest, f clearFlags) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return command.UsageError{Err: err}
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	dry := r
	dry.DryRun = true
	would, err := ask.Clear(ctx, dry)
	if err != nil {
		return err
	}
	if err := printAffected(a, would, f.output); err != nil {
		return err
	}
	switch {
	case len(would.Runs) == 0:
		fmt.Fprintln(a.Err, "nothing to clear")
		return nil
	case f.dryRun:
		return nil
	case !f.yes:
		if ok, err := a.Confirm(ctx, "clear "+countAffected(would)+onLatest(would)); err != nil || !ok {
			return err
		}
	}
	done, err := ask.Clear(ctx, r)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "cleared %s%s\n", countAffected(done), onLatest(done))
	tellPaused(a, done)
	return nil
}

func countAffected(d *api.Altered) string {
	return fmt.Sprintf("%s of %s", plural(d.Instances(), "task instance"), plural(len(d.Runs), "run"))
}

// onLatest says how many runs go on in the latest version that did not have it.
func onLatest(d *api.Altered) string {
	n := 0
	for _, r := range d.Runs {
		if r.Latest {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %s on the latest version of the DAG", plural(n, "run"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

type affectedRow struct {
	DAGID       string     `json:"dag_id"`
	RunID       string     `json:"run_id"`
	LogicalDate *time.Time `json:"logical_date"`
	// TaskID is nil for the run itself.
	TaskID   *string `json:"task_id"`
	MapIndex int     `json:"map_index"`
	State    string  `json:"state"`
	NewState string  `json:"new_state"`
}

// printAffected lists what changes: a run whose state does, and the task instances.
func printAffected(a *app.App, d *api.Altered, output string) error {
	l := show.List{Columns: []string{"Run", "Task", "State", "Becomes"}, Once: "Run"}
	for _, r := range d.Runs {
		row := affectedRow{DAGID: d.DAGID, RunID: r.RunID, LogicalDate: optional(r.LogicalDate), MapIndex: -1}
		if r.From != r.State {
			row.State, row.NewState = string(r.From), string(r.State)
			l.Add(row, r.RunID, "", row.State, row.NewState)
		}
		for _, in := range r.Instances {
			row.TaskID, row.MapIndex, row.State, row.NewState = &in.TaskID, in.MapIndex, in.From.String(), in.State.String()
			name := in.TaskID
			if in.MapIndex >= 0 {
				name += "[" + strconv.Itoa(in.MapIndex) + "]"
			}
			l.Add(row, r.RunID, name, row.State, row.NewState)
		}
	}
	if l.Len() == 0 && output == "table" {
		return nil
	}
	return l.Print(a.Out, output)
}

// tellPaused says that runs wait when they do because their DAG is paused.
func tellPaused(a *app.App, done *api.Altered) {
	if done.Paused {
		fmt.Fprintf(a.Err, "dag %s is paused: nothing runs until dingdag dags unpause %s\n", done.DAGID, done.DAGID)
	}
}
