package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
)

func newCmdDAGsState(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "state DAG [RUN_ID]", Short: "Print the state of a run, the newest one unless named", Example: "  dingdag dags state my_dag",
		Args: rangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.completeDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, r, err := a.findRun(cmd.Context(), args[0], args[1:]...)
			if err == nil {
				_, err = fmt.Fprintln(a.Out, r.State)
			}
			return err
		},
	}
}

// findRun is a run of a DAG, the newest one unless named, with the store that has it.
func (a *app) findRun(ctx context.Context, dagID string, runID ...string) (engine.Reader, *engine.Run, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	id := ""
	if len(runID) > 0 {
		id = runID[0]
	}
	r, err := runNamed(ctx, s, dagID, id)
	return s, r, err
}

func newCmdTasksState(a *app) *cobra.Command {
	mapIndex := -1
	cmd := &cobra.Command{
		Use: "state DAG TASK [RUN_ID]", Short: "Print the state of a task in a run, the newest one unless named",
		Example: "  dingdag tasks state my_dag my_task\n  dingdag tasks state my_dag my_task --map-index 3",
		Args:    rangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.completeTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksState(cmd.Context(), a, args[0], args[1], mapIndex, args[2:]...)
		},
	}
	cmd.Flags().IntVar(&mapIndex, "map-index", -1, "instance of a mapped task")
	return cmd
}

func runTasksState(ctx context.Context, a *app, dagID, taskID string, mapIndex int, runID ...string) error {
	s, r, err := a.findRun(ctx, dagID, runID...)
	if err != nil {
		return err
	}
	is, err := s.Instances(ctx, r.Key)
	if err != nil {
		return err
	}
	for _, in := range is {
		if in.TaskID == taskID && in.MapIndex == mapIndex {
			_, err = fmt.Fprintln(a.Out, in.State)
			return err
		}
	}
	// What has no row yet has the state none; the DAG knows what there is.
	if _, _, err := a.findTask(dagID, taskID); err != nil {
		return err
	}
	if slices.ContainsFunc(is, func(in *engine.Instance) bool { return in.TaskID == taskID }) {
		return fmt.Errorf("task %q of run %s has no map index %d: see dingdag tasks states-for-dag-run %s %s", taskID, r.RunID, mapIndex, dagID, r.RunID)
	}
	_, err = fmt.Fprintln(a.Out, dag.None)
	return err
}

func newCmdTasksStates(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "states-for-dag-run DAG [RUN_ID]", Short: "List the task instances of a run, the newest one unless named",
		Example: "  dingdag tasks states-for-dag-run my_dag",
		Args:    rangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.completeDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksStates(cmd.Context(), a, args[0], output, args[1:]...)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

type instanceRow struct {
	DAGID       string     `json:"dag_id"`
	RunID       string     `json:"run_id"`
	LogicalDate *time.Time `json:"logical_date"`
	TaskID      string     `json:"task_id"`
	MapIndex    int        `json:"map_index"`
	State       string     `json:"state"`
	TryNumber   int        `json:"try_number"`
	StartDate   *time.Time `json:"start_date"`
	EndDate     *time.Time `json:"end_date"`
}

func runTasksStates(ctx context.Context, a *app, dagID, output string, runID ...string) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	s, r, err := a.findRun(ctx, dagID, runID...)
	if err != nil {
		return err
	}
	is, err := s.Instances(ctx, r.Key)
	if err != nil {
		return err
	}
	if len(is) == 0 && r.State == dag.RunQueued {
		fmt.Fprintf(a.Err, "note: run %s is queued, so none of its tasks has a state yet: see dingdag tasks why %s TASK %s\n", r.RunID, dagID, r.RunID)
	}
	l := listing{columns: []string{"Run", "Task", "State", "Try", "Started", "Ended"}}
	for _, in := range is {
		name := in.TaskID
		if in.MapIndex >= 0 {
			name += "[" + strconv.Itoa(in.MapIndex) + "]"
		}
		l.add(instanceRow{
			DAGID: dagID, RunID: r.RunID, LogicalDate: optional(r.LogicalDate), TaskID: in.TaskID, MapIndex: in.MapIndex, State: in.State.String(),
			TryNumber: in.Try, StartDate: optional(in.StartDate), EndDate: optional(in.EndDate),
		}, r.RunID, name, in.State.String(), strconv.Itoa(in.Try), date(in.StartDate), date(in.EndDate))
	}
	return l.print(a.Out, output)
}
