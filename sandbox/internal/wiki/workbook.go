package wiki

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// Workbook is a workbook with content, for [Service.AddWorkbook].
type Workbook struct {
	// ID is 32 letters and digits. It is made up when it is empty.
	ID          string `json:"id,omitempty"`
	WorkspaceID string `json:"workspace_id"`
	Name        string `json:"name"`
	// Sheets are the worksheets. Without any there is one empty "Sheet1".
	Sheets []Sheet `json:"sheets,omitempty"`
}

// Sheet is a worksheet, read back or to be made.
type Sheet struct {
	// ID is empty in a sheet to be made.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Values are rows of cells from A1 on, without the empty ones at the end. In a
	// sheet to be made, texts are taken as people type them: "3" is a number, "=A1" a
	// formula. Read back, cells are nil, string or float64, and formulas have their results.
	Values [][]any `json:"values"`
	// The rest is empty in a sheet to be made.
	RowCount    int  `json:"row_count,omitempty"`
	ColumnCount int  `json:"column_count,omitempty"`
	Hidden      bool `json:"hidden,omitempty"`
	// HiddenRows and HiddenColumns count from 0.
	HiddenRows    []int `json:"hidden_rows,omitempty"`
	HiddenColumns []int `json:"hidden_columns,omitempty"`
	FrozenRows    int   `json:"frozen_rows,omitempty"`
	FrozenColumns int   `json:"frozen_columns,omitempty"`
}

// AddWorkbook adds a workbook with content and returns its node. The error wraps what
// [Service.AddNode] does, or tells of a value that fits in no sheet.
func (s *Service) AddWorkbook(w Workbook) (Node, error) {
	s.core.Lock()
	defer s.core.Unlock()
	return s.addWorkbook(w)
}

func (s *Service) addWorkbook(w Workbook) (Node, error) {
	n, err := s.addNode(Node{ID: w.ID, WorkspaceID: w.WorkspaceID, Name: w.Name, Extension: workbookExtension})
	if err != nil {
		return Node{}, err
	}
	for i, in := range w.Sheets {
		sheet := n.book.Sheets()[0]
		if i > 0 {
			sheet = n.book.Add(in.Name)
		}
		n.book.Rename(sheet, in.Name)
		for row, values := range in.Values {
			if err := writeRow(sheet, row, values); err != nil {
				return Node{}, fmt.Errorf("add workbook %q: sheet %q: %w", w.Name, in.Name, err)
			}
		}
	}
	return n.Node, nil
}

func writeRow(sheet *grid.Sheet, row int, values []any) error {
	if len(values) == 0 {
		return nil
	}
	texts := make([]string, len(values))
	for i, v := range values {
		if v != nil {
			texts[i] = fmt.Sprint(v)
		}
	}
	r := grid.Range{Row: row, LastRow: row, LastColumn: len(values) - 1}
	return sheet.Write(r, [][]string{texts}, func(grid.Cell) bool { return false })
}

// Sheets reads the worksheets of a workbook, in order. The error wraps [ErrNotFound].
func (s *Service) Sheets(workbookID string) ([]Sheet, error) {
	s.core.Lock()
	defer s.core.Unlock()
	n := s.node(workbookID)
	if n == nil || n.book == nil {
		return nil, fmt.Errorf("workbook %q: %w", workbookID, core.ErrNotFound)
	}
	return readSheets(n.book), nil
}

func readSheets(book *grid.Book) []Sheet {
	var out []Sheet
	for _, sheet := range book.Sheets() {
		out = append(out, readSheet(sheet))
	}
	return out
}

