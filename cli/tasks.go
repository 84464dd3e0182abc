package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/alerts"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/testrun"
	"github.com/dingdag/dingdag/dag"
)

func newCmdTasks(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "tasks", Short: "List, test, render, clear and mark tasks, and read their logs", Example: "  dingdag tasks list my_dag --tree\n  dingdag tasks render my_dag my_task"}
	cmd.AddCommand(
		newCmdTasksList(a), testrun.NewTask(a), testrun.NewRender(a), newCmdTasksLogs(a), newCmdTasksTries(a), newCmdTasksXComs(a),
		newCmdTasksState(a), newCmdTasksStates(a), newCmdTasksWhy(a),
		newCmdTasksClear(a), newCmdTasksMark(a, dag.Success), newCmdTasksMark(a, dag.Failed),
	)
	return cmd
}

func newCmdTasksList(a *app.App) *cobra.Command {
	var (
		output string
		tree   bool
	)
	cmd := &cobra.Command{
		Use: "list DAG", Short: "List the tasks of a DAG", Example: "  dingdag tasks list my_dag\n  dingdag tasks list my_dag --tree",
		Args: command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(_ *cobra.Command, args []string) error { return runTasksList(a, args[0], output, tree) },
	}
	cmd.Flags().BoolVar(&tree, "tree", false, "show the dependencies as a tree")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTasksList(a *app.App, id, output string, tree bool) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	if tree {
		d, err := a.DAGs.Find(id)
		if err != nil {
			return err
		}
		return d.Tree(a.Out)
	}
	if _, err := a.ReadSettings(); err != nil {
		return err
	}
	ts, err := a.APIOn(nil).Tasks(id)
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"Task", "Operator", "Trigger rule", "Retries", "Upstream"}, Wrap: []string{"Upstream"}, Drop: []string{"Retries", "Trigger rule"}}
	for _, t := range ts {
		l.Add(t, t.TaskID, t.Operator, t.TriggerRule, strconv.Itoa(t.Retries), strings.Join(t.Upstream, ", "))
	}
	return l.Print(a.Out, output)
}

func newCmdTasksLogs(a *app.App) *cobra.Command {
	var try, mapIndex int
	cmd := &cobra.Command{
		Use:     "logs DAG TASK [RUN_ID]",
		Short:   "Print the log of a task's last try, by default in the newest run",
		Example: "  dingdag tasks logs my_dag my_task\n  dingdag tasks logs my_dag my_task manual__2026-01-31T00:00:00+00:00 --try 1",
		Args:    command.RangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksLogs(cmd.Context(), a, api.TryQuery{DAGID: args[0], TaskID: args[1], RunID: command.Argument(args, 2), MapIndex: mapIndex, Try: try})
		},
	}
	command.MapIndexFlag(cmd, &mapIndex)
	cmd.Flags().IntVar(&try, "try", 0, "number of the try (default: the last)")
	return cmd
}

func runTasksLogs(ctx context.Context, a *app.App, q api.TryQuery) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	log, err := ask.Log(ctx, q)
	if err != nil {
		return err
	}
	if log.Older {
		fmt.Fprintf(a.Err, "run %s, the newest in which %s has a log\n", log.Run.RunID, q.TaskID)
	}
	if log.Instances > 1 {
		fmt.Fprintf(a.Err, "%s, %s, of %d instances; --map-index shows another one\n", log.Label, log.State, log.Instances)
	}
	text, err := log.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = text.Close() }()
	w, end := a.LogWriter()
	_, err = io.Copy(w, text)
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	return alerts.Note(ctx, a, ask, q.DAGID, log.Run.RunID, q.TaskID)
}
