package hook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/wiki"
	"github.com/dingdag/dingdag/hook/workbook"
)

// The ids of the examples.
const (
	union   = "z21HjQliSzpw0YWCNxmii6u"
	spaceID = "By8jQS1ZYjGn5b0M"
	nodeID  = "ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo"
)

func wikiOperations() map[string]operation {
	return map[string]operation{
		"workspace_create": {function: "wiki.CreateWorkspace", result: "workspace", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.CreateWorkspace(ctx, a, union, wiki.NewWorkspace{Name: "Runbooks", Description: "how we run things"})
		}},
		"workspace_get": {function: "wiki.GetWorkspace", result: "workspace", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.GetWorkspace(ctx, a, union, spaceID, true)
		}},
		"workspace_list": {function: "wiki.ListWorkspaces", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.ListWorkspaces(ctx, a, union, wiki.WorkspacesQuery{MaxResults: wiki.MaxWorkspacesPage})
		}},
		"workspace_batch_get": {function: "wiki.BatchGetWorkspaces", result: "workspaces", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.BatchGetWorkspaces(ctx, a, union, []string{spaceID, "nope"}, true)
		}},
		"node_get": {function: "wiki.GetNode", result: "node", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.GetNode(ctx, a, union, nodeID, wiki.NodeDetails{})
		}},
		"node_get_by_url": {function: "wiki.GetNodeByURL", result: "node", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.GetNodeByURL(ctx, a, union, "https://alidocs.dingtalk.com/i/nodes/"+nodeID, wiki.NodeDetails{})
		}},
		"node_list": {function: "wiki.ListNodes", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.ListNodes(ctx, a, union, wiki.NodesQuery{ParentID: "ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk", MaxResults: wiki.MaxNodesPage})
		}},
		"node_batch_get": {function: "wiki.BatchGetNodes", result: "nodes", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.BatchGetNodes(ctx, a, union, []string{nodeID}, wiki.NodeDetails{Statistics: true})
		}},
		"doc_create": {function: "wiki.CreateDoc", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.CreateDoc(ctx, a, union, wiki.NewDoc{WorkspaceID: spaceID, Name: "Capacity", Type: wiki.DocWorkbook})
		}},
		"doc_delete": {function: "wiki.DeleteDoc", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, wiki.DeleteDoc(ctx, a, union, spaceID, "YRBGv0Ye")
		}},
		"doc_templates": {function: "wiki.ListDocTemplates", call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.ListDocTemplates(ctx, a, union, wiki.TemplatesQuery{Type: "team_template", MaxResults: 10})
		}},
	}
}

