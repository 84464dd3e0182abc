package dingding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/params"
)

const uncertainRetry = "retry"

// DingdingNotifier sends a message to a group chat through a custom robot.
//
// Without a message it tells the DAG, the task, the run, the try, the error, how long it
// took, where the log is and when the next try starts.
//
// Messages to one robot leave one after another. One that DingTalk throttles waits; one
// that it refuses is recorded with the reason.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
type DingdingNotifier struct { //nolint:revive // the name that people who know Airflow look for
	// ConnID names the connection of the robot.
	ConnID string `yaml:"dingding_conn_id" param:"default=dingding_default"`
	// MessageType is the type of the message: text, link, markdown, actionCard or
	// feedCard. Text and markdown have a default message.
	MessageType string `yaml:"message_type" param:"default=text,enum=text|link|markdown|actionCard|feedCard"`
	// Message is a text for message_type text, and for the others a mapping with
	// DingTalk's keys, as for the operator dingding. Null is the default message.
	Message any `yaml:"message" param:"template"`
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
	// arrived: fail records that, retry sends it again with a key by which DingTalk
	// drops the second one.
	OnUncertain string `yaml:"on_uncertain" param:"default=fail,enum=fail|retry"`

	// only is the kind of event that a constructor was asked for; empty means all.
	only callbacks.Kind
}

var (
	_ callbacks.Callback = (*DingdingNotifier)(nil)
	_ params.Validator   = (*DingdingNotifier)(nil)
)

func notifierSpec(docs callbacks.Option) callbacks.Spec {
	return callbacks.Define[DingdingNotifier]("dingding", docs,
		callbacks.Example("The default message, and somebody who is notified", `
dingding_conn_id: dingding_default
at_mobiles: ["13800000001"]
`),
		callbacks.Example("A message of one's own", `
message_type: markdown
message:
  title: "{{ dag.dag_id }}"
  text: "### {{ ti.task_id }} failed\n\n> {{ exception }}"
at_all: true
`),
	)
}

// Validate refuses what can never be sent and warns of what will not notify. An alert
// that fails for its form would only show when it is needed.
func (n *DingdingNotifier) Validate() error {
	m := n.robotMessage(n.Message)
	if m.Message == nil {
		sample, err := defaultMessage(m.Type, &callbacks.Event{Kind: callbacks.Failure})
		if err != nil {
			return params.At("message", err)
		}
		m.Message = sample
	}
	p, err := hook.Prepare(m)
	if err != nil {
		return params.At("message", err)
	}
	var warnings []error
	for _, text := range p.Warnings {
		warnings = append(warnings, params.At("message", params.Warn(text)))
	}
	return errors.Join(warnings...)
}

// Prepare writes down the message for the outbox.
func (n *DingdingNotifier) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	if n.only != "" && n.only != ev.Kind {
		return callbacks.Message{}, fmt.Errorf("a callback for %s was attached to %s", n.only, ev.Kind)
	}
	message := n.Message
	if message == nil {
		var err error
		if message, err = defaultMessage(n.robotMessage(nil).Type, ev); err != nil {
			return callbacks.Message{}, err
		}
	}
	body, err := n.encode(message, ev)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the message for %s: %w", n.connID(), err)
	}
	return callbacks.Message{
		Sender:  SenderName,
		Channel: SenderName + ":" + n.connID(),
		Summary: fmt.Sprintf("%s of %s to robot %s", ev.Kind, ev.Subject(), n.connID()),
		Payload: body,
	}, nil
}

// payload is what lies in the outbox. It holds no credentials.
type payload struct {
	ConnID      string   `json:"dingding_conn_id"`
	MessageType string   `json:"message_type"`
	Message     any      `json:"message"`
	AtMobiles   []string `json:"at_mobiles,omitempty"`
	AtUserIDs   []string `json:"at_user_ids,omitempty"`
	AtAll       bool     `json:"at_all,omitempty"`
	NoSplit     bool     `json:"no_split,omitempty"`
	OnUncertain string   `json:"on_uncertain,omitempty"`
	// UUID lets DingTalk drop what the outbox sends twice.
	UUID string `json:"uuid"`
}

func (n *DingdingNotifier) encode(message any, ev *callbacks.Event) (json.RawMessage, error) {
	m := n.robotMessage(message)
	p := payload{
		ConnID: n.connID(), MessageType: m.Type, Message: m.Message, AtMobiles: m.AtMobiles, AtUserIDs: m.AtUserIDs,
		AtAll: m.AtAll, NoSplit: m.NoSplit, OnUncertain: n.OnUncertain,
	}
	// One event and one message give one key; a task that is cleared has other times.
	identity, err := json.Marshal([]any{ev, p})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(identity)
	p.UUID = hex.EncodeToString(sum[:16])
	return json.Marshal(p)
}

func (n *DingdingNotifier) connID() string {
	if n.ConnID == "" {
		return hook.DefaultConnID
	}
	return n.ConnID
}

func (n *DingdingNotifier) robotMessage(message any) hook.RobotMessage {
	typ := n.MessageType
	if typ == "" {
		typ = hook.TypeText
	}
	return hook.RobotMessage{
		ConnID: n.connID(), Type: typ, Message: message,
		AtMobiles: slices.Clone(n.AtMobiles), AtUserIDs: slices.Clone(n.AtUserIDs), AtAll: n.AtAll, NoSplit: !n.Split,
	}
}
