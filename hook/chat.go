package hook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// ChatOptions are the settings of a group; each is 0 or 1, and 0 is DingTalk's default.
type ChatOptions struct {
	// MentionAllAuthority: 0 everyone may mention all, 1 the owner only.
	MentionAllAuthority int `json:"mentionAllAuthority"`
	// ShowHistoryType: 0 new members see no history, 1 they see the last 100 messages.
	ShowHistoryType int `json:"showHistoryType"`
	// ValidationType: 0 join freely, 1 needs approval.
	ValidationType int `json:"validationType"`
	// Searchable: 0 not found by search, 1 found.
	Searchable int `json:"searchable"`
	// ChatBannedType: 0 everyone may write, 1 all are muted.
	ChatBannedType int `json:"chatBannedType"`
	// ManagementType: 0 everyone manages, 1 the owner only.
	ManagementType int `json:"managementType"`
}

// NewChat is what [App.CreateChat] takes. Name has 1 to 20 characters. Owner is a
// userid; it is added to UserIDs, of which there are at most 40, when it is not there.
type NewChat struct {
	Name    string
	Owner   string
	UserIDs []string
	Options ChatOptions
}

// Chat names a new group: OpenConversationID for new APIs, ChatID for old ones.
type Chat struct {
	OpenConversationID string `json:"openConversationId"`
	ChatID             string `json:"chatid"`
	ConversationTag    int    `json:"conversationTag"`
}

// internalGroup is the conversationTag of a group within the organisation.
const internalGroup = 2

// CreateChat makes a group chat. A lost answer is an error of kind uncertain: trying
// again may make a second group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-common-group-new-version-v2
//
//dingtalk:api POST /v1.0/im/group/create
func (a *App) CreateChat(ctx context.Context, c NewChat) (*Chat, error) {
	var got Chat
	err := a.Do(ctx, Call{
		Op: fmt.Sprintf("create chat %q", c.Name), API: NewAPI, Method: http.MethodPost, Path: "/v1.0/im/group/create",
		Body: struct {
			Name            string      `json:"name"`
			Owner           string      `json:"owner"`
			OwnerType       string      `json:"ownerType"`
			UserIDs         []string    `json:"useridlist"`
			ConversationTag int         `json:"conversationTag"`
			Options         ChatOptions `json:"managementOptions"`
		}{c.Name, c.Owner, "emp", withOwner(c.Owner, c.UserIDs), internalGroup, c.Options},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// withOwner returns ids with the owner, in front when it was not there.
func withOwner(owner string, ids []string) []string {
	if slices.Contains(ids, owner) {
		return ids
	}
	return append([]string{owner}, ids...)
}

// ChatInfo is what DingTalk tells about a group. Which fields are filled depends on the
// kind of the group: see [App.GetChat].
type ChatInfo struct {
	OpenConversationID string `json:"openConversationId,omitempty"`
	ChatID             string `json:"chatid,omitempty"`
	Title              string `json:"title,omitempty"`
	OwnerUserID        string `json:"ownerUserId,omitempty"`
	Icon               string `json:"icon,omitempty"`
	// Status is 1 for a group in use and 2 for a disbanded one.
	Status int `json:"status,omitempty"`

	// Of groups made from a template.
	TemplateID string `json:"templateId,omitempty"`
	GroupURL   string `json:"groupUrl,omitempty"`

	// Of other groups.
	MemberCount int    `json:"memberCount,omitempty"`
	Tag         string `json:"tag,omitempty"`

	// Of groups that the app created.
	UserIDs         []string     `json:"useridlist,omitempty"`
	ExtIDs          []string     `json:"extidlist,omitempty"`
	ConversationTag int          `json:"conversationTag,omitempty"`
	Options         *ChatOptions `json:"managementOptions,omitempty"`
}

// GetChat reads a group by its openConversationId (cid…) or chatid (chat…). DingTalk has
// no one call for all groups: a chatid, which only groups have that an app created,
// gives members and options; an openConversationId gives the template, and where the
// group has none of this app, title and number of members. The coolAppCode is for groups
// that only have a group application of the app, and else empty.
func (a *App) GetChat(ctx context.Context, id, coolAppCode string) (*ChatInfo, error) {
	if strings.HasPrefix(id, "chat") {
		return a.GetChatByChatID(ctx, id)
	}
	info, err := a.GetSceneGroup(ctx, id, coolAppCode)
	if e, ok := errors.AsType[*Error](err); ok && e.IsCode("grouppermissiondenied") {
		if base, baseErr := a.GetChatBaseInfo(ctx, id); baseErr == nil {
			return base, nil
		}
	}
	return info, err
}

// GetSceneGroup reads a group that was made from a template of the app or has its group
// application. Errors are [*Error]: auth with the code groupPermissionDenied for any
// other group. The coolAppCode is required for groups that only have a group application
// of the app, and else empty.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-group-information
//
//dingtalk:api POST /v1.0/im/sceneGroups/query
func (a *App) GetSceneGroup(ctx context.Context, openConversationID, coolAppCode string) (*ChatInfo, error) {
	var got ChatInfo
	err := a.Do(ctx, Call{
		Op: fmt.Sprintf("get chat %q", openConversationID), API: NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroups/query",
		Body: struct {
			conversation

			CoolAppCode string `json:"coolAppCode,omitempty"`
		}{conversation{openConversationID}, coolAppCode}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// conversation is the body of calls that take a group alone.
type conversation struct {
	OpenConversationID string `json:"openConversationId"`
}

// GetChatBaseInfo reads title and number of members of a group. DingTalk's generated
// clients have this call, its pages do not.
//
//dingtalk:api POST /v1.0/im/groups/baseInfos/query
func (a *App) GetChatBaseInfo(ctx context.Context, openConversationID string) (*ChatInfo, error) {
	var got struct {
		Result ChatInfo `json:"result"`
	}
	err := a.Do(ctx, Call{
		Op: fmt.Sprintf("get chat %q", openConversationID), API: NewAPI, Method: http.MethodPost, Path: "/v1.0/im/groups/baseInfos/query",
		Body: conversation{openConversationID}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Result, nil
}

// GetChatByChatID reads a group that an app created, by its chatid.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-a-group-session
//
//dingtalk:api GET /chat/get
func (a *App) GetChatByChatID(ctx context.Context, chatID string) (*ChatInfo, error) {
	var got struct {
		Info struct {
			ChatInfo
			ChatOptions
			Name  string `json:"name"`
			Owner string `json:"owner"`
		} `json:"chat_info"`
	}
	err := a.Do(ctx, Call{
		Op: fmt.Sprintf("get chat %q", chatID), Method: http.MethodGet, Path: "/chat/get",
		Query: map[string][]string{"chatid": {chatID}}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	info := got.Info.ChatInfo
	info.Title, info.OwnerUserID, info.Options = got.Info.Name, got.Info.Owner, &got.Info.ChatOptions
	return &info, nil
}

// OpenConversationID converts the chatid of a group into the id that new APIs take.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-group-openconversationid
//
//dingtalk:api POST /v1.0/im/chat/{chatId}/convertToOpenConversationId
func (a *App) OpenConversationID(ctx context.Context, chatID string) (string, error) {
	var got conversation
	err := a.Do(ctx, Call{
		Op: fmt.Sprintf("convert chatid %q", chatID), API: NewAPI, Method: http.MethodPost, Safe: true,
		Path: PathOf("/v1.0/im/chat/{chatId}/convertToOpenConversationId", chatID),
	}, &got)
	return got.OpenConversationID, err
}
