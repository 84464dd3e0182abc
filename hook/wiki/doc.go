package wiki

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/dingdag/dingdag/hook"
)

// The types of documents that [CreateDoc] makes.
const (
	DocText     = "DOC"
	DocWorkbook = "WORKBOOK"
	DocMind     = "MIND"
	DocFolder   = "FOLDER"
)

// NewDoc is what [CreateDoc] takes. WorkspaceID, Name and Type are required.
type NewDoc struct {
	WorkspaceID, Name string
	// Type is one of [DocText], [DocWorkbook], [DocMind], [DocFolder].
	Type string
	// ParentID is the node to make it below, empty for the top of the knowledge base.
	ParentID string
	// TemplateID is [DocTemplate.ID], TemplateType its public_template, team_template or
	// user_template.
	TemplateID, TemplateType string
}

// Doc names a new document by two ids.
type Doc struct {
	WorkspaceID string `json:"workspaceId"`
	// ShortID is an older id, which only [DeleteDoc] takes.
	ShortID string `json:"nodeId"`
	// NodeID is [Node.NodeID] and, of a workbook, the workbook id.
	NodeID string `json:"dentryUuid"`
	DocKey string `json:"docKey"`
	URL    string `json:"url"`
}

// CreateDoc makes a document or folder in a knowledge base. A new workbook may refuse
// calls for some seconds, which are waited for. A lost answer is an error of kind
// uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-team-space-document
//
//dingtalk:api POST /v1.0/doc/workspaces/{workspaceId}/docs
func CreateDoc(ctx context.Context, a *hook.App, operatorID string, d NewDoc) (*Doc, error) {
	var got Doc
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("create doc %q", d.Name), API: hook.NewAPI, Method: http.MethodPost,
		Path: hook.PathOf("/v1.0/doc/workspaces/{workspaceId}/docs", d.WorkspaceID),
		Body: struct {
			Name         string `json:"name"`
			Type         string `json:"docType"`
			OperatorID   string `json:"operatorId"` // everywhere else it is in the query
			ParentID     string `json:"parentNodeId,omitempty"`
			TemplateID   string `json:"templateId,omitempty"`
			TemplateType string `json:"templateType,omitempty"`
		}{d.Name, d.Type, operatorID, d.ParentID, d.TemplateID, d.TemplateType},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// DeleteDoc deletes a document by its [Doc.ShortID]. One that is not there is an error
// of kind not_found. DingTalk says nothing more of a success than its status.
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-team-space-documents
//
//dingtalk:api DELETE /v1.0/doc/workspaces/{workspaceId}/docs/{nodeId}
func DeleteDoc(ctx context.Context, a *hook.App, operatorID, workspaceID, shortID string) error {
	return a.DoAgainWhenLost(ctx, hook.Call{
		Op: fmt.Sprintf("delete doc %q", shortID), API: hook.NewAPI, Method: http.MethodDelete,
		Path: hook.PathOf("/v1.0/doc/workspaces/{workspaceId}/docs/{nodeId}", workspaceID, shortID), Query: hook.ActingAs(operatorID),
		Bodiless: true,
	}, nil)
}

// TemplatesQuery says which templates to list.
type TemplatesQuery struct {
	// Type is public_template, team_template or user_template. DingTalk's generated clients
	// require it.
	Type        string
	WorkspaceID string
	// NextToken is empty for the first page, then [TemplatesPage.NextToken].
	NextToken string
	// MaxResults is the size of a page, 1 to 100; DingTalk's generated clients require it.
	MaxResults int
}

// TemplatesPage is one page of templates.
type TemplatesPage struct {
	Templates []DocTemplate `json:"templateList"`
	HasMore   bool          `json:"hasMore"`
	NextToken string        `json:"nextToken"`
}

// DocTemplate is a template of documents. The times are in milliseconds.
type DocTemplate struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	DocType      string `json:"docType,omitempty"`
	TemplateType string `json:"templateType,omitempty"`
	CoverURL     string `json:"coverUrl,omitempty"`
	WorkspaceID  string `json:"workspaceId,omitempty"`
	CreateTime   int64  `json:"createTime,omitempty"`
	UpdateTime   int64  `json:"updateTime,omitempty"`
}

// ListDocTemplates reads a page of the templates for [CreateDoc]. DingTalk's
// generated clients have this call, its pages do not.
//
//dingtalk:api GET /v1.0/doc/templates
func ListDocTemplates(ctx context.Context, a *hook.App, operatorID string, q TemplatesQuery) (*TemplatesPage, error) {
	query := hook.ActingAs(operatorID)
	query.Set("templateType", q.Type)
	setText(query, "workspaceId", q.WorkspaceID)
	setText(query, "nextToken", q.NextToken)
	query.Set("maxResults", strconv.Itoa(q.MaxResults))
	var got TemplatesPage
	err := a.Do(ctx, hook.Call{
		Op: "list templates of documents", API: hook.NewAPI, Method: http.MethodGet, Path: "/v1.0/doc/templates", Query: query, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}
