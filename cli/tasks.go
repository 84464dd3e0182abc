package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
)

func newCmdTasks(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "tasks", Short: "List, test, render, clear and mark tasks, and read their logs", Example: "  dingdag tasks list my_dag --tree\n  dingdag tasks render my_dag my_task"}
	cmd.AddCommand(
		newCmdTasksList(a), newCmdTasksTest(a), newCmdTasksRender(a), newCmdTasksLogs(a), newCmdTasksXComs(a),
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

func newCmdTasksTest(a *app.App) *cobra.Command {
	var (
		conf     string
		mapIndex int
	)
	cmd := &cobra.Command{
		Use:   "test DAG TASK [LOGICAL_DATE]",
		Short: "Run one task here and now, without its dependencies",
		Long: `Runs one task in this process and records nothing. Its upstream tasks are not run, so
what it pulls from them is empty. Messages it sends are really sent.`,
		Example: "  dingdag tasks test my_dag my_task",
		Args:    command.RangeArgs(2, "DAG", "TASK", "LOGICAL_DATE"), ValidArgsFunction: a.Complete(app.DagWords, app.TaskWords),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := trigger(a, conf, args[2:])
			if err != nil {
				return err
			}
			return runTasksTest(cmd.Context(), a, args[0], args[1], mapIndex, t)
		},
	}
	cmd.Flags().StringVarP(&conf, "conf", "c", "", "JSON object for the run's conf and params")
	mapIndexFlag(cmd, &mapIndex)
	return cmd
}

// mapIndexFlag chooses among the instances of a mapped task.
func mapIndexFlag(cmd *cobra.Command, mapIndex *int) {
	cmd.Flags().IntVar(mapIndex, "map-index", -1, "which instance of a mapped task (default the first)")
}

// trigger is a trigger from a conf flag and an optional date argument.
func trigger(a *app.App, conf string, date []string) (engine.Trigger, error) {
	t := engine.Trigger{Conf: json.RawMessage(conf)}
	if len(date) == 0 {
		return t, nil
	}
	var err error
	t.LogicalDate, err = a.ParseDate(date[0])
	return t, err
}

// testEngine is an engine that renders and runs single tasks and stores nothing. It notes
// their commands in the folder noted.
func testEngine(ctx context.Context, a *app.App, logDir, noted string) (*engine.Engine, error) {
	if _, err := a.ReadSettings(); err != nil {
		return nil, err
	}
	db, err := a.Connections(ctx)
	if err != nil {
		return nil, err
	}
	return a.Engine(nil, db, func(o *engine.Options) {
		o.LogDir, o.ProcessDir = logDir, noted
		o.TaskOutput, _ = a.LogWriter() // it gets whole lines
	})
}

func runTasksTest(ctx context.Context, a *app.App, dagID, taskID string, mapIndex int, t engine.Trigger) error {
	d, task, err := a.DAGs.FindTask(dagID, taskID)
	if err != nil {
		return err
	}
	a.ShowIn(d)
	dir, err := os.MkdirTemp("", "dingdag-test-")
	if err != nil {
		return fmt.Errorf("make a folder for the test: %w", err)
	}
	noted, over := a.NoteTest(dir)
	defer over()
	defer func() { _ = os.RemoveAll(dir) }()
	e, err := testEngine(ctx, a, dir, noted)
	if err != nil {
		return err
	}
	state, value, err := e.TestTask(ctx, d, task.ID, mapIndex, t)
	if err != nil {
		return err
	}
	if value != nil {
		fmt.Fprintf(a.Out, "return_value: %s\n", a.Masker().MaskJSON(value))
	}
	fmt.Fprintf(a.Out, "%s: %s\n", taskID, state)
	if state == dag.Failed || state == dag.UpForRetry {
		return command.ErrQuiet
	}
	return nil
}

func newCmdTasksLogs(a *app.App) *cobra.Command {
	var try, mapIndex int
	cmd := &cobra.Command{
		Use:     "logs DAG TASK [RUN_ID]",
		Short:   "Print the log of a task's last try, of the newest run unless one is named",
		Example: "  dingdag tasks logs my_dag my_task\n  dingdag tasks logs my_dag my_task manual__2026-01-31T00:00:00+00:00 --try 1",
		Args:    command.RangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksLogs(cmd.Context(), a, api.TryQuery{DAGID: args[0], TaskID: args[1], RunID: command.Argument(args, 2), MapIndex: mapIndex, Try: try})
		},
	}
	mapIndexFlag(cmd, &mapIndex)
	cmd.Flags().IntVar(&try, "try", 0, "number of the try (default the last)")
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
	text, err := log.Open()
	if err != nil {
		return err
	}
	defer func() { _ = text.Close() }()
	w, end := a.LogWriter()
	_, err = io.Copy(w, text)
	return errors.Join(err, end())
}
