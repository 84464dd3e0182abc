package dingding

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// Reply replies to a message that the app's bot received, in its group or chat, and can
// mention people there. The address of a received message works for about 90 minutes.
//
// It has no result.
//
// DingTalk docs: https://open.dingtalk.com/document/development/receive-message
type Reply struct {
	// SessionWebhook is the address to reply to, the sessionWebhook of the received message.
	SessionWebhook string `yaml:"session_webhook" param:"required,template,secret"`
	robot.Content

	// Message is as in the operator dingding: a text, or a mapping with DingTalk's keys.
	Message any `yaml:"message" param:"required,template"`

	appcall.Write
}

var _ params.Validator = (*Reply)(nil)

// Validate checks the message.
func (o *Reply) Validate() error {
	var c appcall.Checks
	c.Required("session_webhook", o.SessionWebhook)
	return errors.Join(c.Err(), o.Check(o.Message))
}

// Execute sends the reply.
func (o *Reply) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	m, err := o.Content.Message(o.Message)
	if err != nil {
		return nil, operator.Fail(err)
	}
	if err := resume(ctx, tc, &m); err != nil {
		return nil, err
	}
	_, err = appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*hook.RobotResult, error) {
		res, err := a.Reply(ctx, o.SessionWebhook, m)
		return &res, err
	})
	return nil, err
}

func replySpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[Reply](p, "dingtalk_reply", operator.Example("An answer that mentions who asked", `
session_webhook: "{{ dag_run.conf.session_webhook }}"
message: got it
at_user_ids: u001
`)),
	}
}
