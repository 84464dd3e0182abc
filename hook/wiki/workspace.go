// Package wiki is the knowledge base: workspaces, nodes and documents.
package wiki

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/dingdag/dingdag/hook"
)

// Limits of the knowledge base.
const (
	MaxWorkspacesPage = 30
	MaxNodesPage      = 50
	// maxWikiBatch is how many ids one call takes.
	maxWikiBatch = 20
)

// Workspace is a knowledge base.
type Workspace struct {
	WorkspaceID string `json:"workspaceId"`
	CorpID      string `json:"corpId,omitempty"`
	TeamID      string `json:"teamId,omitempty"`
	// RootNodeID is the parent of the nodes at the top.
	RootNodeID string `json:"rootNodeId,omitempty"`
	Name       string `json:"name"`
	// Type is TEAM or PERSONAL.
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	URL         string `json:"url,omitempty"`
	Icon        *Icon  `json:"icon,omitempty"`
	Cover       string `json:"cover,omitempty"`
	// CreatorID and ModifierID are userids.
	CreatorID  string `json:"creatorId,omitempty"`
	ModifierID string `json:"modifierId,omitempty"`
	// The times have minutes only: 2025-10-09T08:00Z.
	CreateTime   string `json:"createTime,omitempty"`
	ModifiedTime string `json:"modifiedTime,omitempty"`
	// PermissionRole is what the operator may do: OWNER, MANAGER, EDITOR, DOWNLOADER,
	// READER or NONE. It is filled when it was asked for.
	PermissionRole string `json:"permissionRole,omitempty"`
}

// Icon is the picture of a knowledge base. Type is URL or EMOJI.
type Icon struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// NewWorkspace is what [CreateWorkspace] takes. Name is required.
type NewWorkspace struct {
	Name, Description string
	// TeamID is the team of the knowledge base, if it belongs to one.
	TeamID string
}

type oneWorkspace struct {
	Workspace Workspace `json:"workspace"`
}

// setTrue sets a parameter whose default is false.
func setTrue(query url.Values, name string, value bool) {
	if value {
		query.Set(name, "true")
	}
}

func setText(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// CreateWorkspace creates a knowledge base. A lost answer is an error of kind uncertain:
// trying again may make a second one.
//
// DingTalk docs: https://open.dingtalk.com/document/development/new-knowledge-base
//
//dingtalk:api POST /v2.0/wiki/workspaces
func CreateWorkspace(ctx context.Context, a *hook.App, operatorID string, w NewWorkspace) (*Workspace, error) {
	type option struct {
		Description string `json:"description,omitempty"`
		TeamID      string `json:"teamId,omitempty"`
	}
	var got oneWorkspace
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("create workspace %q", w.Name), API: hook.NewAPI, Method: http.MethodPost, Path: "/v2.0/wiki/workspaces",
		Query: hook.ActingAs(operatorID),
		Body: struct {
			Name   string `json:"name"`
			Option option `json:"option,omitzero"`
		}{w.Name, option{w.Description, w.TeamID}},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Workspace, nil
}

// GetWorkspace reads a knowledge base, with the operator's role in it when withRole is
// set.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-knowledge-base
//
//dingtalk:api GET /v2.0/wiki/workspaces/{workspaceId}
func GetWorkspace(ctx context.Context, a *hook.App, operatorID, workspaceID string, withRole bool) (*Workspace, error) {
	query := hook.ActingAs(operatorID)
	setTrue(query, "withPermissionRole", withRole)
	var got oneWorkspace
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get workspace %q", workspaceID), API: hook.NewAPI, Method: http.MethodGet,
		Path: hook.PathOf("/v2.0/wiki/workspaces/{workspaceId}", workspaceID), Query: query, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Workspace, nil
}

// WorkspacesQuery says which knowledge bases to list.
type WorkspacesQuery struct {
	// MaxResults is the size of a page, 1 to [MaxWorkspacesPage].
	MaxResults int
	// NextToken is empty for the first page, then [WorkspacesPage.NextToken].
	NextToken string
	// OrderBy is VIEW_TIME_DESC, CREATE_TIME_DESC or MODIFIED_TIME_DESC, empty for
	// DingTalk's order.
	OrderBy  string
	TeamID   string
	WithRole bool
}

// WorkspacesPage is one page of knowledge bases. NextToken is empty on the last one.
type WorkspacesPage struct {
	Workspaces []Workspace `json:"workspaces"`
	NextToken  string      `json:"nextToken"`
}

// ListWorkspaces reads a page of the knowledge bases that the operator may see.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-list
//
//dingtalk:api GET /v2.0/wiki/workspaces
func ListWorkspaces(ctx context.Context, a *hook.App, operatorID string, q WorkspacesQuery) (*WorkspacesPage, error) {
	query := hook.ActingAs(operatorID)
	query.Set("maxResults", strconv.Itoa(q.MaxResults))
	setText(query, "nextToken", q.NextToken)
	setText(query, "orderBy", q.OrderBy)
	setText(query, "teamId", q.TeamID)
	setTrue(query, "withPermissionRole", q.WithRole)
	var got WorkspacesPage
	err := a.Do(ctx, hook.Call{
		Op: "list workspaces", API: hook.NewAPI, Method: http.MethodGet, Path: "/v2.0/wiki/workspaces", Query: query, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// BatchGetWorkspaces reads knowledge bases by id, 20 with each call. Those that do not
// exist or that the operator may not see are left out; the order is DingTalk's.
//
// DingTalk docs: https://open.dingtalk.com/document/development/batch-acquisition-of-knowledge-base
//
//dingtalk:api POST /v2.0/wiki/workspaces/batchQuery
func BatchGetWorkspaces(ctx context.Context, a *hook.App, operatorID string, ids []string, withRole bool) ([]Workspace, error) {
	var all []Workspace
	for some := range slices.Chunk(ids, maxWikiBatch) {
		var got WorkspacesPage
		err := a.Do(ctx, hook.Call{
			Op: fmt.Sprintf("get %d workspaces", len(some)), API: hook.NewAPI, Method: http.MethodPost,
			Path: "/v2.0/wiki/workspaces/batchQuery", Query: hook.ActingAs(operatorID), Safe: true,
			Body: struct {
				WorkspaceIDs []string    `json:"workspaceIds"`
				Option       NodeDetails `json:"option,omitzero"`
			}{some, NodeDetails{PermissionRole: withRole}},
		}, &got)
		if err != nil {
			return nil, err
		}
		all = append(all, got.Workspaces...)
	}
	return all, nil
}
