package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/yamlvalue"
)

func newCmdTasks(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "tasks", Short: "List, test, render, clear and mark tasks, and read their logs", Example: "  dingdag tasks list my_dag --tree\n  dingdag tasks render my_dag my_task"}
	cmd.AddCommand(
		newCmdTasksList(a), newCmdTasksTest(a), newCmdTasksRender(a), newCmdTasksLogs(a), newCmdTasksXComs(a),
		newCmdTasksState(a), newCmdTasksStates(a), newCmdTasksWhy(a),
		newCmdTasksClear(a), newCmdTasksMark(a, dag.Success), newCmdTasksMark(a, dag.Failed),
	)
	return cmd
}

// suggestTask names the nearest known task, or the one whose id without its group is the word, or
// nothing.
func suggestTask(word string, known []string) string {
	if s := yamlvalue.DidYouMean(word, slices.Values(known)); s != "" {
		return s
	}
	for _, id := range known {
		if strings.HasSuffix(id, "."+word) {
			return fmt.Sprintf("; did you mean %q?", id)
		}
	}
	return ""
}

// findTask loads a DAG and one of its tasks.
func (a *app) findTask(dagID, taskID string) (*dag.DAG, *dag.Task, error) {
	d, err := a.findDAG(dagID)
	if err != nil {
		return nil, nil, err
	}
	t := d.Task(taskID)
	if t == nil {
		ids := make([]string, len(d.Tasks))
		for i, t := range d.Tasks {
			ids[i] = t.ID
		}
		return nil, nil, fmt.Errorf("dag %q has no task %q%s", dagID, taskID, suggestTask(taskID, ids))
	}
	return d, t, nil
}

func newCmdTasksList(a *app) *cobra.Command {
	var (
		output string
		tree   bool
	)
	cmd := &cobra.Command{
		Use: "list DAG", Short: "List the tasks of a DAG", Example: "  dingdag tasks list my_dag\n  dingdag tasks list my_dag --tree",
		Args: exactArgs("DAG"), ValidArgsFunction: a.completeDAGs,
		RunE: func(_ *cobra.Command, args []string) error { return runTasksList(a, args[0], output, tree) },
	}
	cmd.Flags().BoolVar(&tree, "tree", false, "show the dependencies as a tree")
	outputFlag(cmd, &output)
	return cmd
}

type taskRow struct {
	TaskID      string   `json:"task_id"`
	Operator    string   `json:"operator"`
	TriggerRule string   `json:"trigger_rule"`
	Retries     int      `json:"retries"`
	Upstream    []string `json:"upstream_task_ids"`
}

func runTasksList(a *app, id, output string, tree bool) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	d, err := a.findDAG(id)
	if err != nil {
		return err
	}
	if tree {
		return d.Tree(a.Out)
	}
	l := listing{columns: []string{"Task", "Operator", "Trigger rule", "Retries", "Upstream"}, wrap: []string{"Upstream"}, drop: []string{"Retries", "Trigger rule"}}
	for _, t := range d.Tasks {
		ups := make([]string, len(t.Upstream))
		for i, u := range t.Upstream {
			ups[i] = d.Tasks[u].ID
		}
		l.add(taskRow{t.ID, t.Operator, string(t.TriggerRule), t.Retries, ups},
			t.ID, t.Operator, string(t.TriggerRule), strconv.Itoa(t.Retries), strings.Join(ups, ", "))
	}
	return l.print(a.Out, output)
}

func newCmdTasksTest(a *app) *cobra.Command {
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
		Args:    rangeArgs(2, "DAG", "TASK", "LOGICAL_DATE"), ValidArgsFunction: a.complete(dagWords, taskWords),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := a.trigger(conf, args[2:])
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
func (a *app) trigger(conf string, date []string) (engine.Trigger, error) {
	t := engine.Trigger{Conf: json.RawMessage(conf)}
	if len(date) == 0 {
		return t, nil
	}
	var err error
	t.LogicalDate, err = a.parseDate(date[0])
	return t, err
}

// testEngine is an engine that renders and runs single tasks and stores nothing. It notes
// their commands in the folder noted.
func (a *app) testEngine(ctx context.Context, logDir, noted string) (*engine.Engine, error) {
	if _, err := a.config(); err != nil {
		return nil, err
	}
	db, err := a.connectionStore(ctx)
	if err != nil {
		return nil, err
	}
	return a.engine(nil, db, func(o *engine.Options) {
		o.LogDir, o.ProcessDir = logDir, noted
		o.TaskOutput, _ = a.logWriter() // it gets whole lines
	})
}

func runTasksTest(ctx context.Context, a *app, dagID, taskID string, mapIndex int, t engine.Trigger) error {
	d, task, err := a.findTask(dagID, taskID)
	if err != nil {
		return err
	}
	a.showIn(d)
	dir, err := os.MkdirTemp("", "dingdag-test-")
	if err != nil {
		return fmt.Errorf("make a folder for the test: %w", err)
	}
	noted, over := a.noteTest(dir)
	defer over()
	defer func() { _ = os.RemoveAll(dir) }()
	e, err := a.testEngine(ctx, dir, noted)
	if err != nil {
		return err
	}
	state, value, err := e.TestTask(ctx, d, task.ID, mapIndex, t)
	if err != nil {
		return err
	}
	if value != nil {
		fmt.Fprintf(a.Out, "return_value: %s\n", a.maskerOnce().MaskJSON(value))
	}
	fmt.Fprintf(a.Out, "%s: %s\n", taskID, state)
	if state == dag.Failed || state == dag.UpForRetry {
		return errQuiet
	}
	return nil
}

func newCmdTasksLogs(a *app) *cobra.Command {
	var try, mapIndex int
	cmd := &cobra.Command{
		Use:     "logs DAG TASK [RUN_ID]",
		Short:   "Print the log of a task's last try, of the newest run unless one is named",
		Example: "  dingdag tasks logs my_dag my_task\n  dingdag tasks logs my_dag my_task manual__2026-01-31T00:00:00+00:00 --try 1",
		Args:    rangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.completeTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			runID := ""
			if len(args) > 2 {
				runID = args[2]
			}
			return runTasksLogs(cmd.Context(), a, args[0], args[1], runID, mapIndex, try)
		},
	}
	mapIndexFlag(cmd, &mapIndex)
	cmd.Flags().IntVar(&try, "try", 0, "number of the try (default the last)")
	return cmd
}

