package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/alerts"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

func newCmdDAGsState(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "state DAG [RUN_ID]", Short: "Print the state of a run, by default the newest", Example: "  dingdag dags state my_dag",
		Args: command.RangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			r, err := ask.Run(cmd.Context(), args[0], command.Argument(args, 1))
			if err != nil {
				return err
			}
			if _, err = fmt.Fprintln(a.Out, show.State(a.Out, string(r.State))); err != nil {
				return err
			}
			return alerts.Note(cmd.Context(), a, ask, r.DAGID, r.RunID, "")
		},
	}
}

func newCmdTasksState(a *app.App) *cobra.Command {
	mapIndex := -1
	cmd := &cobra.Command{
		Use: "state DAG TASK [RUN_ID]", Short: "Print the state of a task in a run, by default the newest",
		Example: "  dingdag tasks state my_dag my_task\n  dingdag tasks state my_dag my_task --map-index 3",
		Args:    command.RangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksState(cmd.Context(), a, args[0], args[1], command.Argument(args, 2), mapIndex)
		},
	}
	cmd.Flags().IntVar(&mapIndex, "map-index", -1, "instance of a mapped task")
	return cmd
}

func runTasksState(ctx context.Context, a *app.App, dagID, taskID, runID string, mapIndex int) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	state, err := ask.State(ctx, dagID, taskID, runID, mapIndex)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintln(a.Out, show.State(a.Out, state)); err != nil {
		return err
	}
	r, err := ask.Run(ctx, dagID, runID)
	if err != nil {
		return err
	}
	return alerts.Note(ctx, a, ask, dagID, r.RunID, taskID)
}

func newCmdTasksStates(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "states-for-dag-run DAG [RUN_ID]", Short: "List the task instances of a run, by default the newest",
		Example: "  dingdag tasks states-for-dag-run my_dag",
		Args:    command.RangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksStates(cmd.Context(), a, args[0], command.Argument(args, 1), output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTasksStates(ctx context.Context, a *app.App, dagID, runID, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	is, err := ask.Instances(ctx, dagID, runID)
	if err != nil {
		return err
	}
	r := is.Run
	a.ShowInZoneOf(ctx, ask, r.Version)
	if r.State == dag.RunQueued && !slices.ContainsFunc(is.Items, func(in api.Instance) bool { return in.State != dag.None.String() }) {
		a.Notef("run %s is queued, so none of its tasks has a state yet: see %s", r.RunID, a.Command("tasks", "why", dagID, "TASK", r.RunID))
	}
	if is.Partial != nil {
		a.Notef("only the tasks that have a state are listed: %v", is.Partial)
	}
	l := show.List{
		Columns: []string{"Run", "Task", "State", "Try", "Started", "Ended", "Duration"},
		Drop:    []string{"Ended", "Started", "Try"}, Once: "Run",
	}
	now := a.Clock()
	for _, in := range is.Items {
		name := in.TaskID
		if in.MapIndex >= 0 {
			name += "[" + strconv.Itoa(in.MapIndex) + "]"
		}
		start, end := moment(in.StartDate), moment(in.EndDate)
		until := now
		if in.State != dag.Running.String() {
			until = start // what waits for its next try takes no time
		}
		l.Add(in, r.RunID, name, in.State, strconv.Itoa(in.TryNumber), a.Date(start), a.Date(end), show.Took(start, end, until))
	}
	l.Zone = a.ShowZone()
	return l.Print(a.Out, output)
}
