package dingding_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/sandbox"
)

const (
	demoSpace = "workspace_id: DemoSpace0000001, operator_user_id: user001"
	demoSheet = "workbook_id: " + sandbox.DemoWorkbookID + ", operator_user_id: user001"
)

// cells reads a worksheet of the demo workbook.
func (o *office) cells(t *testing.T, title string) sandbox.Sheet {
	t.Helper()
	sheets, err := o.box.Sheets(sandbox.DemoWorkbookID)
	require.NoError(t, err)
	for _, s := range sheets {
		if s.Name == title {
			return s
		}
	}
	t.Fatalf("no sheet %q in %v", title, sheets)
	return sandbox.Sheet{}
}

func TestSandboxDocuments(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	space := nested(t, o.run(t, "dingtalk_create_workspace", "{name: 手册/+=, description: 值班, operator_user_id: user001}"), "workspace_data")
	in := "workspace_id: " + text(t, space, "workspaceId") + ", operator_user_id: user001"
	got := nested(t, o.run(t, "dingtalk_get_workspace", "{"+in+", with_permission_role: true}"), "workspace_data")
	assert.Equal(t, []any{"手册/+=", "OWNER"}, []any{got["name"], got["permissionRole"]})
	all := o.run(t, "dingtalk_get_workspaces", "{operator_user_id: user001, max_results: 1, all: true}")
	assert.Len(t, all["workspace_list"], 2)
	batch := o.run(t, "dingtalk_batch_get_workspaces", "{workspace_ids: 'DemoSpace0000001, nope', operator_user_id: user001}")
	assert.Len(t, batch["workspace_list"], 1)
	assert.Equal(t, []any{"nope"}, batch["missing_ids"])
	assert.NotEmpty(t, o.fails(t, "dingtalk_get_workspace", "{workspace_id: nope, operator_user_id: user001}"))
	assert.NotEmpty(t, o.fails(t, "dingtalk_get_workspace", "{workspace_id: DemoSpace0000001, operator_id: user001}"), "a userid is no unionId")

	folder := nested(t, o.run(t, "dingtalk_create_doc", "{"+in+", name: 归档, doc_type: FOLDER}"), "doc_data")
	parent := text(t, folder, "dentryUuid")
	for _, kind := range []string{"DOC", "MIND", "WORKBOOK"} {
		o.run(t, "dingtalk_create_doc", fmt.Sprintf("{%s, name: %s, doc_type: %s, parent_node_id: %s}", in, kind, kind, parent))
	}
	templates := o.run(t, "dingtalk_get_doc_templates", "{operator_user_id: user001, all: true}")
	assert.NotEmpty(t, templates["template_list"])
	doc := nested(t, o.run(t, "dingtalk_create_doc", "{"+in+", name: 周报, doc_type: DOC, template_id: DemoTemplate1, template_type: team_template}"), "doc_data")
	top := o.run(t, "dingtalk_get_node_list", "{"+in+"}")
	assert.Len(t, top["node_list"], 2)
	below := o.run(t, "dingtalk_get_node_list", "{parent_node_id: "+parent+", operator_user_id: user001, max_results: 2, all: true}")
	assert.Len(t, below["node_list"], 3)
	assert.Equal(t, false, below["has_more"])
	one := o.run(t, "dingtalk_get_node_list", "{parent_node_id: "+parent+", operator_user_id: user001, max_results: 2}")
	assert.Len(t, one["node_list"], 2)
	assert.Equal(t, true, one["has_more"])

	node := nested(t, o.run(t, "dingtalk_get_workspace_node", "{node_id: "+text(t, doc, "dentryUuid")+", operator_user_id: user001}"), "node_data")
	assert.Equal(t, "adoc", node["extension"])
	linked := nested(t, o.run(t, "dingtalk_get_node_by_link", "{node_url: '"+text(t, doc, "url")+"?from=chat', operator_user_id: user001}"), "node_data")
	assert.Equal(t, node["nodeId"], linked["nodeId"])
	nodes := o.run(t, "dingtalk_batch_get_nodes", "{node_ids: ["+parent+", nope], operator_user_id: user001, with_statistical_info: true}")
	assert.Len(t, nodes["node_list"], 1)
	assert.Equal(t, []any{"nope"}, nodes["missing_ids"])

	remove := "{" + in + ", node_id: " + text(t, doc, "nodeId")
	assert.Equal(t, true, o.run(t, "dingtalk_delete_doc", remove+"}")["deleted"])
	assert.NotEmpty(t, o.fails(t, "dingtalk_delete_doc", remove+"}"))
	assert.Equal(t, false, o.run(t, "dingtalk_delete_doc", remove+", ignore_missing: true}")["deleted"])
}

