package human

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// HITLBranchOperator asks people which of the directly downstream tasks run. The others are skipped,
// except those that also follow a chosen one.
//
// Each option is the id of a task or group directly downstream, unless options_mapping has one for it.
// The result (XCom) is the list of the ids that were chosen. Everything else is as with hitl.
type HITLBranchOperator struct {
	question
	choice

	// Options are what people choose from.
	Options []string `yaml:"options" param:"required"`
	// OptionsMapping has the ids for options that are no ids.
	OptionsMapping map[string]string `yaml:"options_mapping"`
}

var (
	_ operator.Operator = (*HITLBranchOperator)(nil)
	_ operator.Asker    = (*HITLBranchOperator)(nil)
	_ operator.Brancher = (*HITLBranchOperator)(nil)
)

func branchSpec(docs operator.Option) operator.Spec {
	return operator.Define[HITLBranchOperator]("hitl_branch", docs, path("HITLBranchOperator"),
		operator.Example("Let people choose what to do with bad rows", `
subject: "{{ ti.xcom_pull('count_bad') }} rows are bad. What now?"
options: [Drop them, Load them, Stop]
options_mapping:
  Drop them: drop_bad_rows
  Load them: load_all
  Stop: stop
`),
	)
}

// Validate checks the options, the defaults and the mapping.
func (o *HITLBranchOperator) Validate() error {
	errs := []error{o.check(o.Options, o.Multiple)}
	for _, key := range slices.Sorted(maps.Keys(o.OptionsMapping)) {
		switch {
		case !slices.Contains(o.Options, key):
			errs = append(errs, params.At("options_mapping", fmt.Errorf("%q is not one of the options %s%s",
				key, strings.Join(o.Options, ", "), yamlvalue.DidYouMean(key, slices.Values(o.Options)))))
		case o.OptionsMapping[key] == "":
			errs = append(errs, params.At("options_mapping", fmt.Errorf("option %q leads to no task", key)))
		}
	}
	return errors.Join(errs...)
}

// Asks returns the question.
func (o *HITLBranchOperator) Asks() operator.Question { return o.ask(o.Options, o.Multiple) }

// Targets returns the ids of all options.
func (o *HITLBranchOperator) Targets() []string { return o.ids(o.Options) }

func (o *HITLBranchOperator) ids(options []string) []string {
	ids := make([]string, len(options))
	for i, option := range options {
		ids[i] = option
		if id, ok := o.OptionsMapping[option]; ok {
			ids[i] = id
		}
	}
	return ids
}

// Execute asks, or follows what was answered.
func (o *HITLBranchOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	r, err := o.answer(ctx, tc, o.Asks())
	if err != nil {
		return nil, err
	}
	return operator.Branch{TaskIDs: o.ids(r.ChosenOptions), AsList: true}, nil
}
