package workbook

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// CreateWorksheet adds a worksheet to a workbook.
//
// The result has sheet_id (text), sheet_name (text; DingTalk changes a name that is
// taken) and created (boolean, true).
//
// DingTalk has no idempotency key here: if the answer is lost the task fails, and trying again
// may create a second worksheet.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-a-worksheet
type CreateWorksheet struct {
	inWorkbook

	// SheetName is the title of the worksheet.
	SheetName string `yaml:"sheet_name" param:"required,template"`

	appcall.Write
}

// CreateWorksheetResult is the result of [CreateWorksheet].
type CreateWorksheetResult struct {
	SheetID   string `json:"sheet_id"`
	SheetName string `json:"sheet_name"`
	Created   bool   `json:"created"`
}

// Validate checks id and name.
func (o *CreateWorksheet) Validate() error {
	var c checks
	o.inWorkbook.check(&c)
	c.Required("sheet_name", o.SheetName)
	return c.Err()
}

// Execute adds the worksheet and returns a [CreateWorksheetResult].
func (o *CreateWorksheet) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*CreateWorksheetResult, error) {
		got, err := workbook.CreateWorksheet(ctx, a, workbook.Workbook{ID: o.WorkbookID, OperatorID: operatorID}, o.SheetName)
		if err != nil {
			return nil, err
		}
		return &CreateWorksheetResult{SheetID: got.ID, SheetName: got.Name, Created: true}, nil
	})
}

// DeleteWorksheet deletes a worksheet. The only one of a workbook cannot be deleted.
//
// The result has deleted (boolean).
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-classic-workbooks
type DeleteWorksheet struct {
	sheet
	appcall.Removal
	appcall.App
}

// Validate checks the ids.
func (o *DeleteWorksheet) Validate() error {
	var c checks
	o.sheet.check(&c)
	return c.Err()
}

// Execute deletes the worksheet and returns a [appcall.DeletedResult].
func (o *DeleteWorksheet) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*appcall.DeletedResult, error) {
		return o.Result(workbook.DeleteWorksheet(ctx, a, s))
	})
}

// GetWorksheet reads the size and settings of a worksheet.
//
// The result has sheet_data: a mapping with id, name, visibility (visible or hidden),
// lastNonEmptyRow and lastNonEmptyColumn (from 0, and -1 for an empty sheet), rowCount,
// columnCount, frozenRowCount and frozenColumnCount (whole numbers).
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-worksheet-properties
type GetWorksheet struct {
	sheet
	appcall.App
}

// GetWorksheetResult is the result of [GetWorksheet].
type GetWorksheetResult struct {
	SheetData *workbook.Worksheet `json:"sheet_data"`
}

// Validate checks the ids.
func (o *GetWorksheet) Validate() error {
	var c checks
	o.sheet.check(&c)
	return c.Err()
}

// Execute reads the worksheet and returns a [GetWorksheetResult].
func (o *GetWorksheet) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*GetWorksheetResult, error) {
		got, err := workbook.GetWorksheet(ctx, a, s)
		return &GetWorksheetResult{got}, err
	})
}

// GetWorksheets lists the worksheets of a workbook, in order.
//
// The result has sheet_list (list of mappings with id and name) and sheet_count (whole
// number).
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-all-worksheets
type GetWorksheets struct {
	inWorkbook
	appcall.App
}

// GetWorksheetsResult is the result of [GetWorksheets].
type GetWorksheetsResult struct {
	SheetList  []workbook.WorksheetName `json:"sheet_list"`
	SheetCount int                      `json:"sheet_count"`
}

// Validate checks the id.
func (o *GetWorksheets) Validate() error {
	var c checks
	o.inWorkbook.check(&c)
	return c.Err()
}

// Execute lists the worksheets and returns a [GetWorksheetsResult].
func (o *GetWorksheets) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*GetWorksheetsResult, error) {
		list, err := workbook.ListWorksheets(ctx, a, workbook.Workbook{ID: o.WorkbookID, OperatorID: operatorID})
		return &GetWorksheetsResult{SheetList: list, SheetCount: len(list)}, err
	})
}

// UpdateWorksheet changes the title, the visibility or the frozen rows and columns of a
// worksheet.
//
// The result has sheet_id (text) and success (boolean, true).
//
// DingTalk docs: https://open.dingtalk.com/document/development/update-worksheet
type UpdateWorksheet struct {
	sheet

	// SheetName is the new title.
	SheetName string `yaml:"sheet_name" param:"template"`
	// Visibility shows or hides the worksheet.
	Visibility string `yaml:"visibility" param:"enum=visible|hidden"`
	// FrozenRowCount is how many rows at the top stay visible; 0 for none.
	FrozenRowCount *int `yaml:"frozen_row_count" param:"min=0"`
	// FrozenColumnCount is how many columns on the left stay visible; 0 for none.
	FrozenColumnCount *int `yaml:"frozen_column_count" param:"min=0"`

	appcall.App
}

// UpdateWorksheetResult is the result of [UpdateWorksheet].
type UpdateWorksheetResult struct {
	SheetID string `json:"sheet_id"`
	Success bool   `json:"success"`
}

// Validate checks the ids and that something changes.
func (o *UpdateWorksheet) Validate() error {
	var c checks
	o.sheet.check(&c)
	if o.SheetName == "" && o.Visibility == "" && o.FrozenRowCount == nil && o.FrozenColumnCount == nil {
		c.Add("sheet_name", errors.New("is missing: give it, visibility, frozen_row_count or frozen_column_count"))
	}
	return c.Err()
}

// Execute changes the worksheet and returns an [UpdateWorksheetResult].
func (o *UpdateWorksheet) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*UpdateWorksheetResult, error) {
		id, err := workbook.UpdateWorksheet(ctx, a, s, workbook.WorksheetUpdate{
			Name: o.SheetName, Visibility: o.Visibility, FrozenRowCount: o.FrozenRowCount, FrozenColumnCount: o.FrozenColumnCount,
		})
		return &UpdateWorksheetResult{SheetID: id, Success: true}, err
	})
}

func worksheetSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateWorksheet](p, "dingtalk_create_worksheet", operator.Example("A worksheet for a quarter", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_name: Q4
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[DeleteWorksheet](p, "dingtalk_delete_worksheet", operator.Example("By id", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
operator_id: z21HjQliSzpw0YWCNxmii6u
`), operator.Example("By title, if it is there", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: 第 4 季度
ignore_missing: true
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetWorksheet](p, "dingtalk_get_worksheet", operator.Example("By id", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetWorksheets](p, "dingtalk_get_worksheets", operator.Example("All of a workbook", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[UpdateWorksheet](p, "dingtalk_update_worksheet", operator.Example("A new title and a fixed heading", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
sheet_name: Q4 final
frozen_row_count: 1
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