func runTasksLogs(ctx context.Context, a *app, dagID, taskID, runID string, mapIndex, try int) error {
	s, r, err := a.findRun(ctx, dagID, runID)
	if err != nil {
		return err
	}
	if runID == "" {
		newest := r
		if r, err = newestWithLog(ctx, s, r, taskID, mapIndex); err != nil {
			return err
		}
		if r.Key != newest.Key {
			fmt.Fprintf(a.Err, "run %s, the newest in which %s has a log\n", r.RunID, taskID)
		}
	}
	is, err := s.Instances(ctx, r.Key)
	if err != nil {
		return err
	}
	var (
		ids   []string
		state *dag.State
		shown *store.Instance // the first one, or the first one that failed
		count int
	)
	for _, in := range is {
		if in.TaskID == taskID && in.Try > 0 && (mapIndex < 0 || in.MapIndex == mapIndex) {
			if count++; shown == nil || in.State == dag.Failed && shown.State != dag.Failed {
				shown = in
			}
		}
		if in.TaskID == taskID && state == nil {
			state = &in.State
		}
		ids = append(ids, in.TaskID)
	}
	if shown != nil {
		if count > 1 {
			fmt.Fprintf(a.Err, "%s, %s, of %d instances; --map-index shows another one\n", shown.Label(), shown.State, count)
		}
		return printLog(a, worker.LogPath(r, shown, try))
	}
	if mapIndex >= 0 {
		return fmt.Errorf("map index %d of task %q has not run in run %s", mapIndex, taskID, r.RunID)
	}
	if state != nil {
		return fmt.Errorf("task %q has no log in run %s: no try of it has begun, its state is %s; see dingdag tasks why %s %s %s",
			taskID, r.RunID, *state, dagID, taskID, r.RunID)
	}
	return fmt.Errorf("task %q has not run in run %s%s", taskID, r.RunID, suggestTask(taskID, ids))
}

// runNamed is the run with an id, or the newest one of the DAG without.
func runNamed(ctx context.Context, s store.Reader, dagID, runID string) (*store.Run, error) {
	if runID != "" {
		r, err := s.RunByID(ctx, dagID, runID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, noRun(ctx, s, dagID, runID)
		}
		return r, err
	}
	rs, err := s.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(rs) == 0 {
		return nil, fmt.Errorf("dag %q has no runs", dagID)
	}
	return rs[0], nil
}

// newestWithLog is the newest run in which a try of the task has begun, or newest when there
// is none.
func newestWithLog(ctx context.Context, s store.Reader, newest *store.Run, taskID string, mapIndex int) (*store.Run, error) {
	runs, err := s.Runs(ctx, store.RunFilter{DAGID: newest.DAGID, Limit: runsNear})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		is, err := s.Instances(ctx, r.Key)
		if err != nil {
			return nil, err
		}
		for _, in := range is {
			if in.TaskID == taskID && in.Try > 0 && (mapIndex < 0 || in.MapIndex == mapIndex) {
				return r, nil
			}
		}
	}
	return newest, nil
}

// runsNear is among how many of the newest runs a mistyped run id is looked for.
const runsNear = 200

// noRunError says that a DAG has no run with an id.
type noRunError struct{ text string }

func (e noRunError) Error() string { return e.text }

// Unwrap makes it [engine.ErrNotFound].
func (noRunError) Unwrap() error { return store.ErrNotFound }

// noRun is the error about an unknown run id, with the nearest one.
func noRun(ctx context.Context, s store.Reader, dagID, runID string) error {
	rs, err := s.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: runsNear})
	if err != nil {
		return err
	}
	ids := make([]string, len(rs))
	for i, r := range rs {
		ids[i] = r.RunID
	}
	near := yamlvalue.DidYouMean(runID, slices.Values(ids))
	if near == "" {
		near = ": see dingdag dags list-runs " + dagID
	}
	return noRunError{fmt.Sprintf("dag %q has no run %q%s", dagID, runID, near)}
}

func printLog(a *app, path string) error {
	f, err := os.Open(filepath.Join(a.cfg.Home, "logs", path)) //nolint:gosec // below the log folder
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no such log: %s", filepath.Join(a.cfg.Home, "logs", path))
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w, end := a.logWriter()
	_, err = io.Copy(w, f)
	return errors.Join(err, end())
}
