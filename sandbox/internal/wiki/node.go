package wiki

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const maxNodePage = 50

func (s *Service) nodeCalls() []core.Endpoint {
	invalid := paramError("")
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-acquisition-node
		{
			Name: "node.get", Method: http.MethodGet, Path: "/v2.0/wiki/nodes/{nodeId}", Scope: "Wiki.Node.Read",
			Query:   core.Params{operatorParam(), core.May("withStatisticalInfo", core.ABool), core.May("withPermissionRole", core.ABool)},
			Invalid: invalid, Do: s.nodeGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-node-list
		{
			Name: "node.list", Method: http.MethodGet, Path: "/v2.0/wiki/nodes", Scope: "Wiki.Node.Read",
			Query: core.Params{
				operatorParam(), core.Need("parentNodeId", core.AText), core.May("maxResults", core.AnInt), core.May("nextToken", core.AText), core.May("withPermissionRole", core.ABool),
			},
			Invalid: invalid, Do: s.nodeList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-nodes-in-batch
		{
			Name: "node.batch_get", Method: http.MethodPost, Path: "/v2.0/wiki/nodes/batchQuery", Scope: "Wiki.Node.Read",
			Query: core.Params{operatorParam()}, Body: core.Params{core.Need("nodeIds", core.Texts), core.May("option", core.AnObject)},
			Invalid: invalid, Do: s.nodeBatchGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-node-by-link
		{
			Name: "node.get_by_url", Method: http.MethodPost, Path: "/v2.0/wiki/nodes/queryByUrl", Scope: "Wiki.Node.Read",
			Query: core.Params{operatorParam()}, Body: core.Params{core.Need("url", core.AText), core.May("option", core.AnObject)},
			Invalid: invalid, Do: s.nodeGetByURL,
		},
	}
}

// readableNode finds a node that somebody may see.
func (s *Service) readableNode(id string, u *core.User) (*nodeState, *core.Refusal) {
	n := s.node(id)
	switch {
	case n == nil:
		return nil, core.Fail(http.StatusNotFound, "nodeNotExist", "节点不存在")
	case s.space(n.WorkspaceID).role(u.UserID) == roleNone:
		return nil, permissionDenied()
	default:
		return n, nil
	}
}

func (s *Service) nodeGet(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	n, r := s.readableNode(req.PathValue("nodeId"), u)
	if r != nil {
		return nil, r
	}
	return core.Object{"node": s.wireNode(n, u.UserID, req.Bool("withPermissionRole"), req.Bool("withStatisticalInfo"))}, nil
}

func (s *Service) nodeList(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	parent := req.Text("parentNodeId")
	space := core.Find(s.spaces, func(w *Workspace) bool { return w.RootNodeID == parent })
	if n := s.node(parent); n != nil {
		space = s.space(n.WorkspaceID)
	}
	switch {
	case space == nil:
		return nil, core.Fail(http.StatusNotFound, "parentNodeNotExist", "父节点不存在")
	case space.role(u.UserID) == roleNone:
		return nil, permissionDenied()
	}
	found, next, r := wikiPage(req, s.children(parent), maxNodePage)
	if r != nil {
		return nil, r
	}
	list := []core.Object{}
	for _, n := range found {
		list = append(list, s.wireNode(n, u.UserID, req.Bool("withPermissionRole"), false))
	}
	return core.Object{"nodes": list, "nextToken": next}, nil
}

// nodeBatchGet leaves out what is not there or may not be seen.
func (s *Service) nodeBatchGet(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	ids, option := req.Texts("nodeIds"), core.Args(req.Object("option"))
	if len(ids) == 0 || len(ids) > maxWikiBatch {
		return nil, paramError("paramError-nodeIds")
	}
	list := []core.Object{}
	for _, id := range ids {
		if n, r := s.readableNode(id, u); r == nil {
			list = append(list, s.wireNode(n, u.UserID, option.Bool("withPermissionRole"), option.Bool("withStatisticalInfo")))
		}
	}
	return core.Object{"nodes": list}, nil
}

// nodeGetByURL reads the id out of an address, whatever its query.
func (s *Service) nodeGetByURL(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	address, err := url.Parse(req.Text("url"))
	if err != nil {
		return nil, paramError("paramError-url")
	}
	id, ok := strings.CutPrefix(address.Path, "/i/nodes/")
	if !ok || address.Host != "alidocs.dingtalk.com" {
		return nil, paramError("paramError-url")
	}
	n, r := s.readableNode(id, u)
	if r != nil {
		return nil, r
	}
	option := core.Args(req.Object("option"))
	return core.Object{"node": s.wireNode(n, u.UserID, option.Bool("withPermissionRole"), option.Bool("withStatisticalInfo"))}, nil
}
