package grid

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
)

// Range is a block of cells. Both ends belong to it; all indexes count from 0.
type Range struct {
	Row, Column, LastRow, LastColumn int
}

// Rows is the number of rows.
func (r Range) Rows() int { return r.LastRow - r.Row + 1 }

// Columns is the number of columns.
func (r Range) Columns() int { return r.LastColumn - r.Column + 1 }

// String writes the range as [ParseRange] reads it, a single cell as "B2".
func (r Range) String() string {
	first := ColumnName(r.Column) + strconv.Itoa(r.Row+1)
	last := ColumnName(r.LastColumn) + strconv.Itoa(r.LastRow+1)
	if first == last {
		return first
	}
	return first + ":" + last
}

var rangeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Z]{1,3})([1-9]\d{0,6})(?::([A-Z]{1,3})([1-9]\d{0,6}))?$`)
})

// ParseRange reads "A1:C3" or "A1". Letters are capitals, and the first cell is not
// below or right of the second.
func ParseRange(text string) (Range, error) {
	m := rangeForm().FindStringSubmatch(text)
	if m == nil {
		return Range{}, fmt.Errorf("range %q is not of the form A1:C3", text)
	}
	row, err := strconv.Atoi(m[2])
	if err != nil {
		return Range{}, fmt.Errorf("range %q: %w", text, err)
	}
	r := Range{Row: row - 1, Column: columnIndex(m[1]), LastRow: row - 1, LastColumn: columnIndex(m[1])}
	if m[3] == "" {
		return r, nil
	}
	row, err = strconv.Atoi(m[4])
	if err != nil {
		return Range{}, fmt.Errorf("range %q: %w", text, err)
	}
	r.LastRow, r.LastColumn = row-1, columnIndex(m[3])
	if r.Rows() < 1 || r.Columns() < 1 {
		return Range{}, fmt.Errorf("range %q ends before it begins", text)
	}
	return r, nil
}

func columnIndex(letters string) int {
	n := 0
	for _, l := range letters {
		n = n*26 + int(l-'A') + 1
	}
	return n - 1
}

// ColumnName returns the letters of a column: A for 0, AA for 26.
func ColumnName(index int) string {
	out := ""
	for n := index + 1; n > 0; n = (n - 1) / 26 {
		out = string(rune('A'+(n-1)%26)) + out
	}
	return out
}
