package wiki_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
)

func TestSandboxDocuments(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	space := apptest.Nested(t, o.Run(t, "dingtalk_create_workspace", "{name: 手册/+=, description: 值班, operator_user_id: user001}"), "workspace_data")
	in := "workspace_id: " + apptest.Text(t, space, "workspaceId") + ", operator_user_id: user001"
	got := apptest.Nested(t, o.Run(t, "dingtalk_get_workspace", "{"+in+", with_permission_role: true}"), "workspace_data")
	assert.Equal(t, []any{"手册/+=", "OWNER"}, []any{got["name"], got["permissionRole"]})
	all := o.Run(t, "dingtalk_get_workspaces", "{operator_user_id: user001, max_results: 1, all: true}")
	assert.Len(t, all["workspace_list"], 2)
	batch := o.Run(t, "dingtalk_batch_get_workspaces", "{workspace_ids: 'DemoSpace0000001, nope', operator_user_id: user001}")
	assert.Len(t, batch["workspace_list"], 1)
	assert.Equal(t, []any{"nope"}, batch["missing_ids"])
	assert.NotEmpty(t, o.Fails(t, "dingtalk_get_workspace", "{workspace_id: nope, operator_user_id: user001}"))
	assert.NotEmpty(t, o.Fails(t, "dingtalk_get_workspace", "{workspace_id: DemoSpace0000001, operator_id: user001}"), "a userid is no unionId")

	folder := apptest.Nested(t, o.Run(t, "dingtalk_create_doc", "{"+in+", name: 归档, doc_type: FOLDER}"), "doc_data")
	parent := apptest.Text(t, folder, "dentryUuid")
	for _, kind := range []string{"DOC", "MIND", "WORKBOOK"} {
		o.Run(t, "dingtalk_create_doc", fmt.Sprintf("{%s, name: %s, doc_type: %s, parent_node_id: %s}", in, kind, kind, parent))
	}
	templates := o.Run(t, "dingtalk_get_doc_templates", "{operator_user_id: user001, all: true}")
	assert.NotEmpty(t, templates["template_list"])
	doc := apptest.Nested(t, o.Run(t, "dingtalk_create_doc", "{"+in+", name: 周报, doc_type: DOC, template_id: DemoTemplate1, template_type: team_template}"), "doc_data")
	top := o.Run(t, "dingtalk_get_node_list", "{"+in+"}")
	assert.Len(t, top["node_list"], 2)
	below := o.Run(t, "dingtalk_get_node_list", "{parent_node_id: "+parent+", operator_user_id: user001, max_results: 2, all: true}")
	assert.Len(t, below["node_list"], 3)
	assert.Equal(t, false, below["has_more"])
	one := o.Run(t, "dingtalk_get_node_list", "{parent_node_id: "+parent+", operator_user_id: user001, max_results: 2}")
	assert.Len(t, one["node_list"], 2)
	assert.Equal(t, true, one["has_more"])

	node := apptest.Nested(t, o.Run(t, "dingtalk_get_workspace_node", "{node_id: "+apptest.Text(t, doc, "dentryUuid")+", operator_user_id: user001}"), "node_data")
	assert.Equal(t, "adoc", node["extension"])
	linked := apptest.Nested(t, o.Run(t, "dingtalk_get_node_by_link", "{node_url: '"+apptest.Text(t, doc, "url")+"?from=chat', operator_user_id: user001}"), "node_data")
	assert.Equal(t, node["nodeId"], linked["nodeId"])
	nodes := o.Run(t, "dingtalk_batch_get_nodes", "{node_ids: ["+parent+", nope], operator_user_id: user001, with_statistical_info: true}")
	assert.Len(t, nodes["node_list"], 1)
	assert.Equal(t, []any{"nope"}, nodes["missing_ids"])

	remove := "{" + in + ", node_id: " + apptest.Text(t, doc, "nodeId")
	assert.Equal(t, true, o.Run(t, "dingtalk_delete_doc", remove+"}")["deleted"])
	assert.NotEmpty(t, o.Fails(t, "dingtalk_delete_doc", remove+"}"))
	assert.Equal(t, false, o.Run(t, "dingtalk_delete_doc", remove+", ignore_missing: true}")["deleted"])
}
