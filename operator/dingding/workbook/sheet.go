package workbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/yamlvalue"
)

// checks are those of app calls, and what worksheets need besides.
type checks struct{ appcall.Checks }

// inWorkbook is for operators on a workbook.
type inWorkbook struct {
	// WorkbookID is the id of the workbook: its dentryUuid from dingtalk_create_doc, or
	// nodeId from other operators.
	WorkbookID string `yaml:"workbook_id" param:"required,template"`

	appcall.Acting
}

func (w *inWorkbook) check(c *checks) {
	c.Required("workbook_id", w.WorkbookID)
	w.Acting.Check(&c.Checks)
}

// sheet is for operators on a worksheet.
type sheet struct {
	inWorkbook

	// SheetID is the id or the title of the worksheet.
	SheetID string `yaml:"sheet_id" param:"required,template"`
}

func (s *sheet) check(c *checks) {
	s.inWorkbook.check(c)
	c.Required("sheet_id", s.SheetID)
}

func (s *sheet) named(operatorID string) workbook.Sheet {
	return workbook.Sheet{Workbook: workbook.Workbook{ID: s.WorkbookID, OperatorID: operatorID}, SheetID: s.SheetID}
}

// sheetActor is an operator on a worksheet.
type sheetActor interface {
	appcall.Actor
	named(operatorID string) workbook.Sheet
}

// runOn is appcall.Run for calls on a worksheet.
func runOn[R any](ctx context.Context, tc *operator.TaskContext, o sheetActor, do func(context.Context, *hook.App, workbook.Sheet) (*R, error)) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*R, error) {
		return do(ctx, a, o.named(operatorID))
	})
}

// rows is for operators on rows.
type rows struct {
	// Row is the number of the first row, from 1.
	Row string `yaml:"row" param:"required,template,digits"`
	// RowCount is how many rows.
	RowCount string `yaml:"row_count" param:"default=1,template,digits"`
}

// check returns the rows as DingTalk counts them.
func (r *rows) check(c *checks) workbook.Rows {
	return workbook.Rows{First: c.rowNumber("row", r.Row) - 1, Count: c.rowNumber("row_count", r.RowCount)}
}

// columns is for operators on columns.
type columns struct {
	// Column is the first column: letters such as B, or a number from 1.
	Column string `yaml:"column" param:"required,template,digits"`
	// ColumnCount is how many columns.
	ColumnCount string `yaml:"column_count" param:"default=1,template,digits"`
}

// check returns the columns as DingTalk counts them.
func (cs *columns) check(c *checks) workbook.Columns {
	return workbook.Columns{First: c.column("column", cs.Column), Count: c.rowNumber("column_count", cs.ColumnCount)}
}

// area is for operators on a range of cells.
type area struct {
	// RangeAddress is a range such as A1:C3, or one cell such as B2.
	RangeAddress string `yaml:"range_address" param:"required,template"`
}

// check returns the range, and false when it is wrong or not known yet.
func (a *area) check(c *checks) (workbook.CellRange, bool) {
	if yamlvalue.HoldsTemplate(a.RangeAddress) {
		return workbook.CellRange{}, false
	}
	at, err := workbook.ParseRange(a.RangeAddress)
	c.Add("range_address", err)
	return at, err == nil
}

// rowNumber reads a number of rows or columns, or that of a row.
func (c *checks) rowNumber(field, text string) int {
	n := c.Number(field, text, 1)
	if n > math.MaxInt32 {
		c.Add(field, fmt.Errorf("must be at most %d, got %d", math.MaxInt32, n))
		return 0
	}
	return int(n)
}

// column reads a column that may come from a template.
func (c *checks) column(field, text string) int {
	if yamlvalue.HoldsTemplate(text) {
		return 0
	}
	i, err := workbook.ParseColumn(text)
	c.Add(field, err)
	return i
}

// cells reads rows of cells: lists, or their JSON text. It returns nil for templates that
// are not rendered yet and for what is wrong, which is reported.
func (c *checks) cells(field string, value any) [][]string {
	if text, ok := value.(string); ok {
		if yamlvalue.HoldsTemplate(text) {
			return nil
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&value); err != nil || d.More() {
			c.Add(field, errors.New(`must be a list of rows, each a list of cells, or its JSON text such as [["a", 1]]; templates make JSON with the filter tojson`))
			return nil
		}
	}
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		c.Add(field, errors.New("must be a list of at least one row, each a list of cells"))
		return nil
	}
	out := make([][]string, len(list))
	for i, row := range list {
		cells, known, err := rowCells(row)
		if err != nil {
			c.Add(field, fmt.Errorf("row %d %w", i+1, err))
		}
		if err != nil || !known {
			return nil
		}
		out[i] = cells
	}
	return out
}

// rowCells reads the cells of a row. A template in place of a row is not known yet.
func rowCells(row any) (cells []string, known bool, err error) {
	if text, ok := row.(string); ok && yamlvalue.HoldsTemplate(text) {
		return nil, false, nil
	}
	list, ok := row.([]any)
	if !ok {
		return nil, false, errors.New("must be a list of cells")
	}
	cells = make([]string, len(list))
	for i, value := range list {
		if cells[i], ok = cellText(value); !ok {
			return nil, false, fmt.Errorf("has a list or mapping in column %d: a cell is text, a number, true, false or null", i+1)
		}
	}
	return cells, true, nil
}

// cellText writes a value as people type it, as DingTalk takes text alone.
func cellText(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case int, int64, uint64, json.Number:
		return fmt.Sprint(v), true
	}
	return "", false
}

// fits checks that rows of cells are as many as the range has. Rows that are not known
// yet fit.
func fits[T any](c *checks, field string, at workbook.CellRange, known bool, rows [][]T) {
	if known && rows != nil {
		c.Add(field, workbook.CheckShape(at, rows))
	}
}
