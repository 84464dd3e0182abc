package sandbox

import (
	"net/http"
	"slices"
)

const (
	maxWorkspacePage = 30
	maxWikiBatch     = 20
)

// operatorParam is the unionId of who acts, in the query of nearly all calls of the
// knowledge base.
func operatorParam() param { return need("operatorId", aText) }

func paramError(text string) *refusal { return fail(http.StatusBadRequest, "paramError", text) }

func workspaceCalls() []call {
	invalid := paramError("")
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/new-knowledge-base
		endpoint{
			name: "workspace.create", method: http.MethodPost, path: "/v2.0/wiki/workspaces", scope: "Wiki.Workspace.Write",
			query: params{operatorParam()}, body: params{need("name", aText), may("option", anObject)},
			invalid: invalid, do: (*Server).workspaceCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-knowledge-base
		endpoint{
			name: "workspace.get", method: http.MethodGet, path: "/v2.0/wiki/workspaces/{workspaceId}", scope: "Wiki.Workspace.Read",
			query:   params{operatorParam(), may("withPermissionRole", aBool)},
			invalid: invalid, do: (*Server).workspaceGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-list
		endpoint{
			name: "workspace.list", method: http.MethodGet, path: "/v2.0/wiki/workspaces", scope: "Wiki.Workspace.Read",
			query: params{
				operatorParam(), may("maxResults", anInt), may("nextToken", aText), may("orderBy", aText), may("teamId", aText),
				may("withPermissionRole", aBool),
			},
			invalid: invalid, do: (*Server).workspaceList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/batch-acquisition-of-knowledge-base
		endpoint{
			name: "workspace.batch_get", method: http.MethodPost, path: "/v2.0/wiki/workspaces/batchQuery", scope: "Wiki.Workspace.Read",
			query: params{operatorParam()}, body: params{need("workspaceIds", texts), may("option", anObject)},
			invalid: invalid, do: (*Server).workspaceBatchGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-my-documents
		endpoint{
			name: "workspace.mine", method: http.MethodGet, path: "/v2.0/wiki/mineWorkspaces", scope: "Wiki.Workspace.Read",
			query: params{operatorParam()}, invalid: invalid, do: (*Server).workspaceMine,
		},
	)
}

// wikiOperator finds who acts. The knowledge base names the parameter in the text alone.
func (s *Server) wikiOperator(req *appRequest) (*User, *refusal) {
	u := s.directory.userByUnionID(req.text("operatorId"))
	if u == nil {
		return nil, paramError("paramError-operatorId")
	}
	return u, nil
}

func (s *Server) workspaceCreate(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	if req.text("name") == "" {
		return nil, fail(http.StatusBadRequest, "paramError.name", "知识库名称不合法")
	}
	option := args(req.object("option"))
	w, err := s.addWorkspace(Workspace{
		Name: req.text("name"), Description: option.text("description"), TeamID: option.text("teamId"), Creator: u.UserID,
	})
	if err != nil {
		return nil, fail(http.StatusInternalServerError, "systemError", err.Error())
	}
	return object{"workspace": s.wireSpace(w, u.UserID, true)}, nil
}

func (s *Server) workspaceGet(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	w := s.wiki.space(req.PathValue("workspaceId"))
	switch {
	case w == nil && s.wiki.node(req.PathValue("workspaceId")) != nil:
		return nil, fail(http.StatusBadRequest, "isNotWorkspace", "不是知识库")
	case w == nil:
		return nil, fail(http.StatusNotFound, "workspaceNotExist", "知识库不存在")
	case w.role(u.UserID) == roleNone:
		return nil, permissionDenied()
	}
	return object{"workspace": s.wireSpace(w, u.UserID, req.bool("withPermissionRole"))}, nil
}

func permissionDenied() *refusal {
	return fail(http.StatusForbidden, "permissionDenied", "没有权限")
}

func (s *Server) workspaceList(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	spaces := slices.DeleteFunc(slices.Clone(s.wiki.spaces), func(w *Workspace) bool {
		return w.Personal || w.role(u.UserID) == roleNone || req.has("teamId") && w.TeamID != req.text("teamId")
	})
	switch req.text("orderBy") {
	case "", "VIEW_TIME_DESC":
	case "CREATE_TIME_DESC":
		slices.SortStableFunc(spaces, func(a, b *Workspace) int { return b.Created.Compare(a.Created) })
	case "MODIFIED_TIME_DESC":
		slices.SortStableFunc(spaces, func(a, b *Workspace) int { return b.Modified.Compare(a.Modified) })
	default:
		return nil, fail(http.StatusBadRequest, "paramError.orderBy", "orderBy不合法")
	}
	found, next, r := wikiPage(req, spaces, maxWorkspacePage)
	if r != nil {
		return nil, r
	}
	list := []object{}
	for _, w := range found {
		list = append(list, s.wireSpace(w, u.UserID, req.bool("withPermissionRole")))
	}
	return object{"workspaces": list, "nextToken": next}, nil
}

// wikiPage refuses more than the most, which DingTalk does not publish an answer to.
func wikiPage[T any](req *appRequest, all []T, most int) ([]T, string, *refusal) {
	size := req.intOr("maxResults", most)
	if size < 1 || size > most {
		return nil, "", paramError("paramError-maxResults")
	}
	found, next, ok := page(all, req.text("nextToken"), size)
	if !ok {
		return nil, "", paramError("paramError-nextToken")
	}
	return found, next, nil
}

// workspaceBatchGet leaves out what is not there or may not be seen.
func (s *Server) workspaceBatchGet(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	ids := req.texts("workspaceIds")
	if len(ids) == 0 || len(ids) > maxWikiBatch {
		return nil, paramError("paramError-workspaceIds")
	}
	list := []object{}
	for _, id := range ids {
		if w := s.wiki.space(id); w != nil && w.role(u.UserID) != roleNone {
			list = append(list, s.wireSpace(w, u.UserID, args(req.object("option")).bool("withPermissionRole")))
		}
	}
	return object{"workspaces": list}, nil
}

// workspaceMine makes the space at the first question.
func (s *Server) workspaceMine(req *appRequest) (any, *refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	w := find(s.wiki.spaces, func(w *Workspace) bool { return w.Personal && w.Creator == u.UserID })
	if w == nil {
		var err error
		if w, err = s.addWorkspace(Workspace{Name: "我的文档", Creator: u.UserID, Personal: true}); err != nil {
			return nil, fail(http.StatusInternalServerError, "systemError", err.Error())
		}
	}
	return object{"workspace": s.wireSpace(w, u.UserID, false)}, nil
}
