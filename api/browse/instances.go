package browse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// Instance is a task instance with its run and its task.
type Instance struct {
	listing.Instance

	Run *Run
	// Task is nil when the version of the run can't be read any more, or has no such task.
	Task *dag.Task
}

// Weight is the priority weight that its task has in its version, with those of other tasks that the weight rule adds; 0 without a task.
func (in *Instance) Weight() int {
	if in.Task == nil {
		return 0
	}
	return dagrun.Weight(in.Run.DAG, in.Run.DAG.TaskIndex(in.TaskID))
}

// ID is its UUID: the same for as long as it is in the store.
func (in *Instance) ID() string {
	return uuid.NewSHA1(space, fmt.Appendf(nil, "instance %d %d %s", in.RunKey, in.MapIndex, in.TaskID)).String()
}

// Undecided reports whether it has not come into a queue yet.
func (in *Instance) Undecided() bool { return in.State == dag.None || in.State == dag.Scheduled }

// InstanceFilter selects task instances. Zero fields select everything.
type InstanceFilter struct {
	listing.Instances

	// These are about the tasks of versions, each a list of which one must fit.
	Pools, Queues, Operators      []string
	PoolLike, QueueLike, KindLike Like
	NameLike                      Like
	// Group is a task group with all that is in it.
	Group string
}

// NoState is the text of the state of what has none.
const NoState = listing.NoState

// byTask reports whether something is asked about tasks as versions have them.
func (f *InstanceFilter) byTask() bool {
	return f.Pools != nil || f.Queues != nil || f.Operators != nil || len(f.PoolLike)+len(f.QueueLike)+len(f.KindLike)+len(f.NameLike) > 0 || f.Group != ""
}

func (f *InstanceFilter) fits(t *dag.Task) bool {
	one := func(list []string, value string) bool { return list == nil || slices.Contains(list, value) }
	return one(f.Pools, t.Pool) && one(f.Queues, t.Queue) && one(f.Operators, OperatorName(t.Operator)) &&
		f.PoolLike.Match(t.Pool) && f.QueueLike.Match(t.Queue) && f.KindLike.Match(OperatorName(t.Operator)) && f.NameLike.Match(TaskName(t)) &&
		(f.Group == "" || t.Group == f.Group || strings.HasPrefix(t.Group, f.Group+"."))
}

// TaskName is how people call a task.
func TaskName(t *dag.Task) string {
	if t.DisplayName != "" {
		return t.DisplayName
	}
	return t.ID
}

// classes are the names of classes of Airflow that do not follow from those of the operators.
var classes = map[string]string{ //nolint:gochecknoglobals // a constant
	"branch_datetime": "BranchDateTimeOperator", "branch_sql": "BranchSQLOperator", "datetime_sensor": "DateTimeSensor", "external_task": "ExternalTaskSensor",
	"external_task_marker": "ExternalTaskMarker", "short_circuit_python": "ShortCircuitOperator", "hitl": "HITLOperator", "hitl_branch": "HITLBranchOperator", "hitl_entry": "HITLEntryOperator",
	"sql": "SQLExecuteQueryOperator", "sql_check": "SQLCheckOperator", "sql_interval_check": "SQLIntervalCheckOperator",
	"sql_threshold_check": "SQLThresholdCheckOperator", "sql_value_check": "SQLValueCheckOperator", "trigger_dagrun": "TriggerDagRunOperator", "wait": "WaitSensor",
}

// OperatorName is the name of the class that an operator has in Airflow: EmptyOperator for empty. One that Airflow has not
// is called in the same way.
func OperatorName(short string) string {
	if name := classes[short]; name != "" {
		return name
	}
	var b strings.Builder
	for part := range strings.SplitSeq(short, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	name := b.String()
	if name == "" || strings.HasSuffix(name, "Sensor") || strings.HasSuffix(name, "Operator") {
		return name
	}
	return name + "Operator"
}

// Instances lists task instances, of the DAGs that whoever asks may read. Tasks that have got nowhere are
// those of the version that the run has.
func (b *Browser) Instances(ctx context.Context, f InstanceFilter, p Page) ([]*Instance, int, error) {
	if err := b.limit(ctx, &f.Runs); err != nil {
		return nil, 0, err
	}
	if err := b.tasksOf(ctx, &f); err != nil {
		return nil, 0, err
	}
	rows, n, err := b.o.Lists.ListInstances(ctx, f.Instances, p)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*Instance, len(rows))
	for i, row := range rows {
		out[i] = b.instanceOf(ctx, row)
	}
	return out, n, nil
}

