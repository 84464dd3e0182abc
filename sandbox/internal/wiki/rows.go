package wiki

import (
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// lineCalls are the calls for rows and for columns. Both count from 0 and answer the
// id of the worksheet alone.
func (s *Service) lineCalls() []core.Endpoint {
	post := func(name, verb string, do func(*grid.Sheet, core.Args) error, body ...core.Param) core.Endpoint {
		return workbookCall(name, http.MethodPost, "/sheets/{sheetId}/"+verb, func(req *core.AppRequest) (any, *core.Refusal) {
			_, sheet, r := s.sheet(req)
			if r != nil {
				return nil, r
			}
			if err := do(sheet, req.Args); err != nil {
				return nil, gridRefusal(err)
			}
			return core.Object{"id": sheet.ID}, nil
		}, body...)
	}
	row, rowCount := core.Need("row", core.AnInt), core.Need("rowCount", core.AnInt)
	column, columnCount := core.Need("column", core.AnInt), core.Need("columnCount", core.AnInt)
	shown := core.Need("visibility", core.AText)
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/insert-rows-before-rows
		post("rows.insert_before", "insertRowsBefore", func(s *grid.Sheet, a core.Args) error {
			return s.InsertRows(a.Int("row"), a.Int("rowCount"))
		}, row, rowCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-row
		post("rows.delete", "deleteRows", func(s *grid.Sheet, a core.Args) error {
			return s.DeleteRows(a.Int("row"), a.Int("rowCount"))
		}, row, rowCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/set-row-visibility
		post("rows.set_visibility", "setRowsVisibility", func(s *grid.Sheet, a core.Args) error {
			return show(a, func(hide bool) error { return s.HideRows(a.Int("row"), a.Int("rowCount"), hide) })
		}, row, rowCount, shown),
		// DingTalk docs: https://open.dingtalk.com/document/development/insert-column-before-column
		post("columns.insert_before", "insertColumnsBefore", func(s *grid.Sheet, a core.Args) error {
			return s.InsertColumns(a.Int("column"), a.Int("columnCount"))
		}, column, columnCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-column
		post("columns.delete", "deleteColumns", func(s *grid.Sheet, a core.Args) error {
			return s.DeleteColumns(a.Int("column"), a.Int("columnCount"))
		}, column, columnCount),
		// DingTalk docs: https://open.dingtalk.com/document/development/set-column-visibility
		post("columns.set_visibility", "setColumnsVisibility", func(s *grid.Sheet, a core.Args) error {
			return show(a, func(hide bool) error { return s.HideColumns(a.Int("column"), a.Int("columnCount"), hide) })
		}, column, columnCount, shown),
		// DingTalk docs: https://open.dingtalk.com/document/development/append-line
		workbookCall("rows.append", http.MethodPost, "/sheets/{sheetId}/appendRows", s.rowsAppend, core.Need("values", core.AList)),
	}
}

func show(a core.Args, how func(hide bool) error) error {
	switch a.Text("visibility") {
	case visible:
		return how(false)
	case hidden:
		return how(true)
	default:
		return fmt.Errorf("visibility is %q or %q", visible, hidden)
	}
}

func (s *Service) rowsAppend(req *core.AppRequest) (any, *core.Refusal) {
	_, sheet, r := s.sheet(req)
	if r != nil {
		return nil, r
	}
	values, ok := textGrid(req.List("values"))
	if !ok {
		return nil, docError()
	}
	at, err := sheet.Append(values)
	if err != nil {
		return nil, gridRefusal(err)
	}
	return core.Object{"a1Notation": at.String()}, nil
}

// textGrid reads rows of texts. Numbers are refused: the generated SDKs cannot send any.
func textGrid(in []any) ([][]string, bool) {
	out := make([][]string, len(in))
	for i, item := range in {
		row, ok := core.TextList(item)
		if !ok {
			return nil, false
		}
		out[i] = row
	}
	return out, true
}
