package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

func texts(list []string) any {
	items := make([]any, len(list))
	for i, s := range list {
		items[i] = s
	}
	return pyval.NewList(items...)
}

func duration(d time.Duration) any {
	if d == 0 {
		return nil
	}
	return pytime.NewDelta(d)
}

func (r *render) dag() any {
	d := r.ctx.DAG
	return &pyval.Module{Name: "DAG", Values: map[string]any{
		"dag_id":           d.DAGID,
		"dag_display_name": d.DisplayName,
		"description":      noneIfEmpty(d.Description),
		"owner":            d.Owner,
		"tags":             texts(d.Tags),
		"timezone":         d.Timezone,
		"schedule":         noneIfEmpty(d.Schedule),
		"fileloc":          d.Fileloc,
		"doc_md":           noneIfEmpty(d.DocMD),
		"start_date":       r.date(d.StartDate),
		"end_date":         r.date(d.EndDate),
		"catchup":          d.Catchup,
		"max_active_runs":  int64(d.MaxActiveRuns),
		"max_active_tasks": int64(d.MaxActiveTasks),
	}}
}

// taskInfo is the one task of this context.
func (r *render) taskInfo() any {
	if r.task == nil {
		r.task = r.newTask()
	}
	return r.task
}

func (r *render) newTask() any {
	t := r.ctx.Task
	if t.TaskID == "" {
		return pyval.Undefined{}
	}
	values := map[string]any{
		"task_id":             t.TaskID,
		"label":               t.Label,
		"owner":               t.Owner,
		"operator":            t.Operator,
		"task_type":           t.Operator,
		"operator_name":       t.Operator,
		"retries":             int64(t.Retries),
		"retry_delay":         pytime.NewDelta(t.RetryDelay),
		"execution_timeout":   duration(t.ExecutionTimeout),
		"trigger_rule":        t.TriggerRule,
		"pool":                t.Pool,
		"pool_slots":          int64(t.PoolSlots),
		"queue":               t.Queue,
		"priority_weight":     int64(t.PriorityWeight),
		"depends_on_past":     t.DependsOnPast,
		"doc_md":              noneIfEmpty(t.DocMD),
		"dag_id":              r.ctx.DAG.DAGID,
		"upstream_task_ids":   texts(t.UpstreamTaskIDs),
		"downstream_task_ids": texts(t.DownstreamTaskIDs),
	}
	for name, v := range t.Fields {
		if _, taken := values[name]; taken {
			continue
		}
		if value, err := fromGo("task."+name, v); err == nil { // what does not encode has no text either
			values[name] = value
		}
	}
	return &pyval.Module{Name: "task", Values: values}
}

// instance is the one task instance of this context, as ti and task_instance.
func (r *render) instance() any {
	if r.ti == nil {
		r.ti = r.newInstance()
	}
	return r.ti
}

func (r *render) newInstance() any {
	t := r.ctx.TI
	if t.TaskID == "" {
		return pyval.Undefined{}
	}
	var seconds any
	if t.Duration != nil {
		seconds = t.Duration.Seconds()
	}
	return &pyval.Module{
		Name: "TaskInstance",
		Values: map[string]any{
			"dag_id":     t.DAGID,
			"run_id":     t.RunID,
			"task_id":    t.TaskID,
			"map_index":  int64(t.MapIndex),
			"try_number": int64(t.TryNumber),
			"max_tries":  int64(t.MaxTries),
			"state":      noneIfEmpty(t.State),
			"operator":   noneIfEmpty(t.Operator),
			"hostname":   t.Hostname,
			"log_url":    t.LogURL,
			// Airflow 3 has no page of its own for this any more.
			"mark_success_url": t.LogURL,
			"pool":             t.Pool,
			"queue":            t.Queue,
			"start_date":       r.date(t.StartDate),
			"end_date":         r.date(t.EndDate),
			"duration":         seconds,
			"task":             r.taskInfo(),
			"key":              r.taskInstanceKey(),
		},
		Funcs: map[string]pyval.Method{"xcom_pull": r.xcomPull, "xcom_push": r.xcomPush},
	}
}

