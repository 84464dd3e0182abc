package python

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// ExternalPythonOperator calls a Python function in another interpreter than that of the other tasks, such as that of a virtual
// environment that is there already.
//
// The function runs as that of the operator python, of which this is another name: it has the parameter python, too.
type ExternalPythonOperator struct{ Function }

var _ operator.Operator = (*ExternalPythonOperator)(nil)

// elsewhere are parameters of Airflow about how it hands a function to an interpreter, which gets its file here.
func elsewhere() operator.Option {
	return operator.IgnoredParams("provide_context", "serializer", "use_dill", "expect_airflow", "expect_pendulum", "use_airflow_context")
}

func externalSpec(o Options, docs operator.Option) operator.Spec {
	return operator.DefineWith("external_python", func() *ExternalPythonOperator { return &ExternalPythonOperator{newFunction(o)} }, docs,
		operator.Alias(
			"airflow.operators.python.ExternalPythonOperator",
			"airflow.providers.standard.operators.python.ExternalPythonOperator",
		),
		elsewhere(),
		operator.RejectedParams(map[string]string{"string_args": "give them in op_args"}),
		operator.Example("A function for an interpreter of its own", `
python: python3
python_callable_name: count
python_callable_file: count_rows.py
op_kwargs: {table: orders, day: "{{ ds }}"}
`),
	)
}

// Validate wants an interpreter.
func (e *ExternalPythonOperator) Validate() error {
	var none error
	if e.Python == "" {
		none = params.At("python", errors.New("python is missing: name the interpreter"))
	}
	return errors.Join(e.Callable.Validate(), none)
}

// Execute calls the function.
func (e *ExternalPythonOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return e.value(e.call(ctx, tc, e.job(tc)))
}
