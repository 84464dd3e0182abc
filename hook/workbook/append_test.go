package workbook_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/workbook"
)

func TestAppendRowsMatchesTheFacts(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"id":"x","lastNonEmptyRow":4,"lastNonEmptyColumn":2,"rowCount":200,"columnCount":26}`, `{"a1Notation":"A6:C7"}`))
	got, err := workbook.AppendRows(t.Context(), s.App(t), q4, workbook.Columns{Count: 3}, [][]string{{"a", "b", "c"}, {"d", "e", "f"}})
	require.NoError(t, err)
	assert.Equal(t, "A6:C7", got.Range)
	assert.Equal(t, 2, got.Rows)
	calltest.CheckSequence(t, "rows_append", s.Got())
}

func TestInsertRowsWithDataMatchesTheFacts(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"id":"x"}`, `{"a1Notation":"B3:C4"}`))
	got, err := workbook.InsertRowsWithData(t.Context(), s.App(t), q4, 2, 1, [][]string{{"x", "y"}, {"z", "w"}})
	require.NoError(t, err)
	assert.Equal(t, 2, got.Rows)
	assert.Equal(t, "B3:C4", got.Range)
	calltest.CheckSequence(t, "rows_insert_before_with_data", s.Got())
}

// sheetServer answers the calls that appending makes, by the end of their path.
func sheetServer(t *testing.T, info string, cells map[string]string, writes ...int) *calltest.Server {
	t.Helper()
	return calltest.Start(t, func(w http.ResponseWriter, r *http.Request) {
		what := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch {
		case r.Method == http.MethodGet && what == q4.SheetID:
			io.WriteString(w, info)
		case r.Method == http.MethodGet:
			assert.Equal(t, "values,formulas", r.URL.Query().Get("select"))
			assert.Contains(t, cells, what)
			io.WriteString(w, cells[what])
		case len(writes) > 0:
			w.WriteHeader(writes[0])
			writes = writes[1:]
			io.WriteString(w, `{"a1Notation":"`+what+`"}`)
		default:
			io.WriteString(w, `{"a1Notation":"`+what+`"}`)
		}
	})
}

