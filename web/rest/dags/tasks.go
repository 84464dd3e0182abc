package dags

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// Task is a task of a DAG.
type Task struct {
	TaskID                  *string          `json:"task_id"`
	TaskDisplayName         string           `json:"task_display_name"`
	Owner                   string           `json:"owner"`
	StartDate               *rest.Time       `json:"start_date"`
	EndDate                 *rest.Time       `json:"end_date"`
	TriggerRule             string           `json:"trigger_rule"`
	DependsOnPast           bool             `json:"depends_on_past"`
	WaitForDownstream       bool             `json:"wait_for_downstream"`
	Retries                 *float64         `json:"retries"`
	Queue                   string           `json:"queue"`
	Pool                    string           `json:"pool"`
	PoolSlots               *float64         `json:"pool_slots"`
	ExecutionTimeout        *TimeDelta       `json:"execution_timeout"`
	RetryDelay              *TimeDelta       `json:"retry_delay"`
	RetryExponentialBackoff float64          `json:"retry_exponential_backoff"`
	PriorityWeight          *float64         `json:"priority_weight"`
	WeightRule              string           `json:"weight_rule"`
	UIColor                 string           `json:"ui_color"`
	UIFgcolor               string           `json:"ui_fgcolor"`
	TemplateFields          []string         `json:"template_fields"`
	DownstreamTaskIDs       []string         `json:"downstream_task_ids"`
	DocMD                   *string          `json:"doc_md"`
	OperatorName            *string          `json:"operator_name"`
	Params                  map[string]Param `json:"params"`
	ClassRef                *ClassRef        `json:"class_ref"`
	IsMapped                *bool            `json:"is_mapped"`
	ExtraLinks              []string         `json:"extra_links"`
}

// ClassRef names the class of an operator.
type ClassRef struct {
	ModulePath *string `json:"module_path"`
	ClassName  *string `json:"class_name"`
}

// TimeDelta is a duration.
type TimeDelta struct {
	Type         string `json:"__type"` //nolint:tagliatelle // Airflow's key
	Days         int    `json:"days"`
	Seconds      int    `json:"seconds"`
	Microseconds int    `json:"microseconds"`
}

// deltaOf is a duration, null for none.
func deltaOf(d time.Duration) *TimeDelta {
	if d <= 0 {
		return nil
	}
	const day = 24 * time.Hour
	return &TimeDelta{"TimeDelta", int(d / day), int(d % day / time.Second), int(d % time.Second / time.Microsecond)}
}

// TaskCollection is all tasks of a DAG.
type TaskCollection struct {
	Tasks        []Task `json:"tasks"`
	TotalEntries int    `json:"total_entries"`
}

// taskAttributes are what tasks are ordered by.
var taskAttributes = map[string]func(a, b *Task) int{ //nolint:gochecknoglobals // a table
	"task_id":                   func(a, b *Task) int { return strings.Compare(*a.TaskID, *b.TaskID) },
	"task_display_name":         func(a, b *Task) int { return strings.Compare(a.TaskDisplayName, b.TaskDisplayName) },
	"owner":                     func(a, b *Task) int { return strings.Compare(a.Owner, b.Owner) },
	"start_date":                func(a, b *Task) int { return compareTimes(a.StartDate, b.StartDate) },
	"end_date":                  func(a, b *Task) int { return compareTimes(a.EndDate, b.EndDate) },
	"trigger_rule":              func(a, b *Task) int { return strings.Compare(a.TriggerRule, b.TriggerRule) },
	"depends_on_past":           func(a, b *Task) int { return compareBools(a.DependsOnPast, b.DependsOnPast) },
	"wait_for_downstream":       func(a, b *Task) int { return compareBools(a.WaitForDownstream, b.WaitForDownstream) },
	"retries":                   func(a, b *Task) int { return cmp.Compare(*a.Retries, *b.Retries) },
	"queue":                     func(a, b *Task) int { return strings.Compare(a.Queue, b.Queue) },
	"pool":                      func(a, b *Task) int { return strings.Compare(a.Pool, b.Pool) },
	"pool_slots":                func(a, b *Task) int { return cmp.Compare(*a.PoolSlots, *b.PoolSlots) },
	"retry_exponential_backoff": func(a, b *Task) int { return cmp.Compare(a.RetryExponentialBackoff, b.RetryExponentialBackoff) },
	"priority_weight":           func(a, b *Task) int { return cmp.Compare(*a.PriorityWeight, *b.PriorityWeight) },
	"weight_rule":               func(a, b *Task) int { return strings.Compare(a.WeightRule, b.WeightRule) },
}

