package standard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// TriggerDagRunOperator starts a run of another DAG, or of its own. The id of the run is
// the result (XCom).
//
// It does not wait for the run unless wait_for_completion says so. A run of a paused DAG is
// created, and starts when the DAG is unpaused.
type TriggerDagRunOperator struct {
	// DAGID is the DAG to run.
	DAGID string `yaml:"trigger_dag_id" param:"required,template"`
	// RunID is the id of the new run. Null generates one.
	RunID string `yaml:"trigger_run_id" param:"template"`
	// Conf is the configuration of the run: a mapping, or text with a JSON object.
	Conf any `yaml:"conf" param:"template"`
	// LogicalDate is the logical date of the run, in UTC unless it has an offset. Null creates
	// a run without one.
	LogicalDate any `yaml:"logical_date" param:"template,default=now"`
	// ExecutionDate is Airflow 2's name for logical_date.
	ExecutionDate any `yaml:"execution_date" param:"template"`
	// Reset clears a run that already exists, so that it runs again, instead of failing.
	Reset bool `yaml:"reset_dag_run" param:"default=false"`
	// Wait waits until the run ends and fails unless it ends in one of allowed_states.
	Wait any `yaml:"wait_for_completion" param:"template,default=false"`
	// PokeInterval is the time between two checks of the run.
	PokeInterval time.Duration `yaml:"poke_interval" param:"default=60s,min=10ms"`
	// AllowedStates are the states of the run that end the wait with success.
	AllowedStates []string `yaml:"allowed_states" param:"default=success,enum=queued|running|success|failed"`
	// FailedStates are the states of the run that fail the task. They take precedence.
	FailedStates []string `yaml:"failed_states" param:"default=failed,enum=queued|running|success|failed"`
	// SkipExisting skips the task if the run already exists, instead of failing.
	SkipExisting any `yaml:"skip_when_already_exists" param:"template,default=false"`
	// FailPaused fails when the DAG is paused.
	FailPaused bool `yaml:"fail_when_dag_is_paused" param:"default=false"`
	// Note has no effect: runs keep no notes.
	Note string `yaml:"note"`
}

var _ operator.Operator = (*TriggerDagRunOperator)(nil)

// now is the default of logical_date, which null must differ from.
const now = "now"

func triggerDagRunSpec(docs operator.Option) operator.Spec {
	return operator.Define[TriggerDagRunOperator]("trigger_dagrun", docs, operator.Deferrable("openlineage_inject_parent_info"),
		operator.Alias(
			"airflow.operators.trigger_dagrun.TriggerDagRunOperator",
			"airflow.operators.dagrun_operator.TriggerDagRunOperator",
			"airflow.operators.TriggerDagRunOperator",
			"airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator",
		),
		operator.Example("Start another DAG with a configuration", `
trigger_dag_id: send_report
conf: {day: "{{ ds }}", full: true}
`),
		operator.Example("Run another DAG for the same date, again if it has run, and wait for it", `
trigger_dag_id: load_orders
logical_date: "{{ logical_date }}"
reset_dag_run: true
wait_for_completion: true
poke_interval: 10s
`),
	)
}

// Validate checks what is no template.
func (o *TriggerDagRunOperator) Validate() error {
	return errors.Join(
		params.At("conf", checkConf(o.Conf)),
		params.At("logical_date", o.checkDate()),
		params.At("execution_date", moment.Check(o.ExecutionDate)),
		params.At("execution_date", o.oldName()),
		params.At("wait_for_completion", checkFlag(o.Wait)),
		params.At("skip_when_already_exists", checkFlag(o.SkipExisting)),
		params.At("note", o.noNote()),
	)
}

func (o *TriggerDagRunOperator) checkDate() error {
	if o.LogicalDate == now {
		return nil
	}
	return moment.Check(o.LogicalDate)
}

func (o *TriggerDagRunOperator) oldName() error {
	switch {
	case o.ExecutionDate == nil:
		return nil
	case o.LogicalDate != now:
		return errors.New("execution_date and logical_date are the same: leave out execution_date")
	default:
		return params.Warn("execution_date is now called logical_date")
	}
}

func (o *TriggerDagRunOperator) noNote() error {
	if o.Note == "" {
		return nil
	}
	return params.Warn("note has no effect: runs keep no notes")
}

