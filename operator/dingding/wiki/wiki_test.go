package wiki_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/operator/dingding/wiki"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = apptest.Suite(wiki.Specs)

const operatorID = "operator_id: z21HjQliSzpw0YWCNxmii6u"

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	const runbooks = `"workspaceId": "By8jQS1ZYjGn5b0M", "corpId": "dingcorp", "rootNodeId": "ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk",
		"name": "Runbooks", "type": "TEAM"`
	const page = `"url": "https://alidocs.dingtalk.com/i/spaces/By8jQS1ZYjGn5b0M/overview"`
	const times = `"createTime": "2025-10-09T08:00Z", "modifiedTime": "2025-10-09T08:00Z"`
	const people = `"creatorId": "u001", "modifierId": "u001", "permissionRole": "OWNER"`
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_create_workspace": {
			Calls: []string{"workspace_create"},
			Want: `{"workspace_data": {` + runbooks + `, ` + page + `, ` + times + `, ` + people + `,
				"description": "how we run things", "icon": {"type": "EMOJI", "value": "1f4d3"}}}`,
		},
		"dingtalk_get_workspace": {
			Calls: []string{"workspace_get"},
			Want:  `{"workspace_data": {` + runbooks + `, ` + page + `, ` + times + `, ` + people + `}}`,
		},
		"dingtalk_get_workspaces": {
			Calls: []string{"workspace_list"},
			Want:  `{"workspace_list": [{` + runbooks + `, ` + page + `, ` + times + `}], "next_token": "nt2", "has_more": true}`,
		},
		"dingtalk_batch_get_workspaces": {
			Calls: []string{"workspace_batch_get"},
			Want:  `{"workspace_list": [{` + runbooks + `, "permissionRole": "OWNER"}], "missing_ids": ["nope"]}`,
		},
	})
}

func TestNodes(t *testing.T) {
	t.Parallel()
	const id = `"nodeId": "ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo", "workspaceId": "By8jQS1ZYjGn5b0M", "type": "FILE", "category": "ALIDOC"`
	const capacity = `{` + id + `, "name": "Capacity.axls", "extension": "axls", "hasChildren": false`
	const full = capacity + `, "size": 512, "url": "https://alidocs.dingtalk.com/i/nodes/ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo",
		"creatorId": "u001", "modifierId": "u001", "createTime": "2025-10-09T08:00Z", "modifiedTime": "2025-10-09T08:00Z",
		"createTimestamp": 1759996800000, "modifiedTimestamp": 1759996800000}`
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_get_workspace_node": {Calls: []string{"node_get"}, Want: `{"node_data": ` + full + `}`},
		"dingtalk_get_node_by_link":   {Calls: []string{"node_get_by_url"}, Want: `{"node_data": ` + capacity + `}}`},
		"dingtalk_get_node_list":      {Calls: []string{"node_list"}, Want: `{"node_list": [` + full + `], "next_token": "", "has_more": false}`},
		"dingtalk_batch_get_nodes": {
			Calls: []string{"node_batch_get"},
			Want: `{"node_list": [{` + id + `, "name": "Notes.adoc", "extension": "adoc", "hasChildren": true,
				"statisticalInfo": {"wordCount": 321}}], "missing_ids": []}`,
		},
	})
}

func TestDocs(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_create_doc": {
			Calls: []string{"doc_create"},
			Want: `{"doc_data": {"workspaceId": "By8jQS1ZYjGn5b0M", "nodeId": "YRBGv0Ye", "dentryUuid": "ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo",
				"docKey": "QoJGq7nd", "url": "https://alidocs.dingtalk.com/i/nodes/ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo"}}`,
		},
		"dingtalk_delete_doc": {Calls: []string{"doc_delete"}, Want: `{"deleted": true}`},
		"dingtalk_get_doc_templates": {
			Calls: []string{"doc_templates"},
			Want: `{"template_list": [{"id": "123243", "title": "Report", "docType": "DOC", "templateType": "team_template",
				"workspaceId": "By8jQS1ZYjGn5b0M", "createTime": 1, "updateTime": 2}], "next_token": "", "has_more": false}`,
		},
	})
}

