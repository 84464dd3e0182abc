package sandbox

import (
	"net/http"
	"slices"
)

const (
	defaultTemplatePage = 10
	maxTemplatePage     = 100
)

func docCalls() []call {
	invalid := docError()
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/create-team-space-document
		endpoint{
			name: "doc.create", method: http.MethodPost, path: "/v1.0/doc/workspaces/{workspaceId}/docs", scope: "Document.WorkspaceDocument.Write",
			body: params{
				need("name", aText), need("docType", aText), operatorParam(), may("parentNodeId", aText),
				may("templateId", aText), may("templateType", aText),
			},
			invalid: invalid, do: (*Server).docCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/delete-team-space-documents
		endpoint{
			name: "doc.delete", method: http.MethodDelete, path: "/v1.0/doc/workspaces/{workspaceId}/docs/{nodeId}",
			scope: "Document.WorkspaceDocument.Write", query: params{operatorParam()}, invalid: invalid, do: (*Server).docDelete,
		},
		// The generated SDKs have this call; no page of the documentation does.
		endpoint{
			name: "doc.templates", method: http.MethodGet, path: "/v1.0/doc/templates", scope: "Document.WorkspaceDocument.Read",
			query: params{
				operatorParam(), may("templateType", aText), may("workspaceId", aText), may("nextToken", aText), may("maxResults", anInt),
			},
			invalid: invalid, do: (*Server).docTemplates,
		},
	)
}

func docError() *refusal {
	return fail(http.StatusBadRequest, "invalidRequest.inputArgs.invalid", "The input arguments are invalid.")
}

// docSpace finds the space of a request and makes sure that the operator may write there.
func (s *Server) docSpace(req *appRequest) (*Workspace, *User, *refusal) {
	u := s.directory.userByUnionID(req.text("operatorId"))
	w := s.wiki.space(req.PathValue("workspaceId"))
	switch {
	case u == nil:
		return nil, nil, docError()
	case w == nil:
		return nil, nil, fail(http.StatusNotFound, "invalidRequest.resource.notFound", "The workspace is not found.")
	case w.role(u.UserID) == roleNone:
		return nil, nil, accessDenied()
	default:
		return w, u, nil
	}
}

func accessDenied() *refusal {
	return fail(http.StatusForbidden, "forbidden.accessDenied", "The operator has no permission.")
}

func (s *Server) docCreate(req *appRequest) (any, *refusal) {
	w, u, r := s.docSpace(req)
	if r != nil {
		return nil, r
	}
	extension, known := map[string]string{"DOC": "adoc", "WORKBOOK": workbookExtension, "MIND": "amind", "FOLDER": ""}[req.text("docType")]
	if !known || req.text("name") == "" {
		return nil, docError()
	}
	parent, r := s.docParent(req, w)
	if r != nil {
		return nil, r
	}
	if req.has("templateId") && !s.hasTemplate(req.text("templateId"), req.text("templateType"), req.text("docType")) {
		return nil, fail(http.StatusBadRequest, "invalidRequest.template.notFound", "The template is not found.")
	}
	if slices.ContainsFunc(s.wiki.children(parent), func(n *nodeState) bool { return n.Name == req.text("name") && n.Extension == extension }) {
		return nil, fail(http.StatusBadRequest, "invalidRequest.workspaceNode.nameConflict", "The name is used already.")
	}
	n, err := s.addNode(Node{WorkspaceID: w.ID, ParentID: parent, Name: req.text("name"), Extension: extension, Creator: u.UserID})
	if err != nil {
		return nil, fail(http.StatusInternalServerError, "internalError", err.Error())
	}
	n.ready = req.at.Add(s.workbookStart)
	return object{
		"workspaceId": w.ID, "nodeId": n.ShortID, "dentryUuid": n.ID, "docKey": s.ids.code(8), "url": nodeURL + n.ID,
	}, nil
}

// docParent takes both kinds of id: DingTalk's page and its example disagree.
func (s *Server) docParent(req *appRequest, w *Workspace) (string, *refusal) {
	id := req.text("parentNodeId")
	if id == "" || id == w.RootNodeID {
		return w.RootNodeID, nil
	}
	n := find(s.wiki.nodes, func(n *nodeState) bool { return (n.ID == id || n.ShortID == id) && !n.Deleted })
	if n == nil || n.WorkspaceID != w.ID {
		return "", fail(http.StatusBadRequest, "invalidRequest.workspaceNode.parentNotFound", "The parent node is not found.")
	}
	return n.ID, nil
}

func (s *Server) hasTemplate(id, templateType, docType string) bool {
	return find(s.wiki.templates, func(t *Template) bool {
		return t.ID == id && t.DocType == docType && (templateType == "" || t.Type == templateType)
	}) != nil
}

// docDelete takes the short id. What lies below goes, too. The answer has no body.
func (s *Server) docDelete(req *appRequest) (any, *refusal) {
	w, _, r := s.docSpace(req)
	if r != nil {
		return nil, r
	}
	n := find(s.wiki.nodes, func(n *nodeState) bool { return n.ShortID == req.PathValue("nodeId") })
	switch {
	case n == nil:
		return nil, fail(http.StatusNotFound, "invalidRequest.resource.notFound", "The document is not found.")
	case n.WorkspaceID != w.ID:
		return nil, fail(http.StatusBadRequest, "invalidRequest.workspaceNode.notInWorkspace", "The node is not in the workspace.")
	case n.Deleted:
		return nil, fail(http.StatusNotFound, "invalidRequest.document.deleted", "The document is deleted.")
	}
	s.wiki.remove(n)
	return nil, nil //nolint:nilnil // DingTalk answers without a body
}

func (w *wiki) remove(n *nodeState) {
	n.Deleted = true
	for _, child := range w.children(n.ID) {
		w.remove(child)
	}
}

func (s *Server) docTemplates(req *appRequest) (any, *refusal) {
	if s.directory.userByUnionID(req.text("operatorId")) == nil {
		return nil, docError()
	}
	all := slices.DeleteFunc(slices.Clone(s.wiki.templates), func(t *Template) bool {
		return req.has("templateType") && t.Type != req.text("templateType") || req.has("workspaceId") && t.WorkspaceID != req.text("workspaceId")
	})
	size := req.intOr("maxResults", defaultTemplatePage)
	if size < 1 || size > maxTemplatePage {
		return nil, docError()
	}
	found, next, ok := page(all, req.text("nextToken"), size)
	if !ok {
		return nil, docError()
	}
	list := []object{}
	for _, t := range found {
		list = append(list, object{
			"id": t.ID, "title": t.Title, "docType": t.DocType, "templateType": t.Type, "coverUrl": "",
			"workspaceId": t.WorkspaceID, "createTime": 1, "updateTime": 1,
		})
	}
	return object{"templateList": list, "hasMore": next != "", "nextToken": next}, nil
}
