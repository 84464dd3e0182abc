package dingding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// DingdingOperator sends one message to a group chat through a custom robot.
//
// The connection has the robot's access token, or the whole webhook address, as its password;
// with the security setting "Additional Signature" its extra has the secret: {"secret":
// "SEC…"}. DingTalk accepts 20 messages a minute from a robot and then refuses all messages
// for ten minutes; the next try waits that long.
//
// A message that DingTalk refuses (wrong token, missing keyword, too long) fails the task
// at once: another try would not change the answer.
//
// The result (XCom) has dingding_conn_id, message_type, message, parts (how many messages it
// took) and warnings.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
type DingdingOperator struct { //nolint:revive // Airflow's name
	robot.Params

	// Message is a text for message_type text, and for the others a mapping with
	// DingTalk's keys: link has title, text, messageUrl and picUrl; markdown title and
	// text; actionCard title, text and singleTitle with singleURL or btns; feedCard links.
	Message any `yaml:"message" param:"required,template"`

	hook *hook.DingdingHook
}

var (
	_ operator.Operator      = (*DingdingOperator)(nil)
	_ operator.RepeatChecker = (*DingdingOperator)(nil)
	_ params.Validator       = (*DingdingOperator)(nil)
)

func robotSpec(p appcall.Provider) operator.Spec {
	create := func() *DingdingOperator { return &DingdingOperator{hook: p.Hook} }
	return operator.DefineWith("dingding", create, p.Docs,
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

// Validate refuses what can never be sent, and warns of what will not notify.
func (o *DingdingOperator) Validate() error { return o.Check(o.Message) }

// Sent is the result of [DingdingOperator] (XCom): what was sent, and in how many parts.
type Sent struct {
	ConnID      string `json:"dingding_conn_id"`
	MessageType string `json:"message_type"`
	// Message is the message as it was rendered, without what mentions and keywords add.
	Message any `json:"message"`
	// Parts is how many messages it took, 1 unless it was split.
	Parts int `json:"parts"`
	// Warnings say what did not have the effect that was probably meant.
	Warnings []string `json:"warnings,omitempty"`
}

// Execute sends the message and returns a [Sent].
func (o *DingdingOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	h := o.hook
	if h == nil { // built in Go and not by a Spec
		h = hook.New(tc.Connections)
		defer h.CloseIdleConnections()
	}
	m, err := o.Params.Message(o.Message)
	if err != nil {
		return nil, operator.Fail(err)
	}
	if o.RepeatSafe() {
		m.UUID = messageKey(tc)
	}
	if err := resume(ctx, tc, &m); err != nil {
		return nil, err
	}
	res, err := h.With(tc.Connections, tc.Log).Send(ctx, m)
	if err != nil {
		return nil, appcall.Outcome(err, o.RepeatSafe())
	}
	return Sent{ConnID: m.ConnID, MessageType: m.Type, Message: m.Message, Parts: res.Parts, Warnings: res.Warnings}, nil
}

// progressKey is under which a task keeps which parts of its message arrived.
const progressKey = "message_parts"

// resume lets a message that is sent in parts go on behind those that an earlier try of the
// task has sent, and keeps a record of those that this one sends.
func resume(ctx context.Context, tc *operator.TaskContext, m *hook.RobotMessage) error {
	if tc.Progress == nil {
		return nil
	}
	kept, err := tc.Progress.Load(ctx, progressKey)
	if err != nil {
		return fmt.Errorf("read which parts of the message have arrived: %w", err)
	}
	m.Resume = kept
	m.OnPart = func(p hook.Part) error {
		if p.Parts == 1 {
			return nil // the end of the try says it
		}
		return tc.Progress.Save(ctx, progressKey, p.Resume)
	}
	return nil
}

// messageKey is the same for all tries of a task instance, until it is cleared: then
// MaxTries grows and the message is a new one.
func messageKey(tc *operator.TaskContext) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d", tc.DAGID, tc.RunID, tc.TaskID, tc.MapIndex, tc.MaxTries))
	return hex.EncodeToString(sum[:16])
}
