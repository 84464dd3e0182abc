package dingding

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// The ways of a DING in YAML.
const (
	dingSMS  = "sms"
	dingCall = "call"
)

// SendDing sends an urgent message: in the app, as an SMS or as a phone call. SMS and calls
// are charged. The task fails if nobody is reached.
//
// The result has open_ding_id (text), for dingtalk_recall_ding, and undelivered (list of
// mappings with userid and reason).
//
// DingTalk docs: https://open.dingtalk.com/document/development/robot-sends-nail-message
type SendDing struct {
	// UserIDs are the userids of the recipients: at most 200 in the app, 20 by SMS or call.
	UserIDs []string `yaml:"user_ids" param:"required,commas,template,digits"`
	// Content is the text.
	Content string `yaml:"content" param:"required,template"`
	// RemindType is the way: app, sms or call.
	RemindType string `yaml:"remind_type" param:"default=app,enum=app|sms|call"`
	// CallVoice is the voice of a call, by default Standard_Female_Voice.
	CallVoice string `yaml:"call_voice" param:"enum=Standard_Female_Voice|Cantonese_Female_Voice|Gentine_Female_Voice|Overbearing_Female_Voice|Lovely_Girl_Voice|Standard_Male_Voice"`

	sender
	appcall.Write
}

// SendDingResult is the result of [SendDing].
type SendDingResult struct {
	OpenDingID  string             `json:"open_ding_id"`
	Undelivered []hook.Undelivered `json:"undelivered,omitempty"`
}

var _ params.Validator = (*SendDing)(nil)

// way is DingTalk's number of remind_type.
func (o *SendDing) way() int {
	switch o.RemindType {
	case dingSMS:
		return bot.DingSMS
	case dingCall:
		return bot.DingCall
	}
	return bot.DingApp
}

// Validate checks receivers and text.
func (o *SendDing) Validate() error {
	var c appcall.Checks
	c.List("user_ids", o.UserIDs, 1, bot.MaxDingUsers(o.way()))
	c.Required("content", o.Content)
	return c.Err()
}

// Execute sends the DING and returns a [SendDingResult].
func (o *SendDing) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*SendDingResult, error) {
		sent, err := bot.SendDing(ctx, a, bot.Ding{
			RobotCode: o.RobotCode, Way: o.way(), UserIDs: o.UserIDs, Content: o.Content, Voice: o.CallVoice,
		})
		if err != nil {
			return nil, err
		}
		missed := sent.Undelivered()
		return &SendDingResult{sent.OpenDingID, missed}, reportUndelivered(ctx, tc, "the DING", len(o.UserIDs)-len(missed), missed)
	})
}

// RecallDing recalls a DING, which must be of the same bot.
//
// The result has open_ding_id (text).
//
// DingTalk docs: https://open.dingtalk.com/document/development/robot-withdraws-pin-message
type RecallDing struct {
	// OpenDingID is the id that sending returned.
	OpenDingID string `yaml:"open_ding_id" param:"required,template"`

	sender
	appcall.App
}

// RecallDingResult is the result of [RecallDing].
type RecallDingResult struct {
	OpenDingID string `json:"open_ding_id"`
}

// Validate checks that there is an id.
func (o *RecallDing) Validate() error {
	var c appcall.Checks
	c.Required("open_ding_id", o.OpenDingID)
	return c.Err()
}

// Execute recalls the DING and returns a [RecallDingResult].
func (o *RecallDing) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*RecallDingResult, error) {
		return &RecallDingResult{o.OpenDingID}, bot.RecallDing(ctx, a, o.RobotCode, o.OpenDingID)
	})
}

func dingSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[SendDing](p, "dingtalk_send_ding", operator.Example("Somebody on call", `
user_ids: u001
content: disk full
remind_type: app
`)),
		appcall.Define[RecallDing](p, "dingtalk_recall_ding", operator.Example("The trouble is over", `
open_ding_id: oD1
`)),
	}
}
