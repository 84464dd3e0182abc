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
	Otherwise []string `yaml:"otherwise" param:"single"`
}

// BranchCase is a condition and what it chooses.
type BranchCase struct {
	// When is the condition. It does not hold if it is empty or, in upper or lower case,
	// false, no, off, 0, none or null.
	When any `yaml:"when" param:"required,template"`
	// To is the id, or the list of ids, that is chosen.
	To []string `yaml:"to" param:"required,single"`
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
		_, err := idsOf(b.Choose)
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
		ids, _ = idsOf(b.Choose) // Validate has looked at the error
	}
	for _, c := range b.Cases {
		ids = append(ids, c.To...)
	}
	return append(ids, b.Otherwise...)
}

// Execute returns what was chosen.
func (b *BranchOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	ids, err := b.choice()
	if err != nil {
		return nil, err
	}
	return branchTo(ctx, tc, ids), nil
}

func (b *BranchOperator) choice() ([]string, error) {
	if b.Cases == nil {
		return idsOf(b.Choose)
	}
	for _, c := range b.Cases {
		if operator.Truthy(c.When) {
			return c.To, nil
		}
	}
	return b.Otherwise, nil
}

// branchTo logs and returns a choice.
func branchTo(ctx context.Context, tc *operator.TaskContext, ids []string) operator.Branch {
	tc.Log.InfoContext(ctx, "chose the branches", "task_ids", ids)
	return operator.Branch{TaskIDs: ids}
}

// idsOf reads the ids that a value names.
func idsOf(value any) ([]string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return splitIDs(v), nil
	case []any:
		ids := make([]string, len(v))
		for i, element := range v {
			id, ok := element.(string)
			if !ok {
				return nil, fmt.Errorf("choose must give ids, but element %d of its list is a %T", i+1, element)
			}
			ids[i] = id
		}
		return ids, nil
	default:
		return nil, fmt.Errorf("choose must give an id or a list of ids, not a %T", value)
	}
}

// splitIDs takes a text with ids apart: "a", "a, b", or a list as JSON or Python prints it.
func splitIDs(text string) []string {
	text = strings.TrimSpace(text)
	if text == "None" || text == "null" {
		return nil
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	var ids []string
	for part := range strings.SplitSeq(text, ",") {
		if id := strings.Trim(part, " \t\r\n\"'"); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// twoWays are the parameters of operators that branch by an answer of their own.
type twoWays struct {
	// IfTrue is the id, or the list of ids, to follow when the answer is yes.
	IfTrue []string `yaml:"follow_task_ids_if_true" param:"required,single"`
	// IfFalse is the id, or the list of ids, to follow when the answer is no.
	IfFalse []string `yaml:"follow_task_ids_if_false" param:"required,single"`
}

// Targets returns the ids of both ways.
func (w *twoWays) Targets() []string { return slices.Concat(w.IfTrue, w.IfFalse) }

func (w *twoWays) follow(ctx context.Context, tc *operator.TaskContext, answer bool) operator.Branch {
	if answer {
		return branchTo(ctx, tc, w.IfTrue)
	}
	return branchTo(ctx, tc, w.IfFalse)
}
