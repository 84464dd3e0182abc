package sensor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/params"
)

// ExternalTaskSensor waits for a run of another DAG, or for tasks in it. It looks at the run
// with this run's logical date, minus execution_delta.
//
// Name one task, several tasks or a task group; with none of them it waits for the run
// as a whole. It is done when all of them are in one of allowed_states. One of them in
// failed_states fails it, or skips it with soft_fail; one in skipped_states skips it.
//
// While the run does not exist, it waits.
type ExternalTaskSensor struct {
	// DAGID is the DAG to look at.
	DAGID string `yaml:"external_dag_id" param:"required,template"`
	// TaskID is the task to wait for.
	TaskID string `yaml:"external_task_id" param:"template"`
	// TaskIDs are the tasks to wait for.
	TaskIDs []string `yaml:"external_task_ids" param:"template"`
	// GroupID is the task group to wait for, with all tasks in it.
	GroupID string `yaml:"external_task_group_id" param:"template"`
	// AllowedStates are the states that end the wait: of tasks or, without tasks and group, of
	// runs.
	AllowedStates []string `yaml:"allowed_states" param:"default=success"`
	// SkippedStates are the states that skip the sensor.
	SkippedStates []string `yaml:"skipped_states"`
	// FailedStates are the states that fail the sensor. They take precedence over
	// skipped_states.
	FailedStates []string `yaml:"failed_states"`
	// ExecutionDelta is how much earlier the logical date of the other run is.
	ExecutionDelta time.Duration `yaml:"execution_delta"`
	// CheckExistence fails when the DAG or one of its tasks does not exist, instead of
	// waiting for it.
	CheckExistence bool `yaml:"check_existence" param:"default=false"`
}

var _ operator.Operator = (*ExternalTaskSensor)(nil)

var (
	taskStates = []string{
		"removed", "scheduled", "queued", "running", "success", "restarting", "failed", "up_for_retry",
		"up_for_reschedule", "upstream_failed", "skipped", "deferred",
	}
	runStates = []string{"queued", "running", "success", "failed"}
)

func externalTaskSpec(docs operator.Option) operator.Spec {
	return operator.Define[ExternalTaskSensor]("external_task", docs, operator.Sensor(), operator.Deferrable("poll_interval"),
		operator.Alias(
			"airflow.sensors.external_task.ExternalTaskSensor",
			"airflow.sensors.external_task_sensor.ExternalTaskSensor",
			"airflow.operators.sensors.ExternalTaskSensor",
			"airflow.operators.ExternalTaskSensor",
			"airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
		),
		operator.RejectedParams(map[string]string{"execution_date_fn*": "Python code cannot run here: use execution_delta"}),
		operator.Example("Wait for a task of a DAG that runs an hour earlier", `
external_dag_id: load_orders
external_task_id: check.count
execution_delta: 1h
failed_states: [failed, upstream_failed]
`),
		operator.Example("Wait for the end of a run, whatever its outcome", `
external_dag_id: load_orders
allowed_states: [success, failed]
check_existence: true
`),
	)
}

// Validate checks how tasks and states go together.
func (s *ExternalTaskSensor) Validate() error {
	var errs []error
	if (s.TaskID != "") && (s.TaskIDs != nil) || (s.TaskID != "" || s.TaskIDs != nil) && s.GroupID != "" {
		errs = append(errs, errors.New("only one of external_task_id, external_task_ids and external_task_group_id may be given"))
	}
	if s.TaskIDs != nil && len(s.TaskIDs) == 0 {
		errs = append(errs, params.At("external_task_ids", errors.New("external_task_ids names no task: leave it out to wait for the run")))
	}
	if id := repeated(s.TaskIDs); id != "" {
		errs = append(errs, params.At("external_task_ids", fmt.Errorf("task %q appears twice in external_task_ids", id)))
	}
	return errors.Join(append(errs, s.checkStates()...)...)
}

func (s *ExternalTaskSensor) checkStates() (errs []error) {
	known, of := runStates, "a run"
	if len(s.names()) > 0 {
		known, of = taskStates, "a task"
	}
	used := map[string]string{}
	for _, list := range []struct {
		param  string
		states []string
	}{{"allowed_states", s.allowed()}, {"skipped_states", s.SkippedStates}, {"failed_states", s.FailedStates}} {
		for _, state := range list.states {
			switch other := used[state]; {
			case !slices.Contains(known, state):
				err := fmt.Errorf("%q in %s is not a state of %s; there are %s", state, list.param, of, strings.Join(known, ", "))
				errs = append(errs, params.At(list.param, err))
			case other != "" && other != list.param:
				errs = append(errs, params.At(list.param, fmt.Errorf("state %s is in both %s and %s", state, other, list.param)))
			}
			used[state] = list.param
		}
	}
	return errs
}

func repeated(list []string) string {
	for i, element := range list {
		if slices.Contains(list[:i], element) {
			return element
		}
	}
	return ""
}

func (s *ExternalTaskSensor) allowed() []string {
	if len(s.AllowedStates) == 0 {
		return []string{"success"}
	}
	return s.AllowedStates
}

