package workbook

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// DeleteRows deletes rows of a worksheet. Those after them move up.
//
// The result has success (boolean, true) and deleted_row_count (whole number).
//
// Repeating it deletes the next rows too: if the answer is lost the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-row
type DeleteRows struct {
	sheet
	rows
	appcall.Write
}

// DeleteRowsResult is the result of [DeleteRows].
type DeleteRowsResult struct {
	Success         bool `json:"success"`
	DeletedRowCount int  `json:"deleted_row_count"`
}

// Validate checks ids and numbers.
func (o *DeleteRows) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.rows.check(&c)
	return c.Err()
}

// Execute deletes the rows and returns a [DeleteRowsResult].
func (o *DeleteRows) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*DeleteRowsResult, error) {
		which := o.rows.check(&checks{}) // Validate has found no mistakes
		_, err := workbook.DeleteRows(ctx, a, s, which)
		return &DeleteRowsResult{Success: true, DeletedRowCount: which.Count}, err
	})
}

// SetRowsVisibility shows or hides rows of a worksheet.
//
// The result has success (boolean, true) and affected_row_count (whole number).
//
// DingTalk docs: https://open.dingtalk.com/document/development/set-row-visibility
type SetRowsVisibility struct {
	sheet
	rows

	// Visibility shows or hides them.
	Visibility string `yaml:"visibility" param:"required,template,enum=visible|hidden"`

	appcall.App
}

// SetRowsVisibilityResult is the result of [SetRowsVisibility].
type SetRowsVisibilityResult struct {
	Success          bool `json:"success"`
	AffectedRowCount int  `json:"affected_row_count"`
}

// Validate checks ids and numbers.
func (o *SetRowsVisibility) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.rows.check(&c)
	return c.Err()
}

// Execute shows or hides the rows and returns a [SetRowsVisibilityResult].
func (o *SetRowsVisibility) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*SetRowsVisibilityResult, error) {
		which := o.rows.check(&checks{}) // Validate has found no mistakes
		_, err := workbook.SetRowsVisibility(ctx, a, s, which, o.Visibility)
		return &SetRowsVisibilityResult{Success: true, AffectedRowCount: which.Count}, err
	})
}

// InsertRowsBefore inserts empty rows before a row, which moves down.
//
// The result has success (boolean, true) and inserted_row_count (whole number).
//
// Repeating it inserts again: if the answer is lost the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/insert-rows-before-rows
type InsertRowsBefore struct {
	sheet
	rows
	appcall.Write
}

// InsertRowsBeforeResult is the result of [InsertRowsBefore].
type InsertRowsBeforeResult struct {
	Success          bool `json:"success"`
	InsertedRowCount int  `json:"inserted_row_count"`
}

// Validate checks ids and numbers.
func (o *InsertRowsBefore) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.rows.check(&c)
	return c.Err()
}

// Execute inserts the rows and returns an [InsertRowsBeforeResult].
func (o *InsertRowsBefore) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*InsertRowsBeforeResult, error) {
		which := o.rows.check(&checks{}) // Validate has found no mistakes
		_, err := workbook.InsertRowsBefore(ctx, a, s, which)
		return &InsertRowsBeforeResult{Success: true, InsertedRowCount: which.Count}, err
	})
}

func rowSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[DeleteRows](p, "dingtalk_delete_rows", operator.Example("The third row", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
row: 3
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[SetRowsVisibility](p, "dingtalk_set_rows_visibility", operator.Example("Hide the third row", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
row: 3
visibility: hidden
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[InsertRowsBefore](p, "dingtalk_insert_rows_before", operator.Example("One before the third row", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
row: 3
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
