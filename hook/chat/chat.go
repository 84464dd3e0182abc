// Package chat makes, reads and changes group chats: ordinary ones, and scene groups, which
// an app makes of its templates.
package chat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/hook"
)

// Options are the settings of a group; each is 0 or 1, and 0 is DingTalk's default.
type Options struct {
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

// NewChat is what [Create] takes. Name has 1 to 20 characters. Owner is a
// userid; it is added to UserIDs, of which there are at most 40, when it is not there.
type NewChat struct {
	Name    string
	Owner   string
	UserIDs []string
	Options Options
}

// Chat names a new group: OpenConversationID for new APIs, ChatID for old ones.
type Chat struct {
	OpenConversationID string `json:"openConversationId"`
	ChatID             string `json:"chatid"`
	ConversationTag    int    `json:"conversationTag"`
}

// internalGroup is the conversationTag of a group within the organisation.
const internalGroup = 2

// Create makes a group chat. A lost answer is an error of kind uncertain: trying
// again may make a second group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-common-group-new-version-v2
//
//dingtalk:api POST /v1.0/im/group/create
func Create(ctx context.Context, a *hook.App, c NewChat) (*Chat, error) {
	var got Chat
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("create chat %q", c.Name), API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/group/create",
		Body: struct {
			Name            string   `json:"name"`
			Owner           string   `json:"owner"`
			OwnerType       string   `json:"ownerType"`
			UserIDs         []string `json:"useridlist"`
			ConversationTag int      `json:"conversationTag"`
			Options         Options  `json:"managementOptions"`
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

// Info is what DingTalk tells about a group. Which fields are filled depends on the
// kind of the group: see [Get].
type Info struct {
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
	UserIDs         []string `json:"useridlist,omitempty"`
	ExtIDs          []string `json:"extidlist,omitempty"`
	ConversationTag int      `json:"conversationTag,omitempty"`
	Options         *Options `json:"managementOptions,omitempty"`
}

// Get reads a group by its openConversationId (cid…) or chatid (chat…). DingTalk has
// no one call for all groups: a chatid, which only groups have that an app created,
// gives members and options; an openConversationId gives the template, and where the
// group has none of this app, title and number of members. The coolAppCode is for groups
// that only have a group application of the app, and else empty.
func Get(ctx context.Context, a *hook.App, id, coolAppCode string) (*Info, error) {
	if strings.HasPrefix(id, "chat") {
		return GetByChatID(ctx, a, id)
	}
	info, err := GetSceneGroup(ctx, a, id, coolAppCode)
	if e, ok := errors.AsType[*hook.Error](err); ok && e.IsCode("grouppermissiondenied") {
		if base, baseErr := GetBaseInfo(ctx, a, id); baseErr == nil {
			return base, nil
		}
	}
	return info, err
}

// GetSceneGroup reads a group that was made from a template of the app or has its group
// application. Errors are [*hook.Error]: auth with the code groupPermissionDenied for any
// other group. The coolAppCode is required for groups that only have a group application
// of the app, and else empty.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-group-information
//
//dingtalk:api POST /v1.0/im/sceneGroups/query
func GetSceneGroup(ctx context.Context, a *hook.App, openConversationID, coolAppCode string) (*Info, error) {
	var got Info
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get chat %q", openConversationID), API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroups/query",
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

// GetBaseInfo reads title and number of members of a group. DingTalk's generated
// clients have this call, its pages do not.
//
//dingtalk:api POST /v1.0/im/groups/baseInfos/query
func GetBaseInfo(ctx context.Context, a *hook.App, openConversationID string) (*Info, error) {
	var got struct {
		Result Info `json:"result"`
	}
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get chat %q", openConversationID), API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/groups/baseInfos/query",
		Body: conversation{openConversationID}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Result, nil
}

// GetByChatID reads a group that an app created, by its chatid.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-a-group-session
//
//dingtalk:api GET /chat/get
func GetByChatID(ctx context.Context, a *hook.App, chatID string) (*Info, error) {
	var got struct {
		Info struct {
			Info
			Options
			Name  string `json:"name"`
			Owner string `json:"owner"`
		} `json:"chat_info"`
	}
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get chat %q", chatID), Method: http.MethodGet, Path: "/chat/get",
		Query: map[string][]string{"chatid": {chatID}}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	info := got.Info.Info
	info.Title, info.OwnerUserID, info.Options = got.Info.Name, got.Info.Owner, &got.Info.Options
	return &info, nil
}

// OpenConversationID converts the chatid of a group into the id that new APIs take.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-group-openconversationid
//
//dingtalk:api POST /v1.0/im/chat/{chatId}/convertToOpenConversationId
func OpenConversationID(ctx context.Context, a *hook.App, chatID string) (string, error) {
	var got conversation
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("convert chatid %q", chatID), API: hook.NewAPI, Method: http.MethodPost, Safe: true,
		Path: hook.PathOf("/v1.0/im/chat/{chatId}/convertToOpenConversationId", chatID),
	}, &got)
	return got.OpenConversationID, err
}
