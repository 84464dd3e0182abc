package wiki

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/wiki"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// GetWorkspaceNode reads a node of a knowledge base: a document, file or folder.
//
// The result has node_data: a mapping with nodeId, workspaceId, name, size (bytes), type
// (FILE or FOLDER), category, extension (adoc a text, axls a workbook), url, creatorId
// and modifierId (userids), createTime and modifiedTime (text such as
// 2025-10-09T08:00Z), createTimestamp and modifiedTimestamp (milliseconds), hasChildren
// (boolean), and what was asked for of statisticalInfo and permissionRole. The nodeId of
// a workbook is its workbook_id.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-acquisition-node
type GetWorkspaceNode struct {
	// NodeID is the id of the node.
	NodeID string `yaml:"node_id" param:"required,template"`

	nodeDetails
	appcall.Acting
	appcall.App
}

// NodeResult is the result of operators that give one node.
type NodeResult struct {
	NodeData *wiki.Node `json:"node_data"`
}

// Validate checks that there is an id.
func (o *GetWorkspaceNode) Validate() error {
	var c appcall.Checks
	c.Required("node_id", o.NodeID)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute reads the node and returns a [NodeResult].
func (o *GetWorkspaceNode) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*NodeResult, error) {
		node, err := wiki.GetNode(ctx, a, operatorID, o.NodeID, o.details())
		return &NodeResult{node}, err
	})
}

// GetNodeByLink reads the node that a link leads to.
//
// The result has node_data, a mapping like that of dingtalk_get_workspace_node.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-node-by-link
type GetNodeByLink struct {
	// NodeURL is the link, such as https://alidocs.dingtalk.com/i/nodes/ID.
	NodeURL string `yaml:"node_url" param:"required,template"`

	nodeDetails
	appcall.Acting
	appcall.App
}

// Validate checks that there is a link.
func (o *GetNodeByLink) Validate() error {
	var c appcall.Checks
	c.Required("node_url", o.NodeURL)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute reads the node and returns a [NodeResult].
func (o *GetNodeByLink) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*NodeResult, error) {
		node, err := wiki.GetNodeByURL(ctx, a, operatorID, o.NodeURL, o.details())
		return &NodeResult{node}, err
	})
}

// GetNodeList lists the nodes directly below one, or at the top of a knowledge base.
//
// The result has node_list (list of mappings like that of dingtalk_get_workspace_node),
// next_token (text, of the page after the last one read) and has_more (boolean).
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-node-list
type GetNodeList struct {
	// WorkspaceID is the knowledge base, to list the nodes at its top. It is ignored if there
	// is a parent_node_id.
	WorkspaceID string `yaml:"workspace_id" param:"template"`
	// ParentNodeID is the node whose children to list.
	ParentNodeID string `yaml:"parent_node_id" param:"template"`
	// MaxResults is the size of a page, 1 to 50.
	MaxResults int `yaml:"max_results" param:"default=50,min=1,max=50"`
	// NextToken is the next_token of the page before.
	NextToken string `yaml:"next_token" param:"template"`
	// WithPermissionRole adds permissionRole: what the operator may do with the node.
	WithPermissionRole bool `yaml:"with_permission_role" param:"default=false"`

	appcall.Paging
	appcall.Acting
	appcall.App
}

// GetNodeListResult is the result of [GetNodeList].
type GetNodeListResult struct {
	NodeList  []wiki.Node `json:"node_list"`
	NextToken string      `json:"next_token"`
	HasMore   bool        `json:"has_more"`
}

// Validate checks that there is a place to list.
func (o *GetNodeList) Validate() error {
	var c appcall.Checks
	if o.WorkspaceID == "" && o.ParentNodeID == "" {
		c.Add("parent_node_id", errors.New("is missing: give it, or workspace_id for the top of a knowledge base"))
	}
	o.Acting.Check(&c)
	return c.Err()
}

// Execute lists the nodes and returns a [GetNodeListResult].
func (o *GetNodeList) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*GetNodeListResult, error) {
		q := wiki.NodesQuery{ParentID: o.ParentNodeID, MaxResults: o.MaxResults, WithRole: o.WithPermissionRole}
		if q.ParentID == "" {
			w, err := wiki.GetWorkspace(ctx, a, operatorID, o.WorkspaceID, false)
			if err != nil {
				return nil, err
			}
			q.ParentID = w.RootNodeID
		}
		list, next, more, err := appcall.Read(ctx, tc, o.Paging, o.NextToken,
			func(ctx context.Context, token string) ([]wiki.Node, string, bool, error) {
				q.NextToken = token
				page, err := wiki.ListNodes(ctx, a, operatorID, q)
				if err != nil {
					return nil, "", false, err
				}
				return page.Nodes, page.NextToken, page.NextToken != "", nil
			})
		return &GetNodeListResult{NodeList: list, NextToken: next, HasMore: more}, err
	})
}

// BatchGetNodes reads nodes by their ids, 20 in each call.
//
// The result has node_list (list of mappings like that of dingtalk_get_workspace_node, in
// DingTalk's order) and missing_ids (list of text): the ids that do not exist or that the
// operator may not see.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-nodes-in-batch
type BatchGetNodes struct {
	// NodeIDs are the ids of nodes.
	NodeIDs []string `yaml:"node_ids" param:"required,commas,template"`

	nodeDetails
	appcall.Acting
	appcall.App
}

// BatchGetNodesResult is the result of [BatchGetNodes].
type BatchGetNodesResult struct {
	NodeList   []wiki.Node `json:"node_list"`
	MissingIDs []string    `json:"missing_ids"`
}

// Validate checks that there are ids.
func (o *BatchGetNodes) Validate() error {
	var c appcall.Checks
	c.List("node_ids", o.NodeIDs, 1, hook.DefaultMaxItems)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute reads the nodes and returns a [BatchGetNodesResult].
func (o *BatchGetNodes) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*BatchGetNodesResult, error) {
		list, err := wiki.BatchGetNodes(ctx, a, operatorID, o.NodeIDs, o.details())
		found := map[string]bool{}
		for _, n := range list {
			found[n.NodeID] = true
		}
		return &BatchGetNodesResult{NodeList: list, MissingIDs: missing(o.NodeIDs, found)}, err
	})
}

func nodeSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[GetWorkspaceNode](p, "dingtalk_get_workspace_node", operator.Example("A workbook", `
node_id: ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetNodeByLink](p, "dingtalk_get_node_by_link", operator.Example("A link from the address bar", `
node_url: https://alidocs.dingtalk.com/i/nodes/ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetNodeList](p, "dingtalk_get_node_list", operator.Example("The children of a node", `
parent_node_id: ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk
operator_id: z21HjQliSzpw0YWCNxmii6u
`), operator.Example("The top of a knowledge base", `
workspace_id: By8jQS1ZYjGn5b0M
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[BatchGetNodes](p, "dingtalk_batch_get_nodes", operator.Example("With the number of words", `
node_ids: ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo
with_statistical_info: true
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
