package dingding

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/params"
)

// DingdingNotifier sends a message to a group chat through a custom robot.
//
// Without a message it names the DAG, the task, the run, the try, when it happened and on
// which host, the owner, the error, how long it took, when the next try starts, and the
// commands that show the log and run it again. If a custom message cannot be rendered, renders
// to nothing or is refused by DingTalk, the default message is sent and says so.
//
// Messages to one robot are sent one at a time. A throttled message waits; a refused one is
// recorded with the reason.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
type DingdingNotifier struct { //nolint:revive // the name that people who know Airflow look for
	robot.Params
	terms.Common

	// Message is a text for message_type text, and for the others a mapping with
	// DingTalk's keys, as for the operator dingding. Null is the default message, which
	// text and markdown have.
	Message any `yaml:"message" param:"template"`
	// AtOwner says whether the owner of the task, or of the DAG, is notified too, as the setting
	// owners has them. By default owners are notified of failures, missed ticks and missed
	// deadlines. Works in text, markdown and actionCard.
	AtOwner *bool `yaml:"at_owner"`

	// Urgent sends the message before all others that wait for the robot, and by itself. Others
	// are told together with more of their DAG when the robot cannot take each. An urgent success
	// uses up the part of the robot's quota that is kept for failures, too.
	Urgent bool `yaml:"urgent" param:"default=false"`

	// only is the kind of event that a constructor was asked for; empty means all.
	only callbacks.Kind
}

var (
	_ callbacks.Callback = (*DingdingNotifier)(nil)
	_ params.Validator   = (*DingdingNotifier)(nil)
)

func notifierSpec(docs callbacks.Option) callbacks.Spec {
	return callbacks.Define[DingdingNotifier]("dingding", docs,
		callbacks.Example("The default message, notifying somebody", `
dingding_conn_id: dingding_default
at_mobiles: ["13800000001"]
`),
		callbacks.Example("A custom message", `
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
	message := n.Message
	if message == nil {
		sample, err := defaultMessage(n.messageType(), &callbacks.Event{Kind: callbacks.Failure})
		if err != nil {
			return params.At("message", err)
		}
		message = sample
	}
	return n.Check(message)
}

// Prepare writes down the message for the outbox. It refuses what DingTalk would: an empty
// message, one that is too long, people who are none.
func (n *DingdingNotifier) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	if n.only != "" && n.only != ev.Kind {
		return callbacks.Message{}, fmt.Errorf("a callback for %s was attached to %s", n.only, ev.Kind)
	}
	message, own := n.Message, n.Message != nil
	if !own {
		var err error
		if message, err = defaultMessage(n.messageType(), ev); err != nil {
			return callbacks.Message{}, err
		}
	}
	m, err := n.Params.Message(message)
	if n.atOwner(ev.Kind) {
		m.AtMobiles, m.AtUserIDs = union(m.AtMobiles, ev.OwnerMobiles), union(m.AtUserIDs, ev.OwnerUserIDs)
	}
	if err == nil {
		_, err = robot.Prepare(m)
	}
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("the callback's message cannot be sent: %w", err)
	}
	p := payload{
		ConnID: m.ConnID, MessageType: m.Type, Message: m.Message, AtMobiles: m.AtMobiles, AtUserIDs: m.AtUserIDs,
		AtAll: m.AtAll, NoSplit: m.NoSplit, OnUncertain: n.OnUncertain, Own: own,
	}
	out, err := p.message(ev)
	out.Urgent = n.Urgent
	return out, err
}

// atOwner reports whether an event of a kind notifies the owner.
func (n *DingdingNotifier) atOwner(kind callbacks.Kind) bool {
	switch typ := n.messageType(); {
	case typ == hook.TypeLink || typ == hook.TypeFeedCard:
		return false
	case n.AtOwner != nil:
		return *n.AtOwner
	}
	return kind == callbacks.Failure || kind == callbacks.Missed || kind == callbacks.Deadline
}

// Fallback is the notifier with its default message, for the people who are left.
func (n *DingdingNotifier) Fallback([]string) (callbacks.Callback, error) {
	plain := *n
	plain.Message, plain.Split = nil, true
	if plain.MessageType != hook.TypeMarkdown {
		plain.MessageType = hook.TypeText
	}
	m, _ := n.Params.Message(nil) // who is wrong is left out, and the event's problem says so
	plain.AtMobiles, plain.AtUserIDs = m.AtMobiles, m.AtUserIDs
	return &plain, nil
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
	// Own says that people wrote the message; the others are default ones. Short says that
	// it is the shortest of these.
	Own   bool `json:"own,omitempty"`
	Short bool `json:"short,omitempty"`
	// Note is for people, below the message.
	Note string `json:"note,omitempty"`
	// UUID lets DingTalk drop what the outbox sends twice.
	UUID string `json:"uuid"`
}

// message is the payload in the outbox, under a key of its own.
func (p payload) message(ev *callbacks.Event) (callbacks.Message, error) {
	// One event and one message give one key; a task that is cleared has other times.
	identity, err := json.Marshal([]any{ev, p})
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the message for %s: %w", p.ConnID, err)
	}
	sum := sha256.Sum256(identity)
	p.UUID = hex.EncodeToString(sum[:16])
	body, err := json.Marshal(p)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the message for %s: %w", p.ConnID, err)
	}
	return callbacks.Message{
		Sender:  SenderName,
		Channel: callbacks.ChannelOf(SenderName, p.ConnID),
		Summary: fmt.Sprintf("%s of %s to robot %s", ev.Kind, ev.Subject(), p.ConnID),
		Payload: body,
	}, nil
}

func (n *DingdingNotifier) messageType() string { return cmp.Or(n.MessageType, hook.TypeText) }
