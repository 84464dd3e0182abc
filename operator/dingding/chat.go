package dingding

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// Limits of a group chat.
const (
	maxChatName    = 20
	maxChatMembers = 40
)

// CreateChat creates a group chat within the organisation.
//
// The result has chat_data: a mapping with openConversationId (text, for bots and new
// APIs), chatid (text, for old ones) and conversationTag (whole number, 2).
//
// DingTalk has no idempotency key here: if the answer is lost the task fails, and trying again
// may create a second group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-common-group-new-version-v2
type CreateChat struct {
	// Name is the name of the group, 1 to 20 characters.
	Name string `yaml:"name" param:"required,template"`
	// OwnerUserID is the userid of the owner, who must be in the app's range.
	OwnerUserID string `yaml:"owner_user_id" param:"required,template,digits"`
	// UserIDs are the userids of the members, at most 40; the owner is added when missing.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// ShowHistoryType: 1 shows new members the last 100 messages, 0 none.
	ShowHistoryType int `yaml:"show_history_type" param:"default=0,min=0,max=1"`
	// Searchable: 1 lets people find the group by search.
	Searchable int `yaml:"searchable" param:"default=0,min=0,max=1"`
	// ValidationType: 1 asks for approval of those who join.
	ValidationType int `yaml:"validation_type" param:"default=0,min=0,max=1"`
	// MentionAllAuthority: 0 lets everyone mention all, 1 only the owner.
	MentionAllAuthority int `yaml:"mention_all_authority" param:"default=0,min=0,max=1"`
	// ManagementType: 0 lets everyone manage the group, 1 only the owner.
	ManagementType int `yaml:"management_type" param:"default=0,min=0,max=1"`
	// ChatBannedType: 1 mutes all members.
	ChatBannedType int `yaml:"chat_banned_type" param:"default=0,min=0,max=1"`

	appcall.Write
}

// CreateChatResult is the result of [CreateChat].
type CreateChatResult struct {
	ChatData *chat.Chat `json:"chat_data"`
}

var _ params.Validator = (*CreateChat)(nil)

// Validate checks name and number of members.
func (o *CreateChat) Validate() error {
	var c appcall.Checks
	c.Text("name", o.Name, 1, maxChatName)
	c.Required("owner_user_id", o.OwnerUserID)
	c.List("user_ids", o.UserIDs, 0, maxChatMembers)
	return c.Err()
}

// Execute makes the group and returns a [CreateChatResult].
func (o *CreateChat) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*CreateChatResult, error) {
		made, err := chat.Create(ctx, a, chat.NewChat{
			Name: o.Name, Owner: o.OwnerUserID, UserIDs: o.UserIDs,
			Options: chat.Options{
				MentionAllAuthority: o.MentionAllAuthority, ShowHistoryType: o.ShowHistoryType, ValidationType: o.ValidationType,
				Searchable: o.Searchable, ChatBannedType: o.ChatBannedType, ManagementType: o.ManagementType,
			},
		})
		return &CreateChatResult{made}, err
	})
}

// GetChatInfo reads a group chat.
//
// DingTalk has no single call for all groups. A chatid, which only groups created by an app
// have, gives members and settings. An openConversationId gives the owner and template of
// groups created from a template of the app or with its group application, and the title and
// number of members of other groups.
//
// The result has chat_info, a mapping with DingTalk's keys: openConversationId, chatid, title,
// ownerUserId, icon, status (1 in use, 2 disbanded), templateId, groupUrl, memberCount, tag,
// useridlist, extidlist, conversationTag and managementOptions; keys that DingTalk does not
// return are left out.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-group-information
type GetChatInfo struct {
	// ChatID is the openConversationId (cid…) or the chatid (chat…) of the group.
	ChatID string `yaml:"chat_id" param:"required,template"`
	// CoolAppCode is required for groups that only have a group application of the app.
	CoolAppCode string `yaml:"cool_app_code" param:"template"`

	appcall.App
}

// GetChatInfoResult is the result of [GetChatInfo].
type GetChatInfoResult struct {
	ChatInfo *chat.Info `json:"chat_info"`
}

// Validate checks that there is an id.
func (o *GetChatInfo) Validate() error {
	var c appcall.Checks
	c.Required("chat_id", o.ChatID)
	return c.Err()
}

// Execute reads the group and returns a [GetChatInfoResult].
func (o *GetChatInfo) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetChatInfoResult, error) {
		info, err := chat.Get(ctx, a, o.ChatID, o.CoolAppCode)
		return &GetChatInfoResult{info}, err
	})
}

// ConvertChatID finds the openConversationId of a group, which newer APIs and bots use, by its
// chatid.
//
// The result has open_conversation_id (text).
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-group-openconversationid
type ConvertChatID struct {
	// ChatID is the chatid of the group (chat…).
	ChatID string `yaml:"chat_id" param:"required,template"`

	appcall.App
}

// ConvertChatIDResult is the result of [ConvertChatID].
type ConvertChatIDResult struct {
	OpenConversationID string `json:"open_conversation_id"`
}

// Validate checks that there is an id.
func (o *ConvertChatID) Validate() error {
	var c appcall.Checks
	c.Required("chat_id", o.ChatID)
	return c.Err()
}

// Execute converts the id and returns a [ConvertChatIDResult].
func (o *ConvertChatID) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*ConvertChatIDResult, error) {
		id, err := chat.OpenConversationID(ctx, a, o.ChatID)
		return &ConvertChatIDResult{id}, err
	})
}

func chatSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateChat](p, "dingtalk_create_chat", operator.Example("A group for an incident", `
name: Incident 7
owner_user_id: u001
user_ids: u001, u002
show_history_type: 1
mention_all_authority: 1
`), operator.RenamedParams(map[string]string{"owner": "owner_user_id"})),
		appcall.Define[GetChatInfo](p, "dingtalk_get_chat_info", operator.Example("By openConversationId", `
chat_id: cidAb/3dE+f0==
`), operator.Example("By the chatid that an older call gave", `
chat_id: chatnew01
`)),
		appcall.Define[ConvertChatID](p, "dingtalk_convert_chat_id", operator.Example("For a bot message", `
chat_id: chatnew01
`)),
	}
}
