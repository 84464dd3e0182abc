// Package server serves the calls about the server itself and what belongs to no single DAG: the audit log, what cannot be
// loaded, jobs, health, and what Airflow has and nothing here, such as plug-ins.
package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// Provider is a family of operators.
type Provider struct {
	PackageName      string  `json:"package_name"`
	Description      string  `json:"description"`
	Version          string  `json:"version"`
	DocumentationURL *string `json:"documentation_url"`
}

// calls are what the calls ask.
type calls struct {
	browse    *browse.Browser
	providers func() ([]Provider, error)
}

// Routes adds the calls. providers are the families of operators that DAG files may name.
func Routes(s *rest.Server, b *browse.Browser, providers func() ([]Provider, error)) {
	c := &calls{b, providers}
	get := func(id, path, tag string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: tag}
	}
	rest.Register(s, get("get_event_logs", "/eventLogs", "Event Log"), c.events)
	rest.Register(s, get("get_event_log", "/eventLogs/{event_log_id}", "Event Log"), c.event)
	rest.Register(s, get("get_import_errors", "/importErrors", "Import Error"), c.importErrors)
	rest.Register(s, get("get_import_error", "/importErrors/{import_error_id}", "Import Error"), c.importError)
	rest.Register(s, get("get_jobs", "/jobs", "Job"), c.jobs)
	rest.Register(s, get("get_plugins", "/plugins", "Plugin"), c.plugins)
	rest.Register(s, get("import_errors", "/plugins/importErrors", "Plugin"), c.pluginErrors)
	rest.Register(s, get("get_providers", "/providers", "Provider"), c.providersCall)
	config := get("get_config", "/config", "Config")
	config.Produces = []string{"application/json", "text/plain"}
	rest.Register(s, config, c.config)
	value := get("get_config_value", "/config/section/{section}/option/{option}", "Config")
	value.Produces = config.Produces
	rest.Register(s, value, c.configValue)
	health := get("get_health", "/monitor/health", "Monitor")
	health.Public = true
	rest.Describe[struct{}, HealthInfoResponse](s, health)
}

// EventLog is a change that somebody asked for.
type EventLog struct {
	EventLogID      int64      `json:"event_log_id"`
	When            rest.Time  `json:"when"`
	DagID           *string    `json:"dag_id"`
	TaskID          *string    `json:"task_id"`
	RunID           *string    `json:"run_id"`
	MapIndex        *int       `json:"map_index"`
	TryNumber       *int       `json:"try_number"`
	Event           string     `json:"event"`
	LogicalDate     *rest.Time `json:"logical_date"`
	Owner           *string    `json:"owner"`
	Extra           *string    `json:"extra"`
	DagDisplayName  *string    `json:"dag_display_name"`
	TaskDisplayName *string    `json:"task_display_name"`
}

func eventOf(e *browse.Event) EventLog {
	out := EventLog{
		EventLogID: e.ID, When: rest.At(e.At), DagID: rest.Some(e.DAGID), TaskID: rest.Some(e.TaskID), RunID: rest.Some(e.RunID), Event: e.Name,
		LogicalDate: rest.Maybe(e.LogicalDate), Owner: rest.Some(e.Actor.Name), Extra: rest.Some(e.About), DagDisplayName: rest.Some(e.DAGName), TaskDisplayName: rest.Some(e.TaskName),
	}
	if e.TaskID != "" {
		out.MapIndex = &e.MapIndex
	}
	return out
}

// EventLogCollection is a page of them.
type EventLogCollection struct {
	EventLogs    []EventLog `json:"event_logs"`
	TotalEntries int        `json:"total_entries"`
}

