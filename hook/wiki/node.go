package wiki

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/dingdag/dingdag/hook"
)

// Node is a document, file or folder of a knowledge base.
type Node struct {
	// NodeID is what doc_create calls dentryUuid, and the workbook id of a workbook.
	NodeID      string `json:"nodeId"`
	WorkspaceID string `json:"workspaceId,omitempty"`
	// Name may end in the extension.
	Name string `json:"name"`
	// Size is in bytes.
	Size int64 `json:"size,omitempty"`
	// Type is FILE or FOLDER.
	Type string `json:"type,omitempty"`
	// Category is ALIDOC, DOCUMENT, IMAGE, VIDEO, AUDIO, ARCHIVE or OTHER.
	Category string `json:"category,omitempty"`
	// Extension is adoc for a text, axls for a workbook, able for a table of the other
	// product, amind for a mind map, appt for slides, or that of a file.
	Extension string `json:"extension,omitempty"`
	URL       string `json:"url,omitempty"`
	// CreatorID and ModifierID are userids.
	CreatorID  string `json:"creatorId,omitempty"`
	ModifierID string `json:"modifierId,omitempty"`
	// The times have minutes only, 2025-10-09T08:00Z; the timestamps are in milliseconds.
	CreateTime        string `json:"createTime,omitempty"`
	ModifiedTime      string `json:"modifiedTime,omitempty"`
	CreateTimestamp   int64  `json:"createTimestamp,omitempty"`
	ModifiedTimestamp int64  `json:"modifiedTimestamp,omitempty"`
	// HasChildren may be true of documents, too.
	HasChildren bool `json:"hasChildren"`
	// Statistics and PermissionRole are filled when they were asked for.
	Statistics     *NodeStatistics `json:"statisticalInfo,omitempty"`
	PermissionRole string          `json:"permissionRole,omitempty"`
}

// NodeStatistics are figures about the content of a node.
type NodeStatistics struct {
	WordCount int64 `json:"wordCount"`
}

// NodeDetails says what to read beside the usual fields.
type NodeDetails struct {
	// Statistics asks for the number of words.
	Statistics bool `json:"withStatisticalInfo,omitempty"`
	// PermissionRole asks for what the operator may do.
	PermissionRole bool `json:"withPermissionRole,omitempty"`
}

type oneNode struct {
	Node Node `json:"node"`
}

// GetNode reads a node.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-acquisition-node
//
//dingtalk:api GET /v2.0/wiki/nodes/{nodeId}
func GetNode(ctx context.Context, a *hook.App, operatorID, nodeID string, with NodeDetails) (*Node, error) {
	query := hook.ActingAs(operatorID)
	setTrue(query, "withStatisticalInfo", with.Statistics)
	setTrue(query, "withPermissionRole", with.PermissionRole)
	var got oneNode
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get node %q", nodeID), API: hook.NewAPI, Method: http.MethodGet,
		Path: hook.PathOf("/v2.0/wiki/nodes/{nodeId}", nodeID), Query: query, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Node, nil
}

// GetNodeByURL reads the node that a link leads to, such as
// https://alidocs.dingtalk.com/i/nodes/ID.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-node-by-link
//
//dingtalk:api POST /v2.0/wiki/nodes/queryByUrl
func GetNodeByURL(ctx context.Context, a *hook.App, operatorID, link string, with NodeDetails) (*Node, error) {
	var got oneNode
	err := a.Do(ctx, hook.Call{
		Op: "get a node by its link", API: hook.NewAPI, Method: http.MethodPost, Path: "/v2.0/wiki/nodes/queryByUrl",
		Query: hook.ActingAs(operatorID), Safe: true,
		Body: struct {
			URL    string      `json:"url"`
			Option NodeDetails `json:"option,omitzero"`
		}{link, with},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Node, nil
}

// NodesQuery says which nodes to list.
type NodesQuery struct {
	// ParentID is the node whose children to list; [Workspace.RootNodeID] has those at
	// the top.
	ParentID string
	// MaxResults is the size of a page, 1 to [MaxNodesPage].
	MaxResults int
	// NextToken is empty for the first page, then [NodesPage.NextToken].
	NextToken string
	WithRole  bool
}

// NodesPage is one page of nodes. NextToken is empty on the last one.
type NodesPage struct {
	Nodes     []Node `json:"nodes"`
	NextToken string `json:"nextToken"`
}

// ListNodes reads a page of the nodes directly below one.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-node-list
//
//dingtalk:api GET /v2.0/wiki/nodes
func ListNodes(ctx context.Context, a *hook.App, operatorID string, q NodesQuery) (*NodesPage, error) {
	query := hook.ActingAs(operatorID)
	query.Set("parentNodeId", q.ParentID)
	query.Set("maxResults", strconv.Itoa(q.MaxResults))
	setText(query, "nextToken", q.NextToken)
	setTrue(query, "withPermissionRole", q.WithRole)
	var got NodesPage
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("list the nodes below %q", q.ParentID), API: hook.NewAPI, Method: http.MethodGet, Path: "/v2.0/wiki/nodes",
		Query: query, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// BatchGetNodes reads nodes by id, 20 with each call. Those that do not exist or that
// the operator may not see are left out; the order is DingTalk's.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-nodes-in-batch
//
//dingtalk:api POST /v2.0/wiki/nodes/batchQuery
func BatchGetNodes(ctx context.Context, a *hook.App, operatorID string, ids []string, with NodeDetails) ([]Node, error) {
	var all []Node
	for some := range slices.Chunk(ids, maxWikiBatch) {
		var got NodesPage
		err := a.Do(ctx, hook.Call{
			Op: fmt.Sprintf("get %d nodes", len(some)), API: hook.NewAPI, Method: http.MethodPost, Path: "/v2.0/wiki/nodes/batchQuery",
			Query: hook.ActingAs(operatorID), Safe: true,
			Body: struct {
				NodeIDs []string    `json:"nodeIds"`
				Option  NodeDetails `json:"option,omitzero"`
			}{some, with},
		}, &got)
		if err != nil {
			return nil, err
		}
		all = append(all, got.Nodes...)
	}
	return all, nil
}