func (b *Browser) instanceOf(ctx context.Context, row *listing.Instance) *Instance {
	in := &Instance{Instance: *row, Run: &Run{*row.Run, b.restored(ctx, row.Run.Version)}}
	if in.Run.DAG != nil {
		in.Task = in.Run.DAG.Task(row.TaskID)
	}
	if in.Task != nil && !row.Stored {
		in.Operator, in.MaxTries = in.Task.Operator, in.Task.Retries+1
	}
	return in
}

// tasksOf says which tasks the versions have that matter: those of the runs that are open, whose tasks may
// have no instance yet, and all when something is asked about tasks.
func (b *Browser) tasksOf(ctx context.Context, f *InstanceFilter) error {
	f.Only = f.byTask()
	runs := f.Runs
	runs.StartDate, runs.EndDate, runs.UpdatedAt, runs.Duration = listing.Runs{}.StartDate, listing.Runs{}.EndDate, listing.Runs{}.UpdatedAt, listing.Runs{}.Duration
	runs.Open = !f.Missing && !f.Only
	versions, err := b.o.Lists.VersionsInUse(ctx, runs)
	if err != nil {
		return err
	}
	f.Tasks = map[string][]string{}
	for _, v := range versions {
		d := b.restored(ctx, v)
		if d == nil {
			continue
		}
		ids := []string{}
		for _, t := range d.Tasks {
			if !f.Only || f.fits(t) {
				ids = append(ids, t.ID)
			}
		}
		f.Tasks[v] = ids
	}
	return nil
}

// Instance is one task instance; a task that is mapped has none with the index -1.
func (b *Browser) Instance(ctx context.Context, dagID, runID, taskID string, mapIndex int) (*Instance, error) {
	r, err := b.Run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	f := InstanceFilter{Instances: listing.Instances{
		Runs: RunFilter{DAGIDs: []string{dagID}, RunIDs: []string{runID}}, TaskIDs: []string{taskID}, MapIndexes: []int{mapIndex}, Missing: true,
	}}
	suggestion := ""
	if r.DAG != nil {
		switch t := r.DAG.Task(taskID); {
		case t == nil:
			suggestion = SuggestTask(r.DAG, taskID)
		case t.Mapping != nil && mapIndex < 0:
			return nil, store.Missing("Task instance is mapped, add the map_index value to the URL")
		}
	}
	found, _, err := b.Instances(ctx, f, Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, store.Missing("The Task Instance with dag_id: `%s`, run_id: `%s`, task_id: `%s` and map_index: `%d` was not found%s", dagID, runID, taskID, mapIndex, suggestion)
	}
	return found[0], nil
}

// Rendered are the templated fields of the last try of an instance by their names, secrets masked: as they were kept, or as
// the file has them where nothing in them is a template. It is empty before the first try, and where neither is known.
func (b *Browser) Rendered(ctx context.Context, in *Instance) map[string]any {
	out := map[string]any{}
	if !in.Stored || in.Try == 0 {
		return out
	}
	r, err := b.o.API.Rendered(ctx, api.TryQuery{DAGID: in.Run.DAGID, RunID: in.Run.RunID, TaskID: in.TaskID, MapIndex: in.MapIndex, Try: in.Try})
	if err != nil || !r.Kept && !r.Same {
		return out // the version can't be read any more, or what was kept has gone
	}
	for _, f := range r.Fields {
		out[f.Name] = f.Value
	}
	return out
}

// Mapped reports whether a run has a task, and whether that is a mapped one.
func (b *Browser) Mapped(ctx context.Context, dagID, runID, taskID string) (there, mapped bool, err error) {
	r, err := b.Run(ctx, dagID, runID)
	if err != nil || r.DAG == nil {
		return false, false, err
	}
	t := r.DAG.Task(taskID)
	return t != nil, t != nil && t.Mapping != nil, nil
}

// Tries are the tries of an instance in their order, the current one included.
func (b *Browser) Tries(ctx context.Context, dagID, runID, taskID string, mapIndex int) ([]*Instance, error) {
	in, err := b.Instance(ctx, dagID, runID, taskID, mapIndex)
	if err != nil {
		return nil, err
	}
	past, err := b.o.Store.PastTries(ctx, in.RunKey, taskID)
	if err != nil {
		return nil, err
	}
	var out []*Instance
	for _, row := range past {
		if row.MapIndex == mapIndex && row.Try != in.Try {
			out = append(out, b.tryOf(in, row))
		}
	}
	if in.Stored && in.Try > 0 {
		out = append(out, in)
	}
	return out, nil
}

func (b *Browser) tryOf(in *Instance, row *store.Instance) *Instance {
	t := *in
	t.Instance.Instance = *row
	return &t
}
