package human

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/operator"
)

// The options of an approval.
const approve, reject = "Approve", "Reject"

// ApprovalOperator asks people to approve or to reject. Once it is approved, what is downstream runs.
// When it is rejected, the task succeeds too, and what is directly downstream is skipped.
//
// Everything else is as with hitl: the options are Approve and Reject.
type ApprovalOperator struct {
	question

	// IgnoreDownstreamTriggerRules skips everything downstream when it is rejected. If false, only
	// what is directly downstream is skipped, and the rest follows its trigger rules. Teardowns run
	// either way.
	IgnoreDownstreamTriggerRules bool `yaml:"ignore_downstream_trigger_rules" param:"default=false"`
	// FailOnReject fails the task when it is rejected. Its retries ask again.
	FailOnReject bool `yaml:"fail_on_reject" param:"default=false"`
}

var (
	_ operator.Operator = (*ApprovalOperator)(nil)
	_ operator.Asker    = (*ApprovalOperator)(nil)
)

func approvalSpec(docs operator.Option) operator.Spec {
	const fixed = "an approval has the options Approve and Reject, of which one is chosen: use hitl for others"
	return operator.Define[ApprovalOperator]("approval", docs, path("ApprovalOperator"),
		operator.RejectedParams(map[string]string{"options": fixed, "multiple": fixed}),
		operator.Example("Before a release", `
subject: "Release {{ params.version }}?"
body: "All checks of **{{ ds }}** have passed."
`),
		operator.Example("A rejection is a failure, and no answer a rejection", `
subject: Delete the old partitions?
defaults: Reject
fail_on_reject: true
`),
	)
}

// Validate checks the defaults.
func (o *ApprovalOperator) Validate() error { return o.check([]string{approve, reject}, false) }

// Asks returns the question.
func (o *ApprovalOperator) Asks() operator.Question { return o.ask([]string{approve, reject}, false) }

var errRejected = errors.New("it was rejected, and fail_on_reject is set")

// Execute asks, or lets what is downstream run or be skipped.
func (o *ApprovalOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	r, err := o.answer(ctx, tc, o.Asks())
	switch {
	case err != nil:
		return nil, err
	case r.ChosenOptions[0] == approve:
		return r, nil
	case o.FailOnReject:
		return nil, errRejected
	default:
		tc.Log.InfoContext(ctx, "rejected: skipping what is downstream", "everything", o.IgnoreDownstreamTriggerRules)
		return operator.SkipDownstream{Value: r, DirectOnly: !o.IgnoreDownstreamTriggerRules}, nil
	}
}
