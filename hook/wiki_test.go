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
)

// The ids of the examples.
const (
	union   = "z21HjQliSzpw0YWCNxmii6u"
	spaceID = "By8jQS1ZYjGn5b0M"
	nodeID  = "ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo"
)

func wikiOperations() map[string]operation {
	return map[string]operation{
		"workspace_create": {method: "CreateWorkspace", result: "workspace", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.CreateWorkspace(ctx, union, hook.NewWorkspace{Name: "Runbooks", Description: "how we run things"})
		}},
		"workspace_get": {method: "GetWorkspace", result: "workspace", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.GetWorkspace(ctx, union, spaceID, true)
		}},
		"workspace_list": {method: "ListWorkspaces", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.ListWorkspaces(ctx, union, hook.WorkspacesQuery{MaxResults: hook.MaxWorkspacesPage})
		}},
		"workspace_batch_get": {method: "BatchGetWorkspaces", result: "workspaces", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.BatchGetWorkspaces(ctx, union, []string{spaceID, "nope"}, true)
		}},
		"node_get": {method: "GetNode", result: "node", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.GetNode(ctx, union, nodeID, hook.NodeDetails{})
		}},
		"node_get_by_url": {method: "GetNodeByURL", result: "node", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.GetNodeByURL(ctx, union, "https://alidocs.dingtalk.com/i/nodes/"+nodeID, hook.NodeDetails{})
		}},
		"node_list": {method: "ListNodes", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.ListNodes(ctx, union, hook.NodesQuery{ParentID: "ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk", MaxResults: hook.MaxNodesPage})
		}},
		"node_batch_get": {method: "BatchGetNodes", result: "nodes", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.BatchGetNodes(ctx, union, []string{nodeID}, hook.NodeDetails{Statistics: true})
		}},
		"doc_create": {method: "CreateDoc", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.CreateDoc(ctx, union, hook.NewDoc{WorkspaceID: spaceID, Name: "Capacity", Type: hook.DocWorkbook})
		}},
		"doc_delete": {method: "DeleteDoc", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.DeleteDoc(ctx, union, spaceID, "YRBGv0Ye")
		}},
		"doc_templates": {method: "ListDocTemplates", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.ListDocTemplates(ctx, union, hook.TemplatesQuery{Type: "team_template", MaxResults: 10})
		}},
	}
}

// What the examples leave out.
func TestWikiOptions(t *testing.T) {
	t.Parallel()
	both := hook.NodeDetails{Statistics: true, PermissionRole: true}
	for want, call := range map[string]func(context.Context, *hook.App) error{
		`{"operatorId":["u"],"withPermissionRole":["true"],"withStatisticalInfo":["true"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.GetNode(ctx, "u", "n", both)
			return err
		},
		`{"operatorId":["u"]} {"url":"x?a=b&c","option":{"withStatisticalInfo":true,"withPermissionRole":true}}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.GetNodeByURL(ctx, "u", "x?a=b&c", both)
			return err
		},
		`{"maxResults":["5"],"nextToken":["n/+="],"operatorId":["u"],"parentNodeId":["p"],"withPermissionRole":["true"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.ListNodes(ctx, "u", hook.NodesQuery{ParentID: "p", MaxResults: 5, NextToken: "n/+=", WithRole: true})
			return err
		},
		`{"maxResults":["5"],"nextToken":["n"],"operatorId":["u"],"orderBy":["VIEW_TIME_DESC"],"teamId":["t"],"withPermissionRole":["true"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.ListWorkspaces(ctx, "u", hook.WorkspacesQuery{MaxResults: 5, NextToken: "n", OrderBy: "VIEW_TIME_DESC", TeamID: "t", WithRole: true})
			return err
		},
		`{"operatorId":["u"]} {"name":"群","option":{"teamId":"t"}}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.CreateWorkspace(ctx, "u", hook.NewWorkspace{Name: "群", TeamID: "t"})
			return err
		},
		`{} {"name":"n","docType":"DOC","operatorId":"u","parentNodeId":"p","templateId":"t","templateType":"team_template"}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.CreateDoc(ctx, "u", hook.NewDoc{Name: "n", Type: hook.DocText, ParentID: "p", TemplateID: "t", TemplateType: "team_template"})
			return err
		},
		`{"maxResults":["1"],"nextToken":["n"],"operatorId":["u"],"templateType":["public_template"],"workspaceId":["w"]}`: func(ctx context.Context, a *hook.App) error {
			_, err := a.ListDocTemplates(ctx, "u", hook.TemplatesQuery{Type: "public_template", WorkspaceID: "w", NextToken: "n", MaxResults: 1})
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
	nodes, err := s.app(t).BatchGetNodes(t.Context(), union, ids, hook.NodeDetails{})
	require.NoError(t, err)
	require.Len(t, nodes, 45)
	assert.Equal(t, "id44", nodes[44].NodeID)
	assert.Len(t, s.got(), 3)
	workspaces, err := s.app(t).BatchGetWorkspaces(t.Context(), union, ids, false)
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
		require.NoError(t, s.app(t).DeleteDoc(t.Context(), union, spaceID, "d"))
		assert.Len(t, s.got(), 1, "it is deleted once")
	}
	s := startApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) })
	require.Error(t, s.app(t).DeleteDoc(t.Context(), union, spaceID, "d"))
	s = startApp(t, answering(""))
	assert.Equal(t, hook.KindUncertain, failed(t, s.app(t).DeleteWorksheet(t.Context(), q4)).Kind)
}

// A delete whose answer was lost is done again, and then finds nothing to delete.
func TestDeletesWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(context.Context, *hook.App) error{
		"doc":       func(ctx context.Context, a *hook.App) error { return a.DeleteDoc(ctx, union, spaceID, "d") },
		"worksheet": func(ctx context.Context, a *hook.App) error { return a.DeleteWorksheet(ctx, q4) },
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
