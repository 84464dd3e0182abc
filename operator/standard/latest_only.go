package standard

import (
	"context"

	"github.com/dingdag/dingdag/operator"
)

// LatestOnlyOperator skips the directly downstream tasks unless this run is the latest of the
// DAG, for tasks that make no sense while the DAG catches up. Manual runs always continue.
type LatestOnlyOperator struct{}

var _ operator.Operator = (*LatestOnlyOperator)(nil)

func latestOnlySpec(docs operator.Option) operator.Spec {
	return operator.Define[LatestOnlyOperator]("latest_only", docs,
		operator.Alias(
			"airflow.operators.latest_only.LatestOnlyOperator",
			"airflow.operators.latest_only_operator.LatestOnlyOperator",
			"airflow.operators.LatestOnlyOperator",
			"airflow.providers.standard.operators.latest_only.LatestOnlyOperator",
		),
		operator.Example("Tell people about the newest figures only", "{}"),
	)
}

// Execute asks whether a newer run is due.
func (*LatestOnlyOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	if tc.Latest {
		tc.Log.InfoContext(ctx, "this is the latest run")
		return nil, nil
	}
	tc.Log.InfoContext(ctx, "a newer run is due: skipping what is directly downstream")
	return operator.SkipDownstream{DirectOnly: true}, nil
}
