// Package python holds the operators that run Python code, in the interpreter of whoever wrote it: a child of the worker
// that gets the context of the task, and asks for XComs, variables and connections, over pipes of its own.
package python

import (
	"context"
	_ "embed"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs(o Options) []operator.Spec {
	docs := operator.Docs(params.ParseDocs(docsJSON))
	return []operator.Spec{
		pythonSpec(o, docs),
		branchSpec(o, docs),
		shortCircuitSpec(o, docs),
		sensorSpec(o, docs),
		externalSpec(o, docs),
	}
}

// PythonOperator calls a Python function. What it returns is the result (XCom).
//
// The function runs in an interpreter of Python 3.8 or newer, that of the parameter python or of the setting python, as a child
// of the worker in a temporary directory. It gets op_args, and of op_kwargs and of the context of the task (ds, logical_date,
// params, ti, dag_run, var, conn, …) the names that it has as parameters, or all of them with **kwargs. ti.xcom_pull, Variable.get and
// BaseHook.get_connection ask dingdag. Where Airflow is not installed for the interpreter, a stand-in has these, its exceptions
// and get_current_context.
//
// The task log shows what the function prints and logs. An exception fails the task, and the log has its traceback;
// AirflowSkipException skips it, AirflowFailException fails it without a retry. The result may be None, text, numbers, lists and mappings
// of these, of at most 1 MiB as JSON. Tuples and sets become lists; dates and times text, as Python's str has them; Decimals numbers and
// timedeltas seconds. When the task times out or is stopped, all processes of the function get SIGTERM and, 5 seconds later, SIGKILL, as those
// of bash.
//
// The file of the function, and those of the modules of the DAGs folder that it imports, are a part of the version of the DAG; in other files of the folder changes
// count at once.
type PythonOperator struct{ Function } //nolint:revive // Airflow's name

var (
	_ operator.Operator = (*PythonOperator)(nil)
	_ operator.Sourcer  = (*PythonOperator)(nil)
)

func pythonSpec(o Options, docs operator.Option) operator.Spec {
	return operator.DefineWith("python", func() *PythonOperator { return &PythonOperator{newFunction(o)} }, docs,
		operator.Alias(
			"airflow.operators.python.PythonOperator",
			"airflow.operators.python_operator.PythonOperator",
			"airflow.operators.PythonOperator",
			"airflow.providers.standard.operators.python.PythonOperator",
		),
		operator.IgnoredParams("provide_context"),
		operator.Example("A function of a file beside the DAG file", `
python_callable_name: count
python_callable_file: count_rows.py
op_kwargs: {table: orders, day: "{{ ds }}"}
`),
		operator.Example("A function of a module", `
python_callable: posixpath.basename
op_args: [/data/orders.csv]
`),
	)
}

// Execute calls the function.
func (p *PythonOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return p.value(p.call(ctx, tc, p.job(tc)))
}
