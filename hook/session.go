package hook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
)

// Reply replies to a message that the app's bot received, by the message's sessionWebhook. The
// message is one of a custom robot, with mentions; [RobotMessage.ConnID] has no meaning here.
// The address works for about 90 minutes, in groups and in chats with one person, and is a
// secret. A lost answer is an error of kind uncertain; an address that has expired is one of
// kind auth.
//
// DingTalk docs: https://open.dingtalk.com/document/development/receive-message
//
//dingtalk:api POST /robot/sendBySession
func (a *App) Reply(ctx context.Context, sessionWebhook string, m RobotMessage) (RobotResult, error) {
	const op = "reply to a message"
	u, err := url.Parse(sessionWebhook)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return RobotResult{}, a.Invalid(op, errors.New("the session webhook is not an address: use sessionWebhook of the received message"))
	}
	p, err := prepare(&m, nil)
	if err != nil {
		return RobotResult{}, a.Invalid(op, err)
	}
	res := RobotResult{Sent: p.arrived + p.skip, Parts: p.count(), Warnings: p.warnings}
	for _, w := range p.warnings {
		a.hook.log.LogAttrs(ctx, slog.LevelWarn, "reply", slog.String("warning", w))
	}
	for _, body := range p.bodies[p.skip:] {
		e := a.run(ctx, Call{
			Op: op, Method: http.MethodPost, url: sessionWebhook, Open: true,
			Raw: &RawBody{ContentType: "application/json; charset=utf-8", Data: body},
		}, nil)
		if e != nil {
			if e.IsCode("300001", "300005") {
				e.advice = "the session has expired: send a bot message to the group or the person instead"
			}
			e.Sent, e.Parts = res.Sent, res.Parts
			return res, a.Failed(op, e)
		}
		res.Sent++
		if e := m.took(&p, res.Sent-p.arrived); e != nil {
			e.Sent, e.Parts = res.Sent, res.Parts
			return res, a.Failed(op, e)
		}
	}
	return res, nil
}
