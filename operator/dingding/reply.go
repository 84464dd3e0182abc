package dingding

import (
	"context"
	"errors"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// Reply answers a message that the app's bot received, in its group or chat, and can
// mention people there. The address of a received message works for about 90 minutes.
//
// It has no result.
//
// DingTalk docs: https://open.dingtalk.com/document/development/receive-message
type Reply struct {
	// SessionWebhook is the address to answer at, which came with the received message as
	// its sessionWebhook.
	SessionWebhook string `yaml:"session_webhook" param:"required,template,secret"`
	// MessageType is the type of the message: text, link, markdown, actionCard or feedCard.
	MessageType string `yaml:"message_type" param:"default=text,enum=text|link|markdown|actionCard|feedCard"`
	// Message is as in the operator dingding: a text, or a mapping with DingTalk's keys.
	Message any `yaml:"message" param:"required,template"`
	// AtMobiles lists the mobile numbers of the people to notify.
	AtMobiles []string `yaml:"at_mobiles" param:"commas,template,digits"`
	// AtUserIDs lists the userids of the people to notify.
	AtUserIDs []string `yaml:"at_user_ids" param:"commas,template,digits"`
	// AtAll notifies everybody. It wins over the lists.
	AtAll bool `yaml:"at_all" param:"default=false"`

	write
}

var _ params.Validator = (*Reply)(nil)

// Validate checks the message.
func (o *Reply) Validate() error {
	var c checks
	c.required("session_webhook", o.SessionWebhook)
	if !holdsTemplate(o.Message) && !slices.ContainsFunc(o.AtUserIDs, isTemplate) {
		if _, err := hook.Prepare(o.message()); err != nil {
			c.add("message", errors.New(reason(err)))
		}
	}
	return c.err()
}

func (o *Reply) message() hook.RobotMessage {
	return hook.RobotMessage{Type: o.MessageType, Message: o.Message, AtMobiles: o.AtMobiles, AtUserIDs: o.AtUserIDs, AtAll: o.AtAll}
}

// Execute sends the reply.
func (o *Reply) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	_, err := run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*hook.RobotResult, error) {
		res, err := a.Reply(ctx, o.SessionWebhook, o.message())
		return &res, err
	})
	return nil, err
}

func replySpecs(p provider) []operator.Spec {
	return []operator.Spec{
		define[Reply](p, "dingtalk_reply", operator.Example("An answer that mentions who asked", `
session_webhook: "{{ dag_run.conf.session_webhook }}"
message: got it
at_user_ids: u001
`)),
	}
}
