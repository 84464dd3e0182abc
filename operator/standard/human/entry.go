package human

import (
	"context"

	"github.com/dingdag/dingdag/operator"
)

// HITLEntryOperator asks people to fill in the params of the task.
//
// Without options there is the one option OK, which is the default too: when nobody has answered
// within response_timeout, the params have their defaults. Everything else is as with hitl.
type HITLEntryOperator struct {
	question
	choice

	// Options are what people choose from. Default OK.
	Options []string `yaml:"options"`
}

var (
	_ operator.Operator = (*HITLEntryOperator)(nil)
	_ operator.Asker    = (*HITLEntryOperator)(nil)
)

func entrySpec(docs operator.Option) operator.Spec {
	return operator.Define[HITLEntryOperator]("hitl_entry", docs, path("HITLEntryOperator"),
		operator.Example("A number and a reason, which are params of the task", `
subject: How many rows may be dropped, and why?
`),
	)
}

// filled is the operator with its options and defaults.
func (o *HITLEntryOperator) filled() *HITLEntryOperator {
	if o.Options != nil {
		return o
	}
	f := *o
	f.Options = []string{"OK"}
	if f.Defaults == nil {
		f.Defaults = []string{"OK"}
	}
	return &f
}

// Validate checks the options and defaults.
func (o *HITLEntryOperator) Validate() error {
	f := o.filled()
	return f.check(f.Options, f.Multiple)
}

// Asks returns the question.
func (o *HITLEntryOperator) Asks() operator.Question {
	f := o.filled()
	return f.ask(f.Options, f.Multiple)
}

// Execute asks, or returns what was answered.
func (o *HITLEntryOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	r, err := o.answer(ctx, tc, o.Asks())
	if err != nil {
		return nil, err
	}
	return r, nil
}
