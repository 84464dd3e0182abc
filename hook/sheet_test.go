package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
)

// q4 is the worksheet of the examples.
var q4 = workbook.Sheet{Workbook: workbook.Workbook{ID: "e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk", OperatorID: union}, SheetID: "st-8dc3a17-11"}

func sheetOperations() map[string]operation {
	at := workbook.CellRange{Rows: 2, Columns: 2}
	row, column := workbook.Rows{First: 2, Count: 1}, workbook.Columns{First: 2, Count: 1}
	return map[string]operation{
		"worksheet_create": {function: "workbook.CreateWorksheet", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.CreateWorksheet(ctx, a, q4.Workbook, "Q4")
		}},
		"worksheet_delete": {function: "workbook.DeleteWorksheet", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, workbook.DeleteWorksheet(ctx, a, q4)
		}},
		"worksheet_get": {function: "workbook.GetWorksheet", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.GetWorksheet(ctx, a, q4)
		}},
		"worksheet_list": {function: "workbook.ListWorksheets", result: "value", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.ListWorksheets(ctx, a, q4.Workbook)
		}},
		"worksheet_update": {function: "workbook.UpdateWorksheet", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.UpdateWorksheet(ctx, a, q4, workbook.WorksheetUpdate{Name: "Q4 final", FrozenRowCount: new(1)})
		}},
		"columns_delete": {function: "workbook.DeleteColumns", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.DeleteColumns(ctx, a, q4, column)
		}},
		"columns_set_visibility": {function: "workbook.SetColumnsVisibility", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.SetColumnsVisibility(ctx, a, q4, column, workbook.Hidden)
		}},
		"columns_insert_before": {function: "workbook.InsertColumnsBefore", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.InsertColumnsBefore(ctx, a, q4, column)
		}},
		"rows_delete": {function: "workbook.DeleteRows", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.DeleteRows(ctx, a, q4, row)
		}},
		"rows_set_visibility": {function: "workbook.SetRowsVisibility", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.SetRowsVisibility(ctx, a, q4, row, workbook.Hidden)
		}},
		"rows_insert_before": {function: "workbook.InsertRowsBefore", result: "id", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.InsertRowsBefore(ctx, a, q4, row)
		}},
		"rows_append_endpoint": {function: "workbook.AppendBelow", result: "a1Notation", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.AppendBelow(ctx, a, q4, [][]string{{"a", "b", "c"}})
		}},
		"range_get": {function: "workbook.GetRange", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.GetRange(ctx, a, q4, at, "values", "formulas", "displayValues")
		}},
		"range_update": {function: "workbook.UpdateRange", result: "a1Notation", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.UpdateRange(ctx, a, q4, at, workbook.RangeUpdate{Values: [][]string{{"name", "qty"}, {"disk", "3"}}})
		}},
		"range_clear_all": {function: "workbook.ClearRange", result: "a1Notation", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.ClearRange(ctx, a, q4, at)
		}},
		"range_clear_data": {function: "workbook.ClearRangeData", result: "a1Notation", call: func(ctx context.Context, a *hook.App) (any, error) {
			return workbook.ClearRangeData(ctx, a, q4, at)
		}},
	}
}

// documentFault is what a call of the knowledge base or a workbook may get in place of
// its answer, with the kind of error that it gives and how often the call is sent: when
// it may be repeated at any time, right away, and not at all.
type documentFault struct {
	status            int
	body              string
	err               error
	safe, again, once sentAs
}

type sentAs struct {
	kind hook.Kind
	sent int
}

func documentFaults() map[string]documentFault {
	same := func(f documentFault, kind hook.Kind, sent int) documentFault {
		f.safe, f.again, f.once = sentAs{kind, sent}, sentAs{kind, sent}, sentAs{kind, sent}
		return f
	}
	lost := func(f documentFault) documentFault {
		f.safe, f.again, f.once = sentAs{hook.KindUnavailable, 3}, sentAs{hook.KindUncertain, 4}, sentAs{hook.KindUncertain, 1}
		return f
	}
	word := func(status int, code string) documentFault {
		return documentFault{status: status, body: `{"code":"` + code + `","message":"because","requestid":"r1"}`}
	}
	busy := same(word(503, "serviceBusy"), hook.KindUnavailable, 1)
	busy.safe.sent = 3
	return map[string]documentFault{
		"wrong argument":     same(word(400, "invalidRequest.inputArgs.invalid"), hook.KindInvalid, 1),
		"a userid":           same(word(400, "invalidRequest.inputArgs.operatorIdIllegal"), hook.KindInvalid, 1),
		"no workbook":        same(word(400, "invalidRequest.resource.notWorkbook"), hook.KindInvalid, 1),
		"not allowed":        same(word(403, "forbidden.accessDenied"), hook.KindAuth, 1),
		"not found":          same(word(404, "invalidRequest.resource.notFound"), hook.KindNotFound, 1),
		"still being made":   same(word(400, "invalidRequest.document.stillInitializing"), hook.KindUnavailable, 3),
		"too often":          same(word(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), hook.KindRateLimited, 3),
		"refused connection": same(documentFault{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}, hook.KindUnavailable, 3),
		"busy":               busy,
		"fault":              lost(word(500, "internalError")),
		"back end timeout":   lost(word(503, "operationTimeout")),
		"cut connection":     lost(documentFault{err: io.ErrUnexpectedEOF}),
		"not as documented":  lost(documentFault{status: 200, body: "[]"}),
	}
}

