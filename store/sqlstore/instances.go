package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	instanceTable = sqlrow.Declare("task_instance", func(i *store.Instance) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("run_key", &i.RunKey),
			sqlrow.Col("task_id", &i.TaskID),
			sqlrow.Col("map_index", &i.MapIndex),
			sqlrow.Col("state", &i.State),
			sqlrow.Col("try", &i.Try),
			sqlrow.Col("max_tries", &i.MaxTries),
			sqlrow.Col("lost", &i.Lost),
			sqlrow.Col("operator", &i.Operator),
			sqlrow.Col("queued_at", sqlrow.Moment(&i.QueuedAt)),
			sqlrow.Col("start_date", sqlrow.Moment(&i.StartDate)),
			sqlrow.Col("end_date", sqlrow.Moment(&i.EndDate)),
			sqlrow.Col("retry_at", sqlrow.Moment(&i.RetryAt)),
			sqlrow.Col("error", &i.Error),
			sqlrow.Col("log", &i.Log),
			sqlrow.Col("rendered_map_index", &i.RenderedMapIndex),
			sqlrow.Col("first_start_date", sqlrow.Moment(&i.FirstStart)),
			sqlrow.Col("hostname", &i.Host),
			sqlrow.Col("pid", &i.PID),
		}
	})
	pastTable = sqlrow.Declare("task_instance_history", func(i *store.Instance) []sqlrow.Field {
		return instanceTable.FieldsBut(i, "retry_at", "first_start_date")
	})
	pastAll         = pastTable.But()
	instanceAll     = instanceTable.But()
	instanceChanges = instanceTable.But("run_key", "task_id", "map_index")
)

// InstanceRows are the columns of task instances.
func InstanceRows() *sqlrow.Table[store.Instance] { return instanceTable }

// Instances returns the stored instances of a run in the order of their creation.
func (q Queries) Instances(ctx context.Context, runKey int64) ([]*store.Instance, error) {
	is, err := sqlrow.Collect(ctx, q.c, instanceTable.Scan, instanceTable.Select()+" WHERE run_key = ? ORDER BY rowid", runKey)
	if err != nil {
		return nil, fmt.Errorf("read task instances: %w", err)
	}
	return is, nil
}

// InstancesOfRuns returns the instances of every run in the given state.
func (q Queries) InstancesOfRuns(ctx context.Context, state dag.RunState) ([]*store.Instance, error) {
	in, args := inStates([]dag.RunState{state})
	is, err := sqlrow.Collect(ctx, q.c, instanceTable.Scan, instanceTable.Select()+
		" WHERE run_key IN (SELECT id FROM dag_run WHERE "+in+") ORDER BY rowid", args...)
	if err != nil {
		return nil, fmt.Errorf("read task instances: %w", err)
	}
	return is, nil
}

// instancesAtOnce keeps a statement below SQLite's limit on placeholders.
const instancesAtOnce = 500

// PutInstances inserts or updates task instances.
func (q Queries) PutInstances(ctx context.Context, is []*store.Instance) error {
	for len(is) > 0 {
		n := min(len(is), instancesAtOnce)
		if err := q.putInstances(ctx, is[:n]); err != nil {
			return fmt.Errorf("write task instances: %w", err)
		}
		is = is[n:]
	}
	return nil
}

func (q Queries) putInstances(ctx context.Context, is []*store.Instance) error {
	var b strings.Builder
	b.WriteString(instanceAll.Insert())
	args := instanceAll.Args(is[0])
	for _, i := range is[1:] {
		b.WriteString(", (" + instanceAll.Marks + ")")
		args = append(args, instanceAll.Args(i)...)
	}
	b.WriteString(" ON CONFLICT (run_key, task_id, map_index) DO UPDATE SET " + instanceChanges.Excluded)
	_, err := q.c.Exec(ctx, b.String(), args...)
	return err
}

// FindInstances returns the instances of a run that match, see [store.Instances].
func (q Queries) FindInstances(ctx context.Context, f store.InstanceFilter) ([]*store.Instance, error) {
	query, args := instanceTable.Select()+" WHERE run_key = ?", []any{f.RunKey}
	if f.TaskID != "" {
		query, args = query+" AND task_id = ?", append(args, f.TaskID)
	}
	if f.MapIndex != nil {
		query, args = query+" AND map_index = ?", append(args, *f.MapIndex)
	}
	if len(f.States) > 0 {
		query += " AND state IN (" + sqlrow.Marks(len(f.States)) + ")"
		for _, s := range f.States {
			args = append(args, string(s))
		}
	}
	query += " ORDER BY task_id, map_index"
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	is, err := sqlrow.Collect(ctx, q.c, instanceTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("find task instances: %w", err)
	}
	return is, nil
}

