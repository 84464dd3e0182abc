package workbook_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/operator/dingding/workbook"
	"github.com/dingdag/dingdag/operator/operatortest"
)

const (
	inSheet   = "workbook_id: w, sheet_id: s, operator_id: u"
	sheetCall = "/v1.0/doc/workbooks/w/sheets/s"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = apptest.Suite(workbook.Specs)

func TestWorksheets(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_create_worksheet": {
			Calls: []string{"worksheet_create"}, Want: `{"sheet_id": "st-8dc3a17-11", "sheet_name": "Q4", "created": true}`,
		},
		"dingtalk_delete_worksheet": {Calls: []string{"worksheet_delete"}, Want: `{"deleted": true}`},
		"dingtalk_get_worksheet": {
			Calls: []string{"worksheet_get"},
			Want: `{"sheet_data": {"id": "st-8dc3a17-11", "name": "Q4", "visibility": "visible", "lastNonEmptyRow": 4,
				"lastNonEmptyColumn": 2, "rowCount": 200, "columnCount": 26, "frozenRowCount": 0, "frozenColumnCount": 0}}`,
		},
		"dingtalk_get_worksheets": {
			Calls: []string{"worksheet_list"},
			Want:  `{"sheet_list": [{"id": "st-8dc3a17-11", "name": "Q4"}, {"id": "st-8dc3a17-12", "name": "Raw"}], "sheet_count": 2}`,
		},
		"dingtalk_update_worksheet": {Calls: []string{"worksheet_update"}, Want: `{"sheet_id": "st-8dc3a17-11", "success": true}`},
	})
}

func TestRowsAndColumns(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_delete_rows":            {Calls: []string{"rows_delete"}, Want: `{"success": true, "deleted_row_count": 1}`},
		"dingtalk_set_rows_visibility":    {Calls: []string{"rows_set_visibility"}, Want: `{"success": true, "affected_row_count": 1}`},
		"dingtalk_insert_rows_before":     {Calls: []string{"rows_insert_before"}, Want: `{"success": true, "inserted_row_count": 1}`},
		"dingtalk_delete_columns":         {Calls: []string{"columns_delete"}, Want: `{"success": true, "deleted_column_count": 1}`},
		"dingtalk_set_columns_visibility": {Calls: []string{"columns_set_visibility"}, Want: `{"success": true, "affected_column_count": 1}`},
		"dingtalk_insert_columns_before":  {Calls: []string{"columns_insert_before"}, Want: `{"success": true, "inserted_column_count": 1}`},
	})
}

func TestRanges(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_get_range_data": {
			Calls: []string{"range_get"},
			Want: `{"range_data": {"values": [["name", "qty"], ["disk", 3]], "formulas": [["", ""], ["", ""]],
				"displayValues": [["name", "qty"], ["disk", "3"]]}}`,
		},
		"dingtalk_update_range_data":   {Calls: []string{"range_update"}, Want: `{"update_result": {"a1Notation": "A1:B2"}}`},
		"dingtalk_clear_range_content": {Calls: []string{"range_clear_all"}, Want: `{"clear_result": {"a1Notation": "A1:B2"}}`},
		"dingtalk_clear_range_data":    {Calls: []string{"range_clear_data"}, Want: `{"clear_result": {"a1Notation": "A1:B2"}}`},
	})
}