// Each call knows what an error means and whether it may be made again. The facts list
// these calls as not idempotent, and the deletes as ones that are not found later.
func TestDocumentErrors(t *testing.T) {
	t.Parallel()
	once := []string{
		"workspace_create", "doc_create", "worksheet_create", "columns_delete", "columns_insert_before",
		"rows_delete", "rows_insert_before", "rows_append_endpoint",
	}
	again := []string{"worksheet_delete", "doc_delete"}
	all := wikiOperations()
	maps.Copy(all, sheetOperations())
	for id, op := range all {
		for name, fault := range documentFaults() {
			t.Run(id+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					h := newAppHook(t, tokenAnd(func(*http.Request) (*http.Response, error) {
						sent++
						if fault.err != nil {
							return nil, fault.err
						}
						r := response(fault.body)
						r.StatusCode = fault.status
						return r, nil
					}))
					_, err := op.call(t.Context(), h.App(""))
					want := fault.safe
					switch {
					case slices.Contains(once, id):
						want = fault.once
					case slices.Contains(again, id):
						want = fault.again
					}
					assert.Equal(t, want, sentAs{failed(t, err).Kind, sent}, "%v", err)
				})
			})
		}
	}
}

// A workbook that was just made is waited for, also by calls that must not be made twice:
// nothing was done.
func TestNewWorkbooksAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := []string{`{"code":"invalidRequest.document.stillInitializing"}`, `{"id":"st-1","name":"Q4"}`}
		h := newAppHook(t, tokenAnd(func(*http.Request) (*http.Response, error) {
			r := response(answers[0])
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
	s := startApp(t, answering(`{"id":"x"}`))
	_, err := workbook.GetRange(t.Context(), s.app(t), workbook.Sheet{Workbook: workbook.Workbook{ID: "a/b+c=", OperatorID: "u/+= 1"}, SheetID: "第 4 季/a?b#c%"}, workbook.CellRange{Rows: 1, Columns: 1})
	require.NoError(t, err)
	got := s.got()[0]
	assert.Equal(t, "/v1.0/doc/workbooks/a%2Fb%2Bc%3D/sheets/%E7%AC%AC%204%20%E5%AD%A3%2Fa%3Fb%23c%25/ranges/A1", got.Path)
	assert.Equal(t, "u/+= 1", got.Query.Get("operatorId"))
	assert.Empty(t, got.Query.Get("select"), "all fields")
}

func TestWrongShapesAreRefused(t *testing.T) {
	t.Parallel()
	s := startApp(t, answering(`{}`))
	a := s.app(t)
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
		e := failed(t, err)
		assert.Equal(t, hook.KindInvalid, e.Kind)
		assert.Contains(t, e.Error(), want)
	}
	_, err := workbook.AppendRows(t.Context(), a, q4, workbook.Columns{Count: 2}, [][]string{{"a", "b"}, {"c"}})
	require.ErrorContains(t, err, "has 1 cells in row 2, but there must be 2")
	for _, rows := range [][][]string{nil, {{}}, {{"a"}, {"b", "c"}}} {
		_, err = workbook.InsertRowsWithData(t.Context(), a, q4, 0, 0, rows)
		assert.Equal(t, hook.KindInvalid, failed(t, err).Kind)
	}
	assert.Empty(t, s.got(), "no call is made")
}

// Formats are sent beside the values, and only what is set.
func TestRangeFormats(t *testing.T) {
	t.Parallel()
	s := startApp(t, answering(`{"a1Notation":"A1"}`))
	_, err := workbook.UpdateRange(t.Context(), s.app(t), q4, workbook.CellRange{Rows: 1, Columns: 1}, workbook.RangeUpdate{
		BackgroundColors: [][]string{{"#ff0000"}}, FontColors: [][]string{{"#00ff00"}}, FontSizes: [][]int{{12}}, FontWeights: [][]string{{"bold"}},
		HorizontalAlignments: [][]string{{"left"}}, VerticalAlignments: [][]string{{"top"}},
		Hyperlinks: [][]*workbook.Hyperlink{{{Type: "path", Link: "https://example.com/?a=1&b=2", Text: "x"}}}, NumberFormat: "@", WordWrap: "clip",
	})
	require.NoError(t, err)
	assert.JSONEq(t, `{"backgroundColors":[["#ff0000"]],"fontColors":[["#00ff00"]],"fontSizes":[[12]],"fontWeights":[["bold"]],
		"horizontalAlignments":[["left"]],"verticalAlignments":[["top"]],
		"hyperlinks":[[{"type":"path","link":"https://example.com/?a=1&b=2","text":"x"}]],"numberFormat":"@","wordWrap":"clip"}`, s.got()[0].Body)
}

// Many cells are written in parts of at most MaxWriteCells, each at its own place.
func TestLargeRangesAreWrittenInParts(t *testing.T) {
	t.Parallel()
	values, sizes := make([][]string, 7001), make([][]int, 7001)
	for i := range values {
		values[i], sizes[i] = make([]string, 10), make([]int, 10)
		values[i][0], sizes[i][0] = "x", i
	}
	s := startApp(t, answering(`{"a1Notation":"ignored"}`))
	at := workbook.CellRange{Row: 10, Column: 1, Rows: 7001, Columns: 10}
	written, err := workbook.UpdateRange(t.Context(), s.app(t), q4, at, workbook.RangeUpdate{Values: values, FontSizes: sizes})
	require.NoError(t, err)
	assert.Equal(t, "B11:K7011", written)
	var places []string
	next := 0
	for _, c := range s.got() {
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

	s = startApp(t, answering(`{"a1Notation":"x"}`, `{"code":"forbidden.document.sizeOverLimit","success":false}`))
	_, err = workbook.UpdateRange(t.Context(), s.app(t), q4, at, workbook.RangeUpdate{Values: values})
	e := failed(t, err)
	assert.Equal(t, []int{1, 3}, []int{e.Sent, e.Parts})
	assert.Contains(t, e.Error(), "part 2 of 3")
}
