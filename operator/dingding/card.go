package dingding

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/card"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// CreateCard creates an interactive card and delivers it to a group or to a person.
//
// The result has out_track_id (text), by which dingtalk_update_card and
// dingtalk_stream_card find the card, and deliver_results (list of mappings with
// DingTalk's keys spaceType, spaceId, success, carrierId, errorMsg).
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-and-deliver-cards
type CreateCard struct {
	// CardTemplateID is the id of the card template, from the card platform.
	CardTemplateID string `yaml:"card_template_id" param:"required,template"`
	// CardParamMap are the values of the template's variables, all text.
	CardParamMap map[string]string `yaml:"card_param_map" param:"template,digits"`
	// OpenConversationID is the group that the card goes to. It excludes user_id.
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`
	// UserID is the userid of the person whom the card goes to.
	UserID string `yaml:"user_id" param:"template,digits"`
	// OutTrackID is the id of the card, a new one for each card. By default it is one of
	// this task instance, the same for all its tries.
	OutTrackID string `yaml:"out_track_id" param:"template"`
	// AtUserIDs are notified, in a group.
	AtUserIDs []string `yaml:"at_user_ids" param:"commas,template,digits"`
	// CallbackType says how DingTalk reports pressed buttons: STREAM or HTTP.
	CallbackType string `yaml:"callback_type" param:"enum=STREAM|HTTP"`
	// CallbackRouteKey is the callbackRouteKey under which the address for presses was registered; HTTP needs it. The
	// card_route_key of the connection's extra is for dingtalk_card, and for cards of alerts, runs and questions.
	CallbackRouteKey string `yaml:"callback_route_key" param:"template"`
	// SupportForward lets people forward the card.
	SupportForward bool `yaml:"support_forward" param:"default=true"`

	sender
	appcall.Write
}

// CreateCardResult is the result of [CreateCard].
type CreateCardResult struct {
	OutTrackID     string        `json:"out_track_id"`
	DeliverResults []card.Result `json:"deliver_results"`
}

var _ params.Validator = (*CreateCard)(nil)

// Validate checks where the card goes.
func (o *CreateCard) Validate() error {
	var c appcall.Checks
	c.Required("card_template_id", o.CardTemplateID)
	switch {
	case o.OpenConversationID == "" && o.UserID == "":
		c.Add("open_conversation_id", errors.New("is empty: give open_conversation_id or user_id"))
	case o.OpenConversationID != "" && o.UserID != "":
		c.Add("user_id", errors.New("excludes open_conversation_id: give one of the two"))
	case o.UserID != "" && len(o.AtUserIDs) > 0:
		c.Add("at_user_ids", errors.New("is for groups"))
	}
	if o.CallbackType == "HTTP" && o.CallbackRouteKey == "" {
		c.Add("callback_route_key", errors.New("is empty; callback_type HTTP needs it"))
	}
	return c.Err()
}

// Execute delivers the card and returns a [CreateCardResult].
func (o *CreateCard) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*CreateCardResult, error) {
		id := o.OutTrackID
		if id == "" {
			id = messageKey(tc)
		}
		got, err := card.Create(ctx, a, card.Delivery{
			TemplateID: o.CardTemplateID, OutTrackID: id, Param: o.CardParamMap, OpenConversationID: o.OpenConversationID, UserID: o.UserID,
			RobotCode: o.RobotCode, AtUserIDs: o.AtUserIDs, CallbackType: o.CallbackType, CallbackRouteKey: o.CallbackRouteKey,
			SupportForward: o.SupportForward,
		})
		if err != nil {
			return nil, err
		}
		return &CreateCardResult{id, got.Results}, nil
	})
}

// oneCard is for operators that change a card.
type oneCard struct {
	// OutTrackID is the id that the card was created with.
	OutTrackID string `yaml:"out_track_id" param:"required,template"`
}

func (o *oneCard) check(c *appcall.Checks) { c.Required("out_track_id", o.OutTrackID) }

// UpdateCard changes the values of an interactive card.
//
// The result has success (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/interactive-card-update-interface
type UpdateCard struct {
	oneCard
	// CardParamMap are new values of variables; others keep theirs.
	CardParamMap map[string]string `yaml:"card_param_map" param:"required,template,digits"`
	// Replace drops the values of all variables that are not in card_param_map.
	Replace bool `yaml:"replace" param:"default=false"`

	appcall.App
}

// Validate checks that there is a card.
func (o *UpdateCard) Validate() error {
	var c appcall.Checks
	o.oneCard.check(&c)
	return c.Err()
}

// Execute changes the card and returns a [DoneResult].
func (o *UpdateCard) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*DoneResult, error) {
		return &DoneResult{true}, card.Update(ctx, a, card.Change{OutTrackID: o.OutTrackID, Param: o.CardParamMap, Replace: o.Replace})
	})
}

// StreamCard writes text into one variable of an interactive card that is made for it.
//
// The result has success (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-streamingupdate
type StreamCard struct {
	oneCard
	// Key is the variable.
	Key string `yaml:"key" param:"required,template"`
	// Content is the text.
	Content string `yaml:"content" param:"required,template"`
	// IsFull replaces the text that is there, as Markdown must; false appends.
	IsFull bool `yaml:"is_full" param:"default=true"`
	// IsFinalize says that this is the last piece.
	IsFinalize bool `yaml:"is_finalize" param:"default=false"`
	// IsError says that an error ended the text.
	IsError bool `yaml:"is_error" param:"default=false"`
	// GUID is the key of this piece, which DingTalk takes once. By default it is one of
	// this task instance, the same for all its tries.
	GUID string `yaml:"guid" param:"template"`

	appcall.App
}

// Validate checks card and variable.
func (o *StreamCard) Validate() error {
	var c appcall.Checks
	o.oneCard.check(&c)
	c.Required("key", o.Key)
	return c.Err()
}

// Execute writes the text and returns a [DoneResult].
func (o *StreamCard) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*DoneResult, error) {
		guid := o.GUID
		if guid == "" {
			guid = messageKey(tc)
		}
		return &DoneResult{true}, card.Stream(ctx, a, card.Piece{
			OutTrackID: o.OutTrackID, GUID: guid, Key: o.Key, Content: o.Content, Full: o.IsFull, Final: o.IsFinalize, Failed: o.IsError,
		})
	})
}

func cardSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateCard](p, "dingtalk_create_card", operator.Example("A question to a group", `
card_template_id: tpl.schema
out_track_id: run-42
open_conversation_id: cidAb/3dE+f0==
callback_type: STREAM
card_param_map:
  title: Deploy?
`), operator.Example("A card for one person", `
card_template_id: tpl.schema
user_id: u001
card_param_map: {title: "Deploy?"}
`)),
		appcall.Define[SendCard](p, "dingtalk_card", operator.Example("A question to a group", `
card_template_id: tpl.schema
out_track_id: run-42
open_conversation_id: cidAb/3dE+f0==
title: Deploy?
`), operator.Example("With buttons, to people", `
card_template_id: tpl.schema
user_ids: [u001, u002]
title: Deploy {{ ds }}?
markdown: "**All tests passed.**"
buttons:
  - {text: Deploy, action: deploy, style: primary, params: {run: "{{ run_id }}"}}
  - {text: The report, url: "https://example.com/report"}
`)),
		appcall.Define[UpdateCard](p, "dingtalk_update_card", operator.Example("The answer", `
out_track_id: run-42
card_param_map:
  title: Deployed
`)),
		appcall.Define[StreamCard](p, "dingtalk_stream_card", operator.Example("A text that is still being written", `
out_track_id: run-42
guid: g-1
key: content
content: partial text
`)),
	}
}
