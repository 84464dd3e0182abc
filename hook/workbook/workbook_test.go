package workbook_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/workbook"
)

// q4 is the worksheet of the examples.
var q4 = workbook.Sheet{Workbook: workbook.Workbook{ID: "e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk", OperatorID: calltest.Union}, SheetID: "st-8dc3a17-11"}

func operations() map[string]calltest.Operation {
	at := workbook.CellRange{Rows: 2, Columns: 2}
	row, column := workbook.Rows{First: 2, Count: 1}, workbook.Columns{First: 2, Count: 1}
	return map[string]calltest.Operation{
		"worksheet_create": {Function: "CreateWorksheet", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.CreateWorksheet(ctx, a, q4.Workbook, "Q4")
		}},
		"worksheet_delete": {Function: "DeleteWorksheet", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, workbook.DeleteWorksheet(ctx, a, q4)
		}},
		"worksheet_get": {Function: "GetWorksheet", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.GetWorksheet(ctx, a, q4)
		}},
		"worksheet_list": {Function: "ListWorksheets", Result: "value", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.ListWorksheets(ctx, a, q4.Workbook)
		}},
		"worksheet_update": {Function: "UpdateWorksheet", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.UpdateWorksheet(ctx, a, q4, workbook.WorksheetUpdate{Name: "Q4 final", FrozenRowCount: new(1)})
		}},
		"columns_delete": {Function: "DeleteColumns", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.DeleteColumns(ctx, a, q4, column)
		}},
		"columns_set_visibility": {Function: "SetColumnsVisibility", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.SetColumnsVisibility(ctx, a, q4, column, workbook.Hidden)
		}},
		"columns_insert_before": {Function: "InsertColumnsBefore", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.InsertColumnsBefore(ctx, a, q4, column)
		}},
		"rows_delete": {Function: "DeleteRows", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.DeleteRows(ctx, a, q4, row)
		}},
		"rows_set_visibility": {Function: "SetRowsVisibility", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.SetRowsVisibility(ctx, a, q4, row, workbook.Hidden)
		}},
		"rows_insert_before": {Function: "InsertRowsBefore", Result: "id", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.InsertRowsBefore(ctx, a, q4, row)
		}},
		"rows_append_endpoint": {Function: "AppendBelow", Result: "a1Notation", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.AppendBelow(ctx, a, q4, [][]string{{"a", "b", "c"}})
		}},
		"range_get": {Function: "GetRange", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.GetRange(ctx, a, q4, at, "values", "formulas", "displayValues")
		}},
		"range_update": {Function: "UpdateRange", Result: "a1Notation", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.UpdateRange(ctx, a, q4, at, workbook.RangeUpdate{Values: [][]string{{"name", "qty"}, {"disk", "3"}}})
		}},
		"range_clear_all": {Function: "ClearRange", Result: "a1Notation", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.ClearRange(ctx, a, q4, at)
		}},
		"range_clear_data": {Function: "ClearRangeData", Result: "a1Notation", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.ClearRangeData(ctx, a, q4, at)
		}},
	}
}

// Each call knows what an error means and whether it may be made again.
func TestDocumentErrors(t *testing.T) {
	t.Parallel()
	calltest.CheckDocumentErrors(t, operations(), []string{
		"worksheet_create", "columns_delete", "columns_insert_before", "rows_delete", "rows_insert_before", "rows_append_endpoint",
	}, []string{"worksheet_delete"})
}

// A workbook that was just made is waited for, also by calls that must not be made twice:
// nothing was done.
func TestNewWorkbooksAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := []string{`{"code":"invalidRequest.document.stillInitializing"}`, `{"id":"st-1","name":"Q4"}`}
		h := calltest.Hook(t, calltest.TokenAnd(func(*http.Request) (*http.Response, error) {
			r := calltest.Response(answers[0])
			if len(answers) > 1 {
				r.StatusCode, answers = http.StatusBadRequest, answers[1:]
			}
			return r, nil
		}))
		began := time.Now()
		got, err := workbook.CreateWorksheet(t.Context(), h.App(""), q4.Workbook, "Q4")
		require.NoError(t, err)
		assert.Equal(t, "st-1", got.ID)
		assert.GreaterOrEqual(t, time.Since(began), 3*time.Second)
	})
}

