package workbook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dingdag/dingdag/hook"
)

// MaxWriteCells is how many cells one call writes; more are written in parts.
// DingTalk publishes no limit: this is the one of its own command line tool.
const MaxWriteCells = 30000

// RangeData is the content of a range, rows first. Of DingTalk's fields only those are
// filled that were asked for.
type RangeData struct {
	// Values are texts, numbers (float64), booleans and nil; a formula has its result.
	Values [][]any `json:"values,omitempty"`
	// Formulas are empty where there is none.
	Formulas [][]string `json:"formulas,omitempty"`
	// DisplayValues are the cells as people see them.
	DisplayValues        [][]string     `json:"displayValues,omitempty"`
	BackgroundColors     [][]*Color     `json:"backgroundColors,omitempty"`
	FontSizes            [][]int        `json:"fontSizes,omitempty"`
	FontWeights          [][]string     `json:"fontWeights,omitempty"`
	HorizontalAlignments [][]string     `json:"horizontalAlignments,omitempty"`
	VerticalAlignments   [][]string     `json:"verticalAlignments,omitempty"`
	Hyperlinks           [][]*Hyperlink `json:"hyperlinks,omitempty"`
	ComplexValues        [][]any        `json:"complexValues,omitempty"`
}

// Color is a colour, in parts of 0 to 255 and as #rrggbb.
type Color struct {
	Red       int    `json:"red"`
	Green     int    `json:"green"`
	Blue      int    `json:"blue"`
	HexString string `json:"hexString"`
}

// Hyperlink makes a cell a link. Type says what Link is: path a URL, sheet the name of a
// worksheet, range an address such as Sheet2!A4.
type Hyperlink struct {
	Type string `json:"type"`
	Link string `json:"link"`
	Text string `json:"text"`
}

// RangeUpdate is what to write into a range; what is empty stays as it is. The lists
// have a value for each cell, rows first, exactly as many as the range has.
type RangeUpdate struct {
	// Values are texts as people type them: "3" becomes a number, "=A1" a formula, and ""
	// empties the cell.
	Values [][]string `json:"values,omitempty"`
	// Colours are #rrggbb.
	BackgroundColors [][]string `json:"backgroundColors,omitempty"`
	FontColors       [][]string `json:"fontColors,omitempty"`
	FontSizes        [][]int    `json:"fontSizes,omitempty"`
	// FontWeights are bold or normal.
	FontWeights [][]string `json:"fontWeights,omitempty"`
	// HorizontalAlignments are left, center, right or general.
	HorizontalAlignments [][]string `json:"horizontalAlignments,omitempty"`
	// VerticalAlignments are top, middle or bottom.
	VerticalAlignments [][]string `json:"verticalAlignments,omitempty"`
	// Hyperlinks may be nil where a cell gets none.
	Hyperlinks [][]*Hyperlink `json:"hyperlinks,omitempty"`
	// NumberFormat is that of all cells, for instance General, @ for text, #,##0.00, 0%,
	// yyyy/m/d.
	NumberFormat string `json:"numberFormat,omitempty"`
	// WordWrap is overflow, clip or autoWrap, for all cells.
	WordWrap string `json:"wordWrap,omitempty"`
}

// part returns what a part of the rows of a range gets.
func (u RangeUpdate) part(first, end int) RangeUpdate {
	u.Values, u.FontSizes, u.Hyperlinks = rowsOf(u.Values, first, end), rowsOf(u.FontSizes, first, end), rowsOf(u.Hyperlinks, first, end)
	for _, texts := range textGrids(&u) {
		*texts = rowsOf(*texts, first, end)
	}
	return u
}

// textGrids are the formats that are texts, by their names.
func textGrids(u *RangeUpdate) map[string]*[][]string {
	return map[string]*[][]string{
		"backgroundColors": &u.BackgroundColors, "fontColors": &u.FontColors, "fontWeights": &u.FontWeights,
		"horizontalAlignments": &u.HorizontalAlignments, "verticalAlignments": &u.VerticalAlignments,
	}
}

func rowsOf[T any](rows [][]T, first, end int) [][]T {
	if rows == nil {
		return nil
	}
	return rows[first:end]
}

// check finds lists that have another shape than the range.
func (u RangeUpdate) check(at CellRange) error {
	errs := []error{
		checkGrid("values", at, u.Values), checkGrid("fontSizes", at, u.FontSizes), checkGrid("hyperlinks", at, u.Hyperlinks),
	}
	for name, texts := range textGrids(&u) {
		errs = append(errs, checkGrid(name, at, *texts))
	}
	return errors.Join(errs...)
}

