// Package grid holds the cells of workbooks: values, formulas and formats behind
// addresses like "A1:C3", in sheets whose rows and columns come and go.
//
// Rows and columns count from 0 here, as in DingTalk's calls, and from 1 and "A" in
// addresses. A workbook is not safe for concurrent use.
package grid

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// The size of a new sheet.
const (
	newRows    = 200
	newColumns = 26
)

// MaxCells is how large one sheet may become. DingTalk publishes no figure.
const MaxCells = 5_000_000

// The errors that callers tell apart with [errors.Is].
var (
	// ErrOutside says that an address or index lies outside of the sheet.
	ErrOutside = errors.New("outside of the sheet")
	// ErrShape says that the values do not fit the range.
	ErrShape = errors.New("values and range differ in size")
	// ErrTooLarge says that the sheet would become larger than [MaxCells].
	ErrTooLarge = errors.New("too many cells")
	// ErrLastSheet says that a workbook must keep one sheet.
	ErrLastSheet = errors.New("the only sheet")
)

// Cell is one cell. The zero value is empty.
type Cell struct {
	// Value is nil, a string or a float64. A cell with a formula has none: ask [Sheet.Value].
	Value any
	// Formula begins with "=".
	Formula string
	// Style holds what else was set, by the name that the caller gave it.
	Style map[string]any
}

func (c *Cell) empty() bool { return c.Value == nil && c.Formula == "" }

type row struct {
	hidden bool
	cells  []Cell
}

func (r row) cell(column int) Cell {
	if column < len(r.cells) {
		return r.cells[column]
	}
	return Cell{}
}

// Sheet is one worksheet.
type Sheet struct {
	ID   string
	Name string
	// Hidden sheets are there, but people do not see them.
	Hidden bool
	// FrozenRows and FrozenColumns stay in view at the top and the left.
	FrozenRows, FrozenColumns int

	rows    []row
	columns []bool // hidden
}

// RowCount is the number of rows, with content or not.
func (s *Sheet) RowCount() int { return len(s.rows) }

// ColumnCount is the number of columns, with content or not.
func (s *Sheet) ColumnCount() int { return len(s.columns) }

// RowHidden tells whether people do not see a row.
func (s *Sheet) RowHidden(i int) bool { return s.rows[i].hidden }

// ColumnHidden tells whether people do not see a column.
func (s *Sheet) ColumnHidden(i int) bool { return s.columns[i] }

// Cell returns the cell of a row and a column, which is empty outside of the sheet.
func (s *Sheet) Cell(r, c int) Cell {
	if r < 0 || c < 0 || r >= len(s.rows) {
		return Cell{}
	}
	return s.rows[r].cell(c)
}

// LastRow is the last row that has content, -1 when none has.
func (s *Sheet) LastRow() int {
	for i, r := range slices.Backward(s.rows) {
		if slices.ContainsFunc(r.cells, func(c Cell) bool { return !c.empty() }) {
			return i
		}
	}
	return -1
}

// LastColumn is the last column that has content, -1 when none has.
func (s *Sheet) LastColumn() int {
	out := -1
	for _, r := range s.rows {
		for i := len(r.cells) - 1; i > out; i-- {
			if !r.cells[i].empty() {
				out = i
			}
		}
	}
	return out
}

// span checks n rows or columns from an index on, of which there are count.
func span(at, n, count int) error {
	if at < 0 || n < 1 || at >= count || n > count-at {
		return fmt.Errorf("%d from index %d on, of %d: %w", n, at, count, ErrOutside)
	}
	return nil
}

func (s *Sheet) room(rows, columns int) error {
	if rows*columns > MaxCells {
		return fmt.Errorf("%d rows of %d columns: %w", rows, columns, ErrTooLarge)
	}
	return nil
}

// InsertRows puts n empty rows before a row, which must be there.
func (s *Sheet) InsertRows(at, n int) error {
	if err := span(at, 1, len(s.rows)); err != nil {
		return err
	}
	if n < 1 {
		return fmt.Errorf("insert %d rows: %w", n, ErrOutside)
	}
	if n > MaxCells {
		return fmt.Errorf("insert %d rows: %w", n, ErrTooLarge)
	}
	if err := s.room(len(s.rows)+n, len(s.columns)); err != nil {
		return err
	}
	s.rows = slices.Insert(s.rows, at, make([]row, n)...)
	return nil
}

// DeleteRows takes n rows away. One row must stay.
func (s *Sheet) DeleteRows(at, n int) error {
	if err := span(at, n, len(s.rows)); err != nil {
		return err
	}
	if n == len(s.rows) {
		return fmt.Errorf("delete all %d rows: %w", n, ErrOutside)
	}
	s.rows = slices.Delete(s.rows, at, at+n)
	return nil
}

// HideRows hides n rows or shows them.
func (s *Sheet) HideRows(at, n int, hidden bool) error {
	if err := span(at, n, len(s.rows)); err != nil {
		return err
	}
	for i := range n {
		s.rows[at+i].hidden = hidden
	}
	return nil
}

// InsertColumns puts n empty columns before a column, which must be there.
func (s *Sheet) InsertColumns(at, n int) error {
	if err := span(at, 1, len(s.columns)); err != nil {
		return err
	}
	if n < 1 {
		return fmt.Errorf("insert %d columns: %w", n, ErrOutside)
	}
	if n > MaxCells {
		return fmt.Errorf("insert %d columns: %w", n, ErrTooLarge)
	}
	if err := s.room(len(s.rows), len(s.columns)+n); err != nil {
		return err
	}
	s.columns = slices.Insert(s.columns, at, make([]bool, n)...)
	for i, r := range s.rows {
		if at < len(r.cells) {
			s.rows[i].cells = slices.Insert(r.cells, at, make([]Cell, n)...)
		}
	}
	return nil
}

