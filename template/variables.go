package template

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/template/internal/filters"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// variable returns the value of a top-level name, which is made once.
func (r *render) variable(name string) (any, error) {
	if v, ok := r.made[name]; ok {
		return v, nil
	}
	v, err := r.convert(name)
	if err == nil {
		r.made[name] = v
	}
	return v, err
}

// convert makes the value of a top-level name.
func (r *render) convert(name string) (any, error) {
	if v, ok := r.ctx.Extra[name]; ok {
		return fromGo(name, v)
	}
	if v, ok := r.env.added[name]; ok {
		return fromGo(name, v)
	}
	if get, ok := variables[name]; ok {
		return get(r)
	}
	return r.global(name)
}

// global makes the value of a name that is there everywhere, in files that are imported
// without context too.
func (r *render) global(name string) (any, error) {
	if v, ok := r.env.added[name]; ok {
		return fromGo(name, v)
	}
	if f, ok := globals[name]; ok {
		return &pyval.Module{Name: name, Call: f}, nil
	}
	return pyval.Undefined{}, nil
}

// variables are Airflow's names.
var variables = map[string]func(*render) (any, error){
	"ds":                               logical("%Y-%m-%d"),
	"ds_nodash":                        logical("%Y%m%d"),
	"ts_nodash":                        logical("%Y%m%dT%H%M%S"),
	"ts_nodash_with_tz":                (*render).tsNoDashWithTZ,
	"ts":                               func(r *render) (any, error) { return isoOf(r.date(r.ctx.Run.LogicalDate)), nil },
	"logical_date":                     func(r *render) (any, error) { return undefinedIfNone(r.date(r.ctx.Run.LogicalDate)), nil },
	"data_interval_start":              func(r *render) (any, error) { return undefinedIfNone(r.date(r.ctx.DataIntervalStart)), nil },
	"data_interval_end":                func(r *render) (any, error) { return undefinedIfNone(r.date(r.ctx.DataIntervalEnd)), nil },
	"dag":                              func(r *render) (any, error) { return r.dag(), nil },
	"task":                             func(r *render) (any, error) { return r.taskInfo(), nil },
	"ti":                               func(r *render) (any, error) { return r.instance(), nil },
	"task_instance":                    func(r *render) (any, error) { return r.instance(), nil },
	"dag_run":                          (*render).dagRun,
	"run_id":                           func(r *render) (any, error) { return r.ctx.Run.RunID, nil },
	"params":                           func(r *render) (any, error) { return fromGo("params", mapOrEmpty(r.ctx.Params)) },
	"var":                              func(r *render) (any, error) { return r.variableAccess(), nil },
	"conn":                             func(r *render) (any, error) { return connAccess{r}, nil },
	"macros":                           func(r *render) (any, error) { return r.env.macros, nil },
	"exception":                        func(r *render) (any, error) { return undefinedIfEmpty(r.ctx.Exception), nil },
	"reason":                           func(r *render) (any, error) { return undefinedIfEmpty(r.ctx.Reason), nil },
	"owner":                            func(r *render) (any, error) { return undefinedIfEmpty(r.ctx.Owner.Name), nil },
	"owner_mobiles":                    func(r *render) (any, error) { return texts(r.ctx.Owner.Mobiles), nil },
	"owner_user_ids":                   func(r *render) (any, error) { return texts(r.ctx.Owner.UserIDs), nil },
	"owner_emails":                     func(r *render) (any, error) { return texts(r.ctx.Owner.Emails), nil },
	"task_instance_key_str":            func(r *render) (any, error) { return r.taskInstanceKey(), nil },
	"inlets":                           func(r *render) (any, error) { return assetList("inlets", r.ctx.Inlets) },
	"outlets":                          func(r *render) (any, error) { return assetList("outlets", r.ctx.Outlets) },
	"triggering_asset_events":          (*render).triggeringAssetEvents,
	"prev_data_interval_start_success": func(r *render) (any, error) { return r.previous(r.ctx.PrevDataIntervalStartSuccess) },
	"prev_data_interval_end_success":   func(r *render) (any, error) { return r.previous(r.ctx.PrevDataIntervalEndSuccess) },
	"prev_start_date_success":          func(r *render) (any, error) { return r.previous(r.ctx.PrevStartDateSuccess) },
	"prev_end_date_success":            func(r *render) (any, error) { return r.previous(r.ctx.PrevEndDateSuccess) },
}