func checkGrid[T any](name string, at CellRange, rows [][]T) error {
	if rows == nil {
		return nil
	}
	if err := CheckShape(at, rows); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	return nil
}

// rangeCall is a call on a range of the worksheet.
func (s Sheet) rangeCall(op, method string, at CellRange, what string, body any) hook.Call {
	// The colon of an address stays as it is, as in DingTalk's own clients.
	path := strings.ReplaceAll(hook.PathOf("/ranges/{rangeAddress}", at.String()), "%3A", ":")
	return s.call(op+" "+at.String(), method, path+what, body)
}

// GetRange reads cells. The fields are those of [RangeData] to read, by their JSON
// names; without any DingTalk sends all. Only internal apps may.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-cell-properties
//
//dingtalk:api GET /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/ranges/{rangeAddress}
func GetRange(ctx context.Context, a *hook.App, s Sheet, at CellRange, fields ...string) (*RangeData, error) {
	c := s.rangeCall("read", http.MethodGet, at, "", nil)
	c.Safe = true
	if len(fields) > 0 {
		c.Query.Set("select", strings.Join(fields, ","))
	}
	var got RangeData
	if err := a.Do(ctx, c, &got); err != nil {
		return nil, err
	}
	return &got, nil
}

// UpdateRange writes cells and returns the range that was written, in A1 form. What
// has another shape than the range is refused before any call. More than
// [MaxWriteCells] are written in parts; the error then has Sent and Parts.
//
// DingTalk docs: https://open.dingtalk.com/document/development/update-cell-properties
//
//dingtalk:api PUT /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/ranges/{rangeAddress}
func UpdateRange(ctx context.Context, a *hook.App, s Sheet, at CellRange, u RangeUpdate) (string, error) {
	return writeRange(ctx, a, s, at, u, func(ctx context.Context, c hook.Call, into any) error {
		c.Safe = true
		return a.Do(ctx, c, into)
	})
}

// writeRange writes cells in as many calls as they need, which do makes.
func writeRange(
	ctx context.Context, a *hook.App, s Sheet, at CellRange, u RangeUpdate, do func(context.Context, hook.Call, any) error,
) (string, error) {
	c := s.rangeCall("write", http.MethodPut, at, "", u)
	if err := u.check(at); err != nil {
		return "", a.Invalid(c.Op, err)
	}
	rows := max(1, MaxWriteCells/at.Columns)
	parts := (at.Rows + rows - 1) / rows
	written := ""
	for i := range parts {
		first, end := i*rows, min((i+1)*rows, at.Rows)
		part := CellRange{Row: at.Row + first, Column: at.Column, Rows: end - first, Columns: at.Columns}
		c := s.rangeCall("write", http.MethodPut, part, "", u.part(first, end))
		var got RangeRef
		if err := do(ctx, c, &got); err != nil {
			if e, ok := errors.AsType[*hook.Error](err); ok {
				e.Sent, e.Parts = i, parts
			}
			return "", err
		}
		written = got.A1Notation
	}
	if parts > 1 {
		written = ""
	}
	return cmp.Or(written, at.String()), nil
}

// RangeRef names a range as DingTalk's answers do.
type RangeRef struct {
	A1Notation string `json:"a1Notation,omitempty"`
}

// ClearRange empties cells and takes their formats away. It returns the range in A1
// form.
//
// DingTalk docs: https://open.dingtalk.com/document/development/clear-all
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/ranges/{rangeAddress}/clear
func ClearRange(ctx context.Context, a *hook.App, s Sheet, at CellRange) (string, error) {
	return clearCells(ctx, a, s.rangeCall("clear", http.MethodPost, at, "/clear", nil))
}

// ClearRangeData empties cells and leaves their formats. It returns the range in A1
// form.
//
// DingTalk docs: https://open.dingtalk.com/document/development/clear-cell-data
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/ranges/{rangeAddress}/clearData
func ClearRangeData(ctx context.Context, a *hook.App, s Sheet, at CellRange) (string, error) {
	return clearCells(ctx, a, s.rangeCall("clear the data of", http.MethodPost, at, "/clearData", nil))
}

func clearCells(ctx context.Context, a *hook.App, c hook.Call) (string, error) {
	c.Safe = true
	var got RangeRef
	err := a.Do(ctx, c, &got)
	return got.A1Notation, err
}
