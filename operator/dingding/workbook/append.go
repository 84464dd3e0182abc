package workbook

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/yamlvalue"
)

// AppendRows appends rows below the last row that has content in the given columns. The
// worksheet is extended if it has too few rows, and many rows are written in several calls.
//
// The result has append_result (a mapping with a1Notation), appended_range (text such as
// A6:C7), appended_rows (whole number), summary (text for people) and retryable (boolean,
// false: another run of the task appends again).
//
// Repeating it appends again: if an answer is lost the same cells are written again, and if
// that fails too, the task fails. Two tasks that append to one worksheet at the same time may
// choose the same row: let them run in a pool of one slot.
//
// DingTalk docs: https://open.dingtalk.com/document/development/append-line
type AppendRows struct {
	sheet

	// RangeAddress names the columns, such as A:C. The rows in A1:C10 are ignored.
	RangeAddress string `yaml:"range_address" param:"required,template"`
	// Values are the rows, each a list of as many cells as there are columns; or their JSON
	// text, which templates make with the filter tojson. Cells are text, numbers, true, false
	// or null. A text that begins with "=" is a formula, and one that reads as a number
	// becomes one.
	Values any `yaml:"values" param:"required,template"`

	appcall.Write
}

// AppendRowsResult is the result of [AppendRows].
type AppendRowsResult struct {
	AppendResult  workbook.RangeRef `json:"append_result"`
	AppendedRange string            `json:"appended_range"`
	AppendedRows  int               `json:"appended_rows"`
	repeat
}

// repeat is what the results of writes that add something have in common.
type repeat struct {
	// Summary is one line for people.
	Summary string `json:"summary"`
	// Retryable says whether running the task again does no harm.
	Retryable bool `json:"retryable"`
}

func rowsWritten(n int, verb, where string) repeat {
	noun := "rows"
	if n == 1 {
		noun = "row"
	}
	return repeat{Summary: fmt.Sprintf("%d %s %s at %s", n, noun, verb, where)}
}

// Validate checks ids and columns, and that all rows are as wide as these.
func (o *AppendRows) Validate() error {
	var c checks
	o.check(&c)
	return c.Err()
}

// check returns what to append, and where.
func (o *AppendRows) check(c *checks) (workbook.Columns, [][]string) {
	o.sheet.check(c)
	rows := c.cells("values", o.Values)
	if yamlvalue.HoldsTemplate(o.RangeAddress) {
		return workbook.Columns{}, nil
	}
	columns, err := workbook.ParseColumns(o.RangeAddress)
	c.Add("range_address", err)
	if err == nil && rows != nil {
		c.Add("values", workbook.CheckWidth(columns.Count, rows))
	}
	return columns, rows
}

// Execute appends the rows and returns an [AppendRowsResult].
func (o *AppendRows) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*AppendRowsResult, error) {
		columns, rows := o.check(&checks{}) // Validate has found no mistakes
		got, err := workbook.AppendRows(ctx, a, s, columns, rows)
		if err != nil {
			return nil, err
		}
		return &AppendRowsResult{
			AppendResult: workbook.RangeRef{A1Notation: got.Range}, AppendedRange: got.Range, AppendedRows: got.Rows,
			repeat: rowsWritten(got.Rows, "appended", got.Range),
		}, nil
	})
}

// InsertRowsBeforeWithData inserts rows before a row, which moves down, and writes data
// into them.
//
// The result has inserted_rows (whole number), update_result (a mapping with a1Notation,
// the range that was written), summary (text for people) and retryable (boolean, false:
// another run of the task inserts again).
//
// Repeating it inserts again: if an answer is lost, or the rows were inserted and the data
// could not be written, the task fails and the error says what to do.
//
// DingTalk docs: https://open.dingtalk.com/document/development/insert-rows-before-rows
type InsertRowsBeforeWithData struct {
	sheet

	// Row is the number of the row to insert before, from 1.
	Row string `yaml:"row" param:"required,template,digits"`
	// Values are the rows, each a list of cells of the same number; or their JSON text, which
	// templates make with the filter tojson. Cells are text, numbers, true, false or null. A
	// text that begins with "=" is a formula, and one that reads as a number becomes one.
	Values any `yaml:"values" param:"required,template"`
	// StartColumn is the column of the first cell: letters such as B, or a number from 1.
	StartColumn string `yaml:"start_column" param:"default=A,template,digits"`
	// Confirm must be true, as the rows below move and another try would insert again.
	Confirm bool `yaml:"confirm" param:"default=false"`

	appcall.Write
}

// InsertRowsBeforeWithDataResult is the result of [InsertRowsBeforeWithData].
type InsertRowsBeforeWithDataResult struct {
	InsertedRows int               `json:"inserted_rows"`
	UpdateResult workbook.RangeRef `json:"update_result"`
	repeat
}

// Validate checks ids and numbers, that all rows are equally wide, and confirm.
func (o *InsertRowsBeforeWithData) Validate() error {
	var c checks
	o.check(&c)
	return c.Err()
}

// check returns what to insert, and where.
func (o *InsertRowsBeforeWithData) check(c *checks) (row, column int, rows [][]string) {
	o.sheet.check(c)
	if !o.Confirm {
		c.Add("confirm", errors.New("must be true: the rows below move down, and another try inserts the data again"))
	}
	row, column = c.rowNumber("row", o.Row)-1, c.column("start_column", o.StartColumn)
	if rows = c.cells("values", o.Values); rows == nil {
		return row, column, nil
	}
	if len(rows[0]) == 0 {
		c.Add("values", errors.New("has no cells in row 1"))
	} else {
		c.Add("values", workbook.CheckWidth(len(rows[0]), rows))
	}
	return row, column, rows
}

// Execute inserts the rows and returns an [InsertRowsBeforeWithDataResult].
func (o *InsertRowsBeforeWithData) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*InsertRowsBeforeWithDataResult, error) {
		row, column, rows := o.check(&checks{}) // Validate has found no mistakes
		done, err := workbook.InsertRowsWithData(ctx, a, s, row, column, rows)
		return &InsertRowsBeforeWithDataResult{
			InsertedRows: done.Rows, UpdateResult: workbook.RangeRef{A1Notation: done.Range},
			repeat: rowsWritten(done.Rows, "inserted", done.Range),
		}, err
	})
}

func appendSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[AppendRows](p, "dingtalk_append_rows", operator.Example("Two rows below columns A to C", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A:C
values:
  - [a, b, c]
  - [d, e, f]
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[InsertRowsBeforeWithData](p, "dingtalk_insert_rows_before_with_data", operator.Example("Two rows from column B on", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
row: 3
start_column: B
values: '[["x", "y"], ["z", "w"]]'
confirm: true
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