// DeleteColumns takes n columns away. One column must stay.
func (s *Sheet) DeleteColumns(at, n int) error {
	if err := span(at, n, len(s.columns)); err != nil {
		return err
	}
	if n == len(s.columns) {
		return fmt.Errorf("delete all %d columns: %w", n, ErrOutside)
	}
	s.columns = slices.Delete(s.columns, at, at+n)
	for i, r := range s.rows {
		if at < len(r.cells) {
			s.rows[i].cells = slices.Delete(r.cells, at, min(at+n, len(r.cells)))
		}
	}
	return nil
}

// HideColumns hides n columns or shows them.
func (s *Sheet) HideColumns(at, n int, hidden bool) error {
	if err := span(at, n, len(s.columns)); err != nil {
		return err
	}
	for i := range n {
		s.columns[at+i] = hidden
	}
	return nil
}

// change calls how for each cell of a range that lies in the sheet.
func (s *Sheet) change(r Range, how func(row, column int, c *Cell)) error {
	if err := s.contains(r); err != nil {
		return err
	}
	for i := r.Row; i <= r.LastRow; i++ {
		cells := s.rows[i].cells
		if missing := r.LastColumn + 1 - len(cells); missing > 0 {
			cells = append(cells, make([]Cell, missing)...)
		}
		for j := r.Column; j <= r.LastColumn; j++ {
			how(i-r.Row, j-r.Column, &cells[j])
		}
		s.rows[i].cells = cells
	}
	return nil
}

func (s *Sheet) contains(r Range) error {
	if r.LastRow >= len(s.rows) || r.LastColumn >= len(s.columns) {
		return fmt.Errorf("%s in %d rows of %d columns: %w", r, len(s.rows), len(s.columns), ErrOutside)
	}
	return nil
}

// Cells returns the cells of a range, rows first.
func (s *Sheet) Cells(r Range) ([][]Cell, error) {
	if err := s.contains(r); err != nil {
		return nil, err
	}
	out := make([][]Cell, r.Rows())
	for i := range out {
		out[i] = make([]Cell, r.Columns())
		for j := range out[i] {
			out[i][j] = s.Cell(r.Row+i, r.Column+j)
		}
	}
	return out, nil
}

// Write puts texts into a range of exactly their size. A text that begins with "="
// is a formula, an empty one empties the cell, and one that reads as a number becomes
// one, unless asText says that the cell holds text.
func (s *Sheet) Write(r Range, values [][]string, asText func(Cell) bool) error {
	if !fits(values, r.Rows(), r.Columns()) {
		return fmt.Errorf("%s takes %d rows of %d cells: %w", r, r.Rows(), r.Columns(), ErrShape)
	}
	return s.change(r, func(i, j int, c *Cell) { c.write(values[i][j], asText(*c)) })
}

func fits[T any](values [][]T, rows, columns int) bool {
	return len(values) == rows && !slices.ContainsFunc(values, func(r []T) bool { return len(r) != columns })
}

var number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$`) })

func (c *Cell) write(text string, asText bool) {
	c.Value, c.Formula = nil, ""
	switch {
	case text == "":
	case asText:
		c.Value = text
	case text[0] == '=' && len(text) > 1:
		c.Formula = text
	case number().MatchString(text):
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(v, 0) {
			c.Value = text
			return
		}
		c.Value = v
	default:
		c.Value = text
	}
}

// SetStyle gives each cell of a range one value of exactly their number.
func (s *Sheet) SetStyle(r Range, name string, values [][]any) error {
	if !fits(values, r.Rows(), r.Columns()) {
		return fmt.Errorf("%s of %s takes %d rows of %d cells: %w", name, r, r.Rows(), r.Columns(), ErrShape)
	}
	return s.change(r, func(i, j int, c *Cell) { c.setStyle(name, values[i][j]) })
}

// SetStyles gives all cells of a range the same value.
func (s *Sheet) SetStyles(r Range, name string, value any) error {
	return s.change(r, func(_, _ int, c *Cell) { c.setStyle(name, value) })
}

func (c *Cell) setStyle(name string, value any) {
	if c.Style == nil {
		c.Style = map[string]any{}
	}
	c.Style[name] = value
}

// Clear empties a range; with styles, the formats go, too.
func (s *Sheet) Clear(r Range, styles bool) error {
	return s.change(r, func(_, _ int, c *Cell) {
		c.Value, c.Formula = nil, ""
		if styles {
			c.Style = nil
		}
	})
}

// Append writes rows below the last one with content and makes the sheet longer when
// they need it. They are as wide as the content that is there.
func (s *Sheet) Append(values [][]string) (Range, error) {
	if len(values) == 0 || len(values[0]) == 0 {
		return Range{}, fmt.Errorf("append nothing: %w", ErrShape)
	}
	width, last := len(values[0]), s.LastRow()
	if have := s.LastColumn() + 1; last >= 0 && width != have {
		return Range{}, fmt.Errorf("append %d cells below rows of %d: %w", width, have, ErrShape)
	}
	r := Range{Row: last + 1, Column: 0, LastRow: last + len(values), LastColumn: width - 1}
	if !fits(values, len(values), width) {
		return Range{}, fmt.Errorf("append rows of different lengths: %w", ErrShape)
	}
	columns, rows := max(len(s.columns), width), max(len(s.rows), r.LastRow+1)
	if err := s.room(rows, columns); err != nil {
		return Range{}, err
	}
	s.columns = append(s.columns, make([]bool, columns-len(s.columns))...)
	s.rows = append(s.rows, make([]row, rows-len(s.rows))...)
	return r, s.Write(r, values, func(Cell) bool { return false })
}