func TestSandboxLinks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	at := "{" + demoSheet + ", sheet_id: 备注, range_address: A1:B1"
	o.run(t, "dingtalk_update_range_data", at+", hyperlinks: [[{type: path, link: 'https://example.com/1', text: the run}, {}]]}")
	data := nested(t, o.run(t, "dingtalk_get_range_data", at+", select: hyperlinks}"), "range_data")
	assert.Equal(t, []any{[]any{map[string]any{"type": "path", "link": "https://example.com/1", "text": "the run"}, nil}}, data["hyperlinks"])
}

func TestSandboxWorksheets(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	assert.InDelta(t, 2, o.run(t, "dingtalk_get_worksheets", "{"+demoSheet+"}")["sheet_count"], 0)
	made := o.run(t, "dingtalk_create_worksheet", "{"+demoSheet+", sheet_name: '第 4 季/+=?'}")
	again := o.run(t, "dingtalk_create_worksheet", "{"+demoSheet+", sheet_name: '第 4 季/+=?'}")
	assert.NotEqual(t, made["sheet_name"], again["sheet_name"], "a name that is taken is changed")
	byTitle := "{" + demoSheet + ", sheet_id: '第 4 季/+=?'"
	data := nested(t, o.run(t, "dingtalk_get_worksheet", byTitle+"}"), "sheet_data")
	assert.Equal(t, made["sheet_id"], data["id"])
	assert.InDelta(t, -1, data["lastNonEmptyRow"], 0)
	o.run(t, "dingtalk_update_worksheet", byTitle+", frozen_row_count: 1, visibility: hidden}")
	sheet := o.cells(t, "第 4 季/+=?")
	assert.Equal(t, []any{1, true}, []any{sheet.FrozenRows, sheet.Hidden})
	o.run(t, "dingtalk_update_worksheet", byTitle+", sheet_name: Q4, frozen_row_count: 0, visibility: visible}")
	assert.Zero(t, o.cells(t, "Q4").FrozenRows)
	remove := "{" + demoSheet + ", sheet_id: Q4"
	o.run(t, "dingtalk_delete_worksheet", remove+"}")
	assert.Equal(t, false, o.run(t, "dingtalk_delete_worksheet", remove+", ignore_missing: true}")["deleted"])
	assert.Contains(t, o.fails(t, "dingtalk_get_worksheets", "{workbook_id: DemoNotesxxxxxxxxxxxxxxxxxxxxxxx, operator_user_id: user001}"), "not a spreadsheet")
}

