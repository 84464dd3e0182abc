package card

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/bot"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/callbacks/terms"
	hookbot "github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/params"
)

// Notifier sends an alert as an interactive card with buttons: retry, retry with downstream, ack, snooze for an hour,
// log. The card shows what becomes of the task and who pressed what, and turns green when the task succeeds.
//
// The connection of the app names the template of the card, as card_template_id in its extra. Without one the alert is a
// message of the app's bot that says what to type instead, with links that do it where base_url is set. Cards are
// never folded into a digest: each has its buttons. Messages to the same group or people are sent one at a time.
type Notifier struct {
	terms.Common

	// Conn is the connection of the app.
	Conn string `yaml:"dingtalk_conn_id" param:"default=dingtalk_default"`
	// OpenConversationID is the id of the group (cid…). Without it and user_ids it is the
	// conversation_id of the connection's extra, or else its user_id.
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`
	// UserIDs are the userids of people, at most 20, who get the card one-to-one. It excludes
	// open_conversation_id.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// CardTemplateID is the template of the card; by default that of the connection's extra.
	CardTemplateID string `yaml:"card_template_id" param:"template"`
	// CallbackRouteKey is the key of the registered address to which DingTalk reports presses over
	// HTTP; by default card_route_key of the connection's extra. Without either they come by the stream.
	CallbackRouteKey string `yaml:"callback_route_key" param:"template"`
	// Title is the title. By default it says what happened to which task.
	Title string `yaml:"title" param:"template"`
	// Message is the content, in Markdown. By default it says what the notifier dingding says.
	Message string `yaml:"message" param:"template"`
	// RecallOnRecovery takes the message about a failure back when the task or the run has recovered, where
	// it was sent without a card. DingTalk allows that for 24 hours. A card can not be taken back: it
	// turns green.
	RecallOnRecovery bool `yaml:"recall_on_recovery" param:"default=false"`
}

var (
	_ callbacks.Callback      = (*Notifier)(nil)
	_ callbacks.Fallback      = (*Notifier)(nil)
	_ callbacks.RenderChecker = (*Notifier)(nil)
	_ params.Validator        = (*Notifier)(nil)
)

func notifierSpec(docs callbacks.Option) callbacks.Spec {
	return callbacks.Define[Notifier]("dingtalk_card", docs,
		callbacks.Example("To a group", `
open_conversation_id: cidAb/3dE+f0==
card_template_id: tpl.schema
`),
		callbacks.Example("To people, in one's own words", `
user_ids: [u001, u002]
card_template_id: tpl.schema
title: "{{ ti.task_id }} failed"
message: "**{{ exception }}**"
`),
	)
}

// Validate refuses what can never be sent.
func (n *Notifier) Validate() error {
	var errs []error
	if n.OpenConversationID != "" && len(n.UserIDs) > 0 {
		errs = append(errs, errors.New("give open_conversation_id or user_ids, and not both"))
	}
	if len(n.UserIDs) > hookbot.MaxUsers {
		errs = append(errs, params.At("user_ids", fmt.Errorf("there are %d; %d is the most", len(n.UserIDs), hookbot.MaxUsers)))
	}
	return errors.Join(errs...)
}

// CheckRendered refuses a card of which templates left nothing, or that would go to somebody else.
func (n *Notifier) CheckRendered(file callbacks.Callback) error {
	meant, ok := file.(*Notifier)
	if !ok {
		return fmt.Errorf("the file has a %T", file)
	}
	for _, text := range []struct{ name, is, was string }{
		{"message", n.Message, meant.Message},
		{"title", n.Title, meant.Title},
		{"open_conversation_id", n.OpenConversationID, meant.OpenConversationID},
		{"user_ids", strings.Join(n.UserIDs, ""), strings.Join(meant.UserIDs, "")},
	} {
		if strings.TrimSpace(text.is) == "" && text.was != "" {
			return fmt.Errorf("the callback's template rendered to nothing: %s", text.name)
		}
	}
	return n.Validate()
}

// Fallback is the default message for the same receivers.
func (n *Notifier) Fallback(lost []string) (callbacks.Callback, error) {
	usual := *n
	usual.Message, usual.Title = "", ""
	for _, path := range lost {
		if strings.HasPrefix(path, "open_conversation_id") || strings.HasPrefix(path, "user_ids") {
			return nil, fmt.Errorf("nobody is left to tell (%s failed)", strings.Join(lost, ", "))
		}
	}
	if err := usual.Validate(); err != nil {
		return nil, fmt.Errorf("nobody is left to tell (%s failed): %w", strings.Join(lost, ", "), err)
	}
	return &usual, nil
}

// payload is what lies in the outbox. It holds no credentials.
type payload struct {
	bot.Place

	// Assigned are those who may answer, who are asked when neither the notifier nor the connection names anybody.
	Assigned   []string `json:"assigned,omitempty"`
	TemplateID string   `json:"card_template_id,omitempty"`
	RouteKey   string   `json:"callback_route_key,omitempty"`
	OutTrackID string   `json:"out_track_id,omitempty"`
	// DAGID, RunID and TaskID are what commands and links of a message without a card are about.
	DAGID  string     `json:"dag_id,omitempty"`
	RunID  string     `json:"run_id,omitempty"`
	TaskID string     `json:"task_id,omitempty"`
	Face   *face.Face `json:"face,omitempty"`
	// Plain says that it is not to be a card, since DingTalk refused that.
	Plain bool `json:"plain,omitempty"`
}

// Prepare writes down the card for the outbox.
func (n *Notifier) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	p := payload{
		Place:      bot.Place{ConnID: n.Conn, OpenConversationID: n.OpenConversationID, UserIDs: n.UserIDs},
		TemplateID: n.CardTemplateID, RouteKey: n.CallbackRouteKey,
		Face: &face.Face{Title: strings.TrimSpace(n.Title), Content: n.Message},
	}
	p.Recallable = n.RecallOnRecovery && ev.Kind == callbacks.Failure
	m, err := p.about(ev)
	m.Terms = n.Terms()
	return m, err
}

// about is the message about an event, of which the face may say something already.
func (p *payload) about(ev *callbacks.Event) (callbacks.Message, error) {
	f := p.Face
	if f.Title == "" {
		f.Title = ev.Title()
	}
	if f.Content == "" {
		f.Content = Markdown(ev)
		if ev.Ask != nil {
			f.Content = askMarkdown(ev)
		}
	}
	f.Title, f.Content = cut(strings.Join(strings.Fields(callbacks.Clean(f.Title)), " "), maxTitle), cut(f.Content, maxContent)
	f.Timezone = ev.Timezone
	f.Status, f.Actions = beginning(ev)
	if ev.Ask != nil {
		ask := asking(ev.Ask)
		f.Ask, f.Status, f.Actions = &ask, face.Asking, ask.Actions()
		p.Assigned = ev.Ask.AssignedIDs
	}
	p.DAGID, p.RunID, p.TaskID = ev.DAGID, ev.RunID, ev.TaskID
	identity, err := json.Marshal([]any{ev, p})
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode a card through %s: %w", p.ConnID, err)
	}
	sum := sha256.Sum256(identity)
	p.OutTrackID = "dingdag-" + hex.EncodeToString(sum[:16])
	m, err := p.message(fmt.Sprintf("%s of %s as a card through %s", ev.Kind, ev.Subject(), p.ConnID))
	if err != nil || len(f.Actions) == 0 && f.Ask == nil {
		return m, err
	}
	shows, err := json.Marshal(f)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode a card through %s: %w", p.ConnID, err)
	}
	m.Card = &callbacks.Card{
		OutTrackID: p.OutTrackID, ConnID: p.ConnID, Face: shows, OpenConversationID: p.OpenConversationID, UserIDs: p.UserIDs,
	}
	return m, nil
}

// beginning is the status that a card begins with, and its buttons.
func beginning(ev *callbacks.Event) (face.Status, []face.Action) {
	log := []face.Action{face.Ack, face.Snooze}
	if ev.TaskID != "" {
		log = append(log, face.Log)
	}
	switch {
	case ev.RunID == "":
		return status(ev), nil
	case ev.Kind == callbacks.Failure && ev.TaskID == "":
		return face.Failed, append([]face.Action{face.Retry}, log...)
	case ev.Kind == callbacks.Failure:
		return face.Failed, append([]face.Action{face.Retry, face.Downstream}, log...)
	case ev.Kind == callbacks.Retry:
		return face.WillRetry, log
	case ev.Kind == callbacks.Deadline:
		return face.Late, log
	}
	return status(ev), nil
}

// status is that of an event without buttons.
func status(ev *callbacks.Event) face.Status {
	switch {
	case slices.Contains([]callbacks.Kind{callbacks.Success, callbacks.Recovery}, ev.Kind), ev.State == "success", ev.State == "mended":
		return face.Succeeded
	case ev.Kind == callbacks.Execute:
		return face.Running
	case ev.Kind == callbacks.Skipped:
		return face.Skipped
	case ev.Kind == callbacks.SilenceEnd:
		return face.Old
	default:
		return face.Failed
	}
}

func (p *payload) message(summary string) (callbacks.Message, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode a card through %s: %w", p.ConnID, err)
	}
	return callbacks.Message{Sender: SenderName, Channel: p.Channel(SenderName), Summary: summary, Payload: body}, nil
}

// maxTitle and maxContent bound the texts of a card, in bytes.
const maxTitle, maxContent = 300, 4000

// cut cuts the end off a text that is too long.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Markdown is what is known about an event, a paragraph for each fact but what the title and the buttons of a card say, and one
// with the links to its pages.
func Markdown(ev *callbacks.Event) string {
	var parts []string
	for _, f := range ev.Facts() {
		value := callbacks.EscapeMarkdown(f.Value)
		if f.Verbatim && !strings.Contains(f.Value, "\n") {
			value = callbacks.CodeSpan(f.Value)
		}
		parts = append(parts, "**"+f.Label+"**: "+strings.ReplaceAll(value, "\n", "  \n"))
	}
	if links := ev.MarkdownLinks(); links != "" {
		parts = append(parts, links)
	}
	return strings.Join(parts, "\n\n")
}
