package wiki

import (
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	maxWorkspacePage = 30
	maxWikiBatch     = 20
)

// operatorParam is the unionId of who acts, in the query of nearly all calls of the
// knowledge base.
func operatorParam() core.Param { return core.Need("operatorId", core.AText) }

func paramError(text string) *core.Refusal {
	return core.Fail(http.StatusBadRequest, "paramError", text)
}

func (s *Service) workspaceCalls() []core.Endpoint {
	invalid := paramError("")
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/new-knowledge-base
		{
			Name: "workspace.create", Method: http.MethodPost, Path: "/v2.0/wiki/workspaces", Scope: "Wiki.Workspace.Write",
			Query: core.Params{operatorParam()}, Body: core.Params{core.Need("name", core.AText), core.May("option", core.AnObject)},
			Invalid: invalid, Do: s.workspaceCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-knowledge-base
		{
			Name: "workspace.get", Method: http.MethodGet, Path: "/v2.0/wiki/workspaces/{workspaceId}", Scope: "Wiki.Workspace.Read",
			Query:   core.Params{operatorParam(), core.May("withPermissionRole", core.ABool)},
			Invalid: invalid, Do: s.workspaceGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-knowledge-base-list
		{
			Name: "workspace.list", Method: http.MethodGet, Path: "/v2.0/wiki/workspaces", Scope: "Wiki.Workspace.Read",
			Query: core.Params{
				operatorParam(), core.May("maxResults", core.AnInt), core.May("nextToken", core.AText), core.May("orderBy", core.AText), core.May("teamId", core.AText),
				core.May("withPermissionRole", core.ABool),
			},
			Invalid: invalid, Do: s.workspaceList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/batch-acquisition-of-knowledge-base
		{
			Name: "workspace.batch_get", Method: http.MethodPost, Path: "/v2.0/wiki/workspaces/batchQuery", Scope: "Wiki.Workspace.Read",
			Query: core.Params{operatorParam()}, Body: core.Params{core.Need("workspaceIds", core.Texts), core.May("option", core.AnObject)},
			Invalid: invalid, Do: s.workspaceBatchGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/get-my-documents
		{
			Name: "workspace.mine", Method: http.MethodGet, Path: "/v2.0/wiki/mineWorkspaces", Scope: "Wiki.Workspace.Read",
			Query: core.Params{operatorParam()}, Invalid: invalid, Do: s.workspaceMine,
		},
	}
}

// wikiOperator finds who acts. The knowledge base names the parameter in the text alone.
func (s *Service) wikiOperator(req *core.AppRequest) (*core.User, *core.Refusal) {
	u := s.core.People.UserByUnionID(req.Text("operatorId"))
	if u == nil {
		return nil, paramError("paramError-operatorId")
	}
	return u, nil
}

func (s *Service) workspaceCreate(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	if req.Text("name") == "" {
		return nil, core.Fail(http.StatusBadRequest, "paramError.name", "知识库名称不合法")
	}
	option := core.Args(req.Object("option"))
	w, err := s.addWorkspace(Workspace{
		Name: req.Text("name"), Description: option.Text("description"), TeamID: option.Text("teamId"), Creator: u.UserID,
	})
	if err != nil {
		return nil, core.Fail(http.StatusInternalServerError, "systemError", err.Error())
	}
	return core.Object{"workspace": s.wireSpace(w, u.UserID, true)}, nil
}

func (s *Service) workspaceGet(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	w := s.space(req.PathValue("workspaceId"))
	switch {
	case w == nil && s.node(req.PathValue("workspaceId")) != nil:
		return nil, core.Fail(http.StatusBadRequest, "isNotWorkspace", "不是知识库")
	case w == nil:
		return nil, core.Fail(http.StatusNotFound, "workspaceNotExist", "知识库不存在")
	case w.role(u.UserID) == roleNone:
		return nil, permissionDenied()
	}
	return core.Object{"workspace": s.wireSpace(w, u.UserID, req.Bool("withPermissionRole"))}, nil
}

func permissionDenied() *core.Refusal {
	return core.Fail(http.StatusForbidden, "permissionDenied", "没有权限")
}

func (s *Service) workspaceList(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	spaces := slices.DeleteFunc(slices.Clone(s.spaces), func(w *Workspace) bool {
		return w.Personal || w.role(u.UserID) == roleNone || req.Has("teamId") && w.TeamID != req.Text("teamId")
	})
	switch req.Text("orderBy") {
	case "", "VIEW_TIME_DESC":
	case "CREATE_TIME_DESC":
		slices.SortStableFunc(spaces, func(a, b *Workspace) int { return b.Created.Compare(a.Created) })
	case "MODIFIED_TIME_DESC":
		slices.SortStableFunc(spaces, func(a, b *Workspace) int { return b.Modified.Compare(a.Modified) })
	default:
		return nil, core.Fail(http.StatusBadRequest, "paramError.orderBy", "orderBy不合法")
	}
	found, next, r := wikiPage(req, spaces, maxWorkspacePage)
	if r != nil {
		return nil, r
	}
	list := []core.Object{}
	for _, w := range found {
		list = append(list, s.wireSpace(w, u.UserID, req.Bool("withPermissionRole")))
	}
	return core.Object{"workspaces": list, "nextToken": next}, nil
}

// wikiPage refuses more than the most, which DingTalk does not publish an answer to.
func wikiPage[T any](req *core.AppRequest, all []T, most int) ([]T, string, *core.Refusal) {
	size := req.IntOr("maxResults", most)
	if size < 1 || size > most {
		return nil, "", paramError("paramError-maxResults")
	}
	found, next, ok := core.Page(all, req.Text("nextToken"), size)
	if !ok {
		return nil, "", paramError("paramError-nextToken")
	}
	return found, next, nil
}

// workspaceBatchGet leaves out what is not there or may not be seen.
func (s *Service) workspaceBatchGet(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	ids := req.Texts("workspaceIds")
	if len(ids) == 0 || len(ids) > maxWikiBatch {
		return nil, paramError("paramError-workspaceIds")
	}
	list := []core.Object{}
	for _, id := range ids {
		if w := s.space(id); w != nil && w.role(u.UserID) != roleNone {
			list = append(list, s.wireSpace(w, u.UserID, core.Args(req.Object("option")).Bool("withPermissionRole")))
		}
	}
	return core.Object{"workspaces": list}, nil
}

// workspaceMine makes the space at the first question.
func (s *Service) workspaceMine(req *core.AppRequest) (any, *core.Refusal) {
	u, r := s.wikiOperator(req)
	if r != nil {
		return nil, r
	}
	w := core.Find(s.spaces, func(w *Workspace) bool { return w.Personal && w.Creator == u.UserID })
	if w == nil {
		var err error
		if w, err = s.addWorkspace(Workspace{Name: "我的文档", Creator: u.UserID, Personal: true}); err != nil {
			return nil, core.Fail(http.StatusInternalServerError, "systemError", err.Error())
		}
	}
	return core.Object{"workspace": s.wireSpace(w, u.UserID, false)}, nil
}
