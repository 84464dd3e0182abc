package dingding

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// sceneGroup is for operators of calls about one group.
type sceneGroup struct {
	// OpenConversationID is the id of the group (cid…).
	OpenConversationID string `yaml:"open_conversation_id" param:"required,template"`
}

func (g *sceneGroup) check(c *appcall.Checks) {
	c.Required("open_conversation_id", g.OpenConversationID)
}

// DoneResult is the result of calls that only succeed or fail.
type DoneResult struct {
	Success bool `json:"success"`
}

// groupOptions is for operators that set the options of a scene group.
type groupOptions struct {
	// ManagementOptions are the settings of the group, each 0 or 1, with DingTalk's keys:
	// mention_all_authority, show_history_type, validation_type, searchable,
	// chat_banned_type, management_type, only_admin_can_ding and the rest of its page.
	ManagementOptions map[string]int `yaml:"management_options" param:"min=0,max=1"`
}

func (o *groupOptions) check(c *appcall.Checks) {
	known := chat.SceneGroupOptions()
	for _, name := range slices.Sorted(maps.Keys(o.ManagementOptions)) {
		if !slices.Contains(known, name) {
			c.Add("management_options", fmt.Errorf("has no %s; it has %s", name, strings.Join(known, ", ")))
		}
	}
}

// CreateSceneGroup creates a group from a group template of the app. A second try of the task
// creates no second group: the call carries a key by which DingTalk recognizes it.
//
// The result has open_conversation_id (text) and chat_id (text).
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-a-scene-group
type CreateSceneGroup struct {
	// Title is the name of the group, 1 to 30 characters.
	Title string `yaml:"title" param:"required,template"`
	// TemplateID is the id of the group template, from the developer console.
	TemplateID string `yaml:"template_id" param:"required,template"`
	// OwnerUserID is the userid of the owner.
	OwnerUserID string `yaml:"owner_user_id" param:"required,template,digits"`
	// UserIDs are the userids of the members.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// SubadminIDs are the userids of administrators besides the owner.
	SubadminIDs []string `yaml:"subadmin_ids" param:"commas,template,digits"`
	// Icon is the media_id of a picture.
	Icon string `yaml:"icon" param:"template"`
	// UUID is the idempotency key. By default it is one of this task instance, the same for
	// all its tries.
	UUID string `yaml:"uuid" param:"template"`

	groupOptions
	appcall.App
}

// CreateSceneGroupResult is the result of [CreateSceneGroup].
type CreateSceneGroupResult struct {
	OpenConversationID string `json:"open_conversation_id"`
	ChatID             string `json:"chat_id"`
}

var _ params.Validator = (*CreateSceneGroup)(nil)

// Validate checks the title and what is required.
func (o *CreateSceneGroup) Validate() error {
	var c appcall.Checks
	c.Text("title", o.Title, 1, chat.MaxSceneGroupTitle)
	c.Required("template_id", o.TemplateID)
	c.Required("owner_user_id", o.OwnerUserID)
	o.groupOptions.check(&c)
	return c.Err()
}

// Execute makes the group and returns a [CreateSceneGroupResult].
func (o *CreateSceneGroup) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*CreateSceneGroupResult, error) {
		uuid := o.UUID
		if uuid == "" {
			uuid = messageKey(tc)
		}
		g, err := chat.CreateSceneGroup(ctx, a, chat.NewSceneGroup{
			Title: o.Title, TemplateID: o.TemplateID, OwnerUserID: o.OwnerUserID, UserIDs: o.UserIDs, SubAdminIDs: o.SubadminIDs,
			Icon: o.Icon, UUID: uuid, Options: o.ManagementOptions,
		})
		if err != nil {
			return nil, err
		}
		return &CreateSceneGroupResult{g.OpenConversationID, g.ChatID}, nil
	})
}

