package dingding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

// What to do when DingTalk's answer was lost.
const (
	uncertainFail  = "fail"
	uncertainRetry = "retry"
)

// DingdingOperator sends one message to a group chat through a custom robot.
//
// The connection has the robot's access token, or the whole webhook address, as its
// password; with the security setting "Additional Signature" its extra has the secret:
// {"secret": "SEC…"}. DingTalk takes 20 messages a minute from a robot and then refuses
// all for ten minutes; the next try waits that long.
//
// A message that DingTalk refuses (wrong token, missing keyword, too long) fails the task
// at once: another try would not change the answer.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
type DingdingOperator struct { //nolint:revive // Airflow's name
	// ConnID names the connection of the robot.
	ConnID string `yaml:"dingding_conn_id" param:"default=dingding_default"`
	// MessageType is the type of the message: text, link, markdown, actionCard or feedCard.
	MessageType string `yaml:"message_type" param:"default=text"`
	// Message is a text for message_type text, and for the others a mapping with
	// DingTalk's keys: link has title, text, messageUrl and picUrl; markdown title and
	// text; actionCard title, text and singleTitle with singleURL or btns; feedCard links.
	Message any `yaml:"message" param:"required,template"`
	// AtMobiles lists the mobile numbers of the people to notify. Works in text,
	// markdown and actionCard.
	AtMobiles []string `yaml:"at_mobiles" param:"single,digits"`
	// AtUserIDs lists the DingTalk user ids of the people to notify.
	AtUserIDs []string `yaml:"at_user_ids" param:"single,digits"`
	// AtAll notifies everybody in the group. It wins over the lists.
	AtAll bool `yaml:"at_all" param:"default=false"`
	// Split sends a text or markdown message over DingTalk's limit of 20000 bytes in
	// numbered parts. Otherwise such a message is refused, as those of other types are.
	Split bool `yaml:"split" param:"default=true"`
	// OnUncertain says what happens when no answer came and the message may have
	// arrived: fail ends the task, retry tries again while tries remain, with a key by
	// which DingTalk drops the second one.
	OnUncertain string `yaml:"on_uncertain" param:"default=fail,enum=fail|retry"`

	hook *hook.DingdingHook
}

var (
	_ operator.Operator      = (*DingdingOperator)(nil)
	_ operator.RepeatChecker = (*DingdingOperator)(nil)
	_ params.Validator       = (*DingdingOperator)(nil)
)

func robotSpec(h *hook.DingdingHook, docs operator.Option) operator.Spec {
	create := func() *DingdingOperator { return &DingdingOperator{hook: h} }
	return declare.DefineWith[operator.Operator]("operator", "dingding", create, docs,
		operator.Alias(
			"airflow.providers.dingding.operators.dingding.DingdingOperator",
			"airflow.contrib.operators.dingding_operator.DingdingOperator",
		),
		operator.Example("A text that notifies two people", `
message: "The load of {{ ds }} is done."
at_mobiles: ["13800000001", "13800000002"]
`),
		operator.Example("A report in Markdown", `
dingding_conn_id: dingding_default
message_type: markdown
message:
  title: Daily report
  text: |
    ### Orders of {{ ds }}
    - new: 120
    - sent: 118
`),
		operator.Example("A link with a picture", `
message_type: link
message:
  title: The dashboard
  text: Figures of this week
  messageUrl: https://example.com/dashboard
  picUrl: https://example.com/dashboard.png
`),
		operator.Example("A card with two buttons", `
message_type: actionCard
message:
  title: Release 1.2
  text: "### Release 1.2 is ready"
  btnOrientation: "1"
  btns:
    - {title: Changes, actionURL: "https://example.com/changes"}
    - {title: Download, actionURL: "https://example.com/download"}
`),
		operator.Example("A list of links", `
message_type: feedCard
message:
  links:
    - {title: Orders, messageURL: "https://example.com/orders", picURL: "https://example.com/orders.png"}
    - {title: Stock, messageURL: "https://example.com/stock", picURL: "https://example.com/stock.png"}
`),
	)
}

// Validate warns of what will not work when the message is sent. As in Airflow it is
// the attempt that fails, not the DAG file.
func (o *DingdingOperator) Validate() error {
	p, err := hook.Prepare(o.message())
	if err != nil {
		field := "message"
		if !slices.Contains(hook.MessageTypes(), o.MessageType) {
			field = "message_type"
		}
		return params.At(field, params.Warn(reason(err)))
	}
	var warnings []error
	for _, text := range p.Warnings {
		warnings = append(warnings, params.At("message", params.Warn(text)))
	}
	return errors.Join(warnings...)
}

// reason is the text of an error of [hook.Prepare] without what was being done.
func reason(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}

// RepeatSafe reports whether on_uncertain asks for a repeat.
func (o *DingdingOperator) RepeatSafe() bool { return o.OnUncertain == uncertainRetry }

// Execute sends the message. Like Airflow's operator it has no result.
func (o *DingdingOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	h := o.hook
	if h == nil { // built in Go and not by a Spec
		h = hook.New(tc.Connections)
		defer h.CloseIdleConnections()
	}
	m := o.message()
	if o.RepeatSafe() {
		m.UUID = messageKey(tc)
	}
	if _, err := h.With(tc.Connections, tc.Log).Send(ctx, m); err != nil {
		return nil, outcome(err, o.RepeatSafe())
	}
	return nil, nil
}

func (o *DingdingOperator) message() hook.RobotMessage {
	return hook.RobotMessage{
		ConnID: o.ConnID, Type: o.MessageType, Message: o.Message,
		AtMobiles: o.AtMobiles, AtUserIDs: o.AtUserIDs, AtAll: o.AtAll, NoSplit: !o.Split,
	}
}

// messageKey is the same for all tries of a task instance, until it is cleared: then
// MaxTries grows and the message is a new one.
func messageKey(tc *operator.TaskContext) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d", tc.DAGID, tc.RunID, tc.TaskID, tc.MapIndex, tc.MaxTries))
	return hex.EncodeToString(sum[:16])
}
