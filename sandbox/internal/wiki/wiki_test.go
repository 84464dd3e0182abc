package wiki_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

const (
	spacePath = "/v2.0/wiki/workspaces/DemoSpace0000001"
	docsPath  = "/v1.0/doc/workspaces/DemoSpace0000001/docs"
)

func root(t *testing.T, o *boxtest.Office) string {
	t.Helper()
	return boxtest.Read[struct{ Workspace struct{ RootNodeID string } }](t, o.Modern(t, 200, http.MethodGet, spacePath+"?"+boxtest.ZhangSan, "")).Workspace.RootNodeID
}

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	got := o.Modern(t, 200, http.MethodPost, "/v2.0/wiki/workspaces?"+boxtest.ZhangSan, `{"name":"手册","option":{"description":"怎么做"}}`)
	w := o.Workspaces()[1]
	want := `"workspaceId":"` + w.ID + `","corpId":"dingdemocorp","rootNodeId":"` + w.RootNodeID + `","name":"手册","type":"TEAM","description":"怎么做",
		"url":"https://alidocs.dingtalk.com/i/spaces/` + w.ID + `/overview","icon":{"type":"EMOJI","value":"1f4d3"},"cover":"",
		"creatorId":"user001","modifierId":"user001","createTime":"2023-11-14T22:13Z","modifiedTime":"2023-11-14T22:13Z"`
	assert.JSONEq(t, `{"workspace":{`+want+`,"permissionRole":"OWNER"}}`, got)
	assert.JSONEq(t, `{"workspace":{`+want+`}}`, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/workspaces/"+w.ID+"?"+boxtest.ZhangSan, ""))
	assert.JSONEq(t, `{"workspaces":[{`+want+`,"permissionRole":"EDITOR"}]}`, o.Modern(t, 200, http.MethodPost,
		"/v2.0/wiki/workspaces/batchQuery?operatorId=union002iE", `{"workspaceIds":["`+w.ID+`","nope"],"option":{"withPermissionRole":true}}`))

	mine := o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/mineWorkspaces?"+boxtest.ZhangSan, "")
	assert.Contains(t, mine, `"type":"PERSONAL"`)
	assert.JSONEq(t, mine, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/mineWorkspaces?"+boxtest.ZhangSan, ""))
}

func TestWorkspaceListInPages(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for i := range 40 {
		_, err := o.AddWorkspace(sandbox.Workspace{Name: "w" + strconv.Itoa(i), Creator: "user001"})
		require.NoError(t, err)
	}
	_, err := o.AddWorkspace(sandbox.Workspace{Name: "secret", Creator: "user009", Members: []string{}})
	require.NoError(t, err)
	type list struct {
		Workspaces []struct{ Name string }
		NextToken  string
	}
	list1 := boxtest.Read[list](t, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/workspaces?"+boxtest.ZhangSan, ""))
	assert.Len(t, list1.Workspaces, 30)
	list2 := boxtest.Read[list](t, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/workspaces?"+boxtest.ZhangSan+"&maxResults=30&nextToken="+url.QueryEscape(list1.NextToken), ""))
	assert.Len(t, list2.Workspaces, 11, "41 that everybody may see")
	assert.Empty(t, list2.NextToken)
	for query, code := range map[string]string{
		"&maxResults=31": "paramError", "&maxResults=0": "paramError", "&maxResults=x": "paramError", "&nextToken=x": "paramError", "&orderBy=NAME": "paramError.orderBy",
	} {
		got := o.Modern(t, 400, http.MethodGet, "/v2.0/wiki/workspaces?"+boxtest.ZhangSan+query, "")
		assert.Equal(t, code, boxtest.Read[struct{ Code string }](t, got).Code, query)
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	type list struct {
		Nodes []struct {
			NodeID, Name, Type, Extension string
			HasChildren                   bool
		}
		NextToken string
	}
	got := boxtest.Read[list](t, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/nodes?"+boxtest.ZhangSan+"&parentNodeId="+root(t, o)+"&maxResults=2", ""))
	require.Len(t, got.Nodes, 2)
	assert.Equal(t, "交接说明.adoc", got.Nodes[0].Name)
	assert.Equal(t, []any{"归档", "FOLDER", true}, []any{got.Nodes[1].Name, got.Nodes[1].Type, got.Nodes[1].HasChildren})
	got2 := boxtest.Read[list](t, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/nodes?"+boxtest.ZhangSan+"&parentNodeId="+root(t, o)+"&maxResults=2&nextToken="+got.NextToken, ""))
	require.Len(t, got2.Nodes, 1)
	assert.Equal(t, []string{sandbox.DemoWorkbookID, "axls"}, []string{got2.Nodes[0].NodeID, got2.Nodes[0].Extension})

	node := o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/nodes/"+sandbox.DemoWorkbookID+"?"+boxtest.ZhangSan, "")
	assert.JSONEq(t, node, o.Modern(t, 200, http.MethodPost, "/v2.0/wiki/nodes/queryByUrl?"+boxtest.ZhangSan,
		`{"url":"https://alidocs.dingtalk.com/i/nodes/`+sandbox.DemoWorkbookID+`?utm=x"}`))
	assert.Contains(t, node, `"createTimestamp":1700000000000`)
	assert.NotContains(t, node, "statisticalInfo")
	batch := o.Modern(t, 200, http.MethodPost, "/v2.0/wiki/nodes/batchQuery?"+boxtest.ZhangSan, `{"nodeIds":["`+sandbox.DemoWorkbookID+`","nope"],"option":{"withStatisticalInfo":true,"withPermissionRole":true}}`)
	assert.Contains(t, batch, `"wordCount":0`)
	assert.Contains(t, batch, `"permissionRole":"OWNER"`)
	assert.Len(t, boxtest.Read[list](t, batch).Nodes, 1)
}

func TestWikiRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	secret, err := o.AddWorkspace(sandbox.Workspace{Name: "secret", Creator: "user009", Members: []string{}})
	require.NoError(t, err)
	hidden, err := o.AddNode(sandbox.Node{WorkspaceID: secret.ID, Name: "x", Extension: "adoc"})
	require.NoError(t, err)
	wiki := "/v2.0/wiki/"
	tests := map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"no operator":    {http.MethodGet, spacePath, "", 400, "MissingoperatorId"},
		"user id":        {http.MethodGet, spacePath + "?operatorId=user001", "", 400, "paramError"},
		"no space":       {http.MethodGet, wiki + "workspaces/nope?" + boxtest.ZhangSan, "", 404, "workspaceNotExist"},
		"a node":         {http.MethodGet, wiki + "workspaces/" + sandbox.DemoWorkbookID + "?" + boxtest.ZhangSan, "", 400, "isNotWorkspace"},
		"secret space":   {http.MethodGet, wiki + "workspaces/" + secret.ID + "?" + boxtest.ZhangSan, "", 403, "permissionDenied"},
		"empty name":     {http.MethodPost, wiki + "workspaces?" + boxtest.ZhangSan, `{"name":""}`, 400, "paramError.name"},
		"no name":        {http.MethodPost, wiki + "workspaces?" + boxtest.ZhangSan, `{}`, 400, "Missingname"},
		"too many":       {http.MethodPost, wiki + "nodes/batchQuery?" + boxtest.ZhangSan, boxtest.Encoded(t, map[string]any{"nodeIds": make([]string, 21)}), 400, "paramError"},
		"too many again": {http.MethodPost, wiki + "workspaces/batchQuery?" + boxtest.ZhangSan, boxtest.Encoded(t, map[string]any{"workspaceIds": make([]string, 21)}), 400, "paramError"},
		"no node":        {http.MethodGet, wiki + "nodes/nope?" + boxtest.ZhangSan, "", 404, "nodeNotExist"},
		"secret node":    {http.MethodGet, wiki + "nodes/" + hidden.ID + "?" + boxtest.ZhangSan, "", 403, "permissionDenied"},
		"secret list":    {http.MethodGet, wiki + "nodes?" + boxtest.ZhangSan + "&parentNodeId=" + secret.RootNodeID, "", 403, "permissionDenied"},
		"no parent":      {http.MethodGet, wiki + "nodes?" + boxtest.ZhangSan + "&parentNodeId=x", "", 404, "parentNodeNotExist"},
		"a space":        {http.MethodGet, wiki + "nodes?" + boxtest.ZhangSan + "&workspaceId=x", "", 400, "MissingparentNodeId"},
		"large page":     {http.MethodGet, wiki + "nodes?" + boxtest.ZhangSan + "&maxResults=51&parentNodeId=" + secret.RootNodeID, "", 403, "permissionDenied"},
		"other address":  {http.MethodPost, wiki + "nodes/queryByUrl?" + boxtest.ZhangSan, `{"url":"https://example.com/i/nodes/x"}`, 400, "paramError"},
		"doc: user id":   {http.MethodPost, docsPath, `{"name":"x","docType":"DOC","operatorId":"user001"}`, 400, "invalidRequest.inputArgs.invalid"},
		"doc: type":      {http.MethodPost, docsPath, `{"name":"x","docType":"TABLE","operatorId":"union001iE"}`, 400, "invalidRequest.inputArgs.invalid"},
		"doc: space":     {http.MethodPost, "/v1.0/doc/workspaces/nope/docs", `{"name":"x","docType":"DOC","operatorId":"union001iE"}`, 404, "invalidRequest.resource.notFound"},
		"doc: secret":    {http.MethodPost, "/v1.0/doc/workspaces/" + secret.ID + "/docs", `{"name":"x","docType":"DOC","operatorId":"union001iE"}`, 403, "forbidden.accessDenied"},
		"doc: parent":    {http.MethodPost, docsPath, `{"name":"x","docType":"DOC","operatorId":"union001iE","parentNodeId":"` + hidden.ID + `"}`, 400, "invalidRequest.workspaceNode.parentNotFound"},
		"doc: template":  {http.MethodPost, docsPath, `{"name":"x","docType":"DOC","operatorId":"union001iE","templateId":"DemoTemplate2"}`, 400, "invalidRequest.template.notFound"},
		"doc: name":      {http.MethodPost, docsPath, `{"name":"容量","docType":"WORKBOOK","operatorId":"union001iE"}`, 400, "invalidRequest.workspaceNode.nameConflict"},
		"delete: none":   {http.MethodDelete, docsPath + "/nope?" + boxtest.ZhangSan, "", 404, "invalidRequest.resource.notFound"},
		"delete: long":   {http.MethodDelete, docsPath + "/" + sandbox.DemoWorkbookID + "?" + boxtest.ZhangSan, "", 404, "invalidRequest.resource.notFound"},
		"delete: other":  {http.MethodDelete, docsPath + "/" + hidden.ShortID + "?" + boxtest.ZhangSan, "", 400, "invalidRequest.workspaceNode.notInWorkspace"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := o.Modern(t, tt.status, tt.method, tt.path, tt.body)
			assert.Equal(t, tt.code, boxtest.Read[struct{ Code string }](t, got).Code, got)
		})
	}
}

func TestDocLife(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	create := func(name, kind, more string) (long, short string) {
		t.Helper()
		got := boxtest.Read[struct{ WorkspaceID, NodeID, DentryUUID, DocKey, URL string }](t, o.Modern(t, 200, http.MethodPost, docsPath,
			`{"name":"`+name+`","docType":"`+kind+`","operatorId":"union002iE"`+more+`}`))
		assert.Equal(t, "https://alidocs.dingtalk.com/i/nodes/"+got.DentryUUID, got.URL)
		return got.DentryUUID, got.NodeID
	}
	folder, folderShort := create("2026年", "FOLDER", "")
	doc, docShort := create("总结", "DOC", `,"parentNodeId":"`+folder+`","templateId":"DemoTemplate1","templateType":"team_template"`)
	book, _ := create("数据", "WORKBOOK", `,"parentNodeId":"`+folderShort+`"`)
	assert.Contains(t, o.Modern(t, 200, http.MethodGet, "/v2.0/wiki/nodes/"+doc+"?"+boxtest.ZhangSan, ""), `"creatorId":"user002"`)
	assert.Contains(t, o.Modern(t, 200, http.MethodGet, "/v1.0/doc/workbooks/"+book+"/sheets?"+boxtest.ZhangSan, ""), `"name":"Sheet1"`)

	status, gone := o.Do(t, http.MethodDelete, docsPath+"/"+folderShort+"?"+boxtest.ZhangSan, "", "x-acs-dingtalk-access-token", o.Token)
	assert.Equal(t, []any{200, ""}, []any{status, gone}, "a success has no body")
	del := func(want int, short string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodDelete, docsPath+"/"+short+"?"+boxtest.ZhangSan, "")
	}
	assert.Contains(t, del(404, folderShort), "invalidRequest.document.deleted")
	assert.Contains(t, del(404, docShort), "invalidRequest.document.deleted", "what lies below goes, too")
	o.Modern(t, 404, http.MethodGet, "/v1.0/doc/workbooks/"+book+"/sheets?"+boxtest.ZhangSan, "")
	create("2026年", "FOLDER", "")
}

func TestDocTemplates(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	all := o.Modern(t, 200, http.MethodGet, "/v1.0/doc/templates?"+boxtest.ZhangSan+"&maxResults=1", "")
	assert.Contains(t, all, `"hasMore":true,"nextToken":"nt1"`)
	one := o.Modern(t, 200, http.MethodGet, "/v1.0/doc/templates?"+boxtest.ZhangSan+"&templateType=public_template", "")
	assert.JSONEq(t, `{"templateList":[{"id":"DemoTemplate2","title":"盘点表","docType":"WORKBOOK","templateType":"public_template","coverUrl":"",
		"workspaceId":"","createTime":1,"updateTime":1}],"hasMore":false,"nextToken":""}`, one)
	o.Modern(t, 400, http.MethodGet, "/v1.0/doc/templates?operatorId=user001", "")
}
