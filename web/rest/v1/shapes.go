package v1

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// pick is an object with the fields that are named; one that there is not is null.
func pick(from object, names ...string) object {
	out := object{}
	for _, name := range names {
		out[name] = from[name]
	}
	return out
}

// without is the object without some fields.
func without(o object, names ...string) object {
	for _, name := range names {
		delete(o, name)
	}
	return o
}

// each translates the objects of a list in an answer.
func each(answer object, list string, to func(object) object) object {
	items, _ := answer[list].([]any)
	out := make([]any, 0, len(items))
	for _, item := range items {
		o, _ := item.(object)
		out = append(out, to(o))
	}
	return object{list: out, "total_entries": answer["total_entries"]}
}

func dagOf(d object) object {
	out := pick(d, "dag_id", "dag_display_name", "is_paused", "last_parsed_time", "last_expired", "fileloc", "file_token", "owners", "description", "timetable_description",
		"max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs", "has_task_concurrency_limits", "has_import_errors", "next_dagrun_data_interval_start",
		"next_dagrun_data_interval_end")
	stale, _ := d["is_stale"].(bool)
	out["is_active"], out["is_subdag"], out["default_view"] = !stale, false, "grid"
	for _, none := range []string{"root_dag_id", "last_pickled", "scheduler_lock", "pickle_id"} {
		out[none] = nil
	}
	out["next_dagrun"], out["next_dagrun_create_after"] = d["next_dagrun_logical_date"], d["next_dagrun_run_after"]
	out["schedule_interval"] = interval(d["timetable_summary"])
	tags, _ := d["tags"].([]any)
	names := make([]any, 0, len(tags))
	for _, t := range tags {
		o, _ := t.(object)
		names = append(names, object{"name": o["name"]})
	}
	out["tags"] = names
	return out
}

func detailsOf(d object) object {
	out := dagOf(d)
	for _, name := range []string{
		"catchup", "concurrency", "start_date", "end_date", "doc_md", "params", "timezone", "is_paused_upon_creation", "last_parsed", "render_template_as_native_obj",
		"template_search_path", "owner_links",
	} {
		out[name] = d[name]
	}
	out["orientation"], out["dataset_expression"] = "LR", expressionOf(d["asset_expression"])
	out["dag_run_timeout"] = nil
	if text, ok := d["dag_run_timeout"].(string); ok {
		if t, ok := isoSeconds(text); ok {
			out["dag_run_timeout"] = timeDelta(t)
		}
	}
	return out
}

// timeDelta is a length of time in seconds.
func timeDelta(seconds float64) object {
	d := time.Duration(seconds * float64(time.Second))
	const day = 24 * time.Hour
	return object{"__type": "TimeDelta", "days": int(d / day), "seconds": int(d % day / time.Second), "microseconds": int(d % time.Second / time.Microsecond)}
}

// isoSeconds reads PT1H30M.
func isoSeconds(text string) (float64, bool) {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok {
		return 0, false
	}
	days, clock, _ := strings.Cut(rest, "T")
	total := 0.0
	for _, part := range []struct {
		text  string
		units map[byte]float64
	}{{days, map[byte]float64{'D': 86400}}, {clock, map[byte]float64{'H': 3600, 'M': 60, 'S': 1}}} {
		from := 0
		for i := range part.text {
			unit, ok := part.units[part.text[i]]
			if !ok {
				continue
			}
			n, err := strconv.ParseFloat(part.text[from:i], 64)
			if err != nil {
				return 0, false
			}
			total, from = total+n*unit, i+1
		}
		if from != len(part.text) {
			return 0, false
		}
	}
	return total, true
}