func TestSandboxCells(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	notes := demoSheet + ", sheet_id: 备注"
	values := func() [][]any { return o.cells(t, "备注").Values }
	updated := o.run(t, "dingtalk_update_range_data", "{"+notes+", range_address: 'b2:c3', values: [[名, 3], [null, =C2*2]], font_weights: [[bold, bold], [normal, normal]]}")
	assert.Equal(t, "B2:C3", nested(t, updated, "update_result")["a1Notation"])
	read := nested(t, o.run(t, "dingtalk_get_range_data", "{"+notes+", range_address: 'B2:C2', select: 'values,fontWeights'}"), "range_data")
	assert.Equal(t, map[string]any{"values": []any{[]any{"名", 3.0}}, "fontWeights": []any{[]any{"bold", "bold"}}}, read)
	o.run(t, "dingtalk_clear_range_data", "{"+notes+", range_address: 'B2:C3'}")
	assert.Empty(t, values())
	read = nested(t, o.run(t, "dingtalk_get_range_data", "{"+notes+", range_address: B2, select: fontWeights}"), "range_data")
	assert.Equal(t, []any{[]any{"bold"}}, read["fontWeights"])
	o.run(t, "dingtalk_clear_range_content", "{"+notes+", range_address: 'A1:Z9'}")
	read = nested(t, o.run(t, "dingtalk_get_range_data", "{"+notes+", range_address: B2, select: fontWeights}"), "range_data")
	assert.Equal(t, []any{[]any{"normal"}}, read["fontWeights"])

	appended := o.run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'A:B', values: [[a, 1], [b, 2], [c, 3]]}")
	assert.Equal(t, "A1:B3", appended["appended_range"])
	appended = o.run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'C1:C9', values: [[x]]}")
	assert.Equal(t, "C1", appended["appended_range"])
	inserted := o.run(t, "dingtalk_insert_rows_before_with_data", "{"+notes+", row: 2, start_column: B, values: [[i, j]], confirm: true}")
	assert.InDelta(t, 1, inserted["inserted_rows"], 0)
	want := [][]any{{"a", 1.0, "x"}, {nil, "i", "j"}, {"b", 2.0, nil}, {"c", 3.0, nil}}
	assert.Equal(t, want, values())

	o.run(t, "dingtalk_insert_rows_before", "{"+notes+", row: 1, row_count: 2}")
	o.run(t, "dingtalk_insert_columns_before", "{"+notes+", column: B}")
	assert.Equal(t, []any{"a", nil, 1.0, "x"}, values()[2])
	o.run(t, "dingtalk_delete_rows", "{"+notes+", row: 1, row_count: 2}")
	o.run(t, "dingtalk_delete_columns", "{"+notes+", column: 2}")
	assert.Equal(t, want, values())
	o.run(t, "dingtalk_set_rows_visibility", "{"+notes+", row: 2, row_count: 2, visibility: hidden}")
	o.run(t, "dingtalk_set_columns_visibility", "{"+notes+", column: C, visibility: hidden}")
	sheet := o.cells(t, "备注")
	assert.Equal(t, []int{1, 2}, sheet.HiddenRows)
	assert.Equal(t, []int{2}, sheet.HiddenColumns)
	assert.NotEmpty(t, o.fails(t, "dingtalk_delete_rows", "{"+notes+", row: 5000}"))
}

// A sheet that is too short becomes longer, also when its last row has content.
func TestSandboxAppendsPastTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	notes := demoSheet + ", sheet_id: 备注"
	size := o.cells(t, "备注").RowCount
	rows := make([][]int, size+10)
	for i := range rows {
		rows[i] = []int{i, -i}
	}
	encoded, err := json.Marshal(rows)
	require.NoError(t, err)
	o.run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'B:C', values: '"+string(encoded)+"'}")
	sheet := o.cells(t, "备注")
	require.Len(t, sheet.Values, len(rows))
	assert.Equal(t, []any{nil, float64(size + 9), -float64(size + 9)}, sheet.Values[size+9])

	last := sheet.RowCount
	o.run(t, "dingtalk_update_range_data", fmt.Sprintf("{%s, range_address: A%d, values: [[end]]}", notes, last))
	appended := o.run(t, "dingtalk_append_rows", "{"+notes+", range_address: 'B:C', values: [[p, q], [r, s], [t, u]]}")
	assert.Equal(t, fmt.Sprintf("B%d:C%d", len(rows)+1, len(rows)+3), appended["appended_range"])
	sheet = o.cells(t, "备注")
	assert.Equal(t, []any{"end", "p", "q"}, sheet.Values[last-1])
	assert.Equal(t, []any{nil, "t", "u"}, sheet.Values[last+1])
}

// What becomes of an append whose answers are lost.
func TestSandboxLosesAnswersOfAppends(t *testing.T) {
	t.Parallel()
	const appendOne = "{" + demoSheet + ", sheet_id: 备注, range_address: A, values: [[x]]}"
	o := newOffice(t)
	o.box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "range.update", Times: 1})
	assert.Equal(t, "A1", o.run(t, "dingtalk_append_rows", appendOne)["appended_range"])
	assert.Equal(t, [][]any{{"x"}}, o.cells(t, "备注").Values, "written once")
	o.box.Fault(sandbox.Fault{Kind: sandbox.FaultBusy, Call: "range.update", Times: 1})
	_, err := execApp(t, o.Task, "dingtalk_append_rows", appendOne)
	assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind, "nothing was written: %v", err)
	o.box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "rows.delete", Times: 1})
	assert.Contains(t, o.fails(t, "dingtalk_delete_rows", "{"+demoSheet+", sheet_id: 备注, row: 1}"), "look before trying again")
	assert.Empty(t, o.cells(t, "备注").Values)
}
