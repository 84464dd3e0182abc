package standard

import (
	"context"

	"github.com/dingdag/dingdag/operator"
)

// EmptyOperator does nothing. It joins and groups other tasks.
type EmptyOperator struct{}

var (
	_ operator.Operator = (*EmptyOperator)(nil)
	_ operator.NoOp     = (*EmptyOperator)(nil)
)

func emptySpec(docs operator.Option) operator.Spec {
	return operator.Define[EmptyOperator]("empty", docs,
		operator.Alias(
			"airflow.operators.empty.EmptyOperator",
			"airflow.operators.dummy.EmptyOperator",
			"airflow.operators.dummy.DummyOperator",
			"airflow.operators.dummy_operator.EmptyOperator",
			"airflow.operators.dummy_operator.DummyOperator",
			"airflow.operators.DummyOperator",
			"airflow.providers.standard.operators.empty.EmptyOperator",
			"airflow.operators.smooth.SmoothOperator",
			"airflow.providers.standard.operators.smooth.SmoothOperator",
		),
		operator.Example("A task that only waits for others", "{}"),
	)
}

// Execute succeeds at once, without a result.
func (*EmptyOperator) Execute(context.Context, *operator.TaskContext) (any, error) {
	return nil, nil
}

// NoOp lets the engine skip the worker.
func (*EmptyOperator) NoOp() {}
