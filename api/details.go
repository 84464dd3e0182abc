package api

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// DAGDetails is everything about a DAG that programs may want to read. Moments are in UTC,
// durations in seconds.
type DAGDetails struct {
	DAGID          string     `json:"dag_id"`
	DisplayName    string     `json:"dag_display_name"`
	File           string     `json:"file"`
	Line           int        `json:"line"`
	Description    string     `json:"description"`
	DocMD          string     `json:"doc_md"`
	Owner          string     `json:"owner"`
	Tags           []string   `json:"tags"`
	Schedule       string     `json:"schedule"`
	Timezone       string     `json:"timezone"`
	StartDate      *time.Time `json:"start_date"`
	EndDate        *time.Time `json:"end_date"`
	Catchup        bool       `json:"catchup"`
	MaxActiveRuns  int        `json:"max_active_runs"`
	MaxActiveTasks int        `json:"max_active_tasks"`
	DagrunTimeout  *float64   `json:"dagrun_timeout"`
	FailFast       bool       `json:"fail_fast"`
	Paused         bool       `json:"is_paused"`
	Params         *dag.Map   `json:"params"`
	Version        string     `json:"version"`
	// TemplateFiles are those of the version, by name.
	TemplateFiles []TemplateFile `json:"template_files"`
	// Next is null for a DAG that no schedule starts.
	Next  *NextRun      `json:"next_run"`
	Tasks []TaskDetails `json:"tasks"`
}

// TemplateFile is a template file of a version.
type TemplateFile struct {
	Name string `json:"name"`
	// SHA256 is the hash of its content in hex; empty for one that cannot be read, which a template in a field may name.
	SHA256 string `json:"sha256"`
}

// TemplateFiles are those that the version of a DAG has.
func TemplateFiles(d *dag.DAG) []TemplateFile {
	out := []TemplateFile{}
	if d.TemplateFiles == nil {
		return out
	}
	for _, f := range d.TemplateFiles.Files {
		out = append(out, TemplateFile{f.Name, f.Hash})
	}
	return out
}

// Task is one task of a DAG, in a list.
type Task struct {
	TaskID      string   `json:"task_id"`
	Operator    string   `json:"operator"`
	TriggerRule string   `json:"trigger_rule"`
	Retries     int      `json:"retries"`
	Upstream    []string `json:"upstream_task_ids"`
}

// TaskDetails is one task of a [DAGDetails].
type TaskDetails struct {
	TaskID   string `json:"task_id"`
	Group    string `json:"task_group"`
	Line     int    `json:"line"`
	Operator string `json:"operator"`
	// Args are the parameters as the file has them, before templates.
	Args             map[string]any `json:"args"`
	Mapped           bool           `json:"is_mapped"`
	Setup            bool           `json:"is_setup"`
	Teardown         bool           `json:"is_teardown"`
	Owner            string         `json:"owner"`
	Upstream         []string       `json:"upstream_task_ids"`
	Downstream       []string       `json:"downstream_task_ids"`
	TriggerRule      string         `json:"trigger_rule"`
	Retries          int            `json:"retries"`
	RetryDelay       float64        `json:"retry_delay"`
	ExecutionTimeout *float64       `json:"execution_timeout"`
	DependsOnPast    bool           `json:"depends_on_past"`
	Pool             string         `json:"pool"`
	PoolSlots        int            `json:"pool_slots"`
	PriorityWeight   int            `json:"priority_weight"`
	// Outlets are the URIs of the assets that it updates.
	Outlets []string `json:"outlets"`
}

// Tasks lists the tasks of a DAG in the order of its file.
func (a *API) Tasks(dagID string) ([]Task, error) {
	d, err := a.o.Folder.DAG(dagID)
	if err != nil {
		return nil, err
	}
	out := []Task{}
	for _, t := range d.Tasks {
		out = append(out, Task{t.ID, t.Operator, string(t.TriggerRule), t.Retries, idsOf(d, t.Upstream)})
	}
	return out, nil
}

// TemplateFields tells of operators which of their parameters may hold templates.
func (a *API) TemplateFields(ctx context.Context) (of func(operator string) []string, err error) {
	e, err := a.o.Engine(ctx)
	if err != nil {
		return nil, err
	}
	return e.TemplateFields, nil
}

// Details tells everything about a DAG.
func (a *API) Details(ctx context.Context, d *dag.DAG) (*DAGDetails, error) {
	next, err := a.Next(ctx, d, 1)
	if err != nil {
		return nil, err
	}
	out := &DAGDetails{
		DAGID: d.ID, DisplayName: d.DisplayName, File: d.Pos.File, Line: d.Pos.Line, Description: d.Description, DocMD: d.DocMD, Owner: d.Owner,
		Tags: append([]string{}, d.Tags...), Schedule: d.ScheduleSummary(), Timezone: d.Location.String(),
		StartDate: optional(d.StartDate.UTC()), EndDate: optional(d.EndDate.UTC()), Catchup: d.Catchup,
		MaxActiveRuns: d.MaxActiveRuns, MaxActiveTasks: d.MaxActiveTasks, DagrunTimeout: positiveSeconds(d.DagrunTimeout), FailFast: d.FailFast,
		Paused: next.Paused, Params: d.Params, Version: d.Version, TemplateFiles: TemplateFiles(d), Tasks: []TaskDetails{},
	}
	if out.Params == nil {
		out.Params = &dag.Map{}
	}
	if len(next.Runs) > 0 {
		out.Next = &next.Runs[0]
	}
	for _, t := range d.Tasks {
		row, err := taskDetails(d, t)
		if err != nil {
			return nil, err
		}
		out.Tasks = append(out.Tasks, row)
	}
	return out, nil
}

func taskDetails(d *dag.DAG, t *dag.Task) (TaskDetails, error) {
	row := TaskDetails{
		TaskID: t.ID, Group: t.Group, Line: t.Pos.Line, Operator: t.Operator, Args: map[string]any{}, Mapped: t.Mapping != nil, Setup: t.Setup, Teardown: t.Teardown,
		Owner: t.Owner, Upstream: idsOf(d, t.Upstream), Downstream: idsOf(d, t.Downstream), TriggerRule: string(t.TriggerRule), Retries: t.Retries,
		RetryDelay: t.RetryDelay.Seconds(), ExecutionTimeout: positiveSeconds(t.ExecutionTimeout), DependsOnPast: t.DependsOnPast,
		Pool: t.Pool, PoolSlots: t.PoolSlots, PriorityWeight: t.PriorityWeight, Outlets: []string{},
	}
	if err := t.Args.Node().Decode(&row.Args); err != nil {
		return row, fmt.Errorf("task %q: %w", t.ID, err)
	}
	for _, x := range t.Outlets {
		row.Outlets = append(row.Outlets, x.URI)
	}
	return row, nil
}

func idsOf(d *dag.DAG, indexes []int) []string {
	ids := make([]string, len(indexes))
	for i, n := range indexes {
		ids[i] = d.Tasks[n].ID
	}
	return ids
}

// positiveSeconds is nil for no duration.
func positiveSeconds(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	return new(d.Seconds())
}

// RunTimeout is the dagrun_timeout of a DAG as Airflow's REST API writes it, empty for none.
func RunTimeout(d *dag.DAG) string {
	if d.DagrunTimeout <= 0 {
		return ""
	}
	return yamlvalue.FormatISO(d.DagrunTimeout)
}
