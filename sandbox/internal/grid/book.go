package grid

import (
	"fmt"
	"slices"
	"strconv"
)

// Book is a workbook: sheets in an order.
type Book struct {
	sheets []*Sheet
	prefix string
	made   int
}

// NewBook returns a workbook with one empty sheet, "Sheet1". The ids of its sheets
// begin with the prefix.
func NewBook(prefix string) *Book {
	b := &Book{prefix: prefix}
	b.Add("Sheet1")
	return b
}

// Add adds an empty sheet. A name that is taken gets a number.
func (b *Book) Add(name string) *Sheet {
	b.made++
	s := &Sheet{
		ID:      b.prefix + strconv.Itoa(b.made),
		Name:    b.free(name, nil),
		rows:    make([]row, newRows),
		columns: make([]bool, newColumns),
	}
	b.sheets = append(b.sheets, s)
	return s
}

// free makes a name differ from those of all sheets but one.
func (b *Book) free(name string, but *Sheet) string {
	out := name
	for n := 1; slices.ContainsFunc(b.sheets, func(s *Sheet) bool { return s != but && s.Name == out }); n++ {
		out = fmt.Sprintf("%s(%d)", name, n)
	}
	return out
}

// Rename gives a sheet a name; one that is taken gets a number.
func (b *Book) Rename(s *Sheet, name string) { s.Name = b.free(name, s) }

// Sheets are the sheets in order. The caller must not change the slice.
func (b *Book) Sheets() []*Sheet { return b.sheets }

// Sheet finds a sheet by id or by name; nil when there is none.
func (b *Book) Sheet(ref string) *Sheet {
	for _, match := range []func(*Sheet) bool{
		func(s *Sheet) bool { return s.ID == ref },
		func(s *Sheet) bool { return s.Name == ref },
	} {
		if i := slices.IndexFunc(b.sheets, match); i >= 0 {
			return b.sheets[i]
		}
	}
	return nil
}

// Remove takes a sheet away. The last one that people see stays: [ErrLastSheet].
func (b *Book) Remove(s *Sheet) error {
	rest := slices.DeleteFunc(slices.Clone(b.sheets), func(o *Sheet) bool { return o == s })
	if !slices.ContainsFunc(rest, func(o *Sheet) bool { return !o.Hidden }) {
		return fmt.Errorf("remove sheet %q: %w", s.Name, ErrLastSheet)
	}
	b.sheets = rest
	return nil
}
