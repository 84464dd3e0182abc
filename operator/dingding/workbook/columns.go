package workbook

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// DeleteColumns deletes columns of a worksheet. Those after them move to the left.
//
// The result has success (boolean, true) and deleted_column_count (whole number).
//
// Repeating it deletes the next columns too: if the answer is lost the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-column
type DeleteColumns struct {
	sheet
	columns
	appcall.Write
}

// DeleteColumnsResult is the result of [DeleteColumns].
type DeleteColumnsResult struct {
	Success            bool `json:"success"`
	DeletedColumnCount int  `json:"deleted_column_count"`
}

// Validate checks ids and numbers.
func (o *DeleteColumns) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.columns.check(&c)
	return c.Err()
}

// Execute deletes the columns and returns a [DeleteColumnsResult].
func (o *DeleteColumns) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*DeleteColumnsResult, error) {
		which := o.columns.check(&checks{}) // Validate has found no mistakes
		_, err := workbook.DeleteColumns(ctx, a, s, which)
		return &DeleteColumnsResult{Success: true, DeletedColumnCount: which.Count}, err
	})
}

// SetColumnsVisibility shows or hides columns of a worksheet.
//
// The result has success (boolean, true) and affected_column_count (whole number).
//
// DingTalk docs: https://open.dingtalk.com/document/development/set-column-visibility
type SetColumnsVisibility struct {
	sheet
	columns

	// Visibility shows or hides them.
	Visibility string `yaml:"visibility" param:"required,template,enum=visible|hidden"`

	appcall.App
}

// SetColumnsVisibilityResult is the result of [SetColumnsVisibility].
type SetColumnsVisibilityResult struct {
	Success             bool `json:"success"`
	AffectedColumnCount int  `json:"affected_column_count"`
}

// Validate checks ids and numbers.
func (o *SetColumnsVisibility) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.columns.check(&c)
	return c.Err()
}

// Execute shows or hides the columns and returns a [SetColumnsVisibilityResult].
func (o *SetColumnsVisibility) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*SetColumnsVisibilityResult, error) {
		which := o.columns.check(&checks{}) // Validate has found no mistakes
		_, err := workbook.SetColumnsVisibility(ctx, a, s, which, o.Visibility)
		return &SetColumnsVisibilityResult{Success: true, AffectedColumnCount: which.Count}, err
	})
}

// InsertColumnsBefore inserts empty columns before a column, which moves to the right.
//
// The result has success (boolean, true) and inserted_column_count (whole number).
//
// Repeating it inserts again: if the answer is lost the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/insert-column-before-column
type InsertColumnsBefore struct {
	sheet
	columns
	appcall.Write
}

// InsertColumnsBeforeResult is the result of [InsertColumnsBefore].
type InsertColumnsBeforeResult struct {
	Success             bool `json:"success"`
	InsertedColumnCount int  `json:"inserted_column_count"`
}

// Validate checks ids and numbers.
func (o *InsertColumnsBefore) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.columns.check(&c)
	return c.Err()
}

// Execute inserts the columns and returns an [InsertColumnsBeforeResult].
func (o *InsertColumnsBefore) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*InsertColumnsBeforeResult, error) {
		which := o.columns.check(&checks{}) // Validate has found no mistakes
		_, err := workbook.InsertColumnsBefore(ctx, a, s, which)
		return &InsertColumnsBeforeResult{Success: true, InsertedColumnCount: which.Count}, err
	})
}

func columnSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[DeleteColumns](p, "dingtalk_delete_columns", operator.Example("The third column", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
column: C
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[SetColumnsVisibility](p, "dingtalk_set_columns_visibility", operator.Example("Hide the third column", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
column: C
visibility: hidden
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[InsertColumnsBefore](p, "dingtalk_insert_columns_before", operator.Example("One before the third column", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
column: C
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
