package wiki

import (
	"net/url"

	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// The page draws at most so many rows and columns of a sheet.
const (
	shownRows    = 200
	shownColumns = 52
	// spareLines are drawn below and right of the content.
	spareLines = 3
)

// sheetsView is the list of workbooks and one worksheet.
type sheetsView struct {
	Books []bookView
	Sheet *sheetView
}

type bookView struct {
	Node

	Space    string
	Selected bool
}

type sheetView struct {
	Title string
	// Tabs are the worksheets of the workbook.
	Tabs    []tabView
	BookID  string
	Columns []columnView
	Rows    []rowView
	// RowCount and ColumnCount are those of the whole sheet.
	RowCount, ColumnCount int
}

// tabView is the link to a worksheet.
type tabView struct {
	ID, Title string
	Selected  bool
}

type columnView struct {
	Name   string
	Hidden bool
}

type rowView struct {
	Number int
	Hidden bool
	Cells  []cellView
}

type cellView struct {
	Text    string
	Formula string
	Number  bool
	Bold    bool
}

func (s *Service) view(q url.Values) *sheetsView {
	v := &sheetsView{}
	var selected *nodeState
	for _, n := range s.nodes {
		if n.book == nil || n.Deleted {
			continue
		}
		if selected == nil || n.ID == q.Get("book") {
			selected = n
		}
		v.Books = append(v.Books, bookView{Node: n.Node, Space: s.space(n.WorkspaceID).Name})
	}
	if selected == nil {
		return v
	}
	for i := range v.Books {
		v.Books[i].Selected = v.Books[i].ID == selected.ID
	}
	sheet := selected.book.Sheet(q.Get("sheet"))
	if sheet == nil {
		sheet = selected.book.Sheets()[0]
	}
	v.Sheet = newSheetView(selected, sheet)
	return v
}

func newSheetView(n *nodeState, sheet *grid.Sheet) *sheetView {
	v := &sheetView{Title: n.Name, BookID: n.ID, RowCount: sheet.RowCount(), ColumnCount: sheet.ColumnCount()}
	for _, other := range n.book.Sheets() {
		v.Tabs = append(v.Tabs, tabView{ID: other.ID, Title: other.Name, Selected: other == sheet})
	}
	columns := min(sheet.ColumnCount(), shownColumns, max(sheet.LastColumn()+1+spareLines, 8))
	for i := range columns {
		v.Columns = append(v.Columns, columnView{Name: grid.ColumnName(i), Hidden: sheet.ColumnHidden(i)})
	}
	for i := range min(sheet.RowCount(), shownRows, max(sheet.LastRow()+1+spareLines, 10)) {
		row := rowView{Number: i + 1, Hidden: sheet.RowHidden(i)}
		for j := range columns {
			c := sheet.Cell(i, j)
			value := sheet.Value(c)
			_, number := value.(float64)
			row.Cells = append(row.Cells, cellView{
				Text: displayed(value), Formula: c.Formula, Number: number, Bold: c.Style["fontWeights"] == "bold",
			})
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}
