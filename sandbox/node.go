package sandbox

import (
	"net/http"
	"net/url"
	"strings"
)

const maxNodePage = 50

func nodeCalls() []call {
	invalid := paramError("")
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-acquisition-node
		endpoint{
			name: "node.get", method: http.MethodGet, path: "/v2.0/wiki/nodes/{nodeId}", scope: "Wiki.Node.Read",
			query:   params{operatorParam(), may("withStatisticalInfo", aBool), may("withPermissionRole", aBool)},
			invalid: invalid, do: (*Server).nodeGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-node-list
		endpoint{
			name: "node.list", method: http.MethodGet, path: "/v2.0/wiki/nodes", scope: "Wiki.Node.Read",
			query: params{
				operatorParam(), need("parentNodeId", aText), may("maxResults", anInt), may("nextToken", aText), may("withPermissionRole", aBool),
			},
			invalid: invalid, do: (*Server).nodeList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-nodes-in-batch
		endpoint{
			name: "node.batch_get", method: http.MethodPost, path: "/v2.0/wiki/nodes/batchQuery", scope: "Wiki.Node.Read",
			query: params{operatorParam()}, body: params{need("nodeIds", texts), may("option", anObject)},
			invalid: invalid, do: (*Server).nodeBatchGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-node-by-link
		endpoint{
			name: "node.get_by_url", method: http.MethodPost, path: "/v2.0/wiki/nodes/queryByUrl", scope: "Wiki.Node.Read",
			query: params{operatorParam()}, body: params{need("url", aText), may("option", anObject)},
			invalid: invalid, do: (*Server).nodeGetByURL,
		},
	)
}

// readableNode finds a node that somebody may see.
func (s *Server) readableNode(id string, u *User) (*nodeState, *refusal) {
	n := s.wiki.node(id)
	switch {
	case n == nil:
		return nil, fail(http.StatusNotFound, "nodeNotExist", "节点不存在")
	case s.wiki.space(n.WorkspaceID).role(u.UserID) == roleNone:
		return nil, permissionDenied()
	default:
		return n, nil
	}
}

func (s *Server) nodeGet(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	n, r := s.readableNode(req.PathValue("nodeId"), u)
	if r != nil {
		return nil, r
	}
	return object{"node": s.wireNode(n, u.UserID, req.bool("withPermissionRole"), req.bool("withStatisticalInfo"))}, nil
}

func (s *Server) nodeList(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	parent := req.text("parentNodeId")
	space := find(s.wiki.spaces, func(w *Workspace) bool { return w.RootNodeID == parent })
	if n := s.wiki.node(parent); n != nil {
		space = s.wiki.space(n.WorkspaceID)
	}
	switch {
	case space == nil:
		return nil, fail(http.StatusNotFound, "parentNodeNotExist", "父节点不存在")
	case space.role(u.UserID) == roleNone:
		return nil, permissionDenied()
	}
	found, next, r := wikiPage(req, s.wiki.children(parent), maxNodePage)
	if r != nil {
		return nil, r
	}
	list := []object{}
	for _, n := range found {
		list = append(list, s.wireNode(n, u.UserID, req.bool("withPermissionRole"), false))
	}
	return object{"nodes": list, "nextToken": next}, nil
}

// nodeBatchGet leaves out what is not there or may not be seen.
func (s *Server) nodeBatchGet(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	ids, option := req.texts("nodeIds"), args(req.object("option"))
	if len(ids) == 0 || len(ids) > maxWikiBatch {
		return nil, paramError("paramError-nodeIds")
	}
	list := []object{}
	for _, id := range ids {
		if n, r := s.readableNode(id, u); r == nil {
			list = append(list, s.wireNode(n, u.UserID, option.bool("withPermissionRole"), option.bool("withStatisticalInfo")))
		}
	}
	return object{"nodes": list}, nil
}

// nodeGetByURL reads the id out of an address, whatever its query.
func (s *Server) nodeGetByURL(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	address, err := url.Parse(req.text("url"))
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
	option := args(req.object("option"))
	return object{"node": s.wireNode(n, u.UserID, option.bool("withPermissionRole"), option.bool("withStatisticalInfo"))}, nil
}
