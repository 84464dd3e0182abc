package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
)

// removeFlags are the flags of a command that removes.
type removeFlags struct{ yes, dryRun bool }

func (f *removeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be removed and remove nothing")
}

func newCmdDAGsDelete(a *app.App) *cobra.Command {
	var f removeFlags
	cmd := &cobra.Command{
		Use: "delete DAG", Short: "Remove all that is known of a DAG, with its runs",
		Long: `Removes the runs of the DAG with their task instances, XComs, notes and logs, and what else is
known of it: whether it is paused, its versions, backfills and missed ticks. Messages in
"dingdag alerts" and changes in "dingdag events" stay until they are old. No run may be
under way.

The file stays. While it is there, the DAG is a new one from then on: with catchup its
schedule makes all runs since its start_date again.`,
		Example: "  dingdag dags delete my_dag --dry-run\n  dingdag dags delete my_dag -y",
		Args:    command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error { return runDeleteDAG(cmd.Context(), a, args[0], &f) },
	}
	f.add(cmd)
	return cmd
}

func newCmdDAGsDeleteRun(a *app.App) *cobra.Command {
	var f removeFlags
	cmd := &cobra.Command{
		Use: "delete-run DAG RUN_ID", Short: "Remove a run with its tasks, XComs and logs",
		Long: `Removes a run that has ended or has not begun, with its task instances, XComs, notes and logs.
One that is under way is ended first, with "dags mark-failed". The schedule may make the
last scheduled run of a DAG again.`,
		Example: "  dingdag dags delete-run my_dag manual__2026-01-31T00:00:00+00:00",
		Args:    command.ExactArgs("DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[1] == "" {
				return command.Usagef("the RUN_ID is empty")
			}
			return runDeleteRun(cmd.Context(), a, args[0], args[1], &f)
		},
	}
	f.add(cmd)
	return cmd
}

func runDeleteDAG(ctx context.Context, a *app.App, dagID string, f *removeFlags) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	runs, err := ask.Runs(ctx, api.RunQuery{DAGID: dagID, Page: api.Page{Limit: 1, Count: true}})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("dag %s and its %s", dagID, plural(runs.Total, "run"))
	if ok, err := f.confirmed(ctx, a, what); err != nil || !ok {
		return err
	}
	done, err := ask.Remove(ctx, dagID, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "removed dag %s and its %s\n", dagID, plural(done.Runs, "run"))
	if done.Stays {
		fmt.Fprintln(a.Err, "its file is still there: the DAG is a new one now")
	}
	return nil
}

func runDeleteRun(ctx context.Context, a *app.App, dagID, runID string, f *removeFlags) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	if _, err := ask.Run(ctx, dagID, runID); err != nil {
		return err
	}
	what := fmt.Sprintf("run %s of dag %s", runID, dagID)
	if ok, err := f.confirmed(ctx, a, what); err != nil || !ok {
		return err
	}
	if _, err := ask.Remove(ctx, dagID, runID); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "removed %s\n", what)
	return nil
}

// confirmed reports whether something is to be removed; what would be is said in a dry run.
func (f *removeFlags) confirmed(ctx context.Context, a *app.App, what string) (bool, error) {
	switch {
	case f.dryRun:
		fmt.Fprintf(a.Out, "would remove %s\n", what)
		return false, nil
	case f.yes:
		return true, nil
	default:
		return a.Confirm(ctx, "remove "+what+", with task instances, XComs and logs")
	}
}
