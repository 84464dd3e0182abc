package testrun

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
)

// NewTask makes the command tasks test.
func NewTask(a *app.App) *cobra.Command {
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
	command.MapIndexFlag(cmd, &mapIndex)
	return cmd
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
	if err := a.KnowOwners(ctx); err != nil {
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
		return fmt.Errorf("create a folder for the test: %w", err)
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
