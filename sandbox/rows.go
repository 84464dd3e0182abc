package sandbox

import (
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// lineCalls are the calls for rows and for columns. Both count from 0 and answer the
// id of the worksheet alone.
func lineCalls() []call {
	post := func(name, verb string, do func(*grid.Sheet, args) error, body ...param) endpoint {
		return workbookCall(name, http.MethodPost, "/sheets/{sheetId}/"+verb, func(s *Server, req *appRequest) (any, *refusal) {
			_, sheet, r := s.sheet(req)
			if r != nil {
				return nil, r
			}
			if err := do(sheet, req.args); err != nil {
				return nil, gridRefusal(err)
			}
			return object{"id": sheet.ID}, nil
		}, body...)
	}
	row, rowCount := need("row", anInt), need("rowCount", anInt)
	column, columnCount := need("column", anInt), need("columnCount", anInt)
	shown := need("visibility", aText)
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/insert-rows-before-rows
		post("rows.insert_before", "insertRowsBefore", func(s *grid.Sheet, a args) error {
			return s.InsertRows(a.int("row"), a.int("rowCount"))
		}, row, rowCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-row
		post("rows.delete", "deleteRows", func(s *grid.Sheet, a args) error {
			return s.DeleteRows(a.int("row"), a.int("rowCount"))
		}, row, rowCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/set-row-visibility
		post("rows.set_visibility", "setRowsVisibility", func(s *grid.Sheet, a args) error {
			return show(a, func(hide bool) error { return s.HideRows(a.int("row"), a.int("rowCount"), hide) })
		}, row, rowCount, shown),
		// DingTalk docs: https://open.dingtalk.com/document/development/insert-column-before-column
		post("columns.insert_before", "insertColumnsBefore", func(s *grid.Sheet, a args) error {
			return s.InsertColumns(a.int("column"), a.int("columnCount"))
		}, column, columnCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-column
		post("columns.delete", "deleteColumns", func(s *grid.Sheet, a args) error {
			return s.DeleteColumns(a.int("column"), a.int("columnCount"))
		}, column, columnCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/set-column-visibility
		post("columns.set_visibility", "setColumnsVisibility", func(s *grid.Sheet, a args) error {
			return show(a, func(hide bool) error { return s.HideColumns(a.int("column"), a.int("columnCount"), hide) })
		}, column, columnCount, shown),
		// DingTalk docs: https://open.dingtalk.com/document/development/append-line
		workbookCall("rows.append", http.MethodPost, "/sheets/{sheetId}/appendRows", (*Server).rowsAppend, need("values", aList)),
	)
}

func show(a args, how func(hide bool) error) error {
	switch a.text("visibility") {
	case visible:
		return how(false)
	case hidden:
		return how(true)
	default:
		return fmt.Errorf("visibility is %q or %q", visible, hidden)
	}
}

func (s *Server) rowsAppend(req *appRequest) (any, *refusal) {
	_, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	values, ok := textGrid(req.list("values"))
	if !ok {
		return nil, docError()
	}
	at, err := sheet.Append(values)
	if err != nil {
		return nil, gridRefusal(err)
	}
	return object{"a1Notation": at.String()}, nil
}

// textGrid reads rows of texts. Numbers are refused: the generated SDKs cannot send any.
func textGrid(in []any) ([][]string, bool) {
	out := make([][]string, len(in))
	for i, item := range in {
		row, ok := textList(item)
		if !ok {
			return nil, false
		}
		out[i] = row
	}
	return out, true
}
