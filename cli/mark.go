package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

// markFlags are the flags of a command that marks.
type markFlags struct {
	dryRun bool
	output string
}

func (f *markFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "list what would change and change nothing")
	show.OutputFlag(cmd, &f.output)
}

func newCmdTasksMark(a *app.App, state dag.State) *cobra.Command {
	r := api.MarkRequest{State: state}
	var f markFlags
	var index int
	cmd := &cobra.Command{
		Use:   "mark-" + string(state) + " DAG TASK RUN_ID",
		Short: "Mark a task of a run as " + string(state),
		Long: `Sets the state of the task, whatever it was; a running task is stopped. The task's callbacks
do not run. An active run continues from the new state. Failed tasks downstream of one that is
marked as success are cleared, so that a finished run continues too; without such tasks it
keeps its state (see dags mark-success).`,
		Example: "  dingdag tasks mark-" + string(state) + " my_dag load scheduled__2026-01-31T00:00:00+00:00\n" +
			"  dingdag tasks mark-" + string(state) + " my_dag load scheduled__2026-01-31T00:00:00+00:00 -d --past --dry-run",
		Args: command.ExactArgs("DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.DAGID, r.TaskID, r.RunID = args[0], args[1], args[2]
			if cmd.Flags().Changed("map-index") {
				r.MapIndex = &index
			}
			if r.TaskID == "" {
				return command.Usagef("the TASK is empty")
			}
			return runMark(cmd.Context(), a, r, f)
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&index, "map-index", -1, "only this instance of a mapped task (default all)")
	fl.BoolVarP(&r.Upstream, "upstream", "u", false, "the tasks upstream of it too")
	fl.BoolVarP(&r.Downstream, "downstream", "d", false, "the tasks downstream of it too")
	fl.BoolVar(&r.Past, "past", false, "in the runs with an earlier logical date too")
	fl.BoolVar(&r.Future, "future", false, "in the runs with a later logical date too")
	f.add(cmd)
	return cmd
}

func newCmdDAGsMark(a *app.App, state dag.State) *cobra.Command {
	what := "What runs is stopped and failed, what has not begun is skipped."
	if state == dag.Success {
		what = "What runs is stopped, and every task of the run gets the state success."
	}
	var f markFlags
	cmd := &cobra.Command{
		Use:   "mark-" + string(state) + " DAG RUN_ID",
		Short: "Mark a run as " + string(state),
		Long: what + ` Callbacks do not
run. Teardowns that are not finished run all the same, and the run ends after them.`,
		Example: "  dingdag dags mark-" + string(state) + " my_dag manual__2026-01-31T00:00:00+00:00",
		Args:    command.ExactArgs("DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMark(cmd.Context(), a, api.MarkRequest{DAGID: args[0], RunID: args[1], State: state}, f)
		},
	}
	f.add(cmd)
	return cmd
}

func runMark(ctx context.Context, a *app.App, r api.MarkRequest, f markFlags) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	r.DryRun = f.dryRun
	done, err := ask.Mark(ctx, r)
	if err != nil {
		return err
	}
	if err := printAffected(a, done, f.output); err != nil {
		return err
	}
	if len(done.Runs) == 0 {
		fmt.Fprintf(a.Err, "nothing to change: it is %s already\n", r.State)
		return nil
	}
	if f.dryRun {
		return nil
	}
	fmt.Fprintf(a.Err, "marked %s as %s\n", countAffected(done), r.State)
	var kept []string
	for _, run := range done.Runs {
		if r.TaskID != "" && run.From == run.State && run.State.Finished() {
			kept = append(kept, run.RunID+" ("+string(run.State)+")")
		}
	}
	if len(kept) > 0 {
		fmt.Fprintf(a.Err, "finished runs keep their state: %s; dags clear runs them again, dags mark-%s changes it\n", strings.Join(kept, ", "), r.State)
	}
	tellPaused(a, done)
	return nil
}