func (r *render) dagRun() (any, error) {
	run := r.ctx.Run
	conf, err := fromGo("dag_run.conf", run.Conf)
	if err != nil {
		return nil, err
	}
	if conf == nil {
		conf = pyval.NewDict()
	}
	return &pyval.Module{Name: "DagRun", Values: map[string]any{
		"dag_id":              r.ctx.DAG.DAGID,
		"run_id":              run.RunID,
		"run_type":            run.RunType,
		"state":               noneIfEmpty(run.State),
		"logical_date":        r.date(run.LogicalDate),
		"data_interval_start": r.date(run.DataIntervalStart),
		"data_interval_end":   r.date(run.DataIntervalEnd),
		"start_date":          r.date(run.StartDate),
		"end_date":            r.date(run.EndDate),
		"queued_at":           r.date(run.QueuedAt),
		"run_after":           r.date(run.RunAfter),
		"conf":                conf,
		"external_trigger":    run.ExternalTrigger,
	}}, nil
}

// xcomPull is ti.xcom_pull.
func (r *render) xcomPull(_ *pyval.Budget, a *pyval.Args) (any, error) {
	ids, q := a.AnyOr("task_ids", nil), XComQuery{DAGID: a.TextOr("dag_id", ""), Key: a.TextOr("key", "return_value")}
	q.PriorDates = a.BoolOr("include_prior_dates", false)
	indexes, runID, def := a.KeywordOr("map_indexes", nil), a.KeywordOr("run_id", nil), a.KeywordOr("default", nil)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if runID != nil {
		id, ok := runID.(string)
		if !ok {
			return nil, fmt.Errorf("xcom_pull: run_id must be text, not %q", pyval.TypeName(runID))
		}
		q.RunID = id
	}
	if err := r.mapIndexes(indexes, &q); err != nil {
		return nil, err
	}
	one := true
	switch v := ids.(type) {
	case nil:
		q.TaskIDs = []string{r.ctx.TI.TaskID}
	case string:
		q.TaskIDs = []string{v}
	default:
		one = false
		items, err := pyval.Iterate(r.budget, v)
		if err != nil {
			return nil, fmt.Errorf("xcom_pull: task_ids: %w", err)
		}
		for _, it := range items {
			id, ok := it.(string)
			if !ok {
				return nil, fmt.Errorf("xcom_pull: task_ids must be texts, not %q", pyval.TypeName(it))
			}
			q.TaskIDs = append(q.TaskIDs, id)
		}
	}
	values, err := r.pull(q, def)
	if err != nil {
		return nil, err
	}
	if one {
		return values[0], nil
	}
	return pyval.NewList(values...), nil
}

// mapIndexes reads the argument of that name: a number or several.
func (r *render) mapIndexes(v any, q *XComQuery) error {
	if v == nil {
		return nil
	}
	if n, ok := v.(int64); ok {
		q.MapIndexes = []int{int(n)}
		return nil
	}
	items, err := pyval.Iterate(r.budget, v)
	if err != nil {
		return fmt.Errorf("xcom_pull: map_indexes: %w", err)
	}
	q.MapIndexes = []int{}
	for _, it := range items {
		n, ok := it.(int64)
		if !ok {
			return fmt.Errorf("xcom_pull: map_indexes must be whole numbers, not %q", pyval.TypeName(it))
		}
		q.MapIndexes = append(q.MapIndexes, int(n))
	}
	return nil
}

// xcomPush is ti.xcom_push.
func (r *render) xcomPush(_ *pyval.Budget, a *pyval.Args) (any, error) {
	key, value := a.Text("key"), a.Any("value")
	if err := a.Done(); err != nil {
		return nil, err
	}
	if r.ctx.XComPush == nil {
		return nil, errors.New("xcom_push: only a running task has XComs")
	}
	encoded, err := pyconv.ToJSON(r.budget, value, pyconv.JSONOptions{})
	if err != nil {
		return nil, fmt.Errorf("xcom_push: %w", err)
	}
	return nil, r.ctx.XComPush(key, json.RawMessage(encoded))
}

func (r *render) pull(q XComQuery, def any) ([]any, error) {
	raws := make([]json.RawMessage, len(q.TaskIDs))
	if r.ctx.XComPull != nil {
		var err error
		if raws, err = r.ctx.XComPull(q); err != nil {
			return nil, fmt.Errorf("xcom_pull: %w", err)
		}
		if len(raws) != len(q.TaskIDs) {
			return nil, fmt.Errorf("xcom_pull: got %d results for %d tasks", len(raws), len(q.TaskIDs))
		}
	}
	values := make([]any, len(raws))
	for i, raw := range raws {
		if raw == nil {
			values[i] = def
			continue
		}
		v, err := pyconv.FromStore(raw)
		if err != nil {
			return nil, fmt.Errorf("xcom_pull: XCom %q of task %q: %w", q.Key, q.TaskIDs[i], err)
		}
		values[i] = v
	}
	return values, nil
}