// What the examples leave out.
func TestWikiOptions(t *testing.T) {
	t.Parallel()
	both := wiki.NodeDetails{Statistics: true, PermissionRole: true}
	for want, call := range map[string]func(context.Context, *hook.App) error{
		`{"operatorId":["u"],"withPermissionRole":["true"],"withStatisticalInfo":["true"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.GetNode(ctx, a, "u", "n", both)
			return err
		},
		`{"operatorId":["u"]} {"url":"x?a=b&c","option":{"withStatisticalInfo":true,"withPermissionRole":true}}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.GetNodeByURL(ctx, a, "u", "x?a=b&c", both)
			return err
		},
		`{"maxResults":["5"],"nextToken":["n/+="],"operatorId":["u"],"parentNodeId":["p"],"withPermissionRole":["true"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.ListNodes(ctx, a, "u", wiki.NodesQuery{ParentID: "p", MaxResults: 5, NextToken: "n/+=", WithRole: true})
			return err
		},
		`{"maxResults":["5"],"nextToken":["n"],"operatorId":["u"],"orderBy":["VIEW_TIME_DESC"],"teamId":["t"],"withPermissionRole":["true"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.ListWorkspaces(ctx, a, "u", wiki.WorkspacesQuery{MaxResults: 5, NextToken: "n", OrderBy: "VIEW_TIME_DESC", TeamID: "t", WithRole: true})
			return err
		},
		`{"operatorId":["u"]} {"name":"群","option":{"teamId":"t"}}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.CreateWorkspace(ctx, a, "u", wiki.NewWorkspace{Name: "群", TeamID: "t"})
			return err
		},
		`{} {"name":"n","docType":"DOC","operatorId":"u","parentNodeId":"p","templateId":"t","templateType":"team_template"}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.CreateDoc(ctx, a, "u", wiki.NewDoc{Name: "n", Type: wiki.DocText, ParentID: "p", TemplateID: "t", TemplateType: "team_template"})
			return err
		},
		`{"maxResults":["1"],"nextToken":["n"],"operatorId":["u"],"templateType":["public_template"],"workspaceId":["w"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := wiki.ListDocTemplates(ctx, a, "u", wiki.TemplatesQuery{Type: "public_template", WorkspaceID: "w", NextToken: "n", MaxResults: 1})
			return err
		},
	} {
		s := startApp(t, answering(`{}`))
		require.NoError(t, call(t.Context(), s.app(t)))
		query, err := json.Marshal(s.got()[0].Query)
		require.NoError(t, err)
		got := string(query)
		if s.got()[0].Body != "" {
			got += " " + s.got()[0].Body
		}
		assert.Equal(t, want, got)
	}
}

// Ids are asked for 20 at a time, and the answers joined.
func TestBatchesOfIDs(t *testing.T) {
	t.Parallel()
	ids := make([]string, 45)
	for i := range ids {
		ids[i] = fmt.Sprint("id", i)
	}
	s := startApp(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			NodeIDs      []string `json:"nodeIds"`
			WorkspaceIDs []string `json:"workspaceIds"`
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		assert.LessOrEqual(t, len(body.NodeIDs)+len(body.WorkspaceIDs), 20)
		var found []map[string]string
		for _, id := range append(body.NodeIDs, body.WorkspaceIDs...) {
			found = append(found, map[string]string{"nodeId": id, "workspaceId": id})
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"nodes": found, "workspaces": found}))
	})
	nodes, err := wiki.BatchGetNodes(t.Context(), s.app(t), union, ids, wiki.NodeDetails{})
	require.NoError(t, err)
	require.Len(t, nodes, 45)
	assert.Equal(t, "id44", nodes[44].NodeID)
	assert.Len(t, s.got(), 3)
	workspaces, err := wiki.BatchGetWorkspaces(t.Context(), s.app(t), union, ids, false)
	require.NoError(t, err)
	require.Len(t, workspaces, 45)
	assert.Equal(t, "id44", workspaces[44].WorkspaceID)
	assert.Len(t, s.got(), 6)
}

// DingTalk says nothing of a deleted document but the status: that is no lost answer. Of
// other calls an empty answer says nothing.
func TestDeleteDocNeedsNoBody(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		s := startApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		require.NoError(t, wiki.DeleteDoc(t.Context(), s.app(t), union, spaceID, "d"))
		assert.Len(t, s.got(), 1, "it is deleted once")
	}
	s := startApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) })
	require.Error(t, wiki.DeleteDoc(t.Context(), s.app(t), union, spaceID, "d"))
	s = startApp(t, answering(""))
	assert.Equal(t, hook.KindUncertain, failed(t, workbook.DeleteWorksheet(t.Context(), s.app(t), q4)).Kind)
}

// A delete whose answer was lost is done again, and then finds nothing to delete.
func TestDeletesWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(context.Context, *hook.App) error{
		"doc":       func(ctx context.Context, a *hook.App) error { return wiki.DeleteDoc(ctx, a, union, spaceID, "d") },
		"worksheet": func(ctx context.Context, a *hook.App) error { return workbook.DeleteWorksheet(ctx, a, q4) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lost := true
			s := startApp(t, func(w http.ResponseWriter, _ *http.Request) {
				status := http.StatusNotFound
				if lost {
					status, lost = http.StatusGatewayTimeout, false
				}
				w.WriteHeader(status)
				if status == http.StatusNotFound {
					io.WriteString(w, `{"code":"invalidRequest.resource.notFound","message":"gone"}`)
				}
			})
			require.NoError(t, remove(t.Context(), s.app(t)))
			assert.Len(t, s.got(), 2)
			assert.Equal(t, hook.KindNotFound, failed(t, remove(t.Context(), s.app(t))).Kind, "not there in the first place")
		})
	}
}
