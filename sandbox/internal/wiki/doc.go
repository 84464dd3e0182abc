package wiki

import (
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	defaultTemplatePage = 10
	maxTemplatePage     = 100
)

func (s *Service) docCalls() []core.Endpoint {
	invalid := docError()
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/create-team-space-document
		{
			Name: "doc.create", Method: http.MethodPost, Path: "/v1.0/doc/workspaces/{workspaceId}/docs", Scope: "Document.WorkspaceDocument.Write",
			Body: core.Params{
				core.Need("name", core.AText), core.Need("docType", core.AText), operatorParam(), core.May("parentNodeId", core.AText),
				core.May("templateId", core.AText), core.May("templateType", core.AText),
			},
			Invalid: invalid, Do: s.docCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-team-space-documents
		{
			Name: "doc.delete", Method: http.MethodDelete, Path: "/v1.0/doc/workspaces/{workspaceId}/docs/{nodeId}",
			Scope: "Document.WorkspaceDocument.Write", Query: core.Params{operatorParam()}, Invalid: invalid, Do: s.docDelete,
		},
		// The generated SDKs have this call; no page of the documentation does.
		{
			Name: "doc.templates", Method: http.MethodGet, Path: "/v1.0/doc/templates", Scope: "Document.WorkspaceDocument.Read",
			Query: core.Params{
				operatorParam(), core.May("templateType", core.AText), core.May("workspaceId", core.AText), core.May("nextToken", core.AText), core.May("maxResults", core.AnInt),
			},
			Invalid: invalid, Do: s.docTemplates,
		},
	}
}

func docError() *core.Refusal {
	return core.Fail(http.StatusBadRequest, "invalidRequest.inputArgs.invalid", "The input arguments are invalid.")
}

// docSpace finds the space of a request and makes sure that the operator may write there.
func (s *Service) docSpace(req *core.AppRequest) (*Workspace, *core.User, *core.Refusal) {
	u := s.core.People.UserByUnionID(req.Text("operatorId"))
	w := s.space(req.PathValue("workspaceId"))
	switch {
	case u == nil:
		return nil, nil, docError()
	case w == nil:
		return nil, nil, core.Fail(http.StatusNotFound, "invalidRequest.resource.notFound", "The workspace is not found.")
	case w.role(u.UserID) == roleNone:
		return nil, nil, accessDenied()
	default:
		return w, u, nil
	}
}

func accessDenied() *core.Refusal {
	return core.Fail(http.StatusForbidden, "forbidden.accessDenied", "The operator has no permission.")
}

func (s *Service) docCreate(req *core.AppRequest) (any, *core.Refusal) {
	w, u, r := s.docSpace(req)
	if r != nil {
		return nil, r
	}
	extension, known := map[string]string{"DOC": "adoc", "WORKBOOK": workbookExtension, "MIND": "amind", "FOLDER": ""}[req.Text("docType")]
	if !known || req.Text("name") == "" {
		return nil, docError()
	}
	parent, r := s.docParent(req, w)
	if r != nil {
		return nil, r
	}
	if req.Has("templateId") && !s.hasTemplate(req.Text("templateId"), req.Text("templateType"), req.Text("docType")) {
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.template.notFound", "The template is not found.")
	}
	if slices.ContainsFunc(s.children(parent), func(n *nodeState) bool { return n.Name == req.Text("name") && n.Extension == extension }) {
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.workspaceNode.nameConflict", "The name is used already.")
	}
	n, err := s.addNode(Node{WorkspaceID: w.ID, ParentID: parent, Name: req.Text("name"), Extension: extension, Creator: u.UserID})
	if err != nil {
		return nil, core.Fail(http.StatusInternalServerError, "internalError", err.Error())
	}
	n.ready = req.At.Add(s.start)
	return core.Object{
		"workspaceId": w.ID, "nodeId": n.ShortID, "dentryUuid": n.ID, "docKey": s.core.Code(8), "url": nodeURL + n.ID,
	}, nil
}

// docParent takes both kinds of id: DingTalk's page and its example disagree.
func (s *Service) docParent(req *core.AppRequest, w *Workspace) (string, *core.Refusal) {
	id := req.Text("parentNodeId")
	if id == "" || id == w.RootNodeID {
		return w.RootNodeID, nil
	}
	n := core.Find(s.nodes, func(n *nodeState) bool { return (n.ID == id || n.ShortID == id) && !n.Deleted })
	if n == nil || n.WorkspaceID != w.ID {
		return "", core.Fail(http.StatusBadRequest, "invalidRequest.workspaceNode.parentNotFound", "The parent node is not found.")
	}
	return n.ID, nil
}

func (s *Service) hasTemplate(id, templateType, docType string) bool {
	return core.Find(s.templates, func(t *Template) bool {
		return t.ID == id && t.DocType == docType && (templateType == "" || t.Type == templateType)
	}) != nil
}

// docDelete takes the short id. What lies below goes, too. The answer has no body.
func (s *Service) docDelete(req *core.AppRequest) (any, *core.Refusal) {
	w, _, r := s.docSpace(req)
	if r != nil {
		return nil, r
	}
	n := core.Find(s.nodes, func(n *nodeState) bool { return n.ShortID == req.PathValue("nodeId") })
	switch {
	case n == nil:
		return nil, core.Fail(http.StatusNotFound, "invalidRequest.resource.notFound", "The document is not found.")
	case n.WorkspaceID != w.ID:
		return nil, core.Fail(http.StatusBadRequest, "invalidRequest.workspaceNode.notInWorkspace", "The node is not in the workspace.")
	case n.Deleted:
		return nil, core.Fail(http.StatusNotFound, "invalidRequest.document.deleted", "The document is deleted.")
	}
	s.remove(n)
	return nil, nil //nolint:nilnil // DingTalk answers without a body
}

func (s *Service) remove(n *nodeState) {
	n.Deleted = true
	for _, child := range s.children(n.ID) {
		s.remove(child)
	}
}

func (s *Service) docTemplates(req *core.AppRequest) (any, *core.Refusal) {
	if s.core.People.UserByUnionID(req.Text("operatorId")) == nil {
		return nil, docError()
	}
	all := slices.DeleteFunc(slices.Clone(s.templates), func(t *Template) bool {
		return req.Has("templateType") && t.Type != req.Text("templateType") || req.Has("workspaceId") && t.WorkspaceID != req.Text("workspaceId")
	})
	size := req.IntOr("maxResults", defaultTemplatePage)
	if size < 1 || size > maxTemplatePage {
		return nil, docError()
	}
	found, next, ok := core.Page(all, req.Text("nextToken"), size)
	if !ok {
		return nil, docError()
	}
	list := []core.Object{}
	for _, t := range found {
		list = append(list, core.Object{
			"id": t.ID, "title": t.Title, "docType": t.DocType, "templateType": t.Type, "coverUrl": "",
			"workspaceId": t.WorkspaceID, "createTime": 1, "updateTime": 1,
		})
	}
	return core.Object{"templateList": list, "hasMore": next != "", "nextToken": next}, nil
}
