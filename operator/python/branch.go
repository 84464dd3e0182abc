package python

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/operator"
)

// BranchPythonOperator follows the tasks that a Python function returns: an id, a list of ids, or None. The other tasks directly
// downstream are skipped, except those that also follow a chosen one. Ids are those of tasks or task groups, bare or full; one that is not
// directly downstream fails the task. What was chosen is the result (XCom).
//
// The function runs as that of the operator python.
type BranchPythonOperator struct{ Function }

var _ operator.Operator = (*BranchPythonOperator)(nil)

func branchSpec(o Options, docs operator.Option) operator.Spec {
	return operator.DefineWith("branch_python", func() *BranchPythonOperator { return &BranchPythonOperator{newFunction(o)} }, docs,
		operator.Alias(
			"airflow.operators.python.BranchPythonOperator",
			"airflow.operators.python_operator.BranchPythonOperator",
			"airflow.operators.BranchPythonOperator",
			"airflow.providers.standard.operators.python.BranchPythonOperator",
		),
		operator.IgnoredParams("provide_context"),
		operator.Example("Choose by what is in the conf of the run", `
python_callable_name: choose
python_callable_file: choose.py
`),
	)
}

// Execute calls the function and follows what it returns.
func (b *BranchPythonOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return b.branch(ctx, tc)
}

func (f *Function) branch(ctx context.Context, tc *operator.TaskContext) (any, error) {
	j := f.job(tc)
	j.Keep = true
	m, err := f.call(ctx, tc, j)
	if err != nil {
		return nil, err
	}
	var chosen operator.Branch
	if !m.None {
		if chosen, err = idsOf(m.Result); err != nil {
			return nil, operator.Fail(err)
		}
	}
	tc.Log.InfoContext(ctx, "chose the branches", "task_ids", chosen.TaskIDs)
	return chosen, nil
}

func idsOf(result json.RawMessage) (chosen operator.Branch, err error) {
	var id string
	if json.Unmarshal(result, &id) == nil {
		return operator.Branch{TaskIDs: []string{id}}, nil
	}
	if json.Unmarshal(result, &chosen.TaskIDs) != nil {
		return chosen, fmt.Errorf("a branch must return the id of a task, a list of ids or None, not %s", shortened(result))
	}
	chosen.AsList = true
	return chosen, nil
}

func shortened(text json.RawMessage) string {
	const most = 60
	if r := []rune(string(text)); len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(text)
}

// ShortCircuitOperator skips what is downstream unless a Python function returns something that counts as true. It succeeds either way; what
// was returned is its result (XCom).
//
// The function runs as that of the operator python. The operator short_circuit needs no Python: it has a condition.
type ShortCircuitOperator struct {
	Function
	// IgnoreDownstreamTriggerRules skips everything downstream. If false, only what is
	// directly downstream is skipped, and the rest follows its trigger rules.
	IgnoreDownstreamTriggerRules bool `yaml:"ignore_downstream_trigger_rules" param:"default=true"`
}

var _ operator.Operator = (*ShortCircuitOperator)(nil)

func shortCircuitSpec(o Options, docs operator.Option) operator.Spec {
	return operator.DefineWith("short_circuit_python", func() *ShortCircuitOperator { return &ShortCircuitOperator{Function: newFunction(o)} }, docs,
		operator.Alias(
			"airflow.operators.python.ShortCircuitOperator",
			"airflow.operators.python_operator.ShortCircuitOperator",
			"airflow.operators.ShortCircuitOperator",
			"airflow.providers.standard.operators.python.ShortCircuitOperator",
		),
		operator.IgnoredParams("provide_context"),
		operator.RejectedParams(map[string]string{"condition": "a condition is that of operator: short_circuit"}),
		operator.Example("Continue only if there is something to load", `
python_callable_name: anything_new
python_callable_file: choose.py
`),
	)
}

var errNoTruth = errors.New("the truth of what the Python function returned is not defined: return True or False")

// Execute calls the function and looks at what it returns.
func (s *ShortCircuitOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	m, err := s.call(ctx, tc, s.job(tc))
	if err != nil {
		return nil, err
	}
	value, _ := s.value(m, nil) // there is no error
	switch {
	case m.Truth == nil:
		return nil, operator.Fail(errNoTruth)
	case *m.Truth:
		tc.Log.InfoContext(ctx, "the condition holds")
		return value, nil
	}
	tc.Log.InfoContext(ctx, "the condition does not hold: skipping what is downstream", "everything", s.IgnoreDownstreamTriggerRules)
	return operator.SkipDownstream{Value: value, DirectOnly: !s.IgnoreDownstreamTriggerRules}, nil
}

// PythonSensor waits until a Python function returns something that counts as true. Each poke calls it again. With
// airflow.sdk.PokeReturnValue, or a mapping of that, the function may give a result (XCom), too.
//
// The function runs as that of the operator python, in a process of its own for each poke.
type PythonSensor struct{ Function } //nolint:revive // Airflow's name

var _ operator.Operator = (*PythonSensor)(nil)

func sensorSpec(o Options, docs operator.Option) operator.Spec {
	return operator.DefineWith("python_sensor", func() *PythonSensor { return &PythonSensor{newFunction(o)} }, docs, operator.Sensor(),
		operator.Alias(
			"airflow.sensors.python.PythonSensor",
			"airflow.contrib.sensors.python_sensor.PythonSensor",
			"airflow.providers.standard.sensors.python.PythonSensor",
		),
		operator.IgnoredParams("provide_context"),
		operator.Example("Wait for rows", `
python_callable_name: has_rows
python_callable_file: choose.py
op_args: [orders]
`),
	)
}

// Execute calls the function once.
func (s *PythonSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	j := s.job(tc)
	j.Sensor = true
	m, err := s.call(ctx, tc, j)
	switch {
	case err != nil:
		return nil, err
	case m.Truth == nil:
		return nil, operator.Fail(errNoTruth)
	case !*m.Truth:
		return nil, operator.NotYet()
	}
	return s.value(m, nil)
}