func readSheet(sheet *grid.Sheet) Sheet {
	out := Sheet{
		ID: sheet.ID, Name: sheet.Name, RowCount: sheet.RowCount(), ColumnCount: sheet.ColumnCount(), Hidden: sheet.Hidden,
		FrozenRows: sheet.FrozenRows, FrozenColumns: sheet.FrozenColumns,
	}
	rows, columns := sheet.LastRow()+1, sheet.LastColumn()+1
	for i := range rows {
		row := make([]any, columns)
		for j := range columns {
			row[j] = sheet.Value(sheet.Cell(i, j))
		}
		out.Values = append(out.Values, row)
	}
	for i := range sheet.RowCount() {
		if sheet.RowHidden(i) {
			out.HiddenRows = append(out.HiddenRows, i)
		}
	}
	for i := range sheet.ColumnCount() {
		if sheet.ColumnHidden(i) {
			out.HiddenColumns = append(out.HiddenColumns, i)
		}
	}
	return out
}

// HoldWorkbook makes a workbook answer that it is still initialising, for so long from
// now on. The error wraps [ErrNotFound].
func (s *Service) HoldWorkbook(id string, hold time.Duration) error {
	s.core.Lock()
	defer s.core.Unlock()
	n := s.node(id)
	if n == nil || n.book == nil {
		return fmt.Errorf("hold workbook %q: %w", id, core.ErrNotFound)
	}
	n.ready = s.core.Now().Add(hold)
	return nil
}

// workbookCall declares a call below /v1.0/doc/workbooks/{workbookId}. All of them
// have the operator in the query.
func workbookCall(name, method, path string, do func(*core.AppRequest) (any, *core.Refusal), body ...core.Param) core.Endpoint {
	scope := "Document.Workbook.Write"
	if method == http.MethodGet {
		scope = "Document.Workbook.Read"
	}
	return core.Endpoint{
		Name: name, Method: method, Path: "/v1.0/doc/workbooks/{workbookId}" + path, Scope: scope,
		Query: core.Params{operatorParam()}, Body: body, Invalid: docError(), Do: do,
	}
}

// workbook finds the workbook of a request and makes sure that the operator may use it
// and that it is ready.
func (s *Service) workbook(req *core.AppRequest) (*nodeState, *core.Refusal) {
	id := req.PathValue("workbookId")
	n, u := s.node(id), s.core.People.UserByUnionID(req.Text("operatorId"))
	switch {
	case !nodeIDForm.MatchString(id):
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.inputArgs.workbookIdIllegal", "The workbookId is illegal.")
	case u == nil:
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.inputArgs.operatorIdIllegal", "The operatorId is illegal.")
	case n == nil:
		return nil, core.Fail(http.StatusNotFound, "invalidRequest.resource.notFound", "The workbook is not found.")
	case n.book == nil:
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.resource.notWorkbook", "The document is not a workbook.")
	case s.space(n.WorkspaceID).role(u.UserID) == roleNone:
		return nil, accessDenied()
	case req.At.Before(n.ready):
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.document.stillInitializing", "The document is still initializing.")
	}
	if req.Method != http.MethodGet {
		n.Modifier, n.Modified = u.UserID, req.At
	}
	return n, nil
}

// sheet finds the worksheet of a request, by id or title.
func (s *Service) sheet(req *core.AppRequest) (*nodeState, *grid.Sheet, *core.Refusal) {
	n, r := s.workbook(req)
	if r != nil {
		return nil, nil, r
	}
	sheet := n.book.Sheet(req.PathValue("sheetId"))
	if sheet == nil {
		return nil, nil, core.Fail(http.StatusNotFound, "invalidRequest.resource.notFound", "The sheet is not found.")
	}
	return n, sheet, nil
}

// gridRefusal writes what the grid refused.
func gridRefusal(err error) *core.Refusal {
	r := docError()
	switch {
	case errors.Is(err, grid.ErrTooLarge):
		r.Status, r.ErrorCode = http.StatusForbidden, "forbidden.document.sizeOverLimit"
	case errors.Is(err, grid.ErrLastSheet):
		r.Status, r.ErrorCode = http.StatusForbidden, "forbidden.operationIllegal"
	}
	r.Text = err.Error()
	return r
}
