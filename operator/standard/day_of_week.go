package standard

import (
	"context"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
)

// BranchDayOfWeekOperator chooses by the day of the week, by default today's in the zone of
// the DAG.
type BranchDayOfWeekOperator struct {
	twoWays
	moment.WeekDays
}

var (
	_ operator.Operator = (*BranchDayOfWeekOperator)(nil)
	_ operator.Brancher = (*BranchDayOfWeekOperator)(nil)
)

func branchDayOfWeekSpec(docs operator.Option) operator.Spec {
	return operator.Define[BranchDayOfWeekOperator]("branch_day_of_week", docs,
		operator.Alias(
			"airflow.operators.weekday.BranchDayOfWeekOperator",
			"airflow.providers.standard.operators.weekday.BranchDayOfWeekOperator",
		),
		operator.Example("Do more on weekends", `
follow_task_ids_if_true: [full_load, weekly_report]
follow_task_ids_if_false: small_load
week_day: [Saturday, Sunday]
`),
	)
}

// Execute looks at the day.
func (b *BranchDayOfWeekOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	match, err := b.Match(ctx, tc, tc.Location)
	if err != nil {
		return nil, err
	}
	return b.follow(ctx, tc, match), nil
}
