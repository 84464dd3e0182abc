package sandbox

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// The views of the page besides the inbox, by the name in the query.
const (
	viewDirectory = "directory"
	viewSheets    = "sheets"
	viewNotices   = "notices"
)

// The page draws at most so many rows and columns of a sheet.
const (
	shownRows    = 200
	shownColumns = 52
	// spareLines are drawn below and right of the content.
	spareLines = 3
)

// tabView is one of the links between the views.
type tabView struct {
	Name, Title string
	Selected    bool
}

func tabs(selected string) []tabView {
	out := []tabView{
		{Name: "", Title: "Inbox"},
		{Name: viewDirectory, Title: "Directory"},
		{Name: viewSheets, Title: "Sheets"},
		{Name: viewNotices, Title: "Notices"},
	}
	for i := range out {
		out[i].Selected = out[i].Name == selected
	}
	return out
}

// directoryView is the tree of departments and the people of one of them.
type directoryView struct {
	Departments []departmentView
	Title       string
	People      []personView
}

type departmentView struct {
	Department
	// Depth is 0 for the root; deeper than 5 is drawn like 5.
	Depth    int
	Count    int
	Selected bool
}

type personView struct {
	User
	// In names the departments.
	In string
}

func (s *Server) directoryView(q url.Values) *directoryView {
	selected, err := strconv.Atoi(q.Get("department"))
	if err != nil || s.directory.department(selected) == nil {
		selected = rootDepartment
	}
	v := &directoryView{Title: s.directory.department(selected).Name}
	s.addTree(v, s.directory.department(rootDepartment), 0, selected)
	for _, u := range s.directory.members(selected, true) {
		var names []string
		for _, id := range u.Departments {
			names = append(names, s.directory.department(id).Name)
		}
		v.People = append(v.People, personView{User: *u, In: strings.Join(names, ", ")})
	}
	return v
}

func (s *Server) addTree(v *directoryView, d *Department, depth, selected int) {
	v.Departments = append(v.Departments, departmentView{
		Department: *d, Depth: min(depth, 5), Count: len(s.directory.members(d.ID, true)), Selected: d.ID == selected,
	})
	for _, child := range s.directory.children(d.ID) {
		s.addTree(v, child, depth+1, selected)
	}
}

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

func (s *Server) sheetsView(q url.Values) *sheetsView {
	v := &sheetsView{}
	var selected *nodeState
	for _, n := range s.wiki.nodes {
		if n.book == nil || n.Deleted {
			continue
		}
		if selected == nil || n.ID == q.Get("book") {
			selected = n
		}
		v.Books = append(v.Books, bookView{Node: n.Node, Space: s.wiki.space(n.WorkspaceID).Name})
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
		v.Tabs = append(v.Tabs, tabView{Name: other.ID, Title: other.Name, Selected: other == sheet})
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

// noticeView is a work notice or a DING, the newest first.
type noticeView struct {
	Time     time.Time
	App      string
	Kind     string
	Content  Content
	State    string
	Recalled bool
	Got      []receiverView
	Missed   []receiverView
}

type receiverView struct {
	Name string
	Note string
	Read bool
}

func (s *Server) noticeViews() []noticeView {
	var out []noticeView
	for _, n := range s.notices.list {
		n.advance(s.now(), false)
		out = append(out, s.noticeView(n))
	}
	for _, d := range s.dings {
		kind := map[int]string{1: "DING in the app", 2: "DING by text message", 3: "DING by phone"}[d.RemindType]
		v := noticeView{Time: d.Time, App: d.App, Kind: kind, Content: Content{Text: d.Content}, Recalled: d.Recalled}
		for _, id := range d.Receivers {
			v.Got = append(v.Got, receiverView{Name: s.nameOf(id)})
		}
		out = append(out, v)
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b noticeView) int { return b.Time.Compare(a.Time) })
	return out[:min(len(out), shownOnPage)]
}

func (s *Server) noticeView(n *Notice) noticeView {
	v := noticeView{
		Time: n.Time, App: n.App, Kind: "work notice, " + n.Type, Content: n.Content, Recalled: n.Recalled,
		State: [...]string{"waiting", "on its way", "delivered"}[n.Status],
	}
	for _, id := range n.Receivers {
		v.Got = append(v.Got, receiverView{Name: s.nameOf(id), Read: slices.Contains(n.Read, id)})
	}
	reasons := map[string]string{
		noticeDuplicate: "same notice today", noticeDailyMaximum: "too many today", noticeAppThrottled: "too many this minute",
	}
	for _, f := range n.Forbidden {
		v.Missed = append(v.Missed, receiverView{Name: s.nameOf(f.UserID), Note: f.Code + " " + reasons[f.Code]})
	}
	for _, id := range n.InvalidIDs {
		v.Missed = append(v.Missed, receiverView{Name: id, Note: "no such user"})
	}
	for _, id := range n.InvalidDept {
		v.Missed = append(v.Missed, receiverView{Name: strconv.Itoa(id), Note: "no such department"})
	}
	return v
}

// nameOf is how the page calls somebody.
func (s *Server) nameOf(userID string) string {
	if u := s.directory.user(userID); u != nil {
		return cmp.Or(u.Name, userID)
	}
	return userID
}
