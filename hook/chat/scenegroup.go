package chat

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/hook"
)

// MaxSceneGroupTitle is how many characters the title of a scene group has at most.
const MaxSceneGroupTitle = 30

// SceneGroupOptions are the settings that a scene group may have, each 0 or 1.
func SceneGroupOptions() []string {
	return []string{
		"mention_all_authority", "show_history_type", "validation_type", "searchable", "chat_banned_type", "management_type",
		"only_admin_can_ding", "all_members_can_create_mcs_conf", "all_members_can_create_calendar", "group_email_disabled",
		"only_admin_can_set_msg_top", "add_friend_forbidden", "group_live_switch", "members_to_admin_chat",
		"not_quit_when_emp_leave", "only_admin_can_add_mem", "plugin_customize_verify",
	}
}

// NewSceneGroup is what [CreateSceneGroup] takes. Title has 1 to
// [MaxSceneGroupTitle] characters; TemplateID comes from the developer console.
type NewSceneGroup struct {
	Title       string         `json:"title"`
	TemplateID  string         `json:"template_id"`
	OwnerUserID string         `json:"owner_user_id"`
	UserIDs     []string       `json:"user_ids,omitempty"`
	SubAdminIDs []string       `json:"subadmin_ids,omitempty"`
	Icon        string         `json:"icon,omitempty"`
	UUID        string         `json:"uuid,omitempty"`
	Options     map[string]int `json:"management_options,omitempty"`
}

// SceneGroup names a new scene group.
type SceneGroup struct {
	OpenConversationID string `json:"open_conversation_id"`
	ChatID             string `json:"chat_id"`
}

// CreateSceneGroup makes a group from a template of the app. With a UUID it is made once
// however often the call is sent, so that it is repeated when an answer is lost; without
// one a lost answer is an error of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-a-scene-group
//
//dingtalk:api POST /v1.0/im/sceneGroup/create
func CreateSceneGroup(ctx context.Context, a *hook.App, g NewSceneGroup) (*SceneGroup, error) {
	var got SceneGroup
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("create scene group %q", g.Title), API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/create",
		Body: g, Safe: g.UUID != "",
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// SceneGroupUpdate is what to change in a scene group; empty fields stay as they are.
type SceneGroupUpdate struct {
	OpenConversationID string         `json:"open_conversation_id"`
	Title              string         `json:"title,omitempty"`
	Icon               string         `json:"icon,omitempty"`
	OwnerUserID        string         `json:"owner_user_id,omitempty"`
	OwnerUnionID       string         `json:"owner_union_id,omitempty"`
	Options            map[string]int `json:"management_options,omitempty"`
}

// UpdateSceneGroup changes a scene group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-updatescenegroup
//
//dingtalk:api POST /v1.0/im/sceneGroup/update
func UpdateSceneGroup(ctx context.Context, a *hook.App, u SceneGroupUpdate) error {
	return a.Do(ctx, hook.Call{
		Op: "update scene group", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/update", Body: u, Safe: true,
	}, nil)
}

// SceneGroupMembersChange names people to add to a scene group or to remove from it.
type SceneGroupMembersChange struct {
	OpenConversationID string   `json:"open_conversation_id"`
	UserIDs            []string `json:"user_ids,omitempty"`
	UnionIDs           []string `json:"union_ids,omitempty"`
}

// AddSceneGroupMembers adds people to a scene group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-addscenegroupmember
//
//dingtalk:api POST /v1.0/im/sceneGroup/member/add
func AddSceneGroupMembers(ctx context.Context, a *hook.App, m SceneGroupMembersChange) error {
	return a.Do(ctx, hook.Call{
		Op: "add members to a scene group", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/member/add", Body: m, Safe: true,
	}, nil)
}

// RemoveSceneGroupMembers removes people from a scene group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-removescenegroupmember
//
//dingtalk:api POST /v1.0/im/sceneGroup/member/delete
func RemoveSceneGroupMembers(ctx context.Context, a *hook.App, m SceneGroupMembersChange) error {
	return a.Do(ctx, hook.Call{
		Op: "remove members from a scene group", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/member/delete", Body: m, Safe: true,
	}, nil)
}

// SceneGroupMembersQuery says which members to read. Size is the size of a page;
// NextToken is empty for the first one.
type SceneGroupMembersQuery struct {
	OpenConversationID string `json:"openConversationId"`
	CoolAppCode        string `json:"coolAppCode,omitempty"`
	Size               int    `json:"maxResults"`
	NextToken          string `json:"nextToken,omitempty"`
}

// SceneGroupMembers is one page of members: userids of the organisation's own and
// unionIds of others, with their names by id.
type SceneGroupMembers struct {
	UserIDs      []string          `json:"memberUserIds"`
	UnionIDs     []string          `json:"unionIdList"`
	UserNames    map[string]string `json:"staffIdNickMap"`
	UnionIDNames map[string]string `json:"unionIdNickMap"`
	HasMore      bool              `json:"hasMore"`
	NextToken    string            `json:"nextToken"`
}

// ListSceneGroupMembers reads a page of the members of a scene group. Groups of up to 1000
// members come in one page, whatever the size.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-group-members
//
//dingtalk:api POST /v1.0/im/sceneGroups/members/batchQuery
func ListSceneGroupMembers(ctx context.Context, a *hook.App, q SceneGroupMembersQuery) (*SceneGroupMembers, error) {
	var got SceneGroupMembers
	err := a.Do(ctx, hook.Call{
		Op: "list the members of a scene group", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroups/members/batchQuery",
		Body: q, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// DisbandSceneGroup ends a scene group.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-dsbandopenscenegroup
//
//dingtalk:api POST /v1.0/im/chat/scenegroup/disband
func DisbandSceneGroup(ctx context.Context, a *hook.App, openConversationID string) error {
	return a.Do(ctx, hook.Call{
		Op: "disband scene group", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/im/chat/scenegroup/disband",
		Body: conversation{openConversationID}, Safe: true,
	}, nil)
}
