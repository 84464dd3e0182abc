package catalog

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/timetable"
	"github.com/dingdag/dingdag/yamlvalue"
)

// findings collects what is found of a DAG.
type findings struct {
	d     *dag.DAG
	found dag.Diagnostics
}

// add adds a finding of a task, or of the DAG when it is nil.
func (f *findings) add(t *dag.Task, s dag.Severity, format string, args ...any) {
	at, id := f.d.Pos, ""
	if t != nil {
		at, id = t.Pos, t.ID
	}
	f.found = append(f.found, dag.Diagnostic{File: at.File, Line: at.Line, Column: at.Column, Severity: s, DAGID: f.d.ID, TaskID: id, Text: fmt.Sprintf(format, args...)})
}

// Check reports what the loader can't know: what is accepted and means nothing.
func (c Catalog) Check(d *dag.DAG) dag.Diagnostics {
	f := &findings{d: d}
	for _, t := range d.Tasks {
		c.checkTask(f, t)
	}
	if (d.ScheduleText == "@continuous" || d.ScheduleText == "@once") && d.StartDate.IsZero() {
		f.add(nil, dag.Warning, "the DAG never runs by itself: %s needs a start_date", d.ScheduleText)
	}
	if why := noInterval(d); why != "" {
		for _, t := range d.Tasks {
			if readsInterval(t.Args.Node()) {
				f.add(t, dag.Warning, "%s", why)
			}
		}
	}
	return append(f.found, c.checkNames(d, dagfile.Unsure{})...)
}

// checkTask reports what means nothing, or can't work, for one task.
func (c Catalog) checkTask(f *findings, t *dag.Task) {
	d := f.d
	if d.FailFast && t.TriggerRule != dag.AllSuccess && !t.Teardown {
		f.add(t, dag.Error, "trigger_rule %s: a DAG with fail_fast may only have all_success", t.TriggerRule)
	}
	for v := range t.Mapping.Sources() {
		if v.From != "" && c.doesNothing(d.Task(v.From)) {
			f.add(t, dag.Error, "it is mapped over the result of task %q, and operator %s has none", v.From, d.Task(v.From).Operator)
		}
	}
	if err := c.Templates.Check(t.MapIndexTemplate); err != nil {
		f.add(t, dag.Error, "map_index_template: %v", err)
	}
	if t.WaitForPastDependsBeforeSkipping && !t.DependsOnPast {
		f.add(t, dag.Warning, "wait_for_past_depends_before_skipping has no effect without depends_on_past")
	}
	ofDAG := t.StartDate.Equal(d.StartDate) && t.EndDate.Equal(d.EndDate) // from default_args: said once
	if !t.EndDate.IsZero() && t.EndDate.Before(t.StartDate) && !ofDAG {
		f.add(t, dag.Warning, "end_date is before start_date: the task is in no run")
	}
}

// noInterval says why the data interval of the runs of a DAG tells nothing, or nothing.
func noInterval(d *dag.DAG) string {
	switch {
	case d.Assets != nil:
		return "a run that assets trigger has no data interval: look at triggering_asset_events instead"
	case d.ScheduleText != "" && timetable.ModeOf(d.Timetable) == timetable.ModeTrigger:
		return "the data interval has no length in trigger mode: data_interval_start equals data_interval_end; write schedule: {cron: …, mode: interval} for Airflow 2's intervals"
	default:
		return ""
	}
}

// CheckBroken reports what the loader can't know of a DAG with errors: names in its templates
// that nothing gives. The rest of [Catalog.Check] waits until the file is mended.
func (c Catalog) CheckBroken(d *dagfile.BrokenDAG) dag.Diagnostics {
	return c.checkNames(d.DAG, d.Unsure)
}

// readsInterval reports whether a template below n reads the data interval.
func readsInterval(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && yamlvalue.HoldsTemplate(n.Value) && strings.Contains(n.Value, "data_interval_") ||
		slices.ContainsFunc(n.Content, readsInterval)
}

// doesNothing reports whether a task has an operator without work, and so without result.
func (c Catalog) doesNothing(t *dag.Task) bool {
	spec, ok := c.Operators.Lookup(t.Operator)
	if !ok {
		return false
	}
	_, ok = spec.New().(operator.NoOp)
	return ok
}

// CheckTogether reports what concerns DAGs that are loaded together: a task that looks at a
// DAG which is not among them. known are the ids of DAGs that could not be loaded.
func (c Catalog) CheckTogether(ds []*dag.DAG, known []string) (found dag.Diagnostics) {
	ids := slices.Clone(known)
	for _, d := range ds {
		ids = append(ids, d.ID)
	}
	for _, d := range ds {
		for _, t := range d.Tasks {
			spec, ok := c.Operators.Lookup(t.Operator)
			if !ok {
				continue
			}
			if _, names := spec.New().(operator.DAGNamer); !names {
				continue
			}
			op, _ := spec.Decode(t.Args.Node()) // its problems were reported by the loader
			param, id := op.(operator.DAGNamer).OtherDAG()
			if id == "" || yamlvalue.HoldsTemplate(id) || slices.Contains(ids, id) {
				continue
			}
			found = append(found, dag.Diagnostic{
				File: t.Pos.File, Line: t.Pos.Line, Column: t.Pos.Column, Severity: dag.Warning, DAGID: d.ID, TaskID: t.ID,
				Text: fmt.Sprintf("%s: there is no DAG %q%s", param, id, yamlvalue.DidYouMean(id, slices.Values(ids))),
			})
		}
	}
	return found
}