// Attempts returns what jobs are to run, see [store.Instances].
func (q Queries) Attempts(ctx context.Context, js []store.Job) ([]store.Attempt, error) {
	runs, instances := map[int64]*store.Run{}, map[store.Job]*store.Instance{}
	instanceOf := func(runKey int64, task string, mapIndex int) store.Job {
		return store.Job{RunKey: runKey, TaskID: q.c.Dialect().Plain(task), MapIndex: mapIndex}
	}
	for _, j := range js {
		runs[j.RunKey] = nil
	}
	keys, err := json.Marshal(slices.Sorted(maps.Keys(runs)))
	if err != nil {
		return nil, fmt.Errorf("encode the keys of runs: %w", err)
	}
	names := make([]store.Job, len(js))
	for n, j := range js {
		names[n] = instanceOf(j.RunKey, j.TaskID, j.MapIndex)
	}
	named, err := json.Marshal(names)
	if err != nil {
		return nil, fmt.Errorf("encode the names of task instances: %w", err)
	}
	rs, err := sqlrow.Collect(ctx, q.c, runTable.Scan, runTable.Select()+" WHERE "+q.c.Dialect().OneOfNumbers("id"), string(keys))
	if err != nil {
		return nil, fmt.Errorf("read the runs of jobs: %w", err)
	}
	for _, r := range rs {
		runs[r.Key] = r
	}
	is, err := sqlrow.Collect(ctx, q.c, instanceTable.Scan, q.c.Dialect().Instances(instanceTable.Select()), string(named))
	if err != nil {
		return nil, fmt.Errorf("read the task instances of jobs: %w", err)
	}
	for _, in := range is {
		instances[instanceOf(in.RunKey, in.TaskID, in.MapIndex)] = in
	}
	out := make([]store.Attempt, len(js))
	for n, j := range js {
		out[n] = store.Attempt{Run: runs[j.RunKey], Instance: instances[names[n]]}
	}
	return out, nil
}

// TaskStates sums up the instances of runs, see [store.Instances].
func (q Queries) TaskStates(ctx context.Context, runKeys []int64, tasks ...string) ([]*store.TaskState, error) {
	args := make([]any, len(runKeys))
	for i, k := range runKeys {
		args[i] = k
	}
	named := ""
	if len(tasks) > 0 {
		named = " AND task_id IN (" + sqlrow.Marks(len(tasks)) + ")"
		for _, t := range tasks {
			args = append(args, t)
		}
	}
	where := " FROM task_instance WHERE run_key IN (" + sqlrow.Marks(len(runKeys)) + ")" + named
	// A task that is not mapped has one instance: to group those as well takes more than twice as long as to read them.
	plain, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, t *store.TaskState) error {
		t.Count = 1
		return rows.Scan(&t.RunKey, &t.TaskID, &t.State, &t.Try, sqlrow.Moment(&t.StartDate), sqlrow.Moment(&t.EndDate))
	}, "SELECT run_key, task_id, state, try, start_date, end_date"+where+" AND map_index = -1 ORDER BY run_key, task_id", args...)
	if err != nil {
		return nil, fmt.Errorf("read the states of tasks: %w", err)
	}
	mapped, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, t *store.TaskState) error {
		t.Mapped = true
		return rows.Scan(&t.RunKey, &t.TaskID, &t.State, &t.Count, &t.Try, sqlrow.Moment(&t.StartDate), sqlrow.Moment(&t.EndDate))
	}, "SELECT run_key, task_id, state, count(*), max(try), min(start_date), max(end_date)"+where+" AND map_index >= 0 GROUP BY run_key, task_id, state", args...)
	if err != nil {
		return nil, fmt.Errorf("sum up task instances: %w", err)
	}
	if len(mapped) == 0 {
		return plain, nil
	}
	return summedUp(append(plain, mapped...)), nil
}

// MappedTask counts the instances of a mapped task, see [store.Instances].
func (q Queries) MappedTask(ctx context.Context, runKey int64, taskID string) (count int, states []dag.State, err error) {
	const of = " FROM task_instance WHERE run_key = ? AND task_id = ? AND map_index >= 0"
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*)"+of, runKey, taskID)
	if err != nil {
		return 0, nil, fmt.Errorf("count task instances: %w", err)
	}
	if n[0] == 0 {
		return 0, nil, nil
	}
	// Grouped, they would be sorted first.
	if states, err = sqlrow.Column[dag.State](ctx, q.c, "SELECT DISTINCT state"+of, runKey, taskID); err != nil {
		return 0, nil, fmt.Errorf("read the states of task instances: %w", err)
	}
	slices.Sort(states)
	return n[0], states, nil
}

