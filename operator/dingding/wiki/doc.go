package wiki

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/wiki"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// CreateDoc creates a document, workbook, mind map or folder in a knowledge base.
//
// The result has doc_data: a mapping with workspaceId, dentryUuid, nodeId, docKey and
// url, all text. dentryUuid is what other operators take as node_id and, of a workbook,
// as workbook_id; nodeId is an older short id, which only dingtalk_delete_doc takes.
//
// A new workbook may not be ready for some seconds; calls on it wait. DingTalk has no
// idempotency key here: if the answer is lost the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-team-space-document
type CreateDoc struct {
	// WorkspaceID is the knowledge base.
	WorkspaceID string `yaml:"workspace_id" param:"required,template"`
	// Name is the title.
	Name string `yaml:"name" param:"required,template"`
	// DocType is DOC for a text, WORKBOOK for a spreadsheet, MIND for a mind map, or FOLDER.
	DocType string `yaml:"doc_type" param:"required,template,enum=DOC|WORKBOOK|MIND|FOLDER"`
	// ParentNodeID is the parent node, by default the top of the knowledge base.
	ParentNodeID string `yaml:"parent_node_id" param:"template"`
	// TemplateID is the id of a template, from dingtalk_get_doc_templates.
	TemplateID string `yaml:"template_id" param:"template"`
	// TemplateType says whose template it is.
	TemplateType string `yaml:"template_type" param:"enum=public_template|team_template|user_template"`

	appcall.Acting
	appcall.Write
}

// CreateDocResult is the result of [CreateDoc].
type CreateDocResult struct {
	DocData *wiki.Doc `json:"doc_data"`
}

// Validate checks names and template.
func (o *CreateDoc) Validate() error {
	var c appcall.Checks
	c.Required("workspace_id", o.WorkspaceID)
	c.Required("name", o.Name)
	if o.TemplateType != "" && o.TemplateID == "" {
		c.Add("template_type", errors.New("needs a template_id"))
	}
	o.Acting.Check(&c)
	return c.Err()
}

// Execute makes the document and returns a [CreateDocResult].
func (o *CreateDoc) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*CreateDocResult, error) {
		doc, err := wiki.CreateDoc(ctx, a, operatorID, wiki.NewDoc{
			WorkspaceID: o.WorkspaceID, Name: o.Name, Type: o.DocType,
			ParentID: o.ParentNodeID, TemplateID: o.TemplateID, TemplateType: o.TemplateType,
		})
		return &CreateDocResult{doc}, err
	})
}

// DeleteDoc deletes a document of a knowledge base.
//
// The result has deleted (boolean).
//
// DingTalk docs: https://open.dingtalk.com/document/development/delete-team-space-documents
type DeleteDoc struct {
	// WorkspaceID is the knowledge base.
	WorkspaceID string `yaml:"workspace_id" param:"required,template"`
	// NodeID is the nodeId that dingtalk_create_doc gave: the short one, not dentryUuid.
	NodeID string `yaml:"node_id" param:"required,template"`

	appcall.Removal
	appcall.Acting
	appcall.App
}

// Validate checks that there are ids.
func (o *DeleteDoc) Validate() error {
	var c appcall.Checks
	c.Required("workspace_id", o.WorkspaceID)
	c.Required("node_id", o.NodeID)
	o.Acting.Check(&c)
	return c.Err()
}

// Execute deletes the document and returns a [appcall.DeletedResult].
func (o *DeleteDoc) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*appcall.DeletedResult, error) {
		return o.Result(wiki.DeleteDoc(ctx, a, operatorID, o.WorkspaceID, o.NodeID))
	})
}

// GetDocTemplates lists the templates that dingtalk_create_doc can use. DingTalk's
// generated clients have this call, its pages do not.
//
// The result has template_list (list of mappings with id, title, docType, templateType,
// coverUrl, workspaceId, createTime and updateTime in milliseconds), next_token (text,
// of the page after the last one read) and has_more (boolean).
type GetDocTemplates struct {
	// TemplateType is the kind to read, which DingTalk requires.
	TemplateType string `yaml:"template_type" param:"default=team_template,enum=public_template|team_template|user_template"`
	// WorkspaceID reads only those of a knowledge base.
	WorkspaceID string `yaml:"workspace_id" param:"template"`
	// MaxResults is the size of a page.
	MaxResults int `yaml:"max_results" param:"default=10,min=1,max=100"`
	// NextToken is the next_token of the page before.
	NextToken string `yaml:"next_token" param:"template"`

	appcall.Paging
	appcall.Acting
	appcall.App
}

// GetDocTemplatesResult is the result of [GetDocTemplates].
type GetDocTemplatesResult struct {
	TemplateList []wiki.DocTemplate `json:"template_list"`
	NextToken    string             `json:"next_token"`
	HasMore      bool               `json:"has_more"`
}

// Validate checks the operator.
func (o *GetDocTemplates) Validate() error {
	var c appcall.Checks
	o.Acting.Check(&c)
	return c.Err()
}

// Execute lists the templates and returns a [GetDocTemplatesResult].
func (o *GetDocTemplates) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.RunAs(ctx, tc, o, func(ctx context.Context, a *hook.App, operatorID string) (*GetDocTemplatesResult, error) {
		q := wiki.TemplatesQuery{Type: o.TemplateType, WorkspaceID: o.WorkspaceID, MaxResults: o.MaxResults}
		list, next, more, err := appcall.Read(ctx, tc, o.Paging, o.NextToken,
			func(ctx context.Context, token string) ([]wiki.DocTemplate, string, bool, error) {
				q.NextToken = token
				page, err := wiki.ListDocTemplates(ctx, a, operatorID, q)
				if err != nil {
					return nil, "", false, err
				}
				return page.Templates, page.NextToken, page.HasMore, nil
			})
		return &GetDocTemplatesResult{TemplateList: list, NextToken: next, HasMore: more}, err
	})
}

func docSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateDoc](p, "dingtalk_create_doc", operator.Example("A workbook", `
workspace_id: By8jQS1ZYjGn5b0M
name: Capacity
doc_type: WORKBOOK
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[DeleteDoc](p, "dingtalk_delete_doc", operator.Example("By the short id", `
workspace_id: By8jQS1ZYjGn5b0M
node_id: YRBGv0Ye
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetDocTemplates](p, "dingtalk_get_doc_templates", operator.Example("The templates of teams", `
template_type: team_template
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