func (c *calls) events(ctx context.Context, in *struct {
	rest.Page

	DagID         *string      `query:"dag_id"`
	TaskID        *string      `query:"task_id"`
	RunID         *string      `query:"run_id"`
	MapIndex      *int         `query:"map_index"`
	TryNumber     *int         `query:"try_number"`
	Owner         *string      `query:"owner"`
	Event         *string      `query:"event"`
	Included      []string     `query:"included_events"`
	Excluded      []string     `query:"excluded_events"`
	Before        *rest.Time   `query:"before"`
	After         *rest.Time   `query:"after"`
	DAGIDPattern  rest.Pattern `query:"dag_id_pattern"`
	TaskIDPattern rest.Pattern `query:"task_id_pattern"`
	RunIDPattern  rest.Pattern `query:"run_id_pattern"`
	OwnerPattern  rest.Pattern `query:"owner_pattern"`
	EventPattern  rest.Pattern `query:"event_pattern"`
	Order         rest.Order   `query:"order_by" order:"id,event_log_id,when,dttm,dag_id,task_id,run_id,event,logical_date,owner,extra" default:"id"`
},
) (*EventLogCollection, error) {
	if in.TryNumber != nil { // a change is of no try
		return &EventLogCollection{EventLogs: []EventLog{}}, nil
	}
	moment := func(t *rest.Time) *time.Time {
		if t == nil {
			return nil
		}
		return &t.Time
	}
	found, n, err := c.browse.Events(ctx, browse.EventFilter{
		DAGID: in.DagID, TaskID: in.TaskID, RunID: in.RunID, MapIndex: in.MapIndex, Owner: in.Owner, Event: in.Event, Included: in.Included, Excluded: in.Excluded,
		Before: moment(in.Before), After: moment(in.After), DAGIDLike: in.DAGIDPattern.Like(), TaskIDLike: in.TaskIDPattern.Like(), RunIDLike: in.RunIDPattern.Like(),
		OwnerLike: in.OwnerPattern.Like(), EventLike: in.EventPattern.Like(),
	}, in.Of(in.Order))
	if err != nil {
		return nil, err
	}
	out := &EventLogCollection{make([]EventLog, len(found)), n}
	for i, e := range found {
		out.EventLogs[i] = eventOf(e)
	}
	return out, nil
}

func (c *calls) event(ctx context.Context, in *struct {
	ID int64 `path:"event_log_id"`
},
) (*EventLog, error) {
	e, err := c.browse.Event(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return new(eventOf(e)), nil
}

// ImportError is a DAG file, or a DAG of it, that cannot be loaded.
type ImportError struct {
	ImportErrorID int64     `json:"import_error_id"`
	Timestamp     rest.Time `json:"timestamp"`
	Filename      string    `json:"filename"`
	BundleName    *string   `json:"bundle_name"`
	StackTrace    string    `json:"stack_trace"`
}

func importErrorOf(e files.ImportError) ImportError {
	return ImportError{e.ID, rest.At(e.Timestamp), e.Filename, new(object.Bundle), e.StackTrace}
}

// ImportErrorCollection is a page of them.
type ImportErrorCollection struct {
	ImportErrors []ImportError `json:"import_errors"`
	TotalEntries int           `json:"total_entries"`
}

// importKeys are what they are ordered by.
var importKeys = map[string]func(ImportError) any{ //nolint:gochecknoglobals // a table
	"id": importID, "import_error_id": importID, "timestamp": func(e ImportError) any { return e.Timestamp.String() }, "filename": func(e ImportError) any { return e.Filename },
	"bundle_name": func(ImportError) any { return object.Bundle }, "stacktrace": func(e ImportError) any { return e.StackTrace },
}

func importID(e ImportError) any { return int(e.ImportErrorID) }

func (c *calls) importErrors(ctx context.Context, in *struct {
	rest.Page

	FilenamePattern rest.Pattern `query:"filename_pattern"`
	Order           rest.Order   `query:"order_by" order:"id,import_error_id,timestamp,filename,bundle_name,stacktrace" default:"id"`
},
) (*ImportErrorCollection, error) {
	all, err := c.browse.ImportErrors(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]ImportError, len(all))
	for i, e := range all {
		found[i] = importErrorOf(e)
	}
	page, n := rest.Find(found, func(e ImportError) string { return e.Filename }, in.FilenamePattern, in.Order, importKeys, in.Page)
	return &ImportErrorCollection{page, n}, nil
}

func (c *calls) importError(ctx context.Context, in *struct {
	ID int64 `path:"import_error_id"`
},
) (*ImportError, error) {
	all, err := c.browse.ImportErrors(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.ID == in.ID {
			return new(importErrorOf(e)), nil
		}
	}
	return nil, rest.NotFound("The ImportError with import_error_id: `%d` was not found", in.ID)
}