// summedUp puts the states of tasks in order, and makes one of those that have the same run, task and state.
func summedUp(ts []*store.TaskState) []*store.TaskState {
	slices.SortStableFunc(ts, func(a, b *store.TaskState) int {
		return cmp.Or(cmp.Compare(a.RunKey, b.RunKey), cmp.Compare(a.TaskID, b.TaskID), cmp.Compare(a.State, b.State))
	})
	out := ts[:0]
	for _, t := range ts {
		last := (*store.TaskState)(nil)
		if len(out) > 0 {
			last = out[len(out)-1]
		}
		if last == nil || last.RunKey != t.RunKey || last.TaskID != t.TaskID || last.State != t.State {
			out = append(out, t)
			continue
		}
		last.Count, last.Mapped, last.Try = last.Count+t.Count, last.Mapped || t.Mapped, max(last.Try, t.Try)
		if last.StartDate.IsZero() || !t.StartDate.IsZero() && t.StartDate.Before(last.StartDate) {
			last.StartDate = t.StartDate
		}
		if t.EndDate.After(last.EndDate) {
			last.EndDate = t.EndDate
		}
	}
	return out
}

// PastTries returns the tries of a task that another one followed, see [store.Instances].
func (q Queries) PastTries(ctx context.Context, runKey int64, taskID string) ([]*store.Instance, error) {
	is, err := sqlrow.Collect(ctx, q.c, pastTable.Scan, pastTable.Select()+" WHERE run_key = ? AND task_id = ? ORDER BY map_index, try", runKey, taskID)
	if err != nil {
		return nil, fmt.Errorf("read past tries of %s: %w", taskID, err)
	}
	return is, nil
}

// PlainTries returns the past tries of the tasks that are not mapped, see [store.Instances].
func (q Queries) PlainTries(ctx context.Context, runKey int64) ([]*store.Instance, error) {
	is, err := sqlrow.Collect(ctx, q.c, pastTable.Scan, pastTable.Select()+" WHERE run_key = ? AND map_index = -1 ORDER BY task_id, try", runKey)
	if err != nil {
		return nil, fmt.Errorf("read past tries of a run: %w", err)
	}
	return is, nil
}

// PutPastTries keeps instances as they were, see [store.InstancesTx].
func (q Queries) PutPastTries(ctx context.Context, is []*store.Instance) error {
	for _, i := range is {
		if _, err := q.c.Exec(ctx, pastAll.Insert()+" ON CONFLICT (run_key, task_id, map_index, try) DO NOTHING", pastAll.Args(i)...); err != nil {
			return fmt.Errorf("keep try %d of %s: %w", i.Try, i.TaskID, err)
		}
	}
	return nil
}

// XCom returns the JSON of one XCom, or nil.
func (q Queries) XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error) {
	v, err := sqlrow.One(ctx, q.c, func(rows sqlrow.Rows, v *json.RawMessage) error { return rows.Scan(sqlrow.RawJSON(v)) },
		"SELECT value FROM xcom WHERE run_key = ? AND task_id = ? AND map_index = ? AND key = ?", runKey, taskID, mapIndex, key)
	if err != nil {
		return nil, fmt.Errorf("read xcom %s of %s: %w", key, taskID, err)
	}
	if v == nil {
		return nil, nil
	}
	return *v, nil
}

// XComs returns the XComs of a mapped task's instances, in order.
func (q Queries) XComs(ctx context.Context, runKey int64, taskID, key string) ([]store.MappedXCom, error) {
	xs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, x *store.MappedXCom) error {
		return rows.Scan(&x.MapIndex, sqlrow.RawJSON(&x.Value))
	},
		"SELECT map_index, value FROM xcom WHERE run_key = ? AND task_id = ? AND map_index >= 0 AND key = ? ORDER BY map_index", runKey, taskID, key)
	if err != nil {
		return nil, fmt.Errorf("read xcom %s of %s: %w", key, taskID, err)
	}
	return values(xs), nil
}

// RunXComs returns all XComs of a run, by task, map index and key.
func (q Queries) RunXComs(ctx context.Context, runKey int64) ([]store.XCom, error) {
	return q.xcoms(ctx, "run_key = ?", runKey)
}

// TaskXComs returns the XComs of a task instance, by key.
func (q Queries) TaskXComs(ctx context.Context, runKey int64, taskID string, mapIndex int) ([]store.XCom, error) {
	return q.xcoms(ctx, "run_key = ? AND task_id = ? AND map_index = ?", runKey, taskID, mapIndex)
}

func (q Queries) xcoms(ctx context.Context, where string, args ...any) ([]store.XCom, error) {
	xs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, x *store.XCom) error {
		return rows.Scan(&x.TaskID, &x.MapIndex, &x.Key, sqlrow.RawJSON(&x.Value))
	}, "SELECT task_id, map_index, key, value FROM xcom WHERE "+where+" ORDER BY task_id, map_index, key", args...)
	if err != nil {
		return nil, fmt.Errorf("read xcoms: %w", err)
	}
	return values(xs), nil
}