// Execute starts the run and, when asked to, waits for its end.
func (o *TriggerDagRunOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	request, err := o.request()
	if err != nil {
		return nil, err
	}
	known, paused := tc.Runs.Known(ctx, o.DAGID, "")
	switch {
	case !known:
		return nil, fmt.Errorf("dag %q, which trigger_dag_id names, does not exist", o.DAGID)
	case paused && o.FailPaused:
		return nil, fmt.Errorf("dag %q is paused", o.DAGID)
	}
	runID, err := tc.Runs.Trigger(ctx, request)
	switch {
	case errors.Is(err, operator.ErrRunExists) && operator.Truthy(o.SkipExisting):
		return nil, operator.Skip(fmt.Sprintf("dag %q: %v", o.DAGID, err))
	case err != nil:
		return nil, fmt.Errorf("trigger dag %q: %w", o.DAGID, err)
	}
	tc.Log.InfoContext(ctx, "triggered the run", "dag", o.DAGID, "run", runID)
	if operator.Truthy(o.Wait) {
		if err := o.await(ctx, tc, runID); err != nil {
			return nil, err
		}
	}
	return runID, nil
}

// request makes the request of the rendered parameters.
func (o *TriggerDagRunOperator) request() (operator.TriggerRequest, error) {
	r := operator.TriggerRequest{DAGID: o.DAGID, RunID: o.RunID, Reset: o.Reset}
	var err error
	if r.Conf, err = confOf(o.Conf); err != nil {
		return r, err
	}
	date := o.LogicalDate
	if o.ExecutionDate != nil {
		date = o.ExecutionDate
	}
	switch date {
	case nil:
		r.NoLogicalDate = true
	case now:
	default:
		if r.LogicalDate, err = moment.Of(date, time.UTC); err != nil {
			return r, fmt.Errorf("logical_date: %w", err)
		}
	}
	return r, nil
}

// await looks at the run until it is in one of the states that end the wait.
func (o *TriggerDagRunOperator) await(ctx context.Context, tc *operator.TaskContext, runID string) error {
	allowed, failed := o.AllowedStates, o.FailedStates
	if len(allowed) == 0 {
		allowed = []string{"success"}
	}
	if failed == nil {
		failed = []string{"failed"}
	}
	for {
		state, err := tc.Runs.RunState(ctx, o.DAGID, runID)
		switch {
		case err != nil:
			return fmt.Errorf("look at run %q of dag %q: %w", runID, o.DAGID, err)
		case state == "":
			return fmt.Errorf("run %q of dag %q is gone", runID, o.DAGID)
		case slices.Contains(failed, state):
			return fmt.Errorf("run %q of dag %q is in state %s", runID, o.DAGID, state)
		case slices.Contains(allowed, state):
			return nil
		}
		tc.Log.InfoContext(ctx, "waiting for the run", "state", state)
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for run %q of dag %q: %w", runID, o.DAGID, context.Cause(ctx))
		case <-time.After(o.PokeInterval):
		}
	}
}

// confOf encodes a conf as a JSON object; nil is none.
func confOf(value any) (json.RawMessage, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		encoded, err := json.Marshal(params.FloatNumbers(v))
		if err != nil {
			return nil, fmt.Errorf("conf does not encode to JSON: %w", err)
		}
		return encoded, nil
	case string:
		var object map[string]any
		if err := json.Unmarshal([]byte(v), &object); err != nil {
			return nil, fmt.Errorf("conf must be a mapping, or text with a JSON object: %w", err)
		}
		if object == nil { // the text is null
			return nil, nil
		}
		return json.RawMessage(v), nil
	default:
		return nil, fmt.Errorf("conf must be a mapping, or text with a JSON object, not a %T", value)
	}
}

func checkConf(value any) error {
	if text, ok := value.(string); ok && yamlvalue.HoldsTemplate(text) {
		return nil
	}
	_, err := confOf(value)
	return err
}

// checkFlag checks a boolean that may be a template.
func checkFlag(value any) error {
	switch v := value.(type) {
	case nil, bool:
		return nil
	case string:
		if yamlvalue.HoldsTemplate(v) || slices.Contains([]string{"true", "false"}, strings.ToLower(v)) {
			return nil
		}
	}
	return errors.New("must be true, false or a template")
}
