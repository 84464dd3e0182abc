package standard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// BranchOperator chooses which of the directly downstream tasks run. The others are skipped,
// except those that also follow a chosen one.
//
// The choice is made either by choose, or by cases and otherwise. Ids are those of tasks
// or task groups, bare or full; an id that is not directly downstream fails the task.
// Choosing nothing skips everything directly downstream.
//
// A task that joins the branches again needs the trigger rule
// none_failed_min_one_success: with all_success it is skipped too.
type BranchOperator struct {
	// Choose gives one id, or several: separated by commas, or as a list. Empty text, None
	// and null choose nothing.
	Choose any `yaml:"choose" param:"template"`
	// Cases are tried in order. The first one that holds chooses.
	Cases []BranchCase `yaml:"cases"`
	// Otherwise is the id, or the list of ids, to choose when no case holds. Null chooses
	// nothing.
	Otherwise []string `yaml:"otherwise" param:"single,listed=OtherwiseListed"`
	// OtherwiseListed tells that otherwise was given as a list.
	OtherwiseListed bool
}

// BranchCase is a condition and what it chooses.
type BranchCase struct {
	// When is the condition. It does not hold if it is empty or, in upper or lower case,
	// false, no, off, 0, none or null.
	When any `yaml:"when" param:"required,template"`
	// To is the id, or the list of ids, that is chosen.
	To []string `yaml:"to" param:"required,single,listed=ToListed"`
	// ToListed tells that to was given as a list.
	ToListed bool
}

var (
	_ operator.Operator = (*BranchOperator)(nil)
	_ operator.Brancher = (*BranchOperator)(nil)
)

func branchSpec(docs operator.Option) operator.Spec {
	return operator.Define[BranchOperator]("branch", docs,
		operator.Example("Choose the task that an earlier task named", `choose: "{{ ti.xcom_pull('decide') }}"`),
		operator.Example("Choose by conditions", `
cases:
  - {when: "{{ dag_run.conf.full }}", to: full_load}
  - {when: "{{ logical_date.day == 1 }}", to: [monthly_load, monthly_report]}
otherwise: daily_load
`),
	)
}

// Validate accepts exactly one of the two forms.
func (b *BranchOperator) Validate() error {
	switch {
	case b.Choose != nil && b.Cases != nil:
		return params.At("choose", errors.New("choose and cases exclude each other"))
	case b.Choose != nil && b.Otherwise != nil:
		return params.At("otherwise", errors.New("otherwise belongs to cases"))
	case b.Choose != nil:
		_, err := branchOf(b.Choose)
		return params.At("choose", err)
	case len(b.Cases) == 0:
		return errors.New("branch needs choose, or cases with at least one case")
	}
	return nil
}

// Targets returns the ids that are no templates.
func (b *BranchOperator) Targets() []string {
	var ids []string
	if text, ok := b.Choose.(string); !ok || !yamlvalue.HoldsTemplate(text) {
		chosen, _ := branchOf(b.Choose) // Validate has looked at the error
		ids = chosen.TaskIDs
	}
	for _, c := range b.Cases {
		ids = append(ids, c.To...)
	}
	return append(ids, b.Otherwise...)
}

// Execute returns what was chosen.
func (b *BranchOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	chosen, err := b.choice()
	if err != nil {
		return nil, err
	}
	return logged(ctx, tc, chosen), nil
}

func (b *BranchOperator) choice() (operator.Branch, error) {
	if b.Cases == nil {
		return branchOf(b.Choose)
	}
	for _, c := range b.Cases {
		if operator.Truthy(c.When) {
			return operator.Branch{TaskIDs: c.To, AsList: c.ToListed}, nil
		}
	}
	return operator.Branch{TaskIDs: b.Otherwise, AsList: b.OtherwiseListed}, nil
}

// logged logs and returns a choice.
func logged(ctx context.Context, tc *operator.TaskContext, chosen operator.Branch) operator.Branch {
	tc.Log.InfoContext(ctx, "chose the branches", "task_ids", chosen.TaskIDs)
	return chosen
}

// branchOf reads the ids that a value names.
func branchOf(value any) (chosen operator.Branch, err error) {
	switch v := value.(type) {
	case nil:
		return chosen, nil
	case string:
		return splitIDs(v), nil
	case []any:
		ids := make([]string, len(v))
		for i, element := range v {
			id, ok := element.(string)
			if !ok {
				return chosen, fmt.Errorf("choose must give ids, but element %d of its list is a %T", i+1, element)
			}
			ids[i] = id
		}
		return operator.Branch{TaskIDs: ids, AsList: true}, nil
	default:
		return chosen, fmt.Errorf("choose must give an id or a list of ids, not a %T", value)
	}
}

// splitIDs takes a text with ids apart: "a", "a, b", or a list as JSON or Python prints it.
func splitIDs(text string) (chosen operator.Branch) {
	text = strings.TrimSpace(text)
	if text == "None" || text == "null" {
		return chosen
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, chosen = strings.TrimSuffix(inner, "]"), operator.Branch{TaskIDs: []string{}, AsList: true}
	}
	for part := range strings.SplitSeq(text, ",") {
		if id := strings.Trim(part, " \t\r\n\"'"); id != "" {
			chosen.TaskIDs = append(chosen.TaskIDs, id)
		}
	}
	return chosen
}

// twoWays are the parameters of operators that branch by an answer of their own.
type twoWays struct {
	// IfTrue is the id, or the list of ids, to follow when the answer is yes.
	IfTrue []string `yaml:"follow_task_ids_if_true" param:"required,single,listed=IfTrueListed"`
	// IfTrueListed tells that it was given as a list.
	IfTrueListed bool
	// IfFalse is the id, or the list of ids, to follow when the answer is no.
	IfFalse []string `yaml:"follow_task_ids_if_false" param:"required,single,listed=IfFalseListed"`
	// IfFalseListed tells that it was given as a list.
	IfFalseListed bool
}

// Targets returns the ids of both ways.
func (w *twoWays) Targets() []string { return slices.Concat(w.IfTrue, w.IfFalse) }

func (w *twoWays) follow(ctx context.Context, tc *operator.TaskContext, answer bool) operator.Branch {
	if answer {
		return logged(ctx, tc, operator.Branch{TaskIDs: w.IfTrue, AsList: w.IfTrueListed})
	}
	return logged(ctx, tc, operator.Branch{TaskIDs: w.IfFalse, AsList: w.IfFalseListed})
}