// interval is a schedule: a length of time, a cron text, or null.
func interval(summary any) any {
	text, ok := summary.(string)
	if !ok {
		return nil
	}
	clock := text
	days := 0
	if n, rest, ok := strings.Cut(text, " day"); ok {
		var err error
		if days, err = strconv.Atoi(n); err != nil {
			return object{"__type": "CronExpression", "value": text}
		}
		_, clock, _ = strings.Cut(rest, ", ")
	}
	var h, m, s int
	if n, err := fmt.Sscanf(clock, "%d:%d:%d", &h, &m, &s); err == nil && n == 3 {
		return timeDelta(float64(days*86400 + h*3600 + m*60 + s))
	}
	if strings.HasPrefix(text, "Asset") {
		text = "Dataset"
	}
	return object{"__type": "CronExpression", "value": text}
}

// dated gives an object the execution date that all had in version 1: without a logical date that after which it may run.
func dated(out, from object) object {
	out["execution_date"] = from["logical_date"]
	if out["execution_date"] == nil {
		out["execution_date"] = from["run_after"]
	}
	return out
}

func runOf(r object) object {
	out := dated(pick(r, "dag_run_id", "dag_id", "logical_date", "start_date", "end_date", "data_interval_start", "data_interval_end", "last_scheduling_decision", "run_type", "state",
		"conf", "note"), r)
	if out["logical_date"] == nil {
		out["logical_date"] = out["execution_date"]
	}
	switch out["run_type"] {
	case "asset_triggered":
		out["run_type"] = "dataset_triggered"
	case "asset_materialization":
		out["run_type"] = "manual"
	}
	out["external_trigger"] = out["run_type"] == "manual"
	return out
}

func instanceOf(t object) object {
	out := dated(pick(t, "task_id", "task_display_name", "dag_id", "dag_run_id", "start_date", "end_date", "duration", "state", "try_number", "map_index", "max_tries", "hostname",
		"unixname", "pool", "pool_slots", "queue", "priority_weight", "operator", "queued_when", "pid", "executor", "executor_config", "rendered_map_index", "rendered_fields", "trigger",
		"triggerer_job", "note"), t)
	out["sla_miss"] = nil
	return texts(out, "hostname", "unixname")
}

// texts gives fields that are never null in version 1 an empty text instead.
func texts(o object, names ...string) object {
	for _, name := range names {
		if o[name] == nil {
			o[name] = ""
		}
	}
	return o
}

// tryOf is a try of a task instance, the last one among them.
func tryOf(t object) object {
	return texts(pick(t, "task_id", "task_display_name", "dag_id", "dag_run_id", "map_index", "start_date", "end_date", "duration", "state", "try_number", "max_tries", "hostname",
		"unixname", "pool", "pool_slots", "queue", "priority_weight", "operator", "queued_when", "pid", "executor", "executor_config"), "hostname", "unixname")
}

func referenceOf(t object) object { return dated(pick(t, "task_id", "dag_id", "dag_run_id"), t) }

func taskOf(t object) object {
	switch n := t["retry_exponential_backoff"].(type) {
	case json.Number:
		t["retry_exponential_backoff"] = n.String() != "0"
	case float64:
		t["retry_exponential_backoff"] = n != 0
	}
	t["executor"] = nil
	return t
}

func xcomOf(x object) object {
	out := dated(pick(x, "key", "timestamp", "map_index", "task_id", "dag_id"), x)
	if value, ok := x["value"]; ok {
		out["value"] = value
	}
	return out
}

func eventOf(e object) object {
	return dated(pick(e, "event_log_id", "when", "dag_id", "task_id", "run_id", "map_index", "try_number", "event", "owner", "extra"), e)
}

func importErrorOf(e object) object {
	return pick(e, "import_error_id", "timestamp", "filename", "stack_trace")
}

func variableOf(v object) object { return pick(v, "key", "value", "description") }

func poolOf(p object) object {
	return pick(p, "name", "slots", "occupied_slots", "running_slots", "queued_slots", "scheduled_slots", "deferred_slots", "open_slots", "description", "include_deferred")
}

func connectionOf(c object) object {
	return pick(c, "connection_id", "conn_type", "description", "host", "login", "schema", "port", "extra")
}

func connectionItem(c object) object { return without(connectionOf(c), "extra") }

func warningOf(w object) object { return pick(w, "dag_id", "warning_type", "message", "timestamp") }
