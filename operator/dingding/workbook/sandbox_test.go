package workbook_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/sandbox"
)

const demoSheet = "workbook_id: " + sandbox.DemoWorkbookID + ", operator_user_id: user001"

// cells reads a worksheet of the demo workbook.
func cells(t *testing.T, o *apptest.Office, title string) sandbox.Sheet {
	t.Helper()
	sheets, err := o.Box.Sheets(sandbox.DemoWorkbookID)
	require.NoError(t, err)
	for _, s := range sheets {
		if s.Name == title {
			return s
		}
	}
	t.Fatalf("no sheet %q in %v", title, sheets)
	return sandbox.Sheet{}
}

func TestSandboxLinks(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	at := "{" + demoSheet + ", sheet_id: 备注, range_address: A1:B1"
	o.Run(t, "dingtalk_update_range_data", at+", hyperlinks: [[{type: path, link: 'https://example.com/1', text: the run}, {}]]}")
	data := apptest.Nested(t, o.Run(t, "dingtalk_get_range_data", at+", select: hyperlinks}"), "range_data")
	assert.Equal(t, []any{[]any{map[string]any{"type": "path", "link": "https://example.com/1", "text": "the run"}, nil}}, data["hyperlinks"])
}

func TestSandboxWorksheets(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	assert.InDelta(t, 2, o.Run(t, "dingtalk_get_worksheets", "{"+demoSheet+"}")["sheet_count"], 0)
	made := o.Run(t, "dingtalk_create_worksheet", "{"+demoSheet+", sheet_name: '第 4 季/+=?'}")
	again := o.Run(t, "dingtalk_create_worksheet", "{"+demoSheet+", sheet_name: '第 4 季/+=?'}")
	assert.NotEqual(t, made["sheet_name"], again["sheet_name"], "a name that is taken is changed")
	byTitle := "{" + demoSheet + ", sheet_id: '第 4 季/+=?'"
	data := apptest.Nested(t, o.Run(t, "dingtalk_get_worksheet", byTitle+"}"), "sheet_data")
	assert.Equal(t, made["sheet_id"], data["id"])
	assert.InDelta(t, -1, data["lastNonEmptyRow"], 0)
	o.Run(t, "dingtalk_update_worksheet", byTitle+", frozen_row_count: 1, visibility: hidden}")
	sheet := cells(t, o, "第 4 季/+=?")
	assert.Equal(t, []any{1, true}, []any{sheet.FrozenRows, sheet.Hidden})
	o.Run(t, "dingtalk_update_worksheet", byTitle+", sheet_name: Q4, frozen_row_count: 0, visibility: visible}")
	assert.Zero(t, cells(t, o, "Q4").FrozenRows)
	remove := "{" + demoSheet + ", sheet_id: Q4"
	o.Run(t, "dingtalk_delete_worksheet", remove+"}")
	assert.Equal(t, false, o.Run(t, "dingtalk_delete_worksheet", remove+", ignore_missing: true}")["deleted"])
	assert.Contains(t, o.Fails(t, "dingtalk_get_worksheets", "{workbook_id: DemoNotesxxxxxxxxxxxxxxxxxxxxxxx, operator_user_id: user001}"), "not a spreadsheet")
}