// names are the ids of the tasks, or of the group, to look at; none means the run.
func (s *ExternalTaskSensor) names() []string {
	switch {
	case s.TaskID != "":
		return []string{s.TaskID}
	case s.GroupID != "":
		return []string{s.GroupID}
	default:
		return s.TaskIDs
	}
}

// OtherDAG is the DAG that it looks at.
func (s *ExternalTaskSensor) OtherDAG() (param, dagID string) { return "external_dag_id", s.DAGID }

// Execute looks at the other run once.
func (s *ExternalTaskSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	date, err := moment.LogicalDate(tc)
	if err != nil {
		return nil, err
	}
	date = date.Add(-s.ExecutionDelta)
	if err := s.exists(ctx, tc); err != nil {
		if s.CheckExistence {
			return nil, softly(tc, err)
		}
		tc.Log.WarnContext(ctx, "waiting for what does not exist", "reason", err)
	}
	states, err := tc.Runs.States(ctx, s.DAGID, date, s.names())
	if err != nil {
		return nil, fmt.Errorf("look at dag %q: %w", s.DAGID, err)
	}
	err = s.judge(tc, states)
	if operator.Classify(ctx, err).Kind != operator.Waiting {
		tc.Log.InfoContext(ctx, "looked at the other run", "dag", s.DAGID, "logical_date", date, "tasks", s.names(), "states", states)
		return nil, err
	}
	reason, err := s.waitsFor(ctx, tc, date, states)
	if err != nil {
		return nil, fmt.Errorf("look at dag %q: %w", s.DAGID, err)
	}
	tc.Log.InfoContext(ctx, reason) //nolint:sloglint // a sentence, not a record
	return nil, operator.NotYetBecause(reason)
}

// waitsFor says which run the sensor waits for, and which one is nearest when there is none.
func (s *ExternalTaskSensor) waitsFor(ctx context.Context, tc *operator.TaskContext, date time.Time, states map[string]string) (string, error) {
	what := fmt.Sprintf("waiting for the run of dag %q with logical date %s", s.DAGID, date.UTC().Format(time.RFC3339))
	run, at, err := tc.Runs.Nearest(ctx, s.DAGID, date)
	switch {
	case err != nil:
		return "", err
	case run == "":
		return what + ": the DAG has no run with a logical date", nil
	case !at.Equal(date):
		off, way := at.Sub(date), "later"
		if off < 0 {
			off, way = -off, "earlier"
		}
		return fmt.Sprintf("%s: there is none; the nearest is %s, %s %s: see execution_delta", what, run, off, way), nil
	}
	var now []string
	for _, id := range slices.Sorted(maps.Keys(states)) {
		now = append(now, strings.TrimSpace(id+" is "+states[id]))
	}
	if len(now) == 0 {
		now = []string{strings.Join(s.names(), ", ") + " has no state"}
	}
	return what + ": in " + run + " " + strings.Join(now, ", "), nil
}

// exists reports which DAG, task or group does not exist.
func (s *ExternalTaskSensor) exists(ctx context.Context, tc *operator.TaskContext) error {
	if known, _ := tc.Runs.Known(ctx, s.DAGID, ""); !known {
		return fmt.Errorf("the external dag %q does not exist", s.DAGID)
	}
	for _, id := range s.names() {
		if known, _ := tc.Runs.Known(ctx, s.DAGID, id); !known {
			return fmt.Errorf("the external task or group %q does not exist in dag %q", id, s.DAGID)
		}
	}
	return nil
}

// judge decides by the states that were found.
func (s *ExternalTaskSensor) judge(tc *operator.TaskContext, states map[string]string) error {
	if what := s.firstIn(states, s.FailedStates); what != "" {
		return softly(tc, fmt.Errorf("external %s", what))
	}
	if what := s.firstIn(states, s.SkippedStates); what != "" {
		return operator.Skip("external " + what)
	}
	if !s.allThere(states) {
		return operator.NotYet()
	}
	for _, state := range states {
		if !slices.Contains(s.allowed(), state) {
			return operator.NotYet()
		}
	}
	return nil
}

// allThere reports whether each task has a state. Which tasks a group has is not known.
func (s *ExternalTaskSensor) allThere(states map[string]string) bool {
	if len(states) == 0 || s.GroupID != "" {
		return len(states) > 0
	}
	for _, id := range s.names() {
		if _, found := states[id]; !found {
			return false
		}
	}
	return true
}

// firstIn describes the first task, or the run, that is in one of the wanted states.
func (s *ExternalTaskSensor) firstIn(states map[string]string, wanted []string) string {
	for _, id := range slices.Sorted(maps.Keys(states)) {
		switch state := states[id]; {
		case !slices.Contains(wanted, state):
		case id == "":
			return fmt.Sprintf("run of dag %q is in state %s", s.DAGID, state)
		default:
			return fmt.Sprintf("task %q of dag %q is in state %s", id, s.DAGID, state)
		}
	}
	return ""
}

// softly makes a skip of an error when soft_fail asks for it.
func softly(tc *operator.TaskContext, err error) error {
	if tc.SoftFail {
		return operator.Skip(err.Error())
	}
	return err
}