// Ids and titles go into the path percent-encoded.
func TestSheetTitlesAreEncoded(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"id":"x"}`))
	_, err := workbook.GetRange(t.Context(), s.App(t), workbook.Sheet{Workbook: workbook.Workbook{ID: "a/b+c=", OperatorID: "u/+= 1"}, SheetID: "第 4 季/a?b#c%"}, workbook.CellRange{Rows: 1, Columns: 1})
	require.NoError(t, err)
	got := s.Got()[0]
	assert.Equal(t, "/v1.0/doc/workbooks/a%2Fb%2Bc%3D/sheets/%E7%AC%AC%204%20%E5%AD%A3%2Fa%3Fb%23c%25/ranges/A1", got.Path)
	assert.Equal(t, "u/+= 1", got.Query.Get("operatorId"))
	assert.Empty(t, got.Query.Get("select"), "all fields")
}

func TestWrongShapesAreRefused(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{}`))
	a := s.App(t)
	at := workbook.CellRange{Rows: 1, Columns: 2}
	for want, u := range map[string]workbook.RangeUpdate{
		"values has 2 rows, but A1:B1 has 1":               {Values: [][]string{{"a", "b"}, {"c", "d"}}},
		"values has 1 cells in row 1, but there must be 2": {Values: [][]string{{"a"}}},
		"fontSizes has 0 rows":                             {FontSizes: [][]int{}},
		"hyperlinks has 1 cells in row 1":                  {Hyperlinks: [][]*workbook.Hyperlink{{{}}}},
		"backgroundColors has 3 cells in row 1":            {BackgroundColors: [][]string{{"", "", ""}}},
		"verticalAlignments has 0 cells in row 1":          {VerticalAlignments: [][]string{{}}},
	} {
		_, err := workbook.UpdateRange(t.Context(), a, q4, at, u)
		e := calltest.Failed(t, err)
		assert.Equal(t, hook.KindInvalid, e.Kind)
		assert.Contains(t, e.Error(), want)
	}
	_, err := workbook.AppendRows(t.Context(), a, q4, workbook.Columns{Count: 2}, [][]string{{"a", "b"}, {"c"}})
	require.ErrorContains(t, err, "has 1 cells in row 2, but there must be 2")
	for _, rows := range [][][]string{nil, {{}}, {{"a"}, {"b", "c"}}} {
		_, err = workbook.InsertRowsWithData(t.Context(), a, q4, 0, 0, rows)
		assert.Equal(t, hook.KindInvalid, calltest.Failed(t, err).Kind)
	}
	assert.Empty(t, s.Got(), "no call is made")
}

// Formats are sent beside the values, and only what is set.
func TestRangeFormats(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"a1Notation":"A1"}`))
	_, err := workbook.UpdateRange(t.Context(), s.App(t), q4, workbook.CellRange{Rows: 1, Columns: 1}, workbook.RangeUpdate{
		BackgroundColors: [][]string{{"#ff0000"}}, FontColors: [][]string{{"#00ff00"}}, FontSizes: [][]int{{12}}, FontWeights: [][]string{{"bold"}},
		HorizontalAlignments: [][]string{{"left"}}, VerticalAlignments: [][]string{{"top"}},
		Hyperlinks: [][]*workbook.Hyperlink{{{Type: "path", Link: "https://example.com/?a=1&b=2", Text: "x"}}}, NumberFormat: "@", WordWrap: "clip",
	})
	require.NoError(t, err)
	assert.JSONEq(t, `{"backgroundColors":[["#ff0000"]],"fontColors":[["#00ff00"]],"fontSizes":[[12]],"fontWeights":[["bold"]],
		"horizontalAlignments":[["left"]],"verticalAlignments":[["top"]],
		"hyperlinks":[[{"type":"path","link":"https://example.com/?a=1&b=2","text":"x"}]],"numberFormat":"@","wordWrap":"clip"}`, s.Got()[0].Body)
}

// Many cells are written in parts of at most MaxWriteCells, each at its own place.
func TestLargeRangesAreWrittenInParts(t *testing.T) {
	t.Parallel()
	values, sizes := make([][]string, 7001), make([][]int, 7001)
	for i := range values {
		values[i], sizes[i] = make([]string, 10), make([]int, 10)
		values[i][0], sizes[i][0] = "x", i
	}
	s := calltest.Start(t, calltest.Answering(`{"a1Notation":"ignored"}`))
	at := workbook.CellRange{Row: 10, Column: 1, Rows: 7001, Columns: 10}
	written, err := workbook.UpdateRange(t.Context(), s.App(t), q4, at, workbook.RangeUpdate{Values: values, FontSizes: sizes})
	require.NoError(t, err)
	assert.Equal(t, "B11:K7011", written)
	var places []string
	next := 0
	for _, c := range s.Got() {
		places = append(places, c.Path[strings.LastIndex(c.Path, "/")+1:])
		var body struct {
			Values    [][]string `json:"values"`
			FontSizes [][]int    `json:"fontSizes"`
		}
		require.NoError(t, json.Unmarshal([]byte(c.Body), &body))
		require.Len(t, body.FontSizes, len(body.Values))
		for _, row := range body.FontSizes {
			require.Equal(t, next, row[0])
			next++
		}
	}
	assert.Equal(t, []string{"B11:K3010", "B3011:K6010", "B6011:K7011"}, places)
	assert.Equal(t, 7001, next)

	s = calltest.Start(t, calltest.Answering(`{"a1Notation":"x"}`, `{"code":"forbidden.document.sizeOverLimit","success":false}`))
	_, err = workbook.UpdateRange(t.Context(), s.App(t), q4, at, workbook.RangeUpdate{Values: values})
	e := calltest.Failed(t, err)
	assert.Equal(t, []int{1, 3}, []int{e.Sent, e.Parts})
	assert.Contains(t, e.Error(), "part 2 of 3")
}

// A delete whose answer was lost is done again, and then finds nothing to delete.
func TestDeleteWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	calltest.CheckLostDelete(t, func(ctx context.Context, a *hook.App) error { return workbook.DeleteWorksheet(ctx, a, q4) })
}

// An empty answer says nothing of what was done.
func TestDeleteWorksheetNeedsABody(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(""))
	assert.Equal(t, hook.KindUncertain, calltest.Failed(t, workbook.DeleteWorksheet(t.Context(), s.App(t), q4)).Kind)
}
