package standard

import (
	"context"

	"github.com/dingdag/dingdag/operator"
)

// ShortCircuitOperator skips what is downstream unless a condition holds. It succeeds either
// way; its result (XCom) says whether the condition held.
type ShortCircuitOperator struct {
	// Condition does not hold if it is empty or, in upper or lower case, false, no, off, 0,
	// none or null.
	Condition any `yaml:"condition" param:"required,template"`
	// IgnoreDownstreamTriggerRules skips everything downstream. If false, only what is
	// directly downstream is skipped, and the rest follows its trigger rules.
	IgnoreDownstreamTriggerRules bool `yaml:"ignore_downstream_trigger_rules" param:"default=true"`
}

var _ operator.Operator = (*ShortCircuitOperator)(nil)

func shortCircuitSpec(docs operator.Option) operator.Spec {
	return operator.Define[ShortCircuitOperator]("short_circuit", docs,
		operator.RejectedParams(map[string]string{"python_callable*": "a Python function is that of operator: short_circuit_python"}),
		operator.Example("Continue only if there is something to load", `condition: "{{ ti.xcom_pull('count_rows') }}"`),
		operator.Example("Still run a cleanup task with trigger_rule all_done", `
condition: "{{ params.enabled }}"
ignore_downstream_trigger_rules: false
`),
	)
}

// Execute looks at the condition.
func (s *ShortCircuitOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	if operator.Truthy(s.Condition) {
		tc.Log.InfoContext(ctx, "the condition holds")
		return true, nil
	}
	tc.Log.InfoContext(ctx, "the condition does not hold: skipping what is downstream",
		"everything", s.IgnoreDownstreamTriggerRules)
	return operator.SkipDownstream{Value: false, DirectOnly: !s.IgnoreDownstreamTriggerRules}, nil
}
