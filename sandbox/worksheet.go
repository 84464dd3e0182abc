package sandbox

import (
	"net/http"

	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

const (
	visible = "visible"
	hidden  = "hidden"
)

func worksheetCalls() []call {
	const one = "/sheets/{sheetId}"
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/create-a-worksheet
		workbookCall("worksheet.create", http.MethodPost, "/sheets", (*Server).worksheetCreate, need("name", aText)),
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-classic-workbooks
		workbookCall("worksheet.delete", http.MethodDelete, one, (*Server).worksheetDelete),
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-worksheet-properties
		workbookCall("worksheet.get", http.MethodGet, one, (*Server).worksheetGet),
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-all-worksheets
		workbookCall("worksheet.list", http.MethodGet, "/sheets", (*Server).worksheetList),
		// DingTalk docs: https://open.dingtalk.com/document/development/update-worksheet
		workbookCall("worksheet.update", http.MethodPut, one, (*Server).worksheetUpdate,
			may("name", aText), may("visibility", aText), may("frozenRowCount", anInt), may("frozenColumnCount", anInt)),
	)
}

func visibility(isHidden bool) string {
	if isHidden {
		return hidden
	}
	return visible
}

func (s *Server) worksheetCreate(req *appRequest) (any, *refusal) {
	n, r := s.workbook(req)
	if r != nil {
		return nil, r
	}
	if req.text("name") == "" {
		return nil, docError()
	}
	sheet := n.book.Add(req.text("name"))
	return object{"id": sheet.ID, "name": sheet.Name, "visibility": visible}, nil
}

func (s *Server) worksheetDelete(req *appRequest) (any, *refusal) {
	n, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	if err := n.book.Remove(sheet); err != nil {
		return nil, gridRefusal(err)
	}
	return object{"success": true}, nil
}

func (s *Server) worksheetGet(req *appRequest) (any, *refusal) {
	_, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	return object{
		"id": sheet.ID, "name": sheet.Name, "visibility": visibility(sheet.Hidden),
		"lastNonEmptyRow": sheet.LastRow(), "lastNonEmptyColumn": sheet.LastColumn(),
		"rowCount": sheet.RowCount(), "columnCount": sheet.ColumnCount(),
		"frozenRowCount": sheet.FrozenRows, "frozenColumnCount": sheet.FrozenColumns,
	}, nil
}

func (s *Server) worksheetList(req *appRequest) (any, *refusal) {
	n, r := s.workbook(req)
	if r != nil {
		return nil, r
	}
	list := []object{}
	for _, sheet := range n.book.Sheets() {
		list = append(list, object{"id": sheet.ID, "name": sheet.Name})
	}
	return object{"value": list}, nil
}

func (s *Server) worksheetUpdate(req *appRequest) (any, *refusal) {
	n, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	rows, columns := req.intOr("frozenRowCount", sheet.FrozenRows), req.intOr("frozenColumnCount", sheet.FrozenColumns)
	shown := req.text("visibility")
	if rows < 0 || rows >= sheet.RowCount() || columns < 0 || columns >= sheet.ColumnCount() ||
		req.has("visibility") && shown != visible && shown != hidden || req.has("name") && req.text("name") == "" {
		return nil, docError()
	}
	if shown == hidden && !otherVisible(n.book, sheet) {
		return nil, gridRefusal(grid.ErrLastSheet)
	}
	if req.has("name") {
		n.book.Rename(sheet, req.text("name"))
	}
	if shown != "" {
		sheet.Hidden = shown == hidden
	}
	sheet.FrozenRows, sheet.FrozenColumns = rows, columns
	return object{"id": sheet.ID}, nil
}

func otherVisible(book *grid.Book, but *grid.Sheet) bool {
	for _, s := range book.Sheets() {
		if s != but && !s.Hidden {
			return true
		}
	}
	return false
}