func compareTimes(a, b *rest.Time) int {
	switch {
	case a == nil || b == nil:
		return compareBools(a == nil, b == nil)
	default:
		return a.Compare(b.Time)
	}
}

func compareBools(a, b bool) int {
	n := map[bool]int{true: 1}
	return cmp.Compare(n[a], n[b])
}

func (c *calls) tasks(ctx context.Context, in *struct {
	DAGID   string `path:"dag_id"`
	OrderBy string `query:"order_by" default:"task_id"`
},
) (*TaskCollection, error) {
	_, full, err := c.browse.DAG(ctx, in.DAGID)
	if err != nil {
		return nil, err
	}
	name, desc := strings.CutPrefix(in.OrderBy, "-")
	by := taskAttributes[name]
	if by == nil {
		return nil, rest.BadRequest("'%s' is not an attribute by which tasks are ordered", name)
	}
	templated, err := c.api(ctx).TemplateFields(ctx)
	if err != nil {
		return nil, err
	}
	out := &TaskCollection{Tasks: []Task{}, TotalEntries: len(full.Tasks)}
	for _, t := range full.Tasks {
		out.Tasks = append(out.Tasks, taskOf(browse.TaskIn(full, t), templated(t.Operator)))
	}
	slices.SortStableFunc(out.Tasks, func(a, b Task) int {
		if desc {
			return by(&b, &a)
		}
		return by(&a, &b)
	})
	return out, nil
}

func (c *calls) task(ctx context.Context, in *struct {
	DAGID  string `path:"dag_id"`
	TaskID string `path:"task_id"`
},
) (*Task, error) {
	_, full, err := c.browse.DAG(ctx, in.DAGID)
	if err != nil {
		return nil, err
	}
	t := full.Task(in.TaskID)
	if t == nil {
		return nil, rest.NotFound("Task with id %s was not found%s", in.TaskID, browse.SuggestTask(full, in.TaskID))
	}
	templated, err := c.api(ctx).TemplateFields(ctx)
	if err != nil {
		return nil, err
	}
	return new(taskOf(browse.TaskIn(full, t), templated(t.Operator))), nil
}

// taskOf is a task as it is answered, some of whose parameters may hold templates.
func taskOf(t *browse.Task, templated []string) Task {
	name := browse.OperatorName(t.Operator)
	out := Task{
		TaskID: new(t.ID), TaskDisplayName: browse.TaskName(t.Task), Owner: t.Owner, StartDate: rest.Maybe(t.StartDate), EndDate: rest.Maybe(t.EndDate),
		TriggerRule: string(t.TriggerRule), DependsOnPast: t.DependsOnPast, WaitForDownstream: t.WaitForDownstream, Retries: new(float64(t.Retries)),
		Queue: cmp.Or(t.Queue, "default"), Pool: t.Pool, PoolSlots: new(float64(t.PoolSlots)), ExecutionTimeout: deltaOf(t.ExecutionTimeout), RetryDelay: deltaOf(t.RetryDelay),
		RetryExponentialBackoff: t.RetryExponentialBackoff, PriorityWeight: new(float64(t.PriorityWeight)), WeightRule: t.WeightRule,
		UIColor: "#fff", UIFgcolor: "#000", TemplateFields: templated, DownstreamTaskIDs: object.Texts(t.DownstreamIDs), OperatorName: &name,
		Params: paramsOf(t.ParamNames, t.Params.Get, t.ParamSchemas), ClassRef: &ClassRef{new("dingdag.operators." + t.Operator), &name}, IsMapped: new(t.Mapping != nil), ExtraLinks: []string{},
	}
	if t.Doc != "" {
		out.DocMD = new(t.Doc)
	}
	return out
}
