// Package object has the objects of Airflow's REST API that several families of calls answer with.
package object

import (
	"encoding/base64"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// Bundle is the name of the one bundle of DAG files that there is.
const Bundle = "dags-folder"

// DagVersion is a version of a DAG.
type DagVersion struct {
	ID             string    `json:"id" format:"uuid"`
	VersionNumber  int       `json:"version_number"`
	DagID          string    `json:"dag_id"`
	BundleName     *string   `json:"bundle_name"`
	BundleVersion  *string   `json:"bundle_version"`
	CreatedAt      rest.Time `json:"created_at"`
	DagDisplayName string    `json:"dag_display_name"`
	BundleURL      *string   `json:"bundle_url"`
}

// VersionOf is a version of a DAG, or nil for none.
func VersionOf(v *browse.Version) *DagVersion {
	if v == nil {
		return nil
	}
	return &DagVersion{
		ID: browse.VersionID(v.Version.Version), VersionNumber: v.Number, DagID: v.DAGID, BundleName: new(Bundle), CreatedAt: rest.At(v.CreatedAt), DagDisplayName: v.DisplayName,
	}
}

// versionOfRun is the version that a run has.
func versionOfRun(r *browse.Run) *DagVersion {
	if r.Number == 0 {
		return nil
	}
	return &DagVersion{
		ID: browse.VersionID(r.Version), VersionNumber: r.Number, DagID: r.DAGID, BundleName: new(Bundle), CreatedAt: rest.At(r.VersionAt), DagDisplayName: r.DisplayName(),
	}
}

// DAGRun is a run.
type DAGRun struct {
	DagRunID               string       `json:"dag_run_id"`
	DagID                  string       `json:"dag_id"`
	DagDisplayName         string       `json:"dag_display_name"`
	LogicalDate            *rest.Time   `json:"logical_date"`
	QueuedAt               *rest.Time   `json:"queued_at"`
	StartDate              *rest.Time   `json:"start_date"`
	EndDate                *rest.Time   `json:"end_date"`
	Duration               *float64     `json:"duration"`
	DataIntervalStart      *rest.Time   `json:"data_interval_start"`
	DataIntervalEnd        *rest.Time   `json:"data_interval_end"`
	RunAfter               rest.Time    `json:"run_after"`
	LastSchedulingDecision *rest.Time   `json:"last_scheduling_decision"`
	RunType                string       `json:"run_type" enum:"backfill,scheduled,manual,asset_triggered,asset_materialization"`
	State                  string       `json:"state" enum:"queued,running,success,failed"`
	TriggeredBy            *string      `json:"triggered_by" enum:"cli,operator,rest_api,ui,test,timetable,asset,backfill"`
	TriggeringUserName     *string      `json:"triggering_user_name"`
	Conf                   rest.Any     `json:"conf"`
	Note                   *string      `json:"note"`
	DagVersions            []DagVersion `json:"dag_versions"`
	BundleVersion          *string      `json:"bundle_version"`
	PartitionKey           *string      `json:"partition_key"`
}

// RunOf is a run as it is answered.
func RunOf(r *browse.Run) DAGRun {
	out := DAGRun{
		DagRunID: r.RunID, DagID: r.DAGID, DagDisplayName: r.DisplayName(), LogicalDate: rest.Maybe(r.LogicalDate), QueuedAt: rest.Maybe(r.QueuedAt),
		StartDate: rest.Maybe(r.StartDate), EndDate: rest.Maybe(r.EndDate), DataIntervalStart: rest.Maybe(r.IntervalStart), DataIntervalEnd: rest.Maybe(r.IntervalEnd),
		RunAfter: rest.At(r.RunAfter), RunType: string(r.Type), State: string(r.State), TriggeredBy: via(string(r.Actor.Via)), Conf: rest.Any("{}"), DagVersions: []DagVersion{},
	}
	if !r.StartDate.IsZero() && !r.EndDate.IsZero() {
		out.Duration = new(r.EndDate.Sub(r.StartDate).Seconds())
	}
	out.LastSchedulingDecision = rest.Maybe(r.EndDate)
	if out.LastSchedulingDecision == nil {
		out.LastSchedulingDecision = out.StartDate
	}
	if r.Actor.Name != "" {
		out.TriggeringUserName = new(r.Actor.Name)
	}
	if len(r.Conf) > 0 {
		out.Conf = r.Conf
	}
	if r.Note != nil {
		out.Note = new(r.Note.Content)
	}
	if v := versionOfRun(r); v != nil {
		out.DagVersions = append(out.DagVersions, *v)
	}
	return out
}

// via is on which way a run was asked for, in the words that Airflow has; null for what it does not know. What
// came from a page of ours or from the chat came from people, as through Airflow's pages.
func via(way string) *string {
	switch way {
	case "cli", "operator", "rest_api", "ui", "timetable", "asset", "backfill":
		return &way
	case "chat", "link":
		return new("ui")
	default:
		return nil
	}
}

// TaskInstance is a task instance.
type TaskInstance struct {
	ID          string     `json:"id" format:"uuid"`
	TaskID      string     `json:"task_id"`
	DagID       string     `json:"dag_id"`
	DagRunID    string     `json:"dag_run_id"`
	MapIndex    int        `json:"map_index"`
	LogicalDate *rest.Time `json:"logical_date"`
	RunAfter    rest.Time  `json:"run_after"`
	Common
	Note             *string     `json:"note"`
	RenderedMapIndex *string     `json:"rendered_map_index"`
	RenderedFields   rest.Object `json:"rendered_fields"`
	Trigger          *Trigger    `json:"trigger"`
	TriggererJob     *Job        `json:"triggerer_job"`
}

// Common is what a task instance and an old try of one have.
type Common struct {
	StartDate       *rest.Time  `json:"start_date"`
	EndDate         *rest.Time  `json:"end_date"`
	Duration        *float64    `json:"duration"`
	State           *string     `json:"state" enum:"removed,scheduled,queued,running,success,restarting,failed,up_for_retry,up_for_reschedule,upstream_failed,skipped,deferred"`
	TryNumber       int         `json:"try_number"`
	MaxTries        int         `json:"max_tries"`
	TaskDisplayName string      `json:"task_display_name"`
	DagDisplayName  string      `json:"dag_display_name"`
	Hostname        *string     `json:"hostname"`
	Unixname        *string     `json:"unixname"`
	Pool            string      `json:"pool"`
	PoolSlots       int         `json:"pool_slots"`
	Queue           *string     `json:"queue"`
	PriorityWeight  *int        `json:"priority_weight"`
	Operator        *string     `json:"operator"`
	OperatorName    *string     `json:"operator_name"`
	QueuedWhen      *rest.Time  `json:"queued_when"`
	ScheduledWhen   *rest.Time  `json:"scheduled_when"`
	PID             *int        `json:"pid"`
	Executor        *string     `json:"executor"`
	ExecutorConfig  string      `json:"executor_config"`
	DagVersion      *DagVersion `json:"dag_version"`
}

// Trigger is what a deferred task waits for in Airflow. There is none here.
type Trigger struct {
	ID          int       `json:"id"`
	Classpath   string    `json:"classpath"`
	Kwargs      string    `json:"kwargs"`
	CreatedDate rest.Time `json:"created_date"`
	Queue       *string   `json:"queue"`
	TriggererID *int      `json:"triggerer_id"`
}

// Job is a process of Airflow.
type Job struct {
	ID              int        `json:"id"`
	DagID           *string    `json:"dag_id"`
	DagDisplayName  *string    `json:"dag_display_name"`
	State           *string    `json:"state"`
	JobType         *string    `json:"job_type"`
	StartDate       *rest.Time `json:"start_date"`
	EndDate         *rest.Time `json:"end_date"`
	LatestHeartbeat *rest.Time `json:"latest_heartbeat"`
	ExecutorClass   *string    `json:"executor_class"`
	Hostname        *string    `json:"hostname"`
	Unixname        *string    `json:"unixname"`
}

// InstanceOf is a task instance as it is answered.
func InstanceOf(in *browse.Instance) TaskInstance {
	out := TaskInstance{
		ID: in.ID(), TaskID: in.TaskID, DagID: in.Run.DAGID, DagRunID: in.Run.RunID, MapIndex: in.MapIndex, LogicalDate: rest.Maybe(in.Run.LogicalDate),
		RunAfter: rest.At(in.Run.RunAfter), Common: commonOf(in), RenderedFields: rest.Object{},
	}
	if in.Note != nil {
		out.Note = new(in.Note.Content)
	}
	if in.RenderedMapIndex != "" {
		out.RenderedMapIndex = new(in.RenderedMapIndex)
	}
	return out
}

// TaskInstanceHistory is a try of a task instance.
type TaskInstanceHistory struct {
	TaskID   string `json:"task_id"`
	DagID    string `json:"dag_id"`
	DagRunID string `json:"dag_run_id"`
	MapIndex int    `json:"map_index"`
	Common
}

// TryOf is a try as it is answered.
func TryOf(in *browse.Instance) TaskInstanceHistory {
	return TaskInstanceHistory{in.TaskID, in.Run.DAGID, in.Run.RunID, in.MapIndex, commonOf(in)}
}

func commonOf(in *browse.Instance) Common {
	c := Common{
		StartDate: rest.Maybe(in.StartDate), EndDate: rest.Maybe(in.EndDate), TryNumber: in.Try, MaxTries: max(in.MaxTries-1, 0),
		TaskDisplayName: in.TaskID, DagDisplayName: in.Run.DisplayName(), Pool: "default_pool", PoolSlots: 1, Queue: new("default"),
		QueuedWhen: rest.Maybe(in.QueuedAt), ExecutorConfig: "{}", DagVersion: versionOfRun(in.Run),
	}
	if !in.StartDate.IsZero() && !in.EndDate.IsZero() {
		c.Duration = new(in.EndDate.Sub(in.StartDate).Seconds())
	}
	if s := string(in.State); s != browse.NoState {
		c.State = &s
	}
	if in.Host != "" {
		c.Hostname = new(in.Host)
	}
	if in.PID != 0 {
		c.PID = new(in.PID)
	}
	if name := browse.OperatorName(in.Operator); name != "" {
		c.Operator, c.OperatorName = &name, &name
	}
	if t := in.Task; t != nil {
		c.TaskDisplayName, c.Pool, c.PoolSlots, c.PriorityWeight = browse.TaskName(t), t.Pool, t.PoolSlots, new(in.Weight())
		if t.Queue != "" {
			c.Queue = new(t.Queue)
		}
	}
	return c
}

// FileToken names a DAG file in a path.
func FileToken(file string) string { return base64.RawURLEncoding.EncodeToString([]byte(file)) }

// FileOf is the file that a token names; false for what is no token.
func FileOf(token string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return string(b), err == nil
}

// Texts is a list that is never null.
func Texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
