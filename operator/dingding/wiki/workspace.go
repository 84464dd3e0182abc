package wiki

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/wiki"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// CreateWorkspace creates a knowledge base.
//
// The result has workspace_data: a mapping with workspaceId, rootNodeId (the parent of
// the nodes at the top), name, type, description, url, icon, creatorId and modifierId
// (userids), createTime and modifiedTime (text such as 2025-10-09T08:00Z) and
// permissionRole.
//
// DingTalk has no idempotency key here: if the answer is lost the task fails, and trying again
// may create a second knowledge base.
//
// DingTalk docs: https://open.dingtalk.com/document/development/new-knowledge-base
type CreateWorkspace struct {
	// Name is the name of the knowledge base.
	Name string `yaml:"name" param:"required,template"`
	// Description says what it is for.
	Description string `yaml:"description" param:"template"`
	// TeamID is the team that it belongs to.
	TeamID string `yaml:"team_id" param:"template"`

	appcall.Acting
	appcall.Write
}

// WorkspaceResult is the result of operators that give one knowledge base.
type WorkspaceResult struct {
	WorkspaceData *wiki.Workspace `json:"workspace_data"`
}

// Validate checks that there is a name.
func (o *CreateWorkspace) Validate() error {
	var c appcall.Checks
	c.Required("name", o.Name)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute makes the knowledge base and returns a [WorkspaceResult].
func (o *CreateWorkspace) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*WorkspaceResult, error) {
		w, err := wiki.CreateWorkspace(ctx, a, operatorID, wiki.NewWorkspace{Name: o.Name, Description: o.Description, TeamID: o.TeamID})
		return &WorkspaceResult{w}, err
	})
}

// GetWorkspace reads a knowledge base.
//
// The result has workspace_data, a mapping like that of dingtalk_create_workspace.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-knowledge-base
type GetWorkspace struct {
	// WorkspaceID is the id of the knowledge base.
	WorkspaceID string `yaml:"workspace_id" param:"required,template"`
	// WithPermissionRole adds permissionRole: what the operator may do there.
	WithPermissionRole bool `yaml:"with_permission_role" param:"default=false"`

	appcall.Acting
	appcall.App
}

// Validate checks that there is an id.
func (o *GetWorkspace) Validate() error {
	var c appcall.Checks
	c.Required("workspace_id", o.WorkspaceID)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute reads the knowledge base and returns a [WorkspaceResult].
func (o *GetWorkspace) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*WorkspaceResult, error) {
		w, err := wiki.GetWorkspace(ctx, a, operatorID, o.WorkspaceID, o.WithPermissionRole)
		return &WorkspaceResult{w}, err
	})
}

// GetWorkspaces lists the knowledge bases that the operator may see.
//
// The result has workspace_list (list of mappings like that of dingtalk_create_workspace),
// next_token (text, of the page after the last one read) and has_more (boolean).
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-list
type GetWorkspaces struct {
	// MaxResults is the size of a page, 1 to 30.
	MaxResults int `yaml:"max_results" param:"default=30,min=1,max=30"`
	// NextToken is the next_token of the page before.
	NextToken string `yaml:"next_token" param:"template"`
	// OrderBy puts what was viewed, created or modified last first.
	OrderBy string `yaml:"order_by" param:"enum=VIEW_TIME_DESC|CREATE_TIME_DESC|MODIFIED_TIME_DESC"`
	// TeamID reads only those of a team.
	TeamID string `yaml:"team_id" param:"template"`
	// WithPermissionRole adds permissionRole: what the operator may do there.
	WithPermissionRole bool `yaml:"with_permission_role" param:"default=false"`

	appcall.Paging
	appcall.Acting
	appcall.App
}

// GetWorkspacesResult is the result of [GetWorkspaces].
type GetWorkspacesResult struct {
	WorkspaceList []wiki.Workspace `json:"workspace_list"`
	NextToken     string           `json:"next_token"`
	HasMore       bool             `json:"has_more"`
}

// Validate checks the operator.
func (o *GetWorkspaces) Validate() error {
	var c appcall.Checks
	o.Acting.Check(&c)
	return c.Err()
}

// Execute lists the knowledge bases and returns a [GetWorkspacesResult].
func (o *GetWorkspaces) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*GetWorkspacesResult, error) {
		q := wiki.WorkspacesQuery{MaxResults: o.MaxResults, OrderBy: o.OrderBy, TeamID: o.TeamID, WithRole: o.WithPermissionRole}
		list, next, more, err := appcall.Read(ctx, tc, o.Paging, o.NextToken,
			func(ctx context.Context, token string) ([]wiki.Workspace, string, bool, error) {
				q.NextToken = token
				page, err := wiki.ListWorkspaces(ctx, a, operatorID, q)
				if err != nil {
					return nil, "", false, err
				}
				return page.Workspaces, page.NextToken, page.NextToken != "", nil
			})
		return &GetWorkspacesResult{WorkspaceList: list, NextToken: next, HasMore: more}, err
	})
}

// BatchGetWorkspaces reads knowledge bases by their ids, 20 in each call.
//
// The result has workspace_list (list of mappings like that of dingtalk_create_workspace, in
// DingTalk's order) and missing_ids (list of text): the ids that do not exist or that the
// operator may not see.
//
// DingTalk docs: https://open.dingtalk.com/document/development/batch-acquisition-of-knowledge-base
type BatchGetWorkspaces struct {
	// WorkspaceIDs are the ids of knowledge bases.
	WorkspaceIDs []string `yaml:"workspace_ids" param:"required,commas,template"`
	// WithPermissionRole adds permissionRole: what the operator may do there.
	WithPermissionRole bool `yaml:"with_permission_role" param:"default=false"`

	appcall.Acting
	appcall.App
}

// BatchGetWorkspacesResult is the result of [BatchGetWorkspaces].
type BatchGetWorkspacesResult struct {
	WorkspaceList []wiki.Workspace `json:"workspace_list"`
	MissingIDs    []string         `json:"missing_ids"`
}

// Validate checks that there are ids.
func (o *BatchGetWorkspaces) Validate() error {
	var c appcall.Checks
	c.List("workspace_ids", o.WorkspaceIDs, 1, hook.DefaultMaxItems)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute reads the knowledge bases and returns a [BatchGetWorkspacesResult].
func (o *BatchGetWorkspaces) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*BatchGetWorkspacesResult, error) {
		list, err := wiki.BatchGetWorkspaces(ctx, a, operatorID, o.WorkspaceIDs, o.WithPermissionRole)
		found := map[string]bool{}
		for _, w := range list {
			found[w.WorkspaceID] = true
		}
		return &BatchGetWorkspacesResult{WorkspaceList: list, MissingIDs: missing(o.WorkspaceIDs, found)}, err
	})
}

func workspaceSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateWorkspace](p, "dingtalk_create_workspace", operator.Example("A knowledge base for runbooks", `
name: Runbooks
description: how we run things
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetWorkspace](p, "dingtalk_get_workspace", operator.Example("With the operator's role", `
workspace_id: By8jQS1ZYjGn5b0M
with_permission_role: true
operator_id: z21HjQliSzpw0YWCNxmii6u
`), operator.Example("In the name of a member, by userid", `
workspace_id: By8jQS1ZYjGn5b0M
operator_user_id: u001
`)),
		appcall.Define[GetWorkspaces](p, "dingtalk_get_workspaces", operator.Example("The first page", `
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[BatchGetWorkspaces](p, "dingtalk_batch_get_workspaces", operator.Example("Two, one of which does not exist", `
workspace_ids: By8jQS1ZYjGn5b0M, nope
with_permission_role: true
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
