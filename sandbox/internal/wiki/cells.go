package wiki

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

func (s *Service) rangeCalls() []core.Endpoint {
	const at = "/sheets/{sheetId}/ranges/{rangeAddress}"
	get := workbookCall("range.get", http.MethodGet, at, s.rangeGet)
	get.Query = append(get.Query, core.May("select", core.AText))
	update := workbookCall("range.update", http.MethodPut, at, s.rangeUpdate,
		core.May("values", core.AList), core.May("numberFormat", core.AText), core.May("wordWrap", core.AText))
	for _, name := range slices.Sorted(maps.Keys(cellStyles())) {
		update.Body = append(update.Body, core.May(name, core.AList))
	}
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/get-cell-properties
		get,
		// DingTalk docs: https://open.dingtalk.com/document/development/update-cell-properties
		update,
		// DingTalk docs: https://open.dingtalk.com/document/development/clear-all
		workbookCall("range.clear", http.MethodPost, at+"/clear", s.rangeClear),
		// DingTalk docs: https://open.dingtalk.com/document/development/clear-cell-data
		workbookCall("range.clear_data", http.MethodPost, at+"/clearData", s.rangeClearData),
	}
}

const numberFormat = "numberFormat"

// cellStyles are the formats that are set for each cell, and what a cell without one shows.
func cellStyles() map[string]any {
	return map[string]any{
		"backgroundColors": "#ffffff", "fontColors": "#000000", "fontSizes": 11, "fontWeights": "normal",
		"horizontalAlignments": "general", "verticalAlignments": "middle", "hyperlinks": nil,
		// Rich texts are kept as they come: what they look like is not published.
		"complexValues": nil,
	}
}

// cells finds the range of a request.
func (s *Service) cells(req *core.AppRequest) (*grid.Sheet, grid.Range, *core.Refusal) {
	_, sheet, r := s.sheet(req)
	if r != nil {
		return nil, grid.Range{}, r
	}
	at, err := grid.ParseRange(req.PathValue("rangeAddress"))
	if err != nil {
		return nil, grid.Range{}, gridRefusal(err)
	}
	return sheet, at, nil
}

func (s *Service) rangeGet(req *core.AppRequest) (any, *core.Refusal) {
	sheet, at, r := s.cells(req)
	if r != nil {
		return nil, r
	}
	cells, err := sheet.Cells(at)
	if err != nil {
		return nil, gridRefusal(err)
	}
	out := core.Object{
		"values":        mapCells(cells, sheet.Value),
		"formulas":      mapCells(cells, func(c grid.Cell) any { return c.Formula }),
		"displayValues": mapCells(cells, func(c grid.Cell) any { return displayed(sheet.Value(c)) }),
	}
	for name, usual := range cellStyles() {
		if name == "fontColors" {
			continue // can be written and not read
		}
		out[name] = mapCells(cells, func(c grid.Cell) any { return styleOf(c, name, usual) })
	}
	if selected := req.Text("select"); selected != "" {
		names := strings.Split(selected, ",")
		maps.DeleteFunc(out, func(name string, _ any) bool { return !slices.Contains(names, name) })
	}
	return out, nil
}

func mapCells(cells [][]grid.Cell, of func(grid.Cell) any) [][]any {
	out := make([][]any, len(cells))
	for i, row := range cells {
		out[i] = make([]any, len(row))
		for j, c := range row {
			out[i][j] = of(c)
		}
	}
	return out
}

// displayed writes a value as the format General does; the sandbox knows no other.
func displayed(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

func styleOf(c grid.Cell, name string, usual any) any {
	value, ok := c.Style[name]
	if !ok {
		value = usual
	}
	if name == "backgroundColors" {
		return color(fmt.Sprint(value))
	}
	return value
}

// color takes "#rrggbb" apart, as answers do.
func color(text string) any {
	rgb, err := hex.DecodeString(strings.TrimPrefix(text, "#"))
	if err != nil || len(rgb) != 3 {
		return nil
	}
	return core.Object{"red": rgb[0], "green": rgb[1], "blue": rgb[2], "hexString": text}
}

// rangeUpdate writes nothing unless it can write everything.
func (s *Service) rangeUpdate(req *core.AppRequest) (any, *core.Refusal) {
	sheet, at, r := s.cells(req)
	if r != nil {
		return nil, r
	}
	values, ok := textGrid(req.List("values"))
	if !ok {
		return nil, docError()
	}
	styles, r := readStyles(req, at)
	if r != nil {
		return nil, r
	}
	if _, err := sheet.Cells(at); err != nil {
		return nil, gridRefusal(err)
	}
	asText := func(c grid.Cell) bool {
		if req.Has(numberFormat) {
			return req.Text(numberFormat) == "@"
		}
		return c.Style[numberFormat] == "@"
	}
	if req.Has("values") {
		if err := sheet.Write(at, values, asText); err != nil {
			return nil, gridRefusal(err)
		}
	}
	for name, values := range styles {
		if err := sheet.SetStyle(at, name, values); err != nil {
			return nil, gridRefusal(err)
		}
	}
	for _, name := range []string{numberFormat, "wordWrap"} {
		if req.Has(name) {
			if err := sheet.SetStyles(at, name, req.Text(name)); err != nil {
				return nil, gridRefusal(err)
			}
		}
	}
	return core.Object{"a1Notation": at.String()}, nil
}

// readStyles reads the formats of a request, each as large as the range.
func readStyles(req *core.AppRequest, at grid.Range) (map[string][][]any, *core.Refusal) {
	out := map[string][][]any{}
	for name := range cellStyles() {
		rows := req.List(name)
		if !req.Has(name) {
			continue
		}
		if len(rows) != at.Rows() {
			return nil, docError()
		}
		for _, item := range rows {
			row, ok := item.([]any)
			if !ok || len(row) != at.Columns() || slices.ContainsFunc(row, func(v any) bool { return !validStyle(name, v) }) {
				return nil, docError()
			}
			out[name] = append(out[name], row)
		}
	}
	return out, nil
}

func validStyle(name string, value any) bool {
	text, _ := value.(string)
	switch name {
	case "backgroundColors", "fontColors":
		return color(text) != nil && strings.HasPrefix(text, "#")
	case "fontSizes":
		size, ok := value.(float64)
		return ok && size >= 1
	case "fontWeights":
		return text == "bold" || text == "normal"
	case "horizontalAlignments":
		return slices.Contains([]string{"left", "center", "right", "general"}, text)
	case "verticalAlignments":
		return slices.Contains([]string{"top", "middle", "bottom"}, text)
	case "complexValues":
		return true
	default: // hyperlinks
		link, ok := value.(core.Object)
		return value == nil || ok && slices.Contains([]any{"path", "sheet", "range"}, link["type"])
	}
}

func (s *Service) rangeClear(req *core.AppRequest) (any, *core.Refusal) {
	return s.clearCells(req, true)
}

func (s *Service) rangeClearData(req *core.AppRequest) (any, *core.Refusal) {
	return s.clearCells(req, false)
}

func (s *Service) clearCells(req *core.AppRequest, styles bool) (any, *core.Refusal) {
	sheet, at, r := s.cells(req)
	if r != nil {
		return nil, r
	}
	if err := sheet.Clear(at, styles); err != nil {
		return nil, gridRefusal(err)
	}
	return core.Object{"a1Notation": at.String()}, nil
}
