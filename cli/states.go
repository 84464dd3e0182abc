package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/store"
)

func newCmdDAGsState(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "state DAG [RUN_ID]", Short: "Print the state of a run, the newest one unless named", Example: "  dingdag dags state my_dag",
		Args: rangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, r, err := a.findRun(cmd.Context(), args[0], args[1:]...)
			if err == nil {
				_, err = fmt.Fprintln(a.Out, paint(a.Out, string(r.State)))
			}
			return err
		},
	}
}

// findRun is a run of a DAG, the newest one unless named, with the store that has it.
func (a *app) findRun(ctx context.Context, dagID string, runID ...string) (store.Reader, *store.Run, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	id := ""
	if len(runID) > 0 {
		id = runID[0]
	}
	r, err := runNamed(ctx, s, dagID, id)
	if err != nil {
		return nil, nil, a.unknownDAG(ctx, dagID, err)
	}
	return s, r, nil
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
			_, err = fmt.Fprintln(a.Out, paint(a.Out, in.State.String()))
			return err
		}
	}
	// What has no row yet has the state none; the DAG of the run knows what there is.
	ids, err := a.taskIDs(ctx, s, r)
	if err != nil {
		return err
	}
	if !slices.Contains(ids, taskID) {
		return fmt.Errorf("dag %q has no task %q in run %s%s", dagID, taskID, r.RunID, suggestTask(taskID, ids))
	}
	if slices.ContainsFunc(is, func(in *store.Instance) bool { return in.TaskID == taskID }) {
		return fmt.Errorf("task %q of run %s has no map index %d: see dingdag tasks states-for-dag-run %s %s", taskID, r.RunID, mapIndex, dagID, r.RunID)
	}
	_, err = fmt.Fprintln(a.Out, paint(a.Out, dag.None.String()))
	return err
}

func newCmdTasksStates(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "states-for-dag-run DAG [RUN_ID]", Short: "List the task instances of a run, the newest one unless named",
		Example: "  dingdag tasks states-for-dag-run my_dag",
		Args:    rangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.completeRuns,
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
	Duration    *float64   `json:"duration"`
}

func runTasksStates(ctx context.Context, a *app, dagID, output string, runID ...string) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	s, r, err := a.findRun(ctx, dagID, runID...)
	if err != nil {
		return err
	}
	a.showInZoneOf(ctx, s, r.Version)
	is, err := s.Instances(ctx, r.Key)
	if err != nil {
		return err
	}
	if len(is) == 0 && r.State == dag.RunQueued {
		a.notef("run %s is queued, so none of its tasks has a state yet: see dingdag tasks why %s TASK %s", r.RunID, dagID, r.RunID)
	}
	ids, err := a.taskIDs(ctx, s, r)
	if err != nil {
		a.notef("only the tasks that have a state are listed: %v", err)
	}
	l := listing{
		columns: []string{"Run", "Task", "State", "Try", "Started", "Ended", "Duration"},
		drop:    []string{"Ended", "Started", "Try"}, once: "Run",
	}
	now := clock()
	for _, in := range withoutState(is, ids) {
		name := in.TaskID
		if in.MapIndex >= 0 {
			name += "[" + strconv.Itoa(in.MapIndex) + "]"
		}
		until := now
		if in.State != dag.Running {
			until = in.StartDate // what waits for its next try takes no time
		}
		l.add(instanceRow{
			DAGID: dagID, RunID: r.RunID, LogicalDate: optional(r.LogicalDate), TaskID: in.TaskID, MapIndex: in.MapIndex, State: in.State.String(),
			TryNumber: in.Try, StartDate: optional(in.StartDate), EndDate: optional(in.EndDate), Duration: seconds(in.StartDate, in.EndDate),
		}, r.RunID, name, in.State.String(), strconv.Itoa(in.Try), a.date(in.StartDate), a.date(in.EndDate), took(in.StartDate, in.EndDate, until))
	}
	l.zone = a.showZone()
	return l.print(a.Out, output)
}

// taskIDs are the tasks of the version of the DAG that a run has, in order.
func (a *app) taskIDs(ctx context.Context, s store.Reader, r *store.Run) ([]string, error) {
	src, err := s.Version(ctx, r.Version)
	if err != nil {
		return nil, err
	}
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	d, err := dagfile.Restore(src, c, dagfile.Options{})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(d.Tasks))
	for i, t := range d.Tasks {
		ids[i] = t.ID
	}
	return ids, nil
}

// withoutState puts the tasks that have no instance yet, whose state is none, in their
// place among the instances: the order of the DAG.
func withoutState(is []*store.Instance, ids []string) []*store.Instance {
	of := map[string][]*store.Instance{}
	for _, in := range is {
		of[in.TaskID] = append(of[in.TaskID], in)
	}
	var out []*store.Instance
	for _, id := range ids {
		if len(of[id]) == 0 {
			of[id] = []*store.Instance{{TaskID: id, MapIndex: -1}}
		}
		out = append(out, of[id]...)
		delete(of, id)
	}
	for _, in := range is { // of a version that can't be read
		if _, left := of[in.TaskID]; left {
			out = append(out, in)
		}
	}
	return out
}