func TestBadDocuments(t *testing.T) {
	t.Parallel()
	suite.CheckBad(t, []apptest.Bad{
		{"dingtalk_create_workspace", "name: ''", "name", "is empty"},
		{"dingtalk_get_workspace", "workspace_id: ''", "workspace_id", "is empty"},
		{"dingtalk_get_workspace", "{workspace_id: w, operator_id: a, operator_user_id: b}", "operator_user_id", "excludes operator_id"},
		{"dingtalk_get_workspaces", "max_results: 31", "max_results", "at most 30"},
		{"dingtalk_get_workspaces", "max_results: 0", "max_results", "at least 1"},
		{"dingtalk_get_workspaces", "order_by: NAME", "order_by", "must be one of"},
		{"dingtalk_batch_get_workspaces", "workspace_ids: []", "workspace_ids", "is empty"},
		{"dingtalk_get_workspace_node", "node_id: ''", "node_id", "is empty"},
		{"dingtalk_get_node_by_link", "node_url: ''", "node_url", "is empty"},
		{"dingtalk_get_node_list", "{}", "parent_node_id", "workspace_id for the top"},
		{"dingtalk_get_node_list", "{parent_node_id: n, max_results: 51}", "max_results", "at most 50"},
		{"dingtalk_get_node_list", "{parent_node_id: n, all: true, max_items: 0}", "max_items", "at least 1"},
		{"dingtalk_batch_get_nodes", "node_ids: [a, '']", "node_ids", "empty element"},
		{"dingtalk_create_doc", "{workspace_id: w, name: n, doc_type: SHEET}", "doc_type", "must be one of DOC, WORKBOOK, MIND, FOLDER"},
		{"dingtalk_create_doc", "{workspace_id: w, name: '', doc_type: DOC}", "name", "is empty"},
		{"dingtalk_create_doc", "{workspace_id: w, name: n, doc_type: DOC, template_type: team_template}", "template_type", "needs a template_id"},
		{"dingtalk_create_doc", "{workspace_id: w, name: n, doc_type: DOC, template_id: t, template_type: mine}", "template_type", "must be one of"},
		{"dingtalk_delete_doc", "{workspace_id: w, node_id: ''}", "node_id", "is empty"},
		{"dingtalk_get_doc_templates", "template_type: mine", "template_type", "must be one of"},
	})
}

// Without a parent the top of the knowledge base is listed, and a userid is looked up.
func TestNodesAtTheTop(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer("POST /topapi/v2/user/get", 200, `{"errcode":0,"result":{"userid":"u7","unionid":"union7"}}`)
	got, err := suite.Exec(t, d.Task(t), "dingtalk_get_node_list", "{workspace_id: w/1, operator_user_id: u7}")
	require.NoError(t, err)
	result, ok := got.(*wiki.GetNodeListResult)
	require.True(t, ok)
	assert.Len(t, result.NodeList, 1)
	var calls []string
	for _, c := range d.Got() {
		calls = append(calls, c.Call+"?"+c.Query.Encode()+c.Body)
	}
	assert.Equal(t, []string{
		`POST /topapi/v2/user/get?{"userid":"u7"}`,
		"GET /v2.0/wiki/workspaces/w%2F1?operatorId=union7",
		"GET /v2.0/wiki/nodes?maxResults=50&operatorId=union7&parentNodeId=ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk",
	}, calls)
}

func TestAllNodes(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer("GET /v2.0/wiki/nodes", 200, `{"nodes":[{"nodeId":"a"},{"nodeId":"b"}],"nextToken":"t/+="}`, `{"nodes":[{"nodeId":"c"}]}`)
	got, err := suite.Exec(t, d.Task(t), "dingtalk_get_node_list", "{parent_node_id: p, all: true, "+operatorID+"}")
	require.NoError(t, err)
	result, ok := got.(*wiki.GetNodeListResult)
	require.True(t, ok)
	require.Len(t, result.NodeList, 3)
	assert.False(t, result.HasMore)
	assert.Equal(t, "t/+=", d.Got()[1].Query.Get("nextToken"))
}

// What is not there may count as deleted; a wrong path never does.
func TestMissingDocuments(t *testing.T) {
	t.Parallel()
	gone := `{"code":"invalidRequest.document.deleted","message":"deleted"}`
	for _, tt := range []struct {
		yaml, answer string
		ok           bool
	}{
		{"", gone, false},
		{", ignore_missing: true", gone, true},
		{", ignore_missing: true", `{"code":"InvalidAction.NotFound","message":"no such path"}`, false},
	} {
		d := apptest.Start(t)
		d.Answer("DELETE /v1.0/doc/workspaces/w/docs/n", 404, tt.answer)
		got, err := suite.Exec(t, d.Task(t), "dingtalk_delete_doc", "{workspace_id: w, node_id: n, "+operatorID+tt.yaml+"}")
		if !tt.ok {
			assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind, "%v", err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, &appcall.DeletedResult{}, got)
	}
}

// A lost answer is repeated where that makes nothing twice.
func TestRepeatSafe(t *testing.T) {
	t.Parallel()
	for name, safe := range map[string]bool{
		"dingtalk_create_doc": false, "dingtalk_create_workspace": false, "dingtalk_delete_doc": true, "dingtalk_get_node_list": true,
	} {
		op := operatortest.Decode(t, suite.Spec(t, name), suite.Spec(t, name).Examples[0].YAML)
		checker, ok := op.(operator.RepeatChecker)
		assert.Equal(t, safe, !ok || checker.RepeatSafe(), name)
	}
}