func TestSandboxCells(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	notes := demoSheet + ", sheet_id: 备注"
	values := func() [][]any { return cells(t, o, "备注").Values }
	updated := o.Run(t, "dingtalk_update_range_data", "{"+notes+", range_address: 'b2:c3', values: [[名, 3], [null, =C2*2]], font_weights: [[bold, bold], [normal, normal]]}")
	assert.Equal(t, "B2:C3", apptest.Nested(t, updated, "update_result")["a1Notation"])
	read := apptest.Nested(t, o.Run(t, "dingtalk_get_range_data", "{"+notes+", range_address: 'B2:C2', select: 'values,fontWeights'}"), "range_data")
	assert.Equal(t, map[string]any{"values": []any{[]any{"名", 3.0}}, "fontWeights": []any{[]any{"bold", "bold"}}}, read)
	o.Run(t, "dingtalk_clear_range_data", "{"+notes+", range_address: 'B2:C3'}")
	assert.Empty(t, values())
	read = apptest.Nested(t, o.Run(t, "dingtalk_get_range_data", "{"+notes+", range_address: B2, select: fontWeights}"), "range_data")
	assert.Equal(t, []any{[]any{"bold"}}, read["fontWeights"])
	o.Run(t, "dingtalk_clear_range_content", "{"+notes+", range_address: 'A1:Z9'}")
	read = apptest.Nested(t, o.Run(t, "dingtalk_get_range_data", "{"+notes+", range_address: B2, select: fontWeights}"), "range_data")
	assert.Equal(t, []any{[]any{"normal"}}, read["fontWeights"])

	appended := o.Run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'A:B', values: [[a, 1], [b, 2], [c, 3]]}")
	assert.Equal(t, "A1:B3", appended["appended_range"])
	appended = o.Run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'C1:C9', values: [[x]]}")
	assert.Equal(t, "C1", appended["appended_range"])
	inserted := o.Run(t, "dingtalk_insert_rows_before_with_data", "{"+notes+", row: 2, start_column: B, values: [[i, j]], confirm: true}")
	assert.InDelta(t, 1, inserted["inserted_rows"], 0)
	want := [][]any{{"a", 1.0, "x"}, {nil, "i", "j"}, {"b", 2.0, nil}, {"c", 3.0, nil}}
	assert.Equal(t, want, values())

	o.Run(t, "dingtalk_insert_rows_before", "{"+notes+", row: 1, row_count: 2}")
	o.Run(t, "dingtalk_insert_columns_before", "{"+notes+", column: B}")
	assert.Equal(t, []any{"a", nil, 1.0, "x"}, values()[2])
	o.Run(t, "dingtalk_delete_rows", "{"+notes+", row: 1, row_count: 2}")
	o.Run(t, "dingtalk_delete_columns", "{"+notes+", column: 2}")
	assert.Equal(t, want, values())
	o.Run(t, "dingtalk_set_rows_visibility", "{"+notes+", row: 2, row_count: 2, visibility: hidden}")
	o.Run(t, "dingtalk_set_columns_visibility", "{"+notes+", column: C, visibility: hidden}")
	sheet := cells(t, o, "备注")
	assert.Equal(t, []int{1, 2}, sheet.HiddenRows)
	assert.Equal(t, []int{2}, sheet.HiddenColumns)
	assert.NotEmpty(t, o.Fails(t, "dingtalk_delete_rows", "{"+notes+", row: 5000}"))
}

// A sheet that is too short becomes longer, also when its last row has content.
func TestSandboxAppendsPastTheEnd(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	notes := demoSheet + ", sheet_id: 备注"
	size := cells(t, o, "备注").RowCount
	rows := make([][]int, size+10)
	for i := range rows {
		rows[i] = []int{i, -i}
	}
	encoded, err := json.Marshal(rows)
	require.NoError(t, err)
	o.Run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'B:C', values: '"+string(encoded)+"'}")
	sheet := cells(t, o, "备注")
	require.Len(t, sheet.Values, len(rows))
	assert.Equal(t, []any{nil, float64(size + 9), -float64(size + 9)}, sheet.Values[size+9])

	last := sheet.RowCount
	o.Run(t, "dingtalk_update_range_data", fmt.Sprintf("{%s, range_address: A%d, values: [[end]]}", notes, last))
	appended := o.Run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'B:C', values: [[p, q], [r, s], [t, u]]}")
	assert.Equal(t, fmt.Sprintf("B%d:C%d", len(rows)+1, len(rows)+3), appended["appended_range"])
	sheet = cells(t, o, "备注")
	assert.Equal(t, []any{"end", "p", "q"}, sheet.Values[last-1])
	assert.Equal(t, []any{nil, "t", "u"}, sheet.Values[last+1])
}

// What becomes of an append whose answers are lost.
func TestSandboxLosesAnswersOfAppends(t *testing.T) {
	t.Parallel()
	const appendOne = "{" + demoSheet + ", sheet_id: 备注, range_address: A, values: [[x]]}"
	o := suite.Office(t)
	o.Box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "range.update", Times: 1})
	assert.Equal(t, "A1", o.Run(t, "dingtalk_append_rows", appendOne)["appended_range"])
	assert.Equal(t, [][]any{{"x"}}, cells(t, o, "备注").Values, "written once")
	o.Box.Fault(sandbox.Fault{Kind: sandbox.FaultBusy, Call: "range.update", Times: 1})
	_, err := suite.Exec(t, o.Task, "dingtalk_append_rows", appendOne)
	assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind, "nothing was written: %v", err)
	o.Box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "rows.delete", Times: 1})
	assert.Contains(t, o.Fails(t, "dingtalk_delete_rows", "{"+demoSheet+", sheet_id: 备注, row: 1}"), "check before trying again")
	assert.Empty(t, cells(t, o, "备注").Values)
}