// variableAccess is var: var.value.name is text, var.json.name is decoded.
func (r *render) variableAccess() any {
	return &pyval.Module{Name: "var", Values: map[string]any{
		"value": varAccess{r, "var.value", func(s string) (any, error) { return s, nil }},
		"json":  varAccess{r, "var.json", func(s string) (any, error) { return pyconv.FromJSON([]byte(s)) }},
	}}
}

type varAccess struct {
	r      *render
	name   string
	decode func(string) (any, error)
}

func (v varAccess) TypeName() string { return v.name }
func (v varAccess) Names() []string  { return []string{"get"} }

func (v varAccess) Attr(key string) (any, error) {
	text, err := v.text(key)
	if err != nil {
		return nil, connections.About("variable", key, err)
	}
	got, err := v.decode(text)
	if err != nil {
		return nil, connections.About("variable", key, err)
	}
	return got, nil
}

func (v varAccess) text(key string) (string, error) {
	if v.r.ctx.Variable == nil {
		return "", connections.ErrNotFound
	}
	return v.r.ctx.Variable(key)
}

func (v varAccess) Method(name string) pyval.Method {
	if name != "get" {
		return nil
	}
	return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		key, def := a.Text("key"), a.AnyOr("default", pyval.Undefined{})
		if err := a.Done(); err != nil {
			return nil, err
		}
		got, err := v.Attr(key)
		if errors.Is(err, connections.ErrNotFound) && !pyval.IsUndefined(def) {
			return def, nil
		}
		return got, err
	}
}

// connAccess is conn: conn.id is a connection.
type connAccess struct{ r *render }

func (c connAccess) TypeName() string { return "conn" }
func (c connAccess) Names() []string  { return []string{"get"} }

func (c connAccess) Attr(id string) (any, error) {
	err := connections.ErrNotFound
	var conn *connections.Connection
	if c.r.ctx.Connection != nil {
		conn, err = c.r.ctx.Connection(id)
	}
	if err == nil && conn == nil {
		err = connections.ErrNotFound
	}
	if err != nil {
		return nil, connections.About("connection", id, err)
	}
	return connection(conn)
}

func (c connAccess) Method(name string) pyval.Method {
	if name != "get" {
		return nil
	}
	return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		id, def := a.Text("conn_id"), a.AnyOr("default_conn", nil)
		if err := a.Done(); err != nil {
			return nil, err
		}
		got, err := c.Attr(id)
		if errors.Is(err, connections.ErrNotFound) {
			return def, nil
		}
		return got, err
	}
}

// connection shows a connection with its secrets: a template needs them, and what
// is logged or shown is masked elsewhere.
func connection(c *connections.Connection) (any, error) {
	var port any
	if c.Port != nil {
		port = int64(*c.Port)
	}
	var password any
	if c.Password != nil {
		password = c.Password.Reveal()
	}
	extra, decoded := any(nil), any(pyval.NewDict())
	if c.Extra != nil {
		text := c.Extra.Reveal()
		extra = text
		if text != "" {
			var err error
			if decoded, err = pyconv.FromJSON([]byte(text)); err != nil {
				// The text may hold secrets, so the cause is not told.
				return nil, fmt.Errorf("connection %q: the extra is not JSON", c.ID)
			}
		}
	}
	uri := func(_ *pyval.Budget, a *pyval.Args) (any, error) { return c.URI(), a.Done() }
	return &pyval.Module{Name: "Connection", Funcs: map[string]pyval.Method{"get_uri": uri}, Values: map[string]any{
		"conn_id":      c.ID,
		"conn_type":    c.Type,
		"description":  optional(c.Description),
		"host":         optional(c.Host),
		"login":        optional(c.Login),
		"password":     password,
		"schema":       optional(c.Schema),
		"port":         port,
		"extra":        extra,
		"extra_dejson": decoded,
	}}, nil
}

func optional(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}