// RunWithXCom returns the newest run, up to a logical date, in which a task has an XCom.
func (q Queries) RunWithXCom(ctx context.Context, dagID string, upTo time.Time, taskID, key string) (int64, error) {
	id := func(query string, args ...any) (*int64, error) {
		return sqlrow.One(ctx, q.c, func(rows sqlrow.Rows, k *int64) error { return rows.Scan(k) }, query, args...)
	}
	if key != "return_value" { // one that was never pushed is not looked for in every run
		pushed, err := id("SELECT run_key FROM xcom WHERE task_id = ? AND key = ? AND key <> 'return_value' LIMIT 1", taskID, key)
		if err != nil {
			return 0, fmt.Errorf("look whether %s has ever pushed xcom %s: %w", taskID, key, err)
		}
		if pushed == nil {
			return 0, nil
		}
	}
	found, err := id(`SELECT id FROM dag_run WHERE dag_id = ? AND logical_date <= ? AND EXISTS (
		SELECT 1 FROM xcom WHERE run_key = dag_run.id AND task_id = ? AND key = ?) ORDER BY logical_date DESC LIMIT 1`, dagID, sqlrow.UnixMilli(upTo), taskID, key)
	if err != nil {
		return 0, fmt.Errorf("find the run with xcom %s of %s: %w", key, taskID, err)
	}
	if found == nil {
		return 0, nil
	}
	return *found, nil
}

func values[T any](ptrs []*T) []T {
	out := make([]T, len(ptrs))
	for i, p := range ptrs {
		out[i] = *p
	}
	return out
}

// PutXCom stores one XCom, replacing an older one.
func (q Queries) PutXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string, value json.RawMessage) error {
	return q.EditXCom(ctx, runKey, taskID, mapIndex, key, value, time.Time{})
}

// EditXCom does the same for a person, who does it at a moment.
func (q Queries) EditXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string, value json.RawMessage, at time.Time) error {
	_, err := q.c.Exec(ctx, `INSERT INTO xcom (run_key, task_id, map_index, key, value, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (run_key, task_id, map_index, key) DO UPDATE SET value = excluded.value, at = excluded.at`,
		runKey, taskID, mapIndex, key, string(value), sqlrow.UnixMilli(at))
	if err != nil {
		return fmt.Errorf("write xcom %s of %s: %w", key, taskID, err)
	}
	return nil
}

// DeleteXCom removes one XCom.
func (q Queries) DeleteXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (bool, error) {
	n, err := q.c.Exec(ctx, "DELETE FROM xcom WHERE run_key = ? AND task_id = ? AND map_index = ? AND key = ?", runKey, taskID, mapIndex, key)
	if err != nil {
		return false, fmt.Errorf("remove xcom %s of %s: %w", key, taskID, err)
	}
	return n > 0, nil
}

// ClearXCom removes the XComs of one task instance.
func (q Queries) ClearXCom(ctx context.Context, runKey int64, taskID string, mapIndex int) error {
	_, err := q.c.Exec(ctx, "DELETE FROM xcom WHERE run_key = ? AND task_id = ? AND map_index = ?", runKey, taskID, mapIndex)
	if err != nil {
		return fmt.Errorf("clear xcom of %s: %w", taskID, err)
	}
	return nil
}

// TaskProgress returns what a try of an instance saved under a key, or "".
func (q Queries) TaskProgress(ctx context.Context, in *store.Instance, key string) (string, error) {
	values, err := sqlrow.Column[string](ctx, q.c,
		"SELECT value FROM task_progress WHERE run_key = ? AND task_id = ? AND map_index = ? AND key = ? AND max_tries = ?",
		in.RunKey, in.TaskID, in.MapIndex, key, in.MaxTries)
	if err != nil {
		return "", fmt.Errorf("read the progress of %s: %w", in.TaskID, err)
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}

// PutTaskProgress saves it, in place of what was saved before.
func (q Queries) PutTaskProgress(ctx context.Context, in *store.Instance, key, value string) error {
	_, err := q.c.Exec(ctx, `INSERT INTO task_progress (run_key, task_id, map_index, key, max_tries, value) VALUES (`+sqlrow.Marks(6)+`)
		ON CONFLICT (run_key, task_id, map_index, key) DO UPDATE SET max_tries = excluded.max_tries, value = excluded.value`,
		in.RunKey, in.TaskID, in.MapIndex, key, in.MaxTries, value)
	if err != nil {
		return fmt.Errorf("write the progress of %s: %w", in.TaskID, err)
	}
	return nil
}
