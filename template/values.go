package template

import (
	"strings"
	"time"
)

// Values are the names that programs of a task get of what templates see, but those that cost a look
// into the store. It encodes to JSON. Moments are text in ISO 8601, in UTC; a name that is undefined in a template is
// missing.
func (c *Context) Values() map[string]any {
	out := map[string]any{
		"dag": map[string]any{
			"dag_id": c.DAG.DAGID, "dag_display_name": c.DAG.DisplayName, "description": textOrNil(c.DAG.Description), "owner": c.DAG.Owner,
			"tags": append([]string{}, c.DAG.Tags...), "timezone": c.DAG.Timezone, "schedule": textOrNil(c.DAG.Schedule), "fileloc": c.DAG.Fileloc,
			"doc_md": textOrNil(c.DAG.DocMD), "start_date": iso(c.DAG.StartDate), "end_date": iso(c.DAG.EndDate), "catchup": c.DAG.Catchup,
			"max_active_runs": c.DAG.MaxActiveRuns, "max_active_tasks": c.DAG.MaxActiveTasks,
		},
		"dag_run": c.runValues(),
		"task":    c.taskValues(),
		"ti":      c.instanceValues(),
		"params":  jsonMap(c.Params), "inlets": assetValues(c.Inlets), "outlets": assetValues(c.Outlets),
		"task_instance_key_str": c.instanceKey(),
	}
	if c.Run.LogicalDate != nil {
		at := c.Run.LogicalDate.UTC()
		out["ds"], out["ds_nodash"] = at.Format("2006-01-02"), at.Format("20060102")
		out["ts"], out["ts_nodash"] = iso(&at), at.Format("20060102T150405")
		out["ts_nodash_with_tz"] = strings.NewReplacer("-", "", ":", "").Replace(iso(&at).(string)) //nolint:forcetypeassert // it is a moment
	}
	return out
}

// instanceKey is task_instance_key_str.
func (c *Context) instanceKey() string {
	last := c.Run.RunID
	if c.Run.LogicalDate != nil {
		last = c.Run.LogicalDate.UTC().Format("20060102")
	}
	return c.DAG.DAGID + "__" + c.TI.TaskID + "__" + last
}

func (c *Context) runValues() map[string]any {
	r := c.Run
	return map[string]any{
		"dag_id": c.DAG.DAGID, "run_id": r.RunID, "run_type": r.RunType, "state": textOrNil(r.State), "conf": jsonMap(r.Conf),
		"logical_date": iso(r.LogicalDate), "data_interval_start": iso(c.DataIntervalStart), "data_interval_end": iso(c.DataIntervalEnd),
		"start_date": iso(r.StartDate), "end_date": iso(r.EndDate), "queued_at": iso(r.QueuedAt), "run_after": iso(r.RunAfter),
		"external_trigger": r.ExternalTrigger,
	}
}

func (c *Context) taskValues() map[string]any {
	t := c.Task
	var timeout any
	if t.ExecutionTimeout > 0 {
		timeout = t.ExecutionTimeout.Seconds()
	}
	return map[string]any{
		"task_id": t.TaskID, "label": t.Label, "owner": t.Owner, "operator": t.Operator, "task_type": t.Operator, "operator_name": t.Operator,
		"retries": t.Retries, "retry_delay": t.RetryDelay.Seconds(), "execution_timeout": timeout, "trigger_rule": t.TriggerRule,
		"pool": t.Pool, "pool_slots": t.PoolSlots, "queue": t.Queue, "priority_weight": t.PriorityWeight, "depends_on_past": t.DependsOnPast,
		"doc_md": textOrNil(t.DocMD), "dag_id": c.DAG.DAGID,
		"upstream_task_ids": append([]string{}, t.UpstreamTaskIDs...), "downstream_task_ids": append([]string{}, t.DownstreamTaskIDs...),
	}
}

func (c *Context) instanceValues() map[string]any {
	t := c.TI
	return map[string]any{
		"dag_id": t.DAGID, "run_id": t.RunID, "task_id": t.TaskID, "map_index": t.MapIndex, "try_number": t.TryNumber, "max_tries": t.MaxTries,
		"state": textOrNil(t.State), "operator": textOrNil(t.Operator), "hostname": t.Hostname, "log_url": t.LogURL, "mark_success_url": t.LogURL,
		"pool": t.Pool, "queue": t.Queue, "start_date": iso(t.StartDate), "end_date": iso(t.EndDate),
	}
}

func assetValues(list []AssetInfo) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, a := range list {
		out[i] = map[string]any{"uri": a.URI, "name": a.Name, "group": a.Group, "extra": jsonMap(a.Extra)}
	}
	return out
}

// PreviousValues are the names about the newest successful run before this one, as in [Context.Values].
func (c *Context) PreviousValues() (map[string]any, error) {
	out := map[string]any{}
	for name, ask := range map[string]func() (*time.Time, error){
		"prev_data_interval_start_success": c.PrevDataIntervalStartSuccess, "prev_data_interval_end_success": c.PrevDataIntervalEndSuccess,
		"prev_start_date_success": c.PrevStartDateSuccess, "prev_end_date_success": c.PrevEndDateSuccess,
	} {
		out[name] = nil
		if ask == nil {
			continue
		}
		at, err := ask()
		if err != nil {
			return nil, err
		}
		out[name] = iso(at)
	}
	return out, nil
}

// EventValues are the updates of assets that the run was made for, as in [Context.Values].
func (c *Context) EventValues() ([]map[string]any, error) {
	if c.TriggeringAssetEvents == nil {
		return []map[string]any{}, nil
	}
	events, err := c.TriggeringAssetEvents()
	out := make([]map[string]any, len(events))
	for i, e := range events {
		var extra any
		if e.Extra != nil {
			extra = e.Extra
		}
		out[i] = map[string]any{
			"uri": e.URI, "timestamp": iso(&e.Timestamp), "source_dag_id": textOrNil(e.SourceDAGID), "source_task_id": textOrNil(e.SourceTaskID),
			"source_run_id": textOrNil(e.SourceRunID), "source_map_index": e.SourceMapIndex, "extra": jsonMap(extra),
		}
	}
	return out, err
}

// iso is a moment as text, or nil.
func iso(t *time.Time) any {
	if t == nil {
		return nil
	}
	form := "2006-01-02T15:04:05"
	if t.Nanosecond() >= int(time.Microsecond) {
		form += ".000000"
	}
	return t.UTC().Format(form) + "+00:00"
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// jsonMap is a mapping as JSON has it, empty for none.
func jsonMap(v any) any {
	if v == nil {
		return map[string]any{}
	}
	return v
}
