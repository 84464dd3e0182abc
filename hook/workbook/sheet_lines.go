package workbook

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/hook"
)

// Rows are some rows below each other. First counts from 0.
type Rows struct{ First, Count int }

type rowsBody struct {
	Row        int    `json:"row"`
	RowCount   int    `json:"rowCount"`
	Visibility string `json:"visibility,omitempty"`
}

type columnsBody struct {
	Column      int    `json:"column"`
	ColumnCount int    `json:"columnCount"`
	Visibility  string `json:"visibility,omitempty"`
}

// DeleteRows deletes rows and returns the id of the worksheet. It is not repeated when
// the answer is lost, as that would delete the next rows: the error is of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-row
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/deleteRows
func DeleteRows(ctx context.Context, a *hook.App, s Sheet, r Rows) (string, error) {
	op := fmt.Sprintf("delete %d rows from row %d on", r.Count, r.First+1)
	return doForID(ctx, a, s.call(op, http.MethodPost, "/deleteRows", rowsBody{Row: r.First, RowCount: r.Count}))
}

// InsertRowsBefore inserts as many empty rows as r has before the first of them, and
// returns the id of the worksheet. A lost answer is an error of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/insert-rows-before-rows
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/insertRowsBefore
func InsertRowsBefore(ctx context.Context, a *hook.App, s Sheet, r Rows) (string, error) {
	op := fmt.Sprintf("insert %d rows before row %d", r.Count, r.First+1)
	return doForID(ctx, a, s.call(op, http.MethodPost, "/insertRowsBefore", rowsBody{Row: r.First, RowCount: r.Count}))
}

// SetRowsVisibility shows or hides rows, visibility being [Visible] or [Hidden], and
// returns the id of the worksheet.
//
// DingTalk docs: https://open.dingtalk.com/document/development/set-row-visibility
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/setRowsVisibility
func SetRowsVisibility(ctx context.Context, a *hook.App, s Sheet, r Rows, visibility string) (string, error) {
	op := fmt.Sprintf("make %d rows from row %d on %s", r.Count, r.First+1, visibility)
	c := s.call(op, http.MethodPost, "/setRowsVisibility", rowsBody{r.First, r.Count, visibility})
	c.Safe = true
	return doForID(ctx, a, c)
}

// DeleteColumns deletes columns and returns the id of the worksheet. It is not repeated
// when the answer is lost, as that would delete the next columns: the error is of kind
// uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-column
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/deleteColumns
func DeleteColumns(ctx context.Context, a *hook.App, s Sheet, cs Columns) (string, error) {
	op := fmt.Sprintf("delete %d columns from column %s on", cs.Count, ColumnName(cs.First))
	return doForID(ctx, a, s.call(op, http.MethodPost, "/deleteColumns", columnsBody{Column: cs.First, ColumnCount: cs.Count}))
}

// InsertColumnsBefore inserts as many empty columns as cs has before the first of them,
// and returns the id of the worksheet. A lost answer is an error of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/insert-column-before-column
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/insertColumnsBefore
func InsertColumnsBefore(ctx context.Context, a *hook.App, s Sheet, cs Columns) (string, error) {
	op := fmt.Sprintf("insert %d columns before column %s", cs.Count, ColumnName(cs.First))
	return doForID(ctx, a, s.call(op, http.MethodPost, "/insertColumnsBefore", columnsBody{Column: cs.First, ColumnCount: cs.Count}))
}

// SetColumnsVisibility shows or hides columns, visibility being [Visible] or [Hidden],
// and returns the id of the worksheet.
//
// DingTalk docs: https://open.dingtalk.com/document/development/set-column-visibility
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/setColumnsVisibility
func SetColumnsVisibility(ctx context.Context, a *hook.App, s Sheet, cs Columns, visibility string) (string, error) {
	op := fmt.Sprintf("make %d columns from column %s on %s", cs.Count, ColumnName(cs.First), visibility)
	c := s.call(op, http.MethodPost, "/setColumnsVisibility", columnsBody{cs.First, cs.Count, visibility})
	c.Safe = true
	return doForID(ctx, a, c)
}