func TestAppendRowsFindsTheRow(t *testing.T) {
	t.Parallel()
	const info = "GET st-8dc3a17-11"
	for name, tt := range map[string]struct {
		sheet   string
		cells   map[string]string
		columns workbook.Columns
		want    []string
	}{
		"empty sheet": {
			`{"lastNonEmptyRow":-1,"lastNonEmptyColumn":-1,"rowCount":200}`, nil,
			workbook.Columns{Count: 1},
			[]string{info, `PUT A1 {"values":[["x"]]}`},
		},
		"columns right of all content": {
			`{"lastNonEmptyRow":8,"lastNonEmptyColumn":1,"rowCount":200}`, nil,
			workbook.Columns{First: 2, Count: 1},
			[]string{info, `PUT C1 {"values":[["x"]]}`},
		},
		"others reach further down": {
			`{"lastNonEmptyRow":4,"lastNonEmptyColumn":3,"rowCount":200}`,
			map[string]string{"B1:B5": `{"values":[["a"],[null],["c"],[""],[null]],"formulas":[[""],[""],[""],[""],[""]]}`},
			workbook.Columns{First: 1, Count: 1},
			[]string{info, "GET B1:B5", `PUT B4 {"values":[["x"]]}`},
		},
		"a formula without a result is content": {
			`{"lastNonEmptyRow":2,"lastNonEmptyColumn":3,"rowCount":200}`,
			map[string]string{"B1:B3": `{"values":[["a"],[""],[""]],"formulas":[[""],["=A1"],[""]]}`},
			workbook.Columns{First: 1, Count: 1},
			[]string{info, "GET B1:B3", `PUT B3 {"values":[["x"]]}`},
		},
		"false and zero are content": {
			`{"lastNonEmptyRow":2,"lastNonEmptyColumn":3,"rowCount":200}`,
			map[string]string{"B1:B3": `{"values":[[0],[false],[null]]}`},
			workbook.Columns{First: 1, Count: 1},
			[]string{info, "GET B1:B3", `PUT B3 {"values":[["x"]]}`},
		},
		"nothing in the columns": {
			`{"lastNonEmptyRow":1,"lastNonEmptyColumn":3,"rowCount":200}`,
			map[string]string{"B1:B2": `{"values":[[null],[null]]}`},
			workbook.Columns{First: 1, Count: 1},
			[]string{info, "GET B1:B2", `PUT B1 {"values":[["x"]]}`},
		},
		"a long sheet is read from its end": {
			`{"lastNonEmptyRow":30001,"lastNonEmptyColumn":3,"rowCount":99999}`,
			map[string]string{"B3:B30002": `{"values":[[null]]}`, "B1:B2": `{"values":[["a"],[null]]}`},
			workbook.Columns{First: 1, Count: 1},
			[]string{info, "GET B3:B30002", "GET B1:B2", `PUT B2 {"values":[["x"]]}`},
		},
		"the sheet is too short": {
			`{"lastNonEmptyRow":2,"lastNonEmptyColumn":0,"rowCount":4}`, nil,
			workbook.Columns{Count: 1},
			[]string{info, `PUT A4 {"values":[["x"]]}`},
		},
		"the sheet is full": {
			`{"lastNonEmptyRow":3,"lastNonEmptyColumn":2,"rowCount":4}`,
			map[string]string{"B1:B4": `{"values":[["a"],["b"],["c"],["d"]]}`},
			workbook.Columns{First: 1, Count: 1},
			[]string{info, "GET B1:B4", `POST appendRows {"values":[["","x",""]]}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sheetServer(t, tt.sheet, tt.cells)
			_, err := workbook.AppendRows(t.Context(), s.App(t), q4, tt.columns, [][]string{{"x"}})
			require.NoError(t, err)
			assert.Equal(t, tt.want, s.Asked(t))
		})
	}
}

// A sheet becomes longer before it is written to: before its last row while that is
// empty, and by DingTalk's own call when it is not.
func TestAppendRowsMakesRoom(t *testing.T) {
	t.Parallel()
	three := [][]string{{"x"}, {"y"}, {"z"}}
	s := sheetServer(t, `{"lastNonEmptyRow":2,"lastNonEmptyColumn":0,"rowCount":5}`, nil)
	got, err := workbook.AppendRows(t.Context(), s.App(t), q4, workbook.Columns{Count: 1}, three)
	require.NoError(t, err)
	assert.Equal(t, "A4:A6", got.Range)
	assert.Equal(t, []string{
		"GET st-8dc3a17-11", `POST insertRowsBefore {"row":4,"rowCount":2}`, `PUT A4:A6 {"values":[["x"],["y"],["z"]]}`,
	}, s.Asked(t))

	s = sheetServer(t, `{"lastNonEmptyRow":4,"lastNonEmptyColumn":1,"rowCount":5}`, map[string]string{"A1:A5": `{"values":[["a"],["b"],["c"],["d"],[null]]}`})
	got, err = workbook.AppendRows(t.Context(), s.App(t), q4, workbook.Columns{Count: 1}, three)
	require.NoError(t, err)
	assert.Equal(t, "A5:A7", got.Range)
	assert.Equal(t, []string{
		"GET st-8dc3a17-11", "GET A1:A5", `PUT A5 {"values":[["x"]]}`, `POST appendRows {"values":[["y",""],["z",""]]}`,
	}, s.Asked(t))
}

func TestAppendRowsAfterFaults(t *testing.T) {
	t.Parallel()
	const empty = `{"lastNonEmptyRow":-1,"lastNonEmptyColumn":-1,"rowCount":99999}`
	big := make([][]string, workbook.MaxWriteCells+1)
	for i := range big {
		big[i] = []string{"x"}
	}
	lost, busy := http.StatusGatewayTimeout, http.StatusServiceUnavailable
	for name, tt := range map[string]struct {
		writes []int
		rows   [][]string
		kind   hook.Kind
		sent   int
		want   string
	}{
		"an answer is lost":          {[]int{lost}, big[:1], "", 2, ""},
		"busy":                       {[]int{busy}, big[:1], hook.KindUnavailable, 1, ""},
		"all answers are lost":       {[]int{lost, lost, lost, lost}, big[:1], hook.KindUncertain, 4, "check before trying again"},
		"lost, then refused":         {[]int{lost, 400}, big[:1], hook.KindUncertain, 2, ""},
		"the second part is refused": {[]int{200, 400}, big, hook.KindUncertain, 2, "part 2 of 2 (part 1 was delivered)"},
		"the second part is busy":    {[]int{200, busy}, big, hook.KindUncertain, 2, "some of the rows were written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sheetServer(t, empty, nil, tt.writes...)
			_, err := workbook.AppendRows(t.Context(), s.App(t), q4, workbook.Columns{Count: 1}, tt.rows)
			assert.Len(t, s.Got(), tt.sent+1)
			if tt.kind == "" {
				require.NoError(t, err)
				return
			}
			e := calltest.Failed(t, err)
			assert.Equal(t, tt.kind, e.Kind)
			assert.Contains(t, e.Error(), tt.want)
		})
	}
}

// When only the rows were inserted, the result says so and the error what to do.
func TestInsertRowsWithDataInPart(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"x"}, {"y"}}
	s := calltest.Start(t, calltest.Answering(`{"id":"x"}`, `{"success":false,"code":"forbidden.document.sizeOverLimit","message":"too large"}`))
	got, err := workbook.InsertRowsWithData(t.Context(), s.App(t), q4, 0, 0, rows)
	e := calltest.Failed(t, err)
	assert.Equal(t, hook.KindUncertain, e.Kind)
	assert.Contains(t, e.Error(), "2 rows were inserted: write the data into A1:A2")
	assert.Equal(t, workbook.Inserted{Rows: 2}, got)

	s = calltest.Start(t, calltest.Answering(`{"success":false}`))
	got, err = workbook.InsertRowsWithData(t.Context(), s.App(t), q4, 0, 0, rows)
	assert.Equal(t, hook.KindInvalid, calltest.Failed(t, err).Kind)
	assert.Zero(t, got)
	assert.Len(t, s.Got(), 1)
}