// UpdateSceneGroup changes title, picture, owner or settings of a scene group. What is not
// given is left unchanged.
//
// The result has success (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-updatescenegroup
type UpdateSceneGroup struct {
	sceneGroup
	// Title is the new name, 1 to 30 characters.
	Title string `yaml:"title" param:"template"`
	// Icon is the media_id of the new picture.
	Icon string `yaml:"icon" param:"template"`
	// OwnerUserID is the userid of the new owner.
	OwnerUserID string `yaml:"owner_user_id" param:"template,digits"`

	groupOptions
	appcall.App
}

// Validate checks that there is something to change.
func (o *UpdateSceneGroup) Validate() error {
	var c appcall.Checks
	o.sceneGroup.check(&c)
	c.Text("title", o.Title, 0, chat.MaxSceneGroupTitle)
	o.groupOptions.check(&c)
	if o.Title+o.Icon+o.OwnerUserID == "" && len(o.ManagementOptions) == 0 {
		c.Add("title", errors.New("is empty, and so is all else that could change: give title, icon, owner_user_id or management_options"))
	}
	return c.Err()
}

// Execute changes the group and returns a [DoneResult].
func (o *UpdateSceneGroup) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*DoneResult, error) {
		return &DoneResult{true}, chat.UpdateSceneGroup(ctx, a, chat.SceneGroupUpdate{
			OpenConversationID: o.OpenConversationID, Title: o.Title, Icon: o.Icon, OwnerUserID: o.OwnerUserID, Options: o.ManagementOptions,
		})
	})
}

// members is for operators that add or remove members.
type members struct {
	sceneGroup
	// UserIDs are the userids of the people.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// UnionIDs are the unionIds of people outside the organisation.
	UnionIDs []string `yaml:"union_ids" param:"commas,template"`
}

// Validate checks that somebody is named.
func (m *members) Validate() error {
	var c appcall.Checks
	m.sceneGroup.check(&c)
	if len(m.UserIDs) == 0 && len(m.UnionIDs) == 0 {
		c.Add("user_ids", errors.New("is empty: give user_ids or union_ids"))
	}
	return c.Err()
}

func (m *members) change() chat.SceneGroupMembersChange {
	return chat.SceneGroupMembersChange{OpenConversationID: m.OpenConversationID, UserIDs: m.UserIDs, UnionIDs: m.UnionIDs}
}

// AddSceneGroupMembers adds people to a scene group.
//
// The result has success (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-addscenegroupmember
type AddSceneGroupMembers struct {
	members
	appcall.App
}

// Execute adds the people and returns a [DoneResult].
func (o *AddSceneGroupMembers) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*DoneResult, error) {
		return &DoneResult{true}, chat.AddSceneGroupMembers(ctx, a, o.change())
	})
}

// RemoveSceneGroupMembers removes people from a scene group.
//
// The result has success (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-removescenegroupmember
type RemoveSceneGroupMembers struct {
	members
	appcall.App
}

// Execute removes the people and returns a [DoneResult].
func (o *RemoveSceneGroupMembers) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*DoneResult, error) {
		return &DoneResult{true}, chat.RemoveSceneGroupMembers(ctx, a, o.change())
	})
}

// GetSceneGroupMembers reads the members of a scene group.
//
// The result has user_ids (list of text), union_ids (list of text: people outside the
// organisation), names (mapping of id to name), has_more (boolean) and next_token
// (text, of the next page while has_more).
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-group-members
type GetSceneGroupMembers struct {
	sceneGroup
	// MaxResults is the size of a page, 1 to 1000. A group of up to 1000 members always comes
	// in one page.
	MaxResults int `yaml:"max_results" param:"default=200,min=1,max=1000"`
	// NextToken is where the page begins: next_token of the page before.
	NextToken string `yaml:"next_token" param:"template"`
	// CoolAppCode is required for groups that only have a group application of the app.
	CoolAppCode string `yaml:"cool_app_code" param:"template"`

	appcall.Paging
	appcall.App
}