// The operators that make several calls send those of the facts.
func TestSequences(t *testing.T) {
	t.Parallel()
	known := apptest.Facts(t)
	for name, tt := range map[string]struct{ facts, want string }{
		"dingtalk_append_rows": {
			"rows_append", `{"append_result": {"a1Notation": "A6:C7"}, "appended_range": "A6:C7", "appended_rows": 2,
				"summary": "2 rows appended at A6:C7", "retryable": false}`,
		},
		"dingtalk_insert_rows_before_with_data": {
			"rows_insert_before_with_data", `{"inserted_rows": 2, "update_result": {"a1Notation": "A1:B2"},
				"summary": "2 rows inserted at A1:B2", "retryable": false}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := suite.Spec(t, name)
			operatortest.Check(t, spec, operatortest.Options{
				Task:    func(t *testing.T) *operatortest.Task { t.Helper(); return apptest.Start(t).Task(t) },
				Secrets: []string{apptest.AppSecret},
			})
			d := apptest.Start(t)
			got, err := suite.Exec(t, d.Task(t), name, spec.Examples[0].YAML)
			require.NoError(t, err)
			encoded, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, tt.want, string(encoded))
			calls := known[tt.facts].Request.Calls
			require.Len(t, d.Got(), len(calls))
			for i, c := range d.Got() {
				path, err := url.PathUnescape(c.Call)
				require.NoError(t, err)
				assert.Equal(t, calls[i].Method+" "+calls[i].Path, path)
				if calls[i].Body != nil {
					body, err := json.Marshal(calls[i].Body)
					require.NoError(t, err)
					assert.JSONEq(t, string(body), c.Body)
				}
			}
		})
	}
}

func TestBadSheets(t *testing.T) {
	t.Parallel()
	two := inSheet + ", range_address: 'A1:B1', values: "
	appended := inSheet + ", range_address: 'A:B', values: "
	inserted := inSheet + ", row: 1, confirm: true, values: "
	suite.CheckBad(t, []apptest.Bad{
		{"dingtalk_create_worksheet", "{workbook_id: w, sheet_name: ''}", "sheet_name", "is empty"},
		{"dingtalk_get_worksheets", "workbook_id: ''", "workbook_id", "is empty"},
		{"dingtalk_get_worksheet", "{workbook_id: w, sheet_id: ''}", "sheet_id", "is empty"},
		{"dingtalk_update_worksheet", "{" + inSheet + "}", "sheet_name", "is missing"},
		{"dingtalk_update_worksheet", "{" + inSheet + ", frozen_row_count: -1}", "frozen_row_count", "at least 0"},
		{"dingtalk_update_worksheet", "{" + inSheet + ", visibility: shown}", "visibility", "must be one of visible, hidden"},
		{"dingtalk_delete_rows", "{" + inSheet + ", row: 0}", "row", "at least 1"},
		{"dingtalk_delete_rows", "{" + inSheet + ", row: A}", "row", "whole number"},
		{"dingtalk_delete_rows", "{" + inSheet + ", row: 1, row_count: 0}", "row_count", "at least 1"},
		{"dingtalk_delete_rows", "{" + inSheet + ", row: 99999999999}", "row", "at most"},
		{"dingtalk_insert_rows_before", "{" + inSheet + ", row: -1}", "row", "text"},
		{"dingtalk_set_rows_visibility", "{" + inSheet + ", row: 1, visibility: shown}", "visibility", "must be one of"},
		{"dingtalk_delete_columns", "{" + inSheet + ", column: 0}", "column", "must be a column"},
		{"dingtalk_delete_columns", "{" + inSheet + ", column: A1}", "column", "must be a column"},
		{"dingtalk_insert_columns_before", "{" + inSheet + ", column: A, column_count: none}", "column_count", "whole number"},
		{"dingtalk_get_range_data", "{" + inSheet + ", range_address: 'A:C'}", "range_address", "such as A1:C3"},
		{"dingtalk_get_range_data", "{" + inSheet + ", range_address: 'C3:A1'}", "range_address", "upper left cell"},
		{"dingtalk_clear_range_data", "{" + inSheet + ", range_address: ''}", "range_address", "such as A1:C3"},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: A1}", "values", "is missing"},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: A1, hyperlinks: [[{type: url, link: x}]]}", "hyperlinks", `row 1, cell 1: type must be path, sheet or range, not "url"`},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: A1, hyperlinks: [[{type: path}]]}", "hyperlinks", "link is missing"},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: A1, hyperlinks: [[{type: path, link: x, url: y}]]}", "hyperlinks", "not url"},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: A1, hyperlinks: [[{}, {}]]}", "hyperlinks", "has 2 cells in row 1"},
		{"dingtalk_update_range_data", "{" + two + "[[a]]}", "values", "has 1 cells in row 1, but there must be 2"},
		{"dingtalk_update_range_data", "{" + two + "[[a, b], [c, d]]}", "values", "has 2 rows, but A1:B1 has 1"},
		{"dingtalk_update_range_data", "{" + two + "'[[\"a\"]]'}", "values", "has 1 cells in row 1"},
		{"dingtalk_update_range_data", "{" + two + "'a, b'}", "values", "JSON text"},
		{"dingtalk_append_rows", "{" + appended + "\"[['a', None]]\"}", "values", "the filter tojson"},
		{"dingtalk_update_range_data", "{" + two + "'[[1, 2]] x'}", "values", "JSON text"},
		{"dingtalk_update_range_data", "{" + two + "[a, b]}", "values", "row 1 must be a list of cells"},
		{"dingtalk_update_range_data", "{" + two + "[[{a: 1}, b]]}", "values", "row 1 has a list or mapping in column 1"},
		{"dingtalk_update_range_data", "{" + two + "[]}", "values", "at least one row"},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: 'A1:B1', font_weights: [[bold]]}", "font_weights", "has 1 cells"},
		{"dingtalk_update_range_data", "{" + inSheet + ", range_address: A1, number_format: General, word_wrap: fold}", "word_wrap", "must be one of"},
		{"dingtalk_append_rows", "{" + appended + "[[a, b], [c]]}", "values", "has 1 cells in row 2, but there must be 2"},
		{"dingtalk_append_rows", "{" + inSheet + ", range_address: '1:2', values: [[a]]}", "range_address", "such as A:C"},
		{"dingtalk_insert_rows_before_with_data", "{" + inSheet + ", row: 1, values: [[a]]}", "confirm", "must be true"},
		{"dingtalk_insert_rows_before_with_data", "{" + inserted + "[[a], [b, c]]}", "values", "has 2 cells in row 2"},
		{"dingtalk_insert_rows_before_with_data", "{" + inserted + "[[]]}", "values", "has no cells"},
		{"dingtalk_insert_rows_before_with_data", "{" + inserted + "[[a]], start_column: '?'}", "start_column", "must be a column"},
	})
}

// People count from 1, DingTalk from 0; letters and numbers name the same column.
func TestCountingFromOne(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, yaml, call, body string }{
		{"dingtalk_delete_rows", "row: 1, row_count: 3", "deleteRows", `{"row":0,"rowCount":3}`},
		{"dingtalk_set_rows_visibility", "row: '7', visibility: visible", "setRowsVisibility", `{"row":6,"rowCount":1,"visibility":"visible"}`},
		{"dingtalk_insert_columns_before", "column: AA, column_count: 2", "insertColumnsBefore", `{"column":26,"columnCount":2}`},
		{"dingtalk_delete_columns", "column: 27", "deleteColumns", `{"column":26,"columnCount":1}`},
	} {
		d := apptest.Start(t)
		_, err := suite.Exec(t, d.Task(t), tt.name, "{"+inSheet+", "+tt.yaml+"}")
		require.NoError(t, err)
		require.Len(t, d.Got(), 1)
		assert.Equal(t, "POST "+sheetCall+"/"+tt.call, d.Got()[0].Call)
		assert.JSONEq(t, tt.body, d.Got()[0].Body)
	}
}

// Cells of any kind are sent as people would type them, from lists and JSON text alike.
func TestCells(t *testing.T) {
	t.Parallel()
	const want = `{"values":[["a","1","2.5","TRUE","","=SUM(A1:B1)","12345678901234567890","0.000001"]]}`
	for _, values := range []string{
		`[[a, 1, 2.5, true, null, "=SUM(A1:B1)", "12345678901234567890", 0.000001]]`,
		`'[["a", 1, 2.5, true, null, "=SUM(A1:B1)", 12345678901234567890, 0.000001]]'`,
	} {
		d := apptest.Start(t)
		_, err := suite.Exec(t, d.Task(t), "dingtalk_update_range_data", "{"+inSheet+", range_address: 'a1:h1', values: "+values+"}")
		require.NoError(t, err)
		require.Len(t, d.Got(), 1)
		assert.Equal(t, "PUT "+sheetCall+"/ranges/A1:H1", d.Got()[0].Call)
		assert.JSONEq(t, want, d.Got()[0].Body)
	}
}

// Templates are left alone until they are rendered, and may give whole lists.
func TestTemplatesInSheets(t *testing.T) {
	t.Parallel()
	for name, yaml := range map[string]string{
		"dingtalk_append_rows":       "range_address: 'A:B', values: '{{ rows }}'",
		"dingtalk_update_range_data": "range_address: '{{ at }}', values: [['{{ rows }}', b]]",
		"dingtalk_delete_rows":       "row: '{{ row }}'",
		"dingtalk_delete_columns":    "column: '{{ column }}', column_count: '{{ n }}'",
	} {
		operatortest.Decode(t, suite.Spec(t, name), "{"+inSheet+", "+yaml+"}")
	}
	spec := suite.Spec(t, "dingtalk_append_rows")
	op := operatortest.Decode(t, spec, "{"+inSheet+", range_address: 'A:B', values: '{{ rows }}'}")
	rendered, err := spec.Render(op, func(field, text string) (any, error) {
		if field == "values" {
			return []any{[]any{"a", 1}, []any{"b", nil}}, nil
		}
		return text, nil
	})
	require.NoError(t, err)
	d := apptest.Start(t)
	got, err := rendered.Execute(t.Context(), d.Task(t).TaskContext)
	require.NoError(t, err)
	result, ok := got.(*workbook.AppendRowsResult)
	require.True(t, ok)
	assert.Equal(t, 2, result.AppendedRows)
}

// What a lost answer means: reading is repeated, appending and deleting are not.
func TestUncertainSheets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, yaml, call string
		want             operator.Kind
		sent             int
	}{
		{"dingtalk_delete_rows", "row: 1", "POST " + sheetCall + "/deleteRows", operator.Failed, 1},
		{"dingtalk_delete_rows", "row: 1, on_uncertain: retry", "POST " + sheetCall + "/deleteRows", operator.Retry, 1},
		{"dingtalk_insert_columns_before", "column: A", "POST " + sheetCall + "/insertColumnsBefore", operator.Failed, 1},
		{
			"dingtalk_insert_rows_before_with_data", "row: 1, values: [[a]], confirm: true",
			"POST " + sheetCall + "/insertRowsBefore", operator.Failed, 1,
		},
	} {
		d := apptest.Start(t)
		d.Answer(tt.call, 504, "")
		_, err := suite.Exec(t, d.Task(t), tt.name, "{"+inSheet+", "+tt.yaml+"}")
		assert.Equal(t, tt.want, operator.Classify(t.Context(), err).Kind, "%v", err)
		assert.Len(t, d.Got(), tt.sent)
	}
	for name, safe := range map[string]bool{
		"dingtalk_append_rows": false, "dingtalk_insert_rows_before_with_data": false,
		"dingtalk_create_worksheet": false, "dingtalk_delete_rows": false,
		"dingtalk_delete_columns": false, "dingtalk_insert_rows_before": false, "dingtalk_insert_columns_before": false,
		"dingtalk_update_range_data": true, "dingtalk_set_rows_visibility": true, "dingtalk_delete_worksheet": true,
	} {
		op := operatortest.Decode(t, suite.Spec(t, name), suite.Spec(t, name).Examples[0].YAML)
		checker, ok := op.(operator.RepeatChecker)
		assert.Equal(t, safe, !ok || checker.RepeatSafe(), name)
	}
}