// job is a stretch in which a scheduler was at work.
type job struct {
	object.Job

	alive bool
}

// The words of a job of a scheduler.
const (
	schedulerJob = "SchedulerJob"
	jobRunning   = "running"
	jobSuccess   = "success"
	jobFailed    = "failed"
)

func jobOf(n *nodes.Node) job {
	out := job{object.Job{ID: int(n.Life), JobType: new(schedulerJob), StartDate: rest.Maybe(n.StartedAt), LatestHeartbeat: rest.Maybe(n.SeenAt), Hostname: rest.Some(n.Host)}, false}
	switch n.State {
	case nodes.Working:
		out.State, out.alive = new(jobRunning), true
	case nodes.Stopped:
		out.State, out.EndDate = new(jobSuccess), rest.Maybe(n.SeenAt)
	default:
		out.State, out.EndDate = new(jobFailed), rest.Maybe(n.SeenAt)
	}
	return out
}

// JobCollection is a page of them.
type JobCollection struct {
	Jobs         []object.Job `json:"jobs"`
	TotalEntries int          `json:"total_entries"`
}

func nothing(job) any { return nil }

// moment orders moments, of which none is finer than a millisecond.
func moment(t *rest.Time) any {
	if t == nil {
		return nil
	}
	return int(t.UnixMilli())
}

// jobKeys are what they are ordered by.
var jobKeys = map[string]func(job) any{ //nolint:gochecknoglobals // a table
	"id": func(j job) any { return j.ID }, "dag_id": nothing, "state": func(j job) any { return rest.Nullable(j.State) }, "job_type": func(j job) any { return rest.Nullable(j.JobType) },
	"start_date": func(j job) any { return moment(j.StartDate) }, "end_date": func(j job) any { return moment(j.EndDate) },
	"latest_heartbeat": func(j job) any { return moment(j.LatestHeartbeat) }, "executor_class": nothing, "hostname": func(j job) any { return rest.Nullable(j.Hostname) }, "unixname": nothing,
}

func (c *calls) jobs(ctx context.Context, in *struct {
	rest.Page

	IsAlive       *bool          `query:"is_alive"`
	DagID         *string        `query:"dag_id"`
	JobState      *string        `query:"job_state"`
	JobType       *string        `query:"job_type"`
	Hostname      *string        `query:"hostname"`
	ExecutorClass *string        `query:"executor_class"`
	StartDate     rest.TimeRange `query:"start_date"`
	EndDate       rest.TimeRange `query:"end_date"`
	Order         rest.Order     `query:"order_by" order:"id,dag_id,state,job_type,start_date,end_date,latest_heartbeat,executor_class,hostname,unixname" default:"id"`
},
) (*JobCollection, error) {
	all, err := c.browse.Lives(ctx)
	if err != nil {
		return nil, err
	}
	found := []job{}
	for i := range slices.Backward(all) { // Airflow has the oldest first
		is := func(want, have *string) bool { return want == nil || have != nil && *want == *have }
		if j := jobOf(&all[i]); is(in.DagID, nil) && is(in.JobState, j.State) && is(in.JobType, j.JobType) && is(in.Hostname, j.Hostname) && is(in.ExecutorClass, nil) &&
			c.within(in.StartDate, j.StartDate) && c.within(in.EndDate, j.EndDate) {
			found = append(found, j)
		}
	}
	rest.Sort(found, in.Order, jobKeys)
	out := &JobCollection{Jobs: []object.Job{}, TotalEntries: len(found)}
	for _, j := range rest.Cut(in.Page, found) {
		if in.IsAlive == nil || *in.IsAlive == j.alive {
			out.Jobs = append(out.Jobs, j.Job)
		}
	}
	return out, nil
}

// within reports whether a moment lies in a range; none counts as now.
func (c *calls) within(r rest.TimeRange, at *rest.Time) bool {
	t := c.browse.Now()
	if at != nil {
		t = at.Time
	}
	return (r.GTE == nil || !t.Before(*r.GTE)) && (r.GT == nil || t.After(*r.GT)) && (r.LTE == nil || !t.After(*r.LTE)) && (r.LT == nil || t.Before(*r.LT))
}
