package workbook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The greatest addresses that are taken: what spreadsheets have elsewhere, and some more.
// DingTalk publishes no sizes of its own.
const (
	maxColumnLetters = 3
	maxRowDigits     = 7
)

// CellRange is a rectangle of cells. Row and Column are those of its first cell and
// count from 0; Rows and Columns are its size.
type CellRange struct {
	Row, Column   int
	Rows, Columns int
}

// Columns are some columns beside each other. First counts from 0.
type Columns struct{ First, Count int }

// String is the range in A1 form: "A1:C3", or "A1" for one cell.
func (r CellRange) String() string {
	first := ColumnName(r.Column) + strconv.Itoa(r.Row+1)
	if r.Rows == 1 && r.Columns == 1 {
		return first
	}
	return first + ":" + ColumnName(r.Column+r.Columns-1) + strconv.Itoa(r.Row+r.Rows)
}

// ParseRange reads a range in A1 form, in any letter case: "A1:C3" or "B2". Its first
// cell must be the upper left one.
func ParseRange(text string) (CellRange, error) {
	first, last, isPair := strings.Cut(strings.TrimSpace(text), ":")
	if !isPair {
		last = first
	}
	row, column, ok := parseCell(first)
	lastRow, lastColumn, lastOK := parseCell(last)
	switch {
	case !ok, !lastOK:
		return CellRange{}, fmt.Errorf("must be a range such as A1:C3, got %q", text)
	case lastRow < row, lastColumn < column:
		return CellRange{}, fmt.Errorf("must begin with the upper left cell, got %q", text)
	}
	return CellRange{Row: row, Column: column, Rows: lastRow - row + 1, Columns: lastColumn - column + 1}, nil
}

// ParseColumns reads the columns of a range in A1 form: "A:C", "B", or "A1:C10", where
// the rows do not count.
func ParseColumns(text string) (Columns, error) {
	trimmed := strings.TrimSpace(text)
	if r, err := ParseRange(trimmed); err == nil {
		return Columns{r.Column, r.Columns}, nil
	}
	first, last, isPair := strings.Cut(trimmed, ":")
	if !isPair {
		last = first
	}
	from, err := parseLetters(first)
	to, lastErr := parseLetters(last)
	if err != nil || lastErr != nil {
		return Columns{}, fmt.Errorf("must be columns such as A:C, got %q", text)
	}
	if to < from {
		return Columns{}, fmt.Errorf("must begin with the left column, got %q", text)
	}
	return Columns{from, to - from + 1}, nil
}

// ParseColumn reads a column as people write it, as letters or as a number from 1, and
// returns its index from 0.
func ParseColumn(text string) (int, error) {
	trimmed := strings.TrimSpace(text)
	if n, err := strconv.Atoi(trimmed); err == nil && n >= 1 {
		return n - 1, nil
	}
	if i, err := parseLetters(trimmed); err == nil {
		return i, nil
	}
	return 0, fmt.Errorf("must be a column: letters such as B, or a number from 1, got %q", text)
}

// ColumnName returns the letters of a column that counts from 0: A, Z, AA.
func ColumnName(column int) string {
	var letters []byte
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		letters = append([]byte{byte('A' + (n-1)%26)}, letters...)
	}
	return string(letters)
}

// parseCell reads the address of a cell such as AB12.
func parseCell(text string) (row, column int, ok bool) {
	digits := strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	column, err := parseLetters(strings.TrimSuffix(text, digits))
	if err != nil || digits == "" || len(digits) > maxRowDigits || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, false
	}
	row, err = strconv.Atoi(digits)
	return row - 1, column, err == nil && row >= 1
}

var errNoLetters = errors.New("no letters of a column")

func parseLetters(text string) (int, error) {
	if text == "" || len(text) > maxColumnLetters {
		return 0, errNoLetters
	}
	n := 0
	for _, c := range []byte(strings.ToUpper(text)) {
		if c < 'A' || c > 'Z' {
			return 0, errNoLetters
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1, nil
}

// CheckShape checks that rows of cells are exactly as many as a range has. DingTalk
// may take others, and then write nothing without an error.
func CheckShape[T any](at CellRange, rows [][]T) error {
	if len(rows) != at.Rows {
		return fmt.Errorf("has %d rows, but %s has %d", len(rows), at, at.Rows)
	}
	return CheckWidth(at.Columns, rows)
}

// CheckWidth checks that there are rows and that each has exactly width cells.
func CheckWidth[T any](width int, rows [][]T) error {
	if len(rows) == 0 {
		return errors.New("has no rows")
	}
	for i, row := range rows {
		if len(row) != width {
			return fmt.Errorf("has %d cells in row %d, but there must be %d", len(row), i+1, width)
		}
	}
	return nil
}
