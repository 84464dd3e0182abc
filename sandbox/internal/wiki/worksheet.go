package wiki

import (
	"net/http"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

const (
	visible = "visible"
	hidden  = "hidden"
)

func (s *Service) worksheetCalls() []core.Endpoint {
	const one = "/sheets/{sheetId}"
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/create-a-worksheet
		workbookCall("worksheet.create", http.MethodPost, "/sheets", s.worksheetCreate, core.Need("name", core.AText)),
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-classic-workbooks
		workbookCall("worksheet.delete", http.MethodDelete, one, s.worksheetDelete),
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-worksheet-properties
		workbookCall("worksheet.get", http.MethodGet, one, s.worksheetGet),
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-all-worksheets
		workbookCall("worksheet.list", http.MethodGet, "/sheets", s.worksheetList),
		// DingTalk docs: https://open.dingtalk.com/document/development/update-worksheet
		workbookCall("worksheet.update", http.MethodPut, one, s.worksheetUpdate,
			core.May("name", core.AText), core.May("visibility", core.AText), core.May("frozenRowCount", core.AnInt), core.May("frozenColumnCount", core.AnInt)),
	}
}

func visibility(isHidden bool) string {
	if isHidden {
		return hidden
	}
	return visible
}

func (s *Service) worksheetCreate(req *core.AppRequest) (any, *core.Refusal) {
	n, r := s.workbook(req)
	if r != nil {
		return nil, r
	}
	if req.Text("name") == "" {
		return nil, docError()
	}
	sheet := n.book.Add(req.Text("name"))
	return core.Object{"id": sheet.ID, "name": sheet.Name, "visibility": visible}, nil
}

func (s *Service) worksheetDelete(req *core.AppRequest) (any, *core.Refusal) {
	n, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	if err := n.book.Remove(sheet); err != nil {
		return nil, gridRefusal(err)
	}
	return core.Object{"success": true}, nil
}

func (s *Service) worksheetGet(req *core.AppRequest) (any, *core.Refusal) {
	_, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	return core.Object{
		"id": sheet.ID, "name": sheet.Name, "visibility": visibility(sheet.Hidden),
		"lastNonEmptyRow": sheet.LastRow(), "lastNonEmptyColumn": sheet.LastColumn(),
		"rowCount": sheet.RowCount(), "columnCount": sheet.ColumnCount(),
		"frozenRowCount": sheet.FrozenRows, "frozenColumnCount": sheet.FrozenColumns,
	}, nil
}

func (s *Service) worksheetList(req *core.AppRequest) (any, *core.Refusal) {
	n, r := s.workbook(req)
	if r != nil {
		return nil, r
	}
	list := []core.Object{}
	for _, sheet := range n.book.Sheets() {
		list = append(list, core.Object{"id": sheet.ID, "name": sheet.Name})
	}
	return core.Object{"value": list}, nil
}

func (s *Service) worksheetUpdate(req *core.AppRequest) (any, *core.Refusal) {
	n, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	rows, columns := req.IntOr("frozenRowCount", sheet.FrozenRows), req.IntOr("frozenColumnCount", sheet.FrozenColumns)
	shown := req.Text("visibility")
	if rows < 0 || rows >= sheet.RowCount() || columns < 0 || columns >= sheet.ColumnCount() ||
		req.Has("visibility") && shown != visible && shown != hidden || req.Has("name") && req.Text("name") == "" {
		return nil, docError()
	}
	if shown == hidden && !otherVisible(n.book, sheet) {
		return nil, gridRefusal(grid.ErrLastSheet)
	}
	if req.Has("name") {
		n.book.Rename(sheet, req.Text("name"))
	}
	if shown != "" {
		sheet.Hidden = shown == hidden
	}
	sheet.FrozenRows, sheet.FrozenColumns = rows, columns
	return core.Object{"id": sheet.ID}, nil
}

func otherVisible(book *grid.Book, but *grid.Sheet) bool {
	for _, s := range book.Sheets() {
		if s != but && !s.Hidden {
			return true
		}
	}
	return false
}
