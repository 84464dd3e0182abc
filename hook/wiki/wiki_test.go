package wiki_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/wiki"
)

// The ids of the examples.
const (
	spaceID = "By8jQS1ZYjGn5b0M"
	nodeID  = "ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo"
)

func operations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"workspace_create": {Function: "CreateWorkspace", Result: "workspace", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.CreateWorkspace(ctx, a, calltest.Union, wiki.NewWorkspace{Name: "Runbooks", Description: "how we run things"})
		}},
		"workspace_get": {Function: "GetWorkspace", Result: "workspace", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.GetWorkspace(ctx, a, calltest.Union, spaceID, true)
		}},
		"workspace_list": {Function: "ListWorkspaces", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.ListWorkspaces(ctx, a, calltest.Union, wiki.WorkspacesQuery{MaxResults: wiki.MaxWorkspacesPage})
		}},
		"workspace_batch_get": {Function: "BatchGetWorkspaces", Result: "workspaces", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.BatchGetWorkspaces(ctx, a, calltest.Union, []string{spaceID, "nope"}, true)
		}},
		"node_get": {Function: "GetNode", Result: "node", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.GetNode(ctx, a, calltest.Union, nodeID, wiki.NodeDetails{})
		}},
		"node_get_by_url": {Function: "GetNodeByURL", Result: "node", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.GetNodeByURL(ctx, a, calltest.Union, "https://alidocs.dingtalk.com/i/nodes/"+nodeID, wiki.NodeDetails{})
		}},
		"node_list": {Function: "ListNodes", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.ListNodes(ctx, a, calltest.Union, wiki.NodesQuery{ParentID: "ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk", MaxResults: wiki.MaxNodesPage})
		}},
		"node_batch_get": {Function: "BatchGetNodes", Result: "nodes", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.BatchGetNodes(ctx, a, calltest.Union, []string{nodeID}, wiki.NodeDetails{Statistics: true})
		}},
		"doc_create": {Function: "CreateDoc", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.CreateDoc(ctx, a, calltest.Union, wiki.NewDoc{WorkspaceID: spaceID, Name: "Capacity", Type: wiki.DocWorkbook})
		}},
		"doc_delete": {Function: "DeleteDoc", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, wiki.DeleteDoc(ctx, a, calltest.Union, spaceID, "YRBGv0Ye")
		}},
		"doc_templates": {Function: "ListDocTemplates", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return wiki.ListDocTemplates(ctx, a, calltest.Union, wiki.TemplatesQuery{Type: "team_template", MaxResults: 10})
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
		s := calltest.Start(t, calltest.Answering(`{}`))
		require.NoError(t, call(t.Context(), s.App(t)))
		query, err := json.Marshal(s.Got()[0].Query)
		require.NoError(t, err)
		got := string(query)
		if s.Got()[0].Body != "" {
			got += " " + s.Got()[0].Body
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
	s := calltest.Start(t, func(w http.ResponseWriter, r *http.Request) {
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
	nodes, err := wiki.BatchGetNodes(t.Context(), s.App(t), calltest.Union, ids, wiki.NodeDetails{})
	require.NoError(t, err)
	require.Len(t, nodes, 45)
	assert.Equal(t, "id44", nodes[44].NodeID)
	assert.Len(t, s.Got(), 3)
	workspaces, err := wiki.BatchGetWorkspaces(t.Context(), s.App(t), calltest.Union, ids, false)
	require.NoError(t, err)
	require.Len(t, workspaces, 45)
	assert.Equal(t, "id44", workspaces[44].WorkspaceID)
	assert.Len(t, s.Got(), 6)
}

// DingTalk says nothing of a deleted document but the status: that is no lost answer.
func TestDeleteDocNeedsNoBody(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		s := calltest.Start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		require.NoError(t, wiki.DeleteDoc(t.Context(), s.App(t), calltest.Union, spaceID, "d"))
		assert.Len(t, s.Got(), 1, "it is deleted once")
	}
	s := calltest.Start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) })
	require.Error(t, wiki.DeleteDoc(t.Context(), s.App(t), calltest.Union, spaceID, "d"))
}

// A delete whose answer was lost is done again, and then finds nothing to delete.
func TestDeleteWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	calltest.CheckLostDelete(t, func(ctx context.Context, a *hook.App) error {
		return wiki.DeleteDoc(ctx, a, calltest.Union, spaceID, "d")
	})
}

// Each call knows what an error means and whether it may be made again.
func TestDocumentErrors(t *testing.T) {
	t.Parallel()
	calltest.CheckDocumentErrors(t, operations(), []string{"workspace_create", "doc_create"}, []string{"doc_delete"})
}
