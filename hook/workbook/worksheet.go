// Package workbook reads and writes workbooks: worksheets, rows, columns and ranges of cells.
package workbook

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/hook"
)

// Workbook names a workbook, by [wiki.Node.NodeID], and the unionId of who acts on it.
type Workbook struct{ ID, OperatorID string }

// Sheet names a worksheet of a workbook by its id or its title.
type Sheet struct {
	Workbook

	SheetID string
}

// The values of [Worksheet.Visibility].
const (
	Visible = "visible"
	Hidden  = "hidden"
)

// Worksheet is what DingTalk tells about a worksheet. A list has only ID and Name.
type Worksheet struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Visibility is [Visible] or [Hidden].
	Visibility string `json:"visibility"`
	// LastNonEmptyRow and LastNonEmptyColumn count from 0 and are -1 in an empty sheet.
	LastNonEmptyRow    int `json:"lastNonEmptyRow"`
	LastNonEmptyColumn int `json:"lastNonEmptyColumn"`
	// RowCount and ColumnCount are the size of the grid, with its empty cells.
	RowCount          int `json:"rowCount"`
	ColumnCount       int `json:"columnCount"`
	FrozenRowCount    int `json:"frozenRowCount"`
	FrozenColumnCount int `json:"frozenColumnCount"`
}

// WorksheetName is a worksheet in a list.
type WorksheetName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

const (
	sheetsPath = "/v1.0/doc/workbooks/{workbookId}/sheets"
	sheetPath  = sheetsPath + "/{sheetId}"
)

// call is a call on the worksheet; what is the end of its path.
func (s Sheet) call(op, method, what string, body any) hook.Call {
	return hook.Call{
		Op: fmt.Sprintf("%s in sheet %q", op, s.SheetID), API: hook.NewAPI, Method: method,
		Path: hook.PathOf(sheetPath, s.ID, s.SheetID) + what, Query: hook.ActingAs(s.OperatorID), Body: body,
	}
}

// CreateWorksheet adds a worksheet. DingTalk changes a name that is taken, so the
// answer may have another one. A lost answer is an error of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-a-worksheet
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets
func CreateWorksheet(ctx context.Context, a *hook.App, w Workbook, name string) (*NewWorksheet, error) {
	var got NewWorksheet
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("create worksheet %q", name), API: hook.NewAPI, Method: http.MethodPost, Path: hook.PathOf(sheetsPath, w.ID),
		Query: hook.ActingAs(w.OperatorID), Body: map[string]string{"name": name},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// NewWorksheet is a worksheet that was just made.
type NewWorksheet struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Visibility string `json:"visibility"`
}

// DeleteWorksheet deletes a worksheet. One that is not there is an error of kind
// not_found. The only one of a workbook cannot be deleted.
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-classic-workbooks
//
//dingtalk:api DELETE /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}
func DeleteWorksheet(ctx context.Context, a *hook.App, s Sheet) error {
	c := s.call("delete the worksheet", http.MethodDelete, "", nil)
	c.Op = fmt.Sprintf("delete worksheet %q", s.SheetID)
	return a.DoAgainWhenLost(ctx, c, nil)
}

// GetWorksheet reads a worksheet. Only internal apps may.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-worksheet-properties
//
//dingtalk:api GET /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}
func GetWorksheet(ctx context.Context, a *hook.App, s Sheet) (*Worksheet, error) {
	c := s.call("", http.MethodGet, "", nil)
	c.Op, c.Safe = fmt.Sprintf("get worksheet %q", s.SheetID), true
	var got Worksheet
	if err := a.Do(ctx, c, &got); err != nil {
		return nil, err
	}
	return &got, nil
}

// ListWorksheets reads the worksheets of a workbook, in order. Only internal apps may.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-all-worksheets
//
//dingtalk:api GET /v1.0/doc/workbooks/{workbookId}/sheets
func ListWorksheets(ctx context.Context, a *hook.App, w Workbook) ([]WorksheetName, error) {
	var got struct {
		Value []WorksheetName `json:"value"`
	}
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("list the worksheets of %q", w.ID), API: hook.NewAPI, Method: http.MethodGet, Path: hook.PathOf(sheetsPath, w.ID),
		Query: hook.ActingAs(w.OperatorID), Safe: true,
	}, &got)
	return got.Value, err
}

// WorksheetUpdate is what to change of a worksheet; what is empty or nil stays.
type WorksheetUpdate struct {
	Name string `json:"name,omitempty"`
	// Visibility is [Visible] or [Hidden].
	Visibility string `json:"visibility,omitempty"`
	// FrozenRowCount rows, or columns, stay in sight; 0 none.
	FrozenRowCount    *int `json:"frozenRowCount,omitempty"`
	FrozenColumnCount *int `json:"frozenColumnCount,omitempty"`
}

// UpdateWorksheet changes a worksheet and returns its id.
//
// DingTalk docs: https://open.dingtalk.com/document/development/update-worksheet
//
//dingtalk:api PUT /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}
func UpdateWorksheet(ctx context.Context, a *hook.App, s Sheet, u WorksheetUpdate) (string, error) {
	c := s.call("", http.MethodPut, "", u)
	c.Op, c.Safe = fmt.Sprintf("update worksheet %q", s.SheetID), true
	return doForID(ctx, a, c)
}

// doForID makes a call that answers the id of the worksheet.
func doForID(ctx context.Context, a *hook.App, c hook.Call) (string, error) {
	var got struct {
		ID string `json:"id"`
	}
	err := a.Do(ctx, c, &got)
	return got.ID, err
}