// GetSceneGroupMembersResult is the result of [GetSceneGroupMembers].
type GetSceneGroupMembersResult struct {
	UserIDs   []string          `json:"user_ids"`
	UnionIDs  []string          `json:"union_ids"`
	Names     map[string]string `json:"names"`
	HasMore   bool              `json:"has_more"`
	NextToken string            `json:"next_token"`
}

// Validate checks that there is a group.
func (o *GetSceneGroupMembers) Validate() error {
	var c appcall.Checks
	o.sceneGroup.check(&c)
	return c.Err()
}

// Execute reads the members and returns a [GetSceneGroupMembersResult].
func (o *GetSceneGroupMembers) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetSceneGroupMembersResult, error) {
		result := &GetSceneGroupMembersResult{UserIDs: []string{}, UnionIDs: []string{}, Names: map[string]string{}}
		type member struct {
			id       string
			external bool
		}
		found, next, more, err := appcall.Read(ctx, tc, o.Paging, o.NextToken, func(ctx context.Context, token string) ([]member, string, bool, error) {
			page, err := chat.ListSceneGroupMembers(ctx, a, chat.SceneGroupMembersQuery{
				OpenConversationID: o.OpenConversationID, CoolAppCode: o.CoolAppCode, Size: o.MaxResults, NextToken: token,
			})
			if err != nil {
				return nil, "", false, err
			}
			maps.Copy(result.Names, page.UserNames)
			maps.Copy(result.Names, page.UnionIDNames)
			var some []member
			for _, id := range page.UserIDs {
				some = append(some, member{id, false})
			}
			for _, id := range page.UnionIDs {
				some = append(some, member{id, true})
			}
			return some, page.NextToken, page.HasMore, nil
		})
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if m.external {
				result.UnionIDs = append(result.UnionIDs, m.id)
			} else {
				result.UserIDs = append(result.UserIDs, m.id)
			}
		}
		result.HasMore, result.NextToken = more, next
		return result, nil
	})
}

// DisbandSceneGroup disbands a scene group.
//
// The result has success (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-dsbandopenscenegroup
type DisbandSceneGroup struct {
	sceneGroup
	appcall.App
}

// Validate checks that there is a group.
func (o *DisbandSceneGroup) Validate() error {
	var c appcall.Checks
	o.sceneGroup.check(&c)
	return c.Err()
}

// Execute disbands the group and returns a [DoneResult].
func (o *DisbandSceneGroup) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*DoneResult, error) {
		return &DoneResult{true}, chat.DisbandSceneGroup(ctx, a, o.OpenConversationID)
	})
}

func sceneGroupSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateSceneGroup](p, "dingtalk_create_scene_group", operator.Example("A crew for a release", `
title: Release crew
template_id: c354-1
owner_user_id: u001
user_ids: u001, u002
subadmin_ids: u002
uuid: crew-1
management_options:
  show_history_type: 1
`)),
		appcall.Define[UpdateSceneGroup](p, "dingtalk_update_scene_group", operator.Example("Another name", `
open_conversation_id: cidAb/3dE+f0==
title: Release crew 2
`)),
		appcall.Define[AddSceneGroupMembers](p, "dingtalk_add_scene_group_members", operator.Example("Somebody joins", `
open_conversation_id: cidAb/3dE+f0==
user_ids: u003
`)),
		appcall.Define[RemoveSceneGroupMembers](p, "dingtalk_remove_scene_group_members", operator.Example("Somebody leaves", `
open_conversation_id: cidAb/3dE+f0==
user_ids: [u003]
`)),
		appcall.Define[GetSceneGroupMembers](p, "dingtalk_get_scene_group_members", operator.Example("Who is in the group", `
open_conversation_id: cidAb/3dE+f0==
`)),
		appcall.Define[DisbandSceneGroup](p, "dingtalk_disband_scene_group", operator.Example("The release is done", `
open_conversation_id: cidAb/3dE+f0==
`)),
	}
}
