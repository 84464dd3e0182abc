package human

import (
	"context"

	"github.com/dingdag/dingdag/operator"
)

// HITLOperator asks people to choose among options, and to fill in the params of the task. It waits
// without a worker until somebody has answered.
//
// The first answer of those who may counts: in DingTalk, on a page or with dingdag asks answer. The
// result (XCom) is a mapping: chosen_options, params_input, responded_at, and responded_by_user with id
// and name, which is null when the defaults were chosen. The state is deferred meanwhile. A retry asks
// again; response_timeout is the time for the answer.
type HITLOperator struct {
	question
	choice

	// Options are what people choose from.
	Options []string `yaml:"options" param:"required"`
}

var (
	_ operator.Operator = (*HITLOperator)(nil)
	_ operator.Asker    = (*HITLOperator)(nil)
)

func hitlSpec(docs operator.Option) operator.Spec {
	return operator.Define[HITLOperator]("hitl", docs, path("HITLOperator"),
		operator.Example("Which regions to load today", `
subject: "Which regions shall be loaded for {{ ds }}?"
options: [east, south, north]
multiple: true
defaults: [east]
`),
		operator.Example("Only two people may answer", `
subject: Which version goes out?
body: "Look at the **test report** first."
options: [v1, v2]
assigned_users:
  - {id: u001, name: 王芳}
  - {id: u002, name: Li Wei}
`),
	)
}

// Validate checks the options and defaults.
func (o *HITLOperator) Validate() error { return o.check(o.Options, o.Multiple) }

// Asks returns the question.
func (o *HITLOperator) Asks() operator.Question { return o.ask(o.Options, o.Multiple) }

// Execute asks, or returns what was answered.
func (o *HITLOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	r, err := o.answer(ctx, tc, o.Asks())
	if err != nil {
		return nil, err
	}
	return r, nil
}
