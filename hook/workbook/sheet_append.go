package workbook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/hook"
)

// Appended is where rows were put.
type Appended struct {
	// Range is in A1 form.
	Range string
	Rows  int
}

// AppendRows writes rows below the last one that has content in the columns. Each row
// has as many cells as there are columns; see [RangeUpdate.Values] for what they mean.
// The sheet is made longer when it has too few rows.
//
// It is done in several calls: two writers at the same time may choose the same row.
// What was lost on the way is written again to the same place; after an error of kind
// uncertain some rows are perhaps there, and another try appends them once more.
func AppendRows(ctx context.Context, a *hook.App, s Sheet, columns Columns, rows [][]string) (*Appended, error) {
	if err := CheckWidth(columns.Count, rows); err != nil {
		return nil, a.Invalid(fmt.Sprintf("append rows in sheet %q", s.SheetID), err)
	}
	info, err := GetWorksheet(ctx, a, s)
	if err != nil {
		return nil, err
	}
	row, err := nextRow(ctx, a, s, info, columns)
	if err != nil {
		return nil, err
	}
	at := CellRange{Row: row, Column: columns.First, Rows: len(rows), Columns: columns.Count}
	fitting, err := makeRoom(ctx, a, s, info, at)
	if err != nil {
		return nil, err
	}
	if fitting > 0 {
		into := at
		into.Rows = fitting
		if _, err := writeRange(ctx, a, s, into, RangeUpdate{Values: rows[:fitting]}, a.DoAgainWhenLost); err != nil {
			return nil, inPart(err, false)
		}
	}
	if err := appendBelow(ctx, a, s, info, columns, rows[fitting:]); err != nil {
		return nil, inPart(err, fitting > 0)
	}
	return &Appended{Range: at.String(), Rows: len(rows)}, nil
}

// inPart makes the error of a call that follows successful ones uncertain: starting
// over would do these again.
func inPart(err error, others bool) error {
	if e, ok := errors.AsType[*hook.Error](err); ok && (others || e.Sent > 0) {
		e.Kind, e.RetryAfter = hook.KindUncertain, 0
		e.Advise("some of the rows were written: check the worksheet before trying again")
	}
	return err
}

// nextRow finds the row below the last one that has content in the columns.
func nextRow(ctx context.Context, a *hook.App, s Sheet, info *Worksheet, columns Columns) (int, error) {
	switch {
	case info.LastNonEmptyColumn < columns.First:
		return 0, nil
	case columns.First == 0 && columns.Count > info.LastNonEmptyColumn:
		return info.LastNonEmptyRow + 1, nil
	}
	// Others may reach further down: look from there upwards.
	width := min(columns.Count, info.LastNonEmptyColumn+1-columns.First)
	height := max(1, MaxWriteCells/width)
	for end := info.LastNonEmptyRow + 1; end > 0; end -= height {
		at := CellRange{Row: max(0, end-height), Column: columns.First, Columns: width}
		at.Rows = end - at.Row
		data, err := GetRange(ctx, a, s, at, "values", "formulas")
		if err != nil {
			return 0, err
		}
		if i := max(lastFilled(data.Values), lastFilled(data.Formulas)); i >= 0 {
			return at.Row + i + 1, nil
		}
	}
	return 0, nil
}

// lastFilled is the last row with a cell that is not empty, -1 for none.
func lastFilled[T any](rows [][]T) int {
	for i, row := range slices.Backward(rows) {
		if slices.ContainsFunc(row, func(cell T) bool { return any(cell) != nil && any(cell) != "" }) {
			return i
		}
	}
	return -1
}

// makeRoom makes the sheet as long as the range needs it, and one row longer, so that
// it can be made longer again. It returns how many rows of the range there are then. It
// is not all of them when the last row has content: rows can only be put before one.
func makeRoom(ctx context.Context, a *hook.App, s Sheet, info *Worksheet, at CellRange) (int, error) {
	missing := at.Row + at.Rows - info.RowCount
	switch {
	case missing <= 0:
		return at.Rows, nil
	case info.LastNonEmptyRow == info.RowCount-1:
		return at.Rows - missing, nil
	}
	c := s.call("add rows", http.MethodPost, "/insertRowsBefore", rowsBody{Row: info.RowCount - 1, RowCount: missing + 1})
	c.Safe = true // too many empty rows at the end do no harm
	return at.Rows, a.Do(ctx, c, nil)
}

// appendBelow writes rows below all content of a sheet, which becomes longer. What is
// beside the columns stays empty.
func appendBelow(ctx context.Context, a *hook.App, s Sheet, info *Worksheet, columns Columns, rows [][]string) error {
	width := max(columns.First+columns.Count, info.LastNonEmptyColumn+1)
	parts := slices.Collect(slices.Chunk(rows, max(1, MaxWriteCells/width)))
	for i, part := range parts {
		wide := make([][]string, len(part))
		for j, row := range part {
			wide[j] = make([]string, width)
			copy(wide[j][columns.First:], row)
		}
		if _, err := AppendBelow(ctx, a, s, wide); err != nil {
			if e, ok := errors.AsType[*hook.Error](err); ok {
				e.Sent, e.Parts = i, len(parts)
			}
			return err
		}
	}
	return nil
}

// AppendBelow writes rows below the last one of the whole worksheet that has content,
// and returns where, in A1 form. They must be as wide as the content. It takes no
// columns; [AppendRows] does. A lost answer is an error of kind uncertain. Only
// internal apps may.
//
// DingTalk docs: https://open.dingtalk.com/document/development/append-line
//
//dingtalk:api POST /v1.0/doc/workbooks/{workbookId}/sheets/{sheetId}/appendRows
func AppendBelow(ctx context.Context, a *hook.App, s Sheet, rows [][]string) (string, error) {
	var got RangeRef
	err := a.Do(ctx, s.call(fmt.Sprintf("append %d rows", len(rows)), http.MethodPost, "/appendRows", struct {
		Values [][]string `json:"values"`
	}{rows}), &got)
	return got.A1Notation, err
}

// Inserted is what [InsertRowsWithData] did.
type Inserted struct {
	// Rows is how many rows were inserted.
	Rows int
	// Range is where the data is, in A1 form; empty when only the rows were inserted.
	Range string
}

// InsertRowsWithData inserts rows before a row, which counts from 0, and writes data
// into them from a column on. All rows of the data have the same number of cells.
//
// When the rows were inserted and the data could not be written, there is an error of
// kind uncertain beside the result: do not call it again then but [UpdateRange].
func InsertRowsWithData(ctx context.Context, a *hook.App, s Sheet, before, column int, rows [][]string) (Inserted, error) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return Inserted{}, a.Invalid("insert rows with data", errors.New("there are no cells to write"))
	}
	at := CellRange{Row: before, Column: column, Rows: len(rows), Columns: len(rows[0])}
	if err := CheckShape(at, rows); err != nil {
		return Inserted{}, a.Invalid("insert rows with data", err)
	}
	if _, err := InsertRowsBefore(ctx, a, s, Rows{before, len(rows)}); err != nil {
		return Inserted{}, err
	}
	done := Inserted{Rows: len(rows)}
	written, err := UpdateRange(ctx, a, s, at, RangeUpdate{Values: rows})
	if e, ok := errors.AsType[*hook.Error](err); ok {
		e.Kind, e.RetryAfter = hook.KindUncertain, 0
		e.Advise(fmt.Sprintf("%d rows were inserted: write the data into %s and do not insert them again", len(rows), at))
	}
	done.Range = written
	return done, err
}
