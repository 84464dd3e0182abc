package api

import (
	"fmt"
	"strconv"
)

// Page selects a part of a list.
type Page struct {
	// Limit bounds how many there are; 0 is all.
	Limit int
	// Offset passes over the first ones.
	Offset int
	// Cursor continues behind the page whose [List.Next] it was. What was added to the list
	// since then moves nothing into this page or out of it, as it does with an Offset.
	Cursor string
	// Count asks for [List.Total], which costs a look at all that match.
	Count bool
}

// List is one page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is the cursor of the next page; empty on the last one.
	Next string `json:"next_cursor,omitempty"`
	// Total is how many there are on all pages; 0 unless it was asked for.
	Total int `json:"total_entries,omitempty"`
}

func (p Page) check() error {
	if p.Limit < 0 || p.Offset < 0 {
		return fmt.Errorf("limit %d, offset %d: must be 0 or more", p.Limit, p.Offset)
	}
	return nil
}

// wrongCursor refuses the cursor of a page, as a mistake of the request.
func (p Page) wrongCursor(list string) error {
	return &FieldError{"cursor " + strconv.Quote(p.Cursor), fmt.Errorf("is not a cursor of a list of %s, or is combined with an offset or lacks a limit", list)}
}

// behind reads a cursor that is the id of the last row of a page; 0 without one.
func (p Page) behind(list string) (int64, error) {
	if err := p.check(); err != nil || p.Cursor == "" {
		return 0, err
	}
	id, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || id < 1 || p.Limit == 0 || p.Offset != 0 {
		return 0, p.wrongCursor(list)
	}
	return id, nil
}

// more is what the store is asked for: one more than the page has tells whether there are more.
func (p Page) more() int {
	if p.Limit == 0 {
		return 0
	}
	return p.Limit + 1
}

// cut is the page of the rows that the store gave, without the one more, and the cursor of the next
// page. Without a limit the store passes over nothing.
func cut[T any](p Page, rows []T, cursor func(T) string) (page []T, next string) {
	if p.Limit == 0 {
		return rows[min(p.Offset, len(rows)):], ""
	}
	if len(rows) <= p.Limit {
		return rows, ""
	}
	rows = rows[:p.Limit]
	return rows, cursor(rows[p.Limit-1])
}