// removed are the names of Airflow 2 and what to write instead.
var removed = map[string]string{
	"execution_date":              "logical_date",
	"next_ds":                     "data_interval_end | ds",
	"next_ds_nodash":              "data_interval_end | ds_nodash",
	"next_execution_date":         "data_interval_end",
	"prev_ds":                     "macros.ds_add(ds, -1)",
	"prev_ds_nodash":              "macros.ds_add(ds, -1) | replace('-', '')",
	"prev_execution_date":         "prev_data_interval_start_success",
	"prev_execution_date_success": "prev_data_interval_start_success",
	"tomorrow_ds":                 "macros.ds_add(ds, 1)",
	"tomorrow_ds_nodash":          "macros.ds_add(ds, 1) | replace('-', '')",
	"yesterday_ds":                "macros.ds_add(ds, -1)",
	"yesterday_ds_nodash":         "macros.ds_add(ds, -1) | replace('-', '')",
	"triggering_dataset_events":   "triggering_asset_events",
	"conf":                        "dag_run.conf for the run's configuration, or var.value",
}

var needsDate = []string{"ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "logical_date"}

// whyMissing explains an undefined top-level name.
func (r *render) whyMissing(name string) string {
	if instead, ok := removed[name]; ok {
		return ": Airflow 3 removed it; use " + instead
	}
	switch {
	case slices.Contains(needsDate, name):
		return ": the run has no logical date"
	case name == "data_interval_start" || name == "data_interval_end":
		return ": the run has no data interval"
	case name == "ti" || name == "task_instance" || name == "task":
		return ": there is no task here"
	case name == "exception":
		return ": nothing failed"
	}
	names := slices.Collect(maps.Keys(variables))
	names = slices.AppendSeq(names, maps.Keys(r.ctx.Extra))
	names = slices.AppendSeq(names, maps.Keys(r.env.added))
	return didYouMean(name, names)
}

// date returns a datetime in the zone of the context, or None.
func (r *render) date(t *time.Time) any {
	if t == nil {
		return nil
	}
	loc := r.ctx.Location
	if loc == nil {
		loc = time.UTC
	}
	return pytime.NewDateTime(t.In(loc))
}

func logical(format string) func(*render) (any, error) {
	return func(r *render) (any, error) {
		d, ok := r.date(r.ctx.Run.LogicalDate).(pytime.DateTime)
		if !ok {
			return pyval.Undefined{}, nil
		}
		return d.Format(format)
	}
}

func (r *render) tsNoDashWithTZ() (any, error) {
	iso := isoOf(r.date(r.ctx.Run.LogicalDate))
	if text, ok := iso.(string); ok {
		return filters.WithoutDashes(text), nil
	}
	return iso, nil
}

func isoOf(v any) any {
	if d, ok := v.(pytime.DateTime); ok {
		return d.ISO("T")
	}
	return pyval.Undefined{}
}

func undefinedIfNone(v any) any {
	if v == nil {
		return pyval.Undefined{}
	}
	return v
}

func undefinedIfEmpty(s string) any {
	if s == "" {
		return pyval.Undefined{}
	}
	return s
}

// noneIfEmpty is for attributes that Airflow has as None when they are not set.
func noneIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func mapOrEmpty(m any) any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func (r *render) previous(f func() (*time.Time, error)) (any, error) {
	if f == nil {
		return nil, nil
	}
	t, err := f()
	return r.date(t), err
}

func (r *render) taskInstanceKey() any {
	ti := r.ctx.TI
	if ti.TaskID == "" {
		return pyval.Undefined{}
	}
	last := r.ctx.Run.RunID
	if d, ok := r.date(r.ctx.Run.LogicalDate).(pytime.DateTime); ok {
		last = d.Time().Format("20060102")
	}
	return fmt.Sprintf("%s__%s__%s", r.ctx.DAG.DAGID, ti.TaskID, last)
}
