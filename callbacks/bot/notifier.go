package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/params"
)

// Notifier sends a message of an app's bot to a group that the bot is in, or to people.
//
// Without message it says what the notifier dingding says. A text that is too long is cut. Nobody
// can be mentioned in a group this way. Messages to the same group or people are sent one at a time.
type Notifier struct {
	terms.Common

	// Conn is the connection of the app.
	Conn string `yaml:"dingtalk_conn_id" param:"default=dingtalk_default"`
	// OpenConversationID is the id of the group (cid…).
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`
	// UserIDs are the userids of the people, at most 20. Give these or open_conversation_id.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// Message is the text.
	Message string `yaml:"message" param:"template"`
	// RecallOnRecovery takes the message about a failure back when the task or the run has
	// recovered. DingTalk allows that for 24 hours.
	RecallOnRecovery bool `yaml:"recall_on_recovery" param:"default=false"`
}

var (
	_ callbacks.Callback      = (*Notifier)(nil)
	_ callbacks.Fallback      = (*Notifier)(nil)
	_ callbacks.RenderChecker = (*Notifier)(nil)
	_ params.Validator        = (*Notifier)(nil)
)

func notifierSpec(docs callbacks.Option) callbacks.Spec {
	return callbacks.Define[Notifier]("dingding_bot", docs,
		callbacks.Example("To a group, until it works again", `
open_conversation_id: cidAb/3dE+f0==
recall_on_recovery: true
`),
		callbacks.Example("To people", `
user_ids: [u001, u002]
message: "{{ ti.task_id }} failed: {{ exception }}"
`),
	)
}

// Validate refuses what can never be sent.
func (n *Notifier) Validate() error {
	var errs []error
	if (n.OpenConversationID == "") == (len(n.UserIDs) == 0) {
		errs = append(errs, errors.New("give open_conversation_id or user_ids, and not both"))
	}
	if len(n.UserIDs) > bot.MaxUsers {
		errs = append(errs, params.At("user_ids", fmt.Errorf("there are %d; %d is the most", len(n.UserIDs), bot.MaxUsers)))
	}
	return errors.Join(errs...)
}

// CheckRendered refuses a message of which templates left nothing.
func (n *Notifier) CheckRendered(file callbacks.Callback) error {
	meant, ok := file.(*Notifier)
	if !ok {
		return fmt.Errorf("the file has a %T", file)
	}
	if strings.TrimSpace(n.Message) == "" && meant.Message != "" {
		return errors.New("the callback's template rendered to nothing: message")
	}
	return n.Validate()
}

// Fallback is the default message for the same receivers.
func (n *Notifier) Fallback(lost []string) (callbacks.Callback, error) {
	usual := *n
	usual.Message = ""
	if err := usual.Validate(); err != nil {
		return nil, fmt.Errorf("nobody is left to tell (%s failed): %w", strings.Join(lost, ", "), err)
	}
	return &usual, nil
}

// payload is what lies in the outbox. It holds no credentials.
type payload struct {
	Place

	Text string `json:"text,omitempty"`
}

// Prepare writes down the message for the outbox.
func (n *Notifier) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	p := payload{Place: Place{ConnID: n.Conn, OpenConversationID: n.OpenConversationID, UserIDs: n.UserIDs}, Text: n.Message}
	p.Recallable = n.RecallOnRecovery && ev.Kind == callbacks.Failure
	if p.Text == "" {
		p.Text = ev.Text()
	}
	m, err := p.message(fmt.Sprintf("%s of %s by the bot of %s", ev.Kind, ev.Subject(), n.Conn))
	m.Terms = n.Terms()
	return m, err
}

func (p *payload) message(summary string) (callbacks.Message, error) {
	p.shorten()
	body, err := json.Marshal(p)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the message of the bot of %s: %w", p.ConnID, err)
	}
	return callbacks.Message{Sender: SenderName, Channel: p.Channel(SenderName), Summary: summary, Payload: body}, nil
}

// shorten cuts the end off a text that DingTalk does not take.
func (p *payload) shorten() {
	const end = "…"
	for text := p.Text; p.content().Check() != nil && len(text) > len(end); {
		text = strings.ToValidUTF8(text[:len(text)-len(text)/8-1], "")
		p.Text = text + end
	}
}

func (p *payload) content() bot.Message {
	return bot.Message{Key: "sampleText", Param: map[string]string{"content": p.Text}}
}
