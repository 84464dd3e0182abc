package dingding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/notice"
)

// AppSenderName is the name under which [AppSender] has to be registered.
const AppSenderName = "dingtalk"

// AppSender tells events through an app, where its connection is a fallback. The extra of the
// connection says whom: open_conversation_id is a group that the app's bot is in; notify_user_ids
// are people, who get a work notice if the extra has the agent_id, and a message of the bot otherwise.
type AppSender struct {
	hook *hook.DingdingHook
}

var (
	_ callbacks.FallbackSender = (*AppSender)(nil)
	_ callbacks.ConnSender     = (*AppSender)(nil)
	_ callbacks.StandInSender  = (*AppSender)(nil)
	_ callbacks.EventSender    = (*AppSender)(nil)
)

// NewAppSender returns a sender that sends through h.
func NewAppSender(h *hook.DingdingHook) *AppSender { return &AppSender{hook: h} }

// appPayload is what lies in the outbox. It holds no credentials.
type appPayload struct {
	ConnID             string   `json:"dingtalk_conn_id"`
	OpenConversationID string   `json:"open_conversation_id,omitempty"`
	UserIDs            []string `json:"user_ids,omitempty"`
	// Notice says that people get a work notice.
	Notice bool   `json:"notice,omitempty"`
	Text   string `json:"text"`
	// Short says that Text is the shortest there is.
	Short bool `json:"short,omitempty"`
	// Key tells events apart.
	Key string `json:"key"`
}

// Serves reports whether it is a connection of an app.
func (s *AppSender) Serves(c callbacks.Conn) bool { return isDingTalk(c) && c.Login != "" }

// StandIn is the text of the event, shortened to what DingTalk takes.
func (s *AppSender) StandIn(c callbacks.Conn, ev *callbacks.Event) (callbacks.Message, error) {
	p := appPayload{ConnID: c.ID, Text: ev.Text()}
	group, err := connections.ExtraTexts(c.Extra, "open_conversation_id")
	if err != nil {
		return callbacks.Message{}, err
	}
	if p.UserIDs, err = connections.ExtraTexts(c.Extra, "notify_user_ids"); err != nil {
		return callbacks.Message{}, err
	}
	agent, err := connections.ExtraTexts(c.Extra, "agent_id")
	if err != nil {
		return callbacks.Message{}, err
	}
	p.Notice = len(agent) == 1
	switch {
	case (len(group) == 0) == (len(p.UserIDs) == 0) || len(group) > 1:
		return callbacks.Message{}, errors.New("name in its extra whom to tell: one group under open_conversation_id, or people under notify_user_ids")
	case len(p.UserIDs) > bot.MaxUsers:
		return callbacks.Message{}, fmt.Errorf("extra.notify_user_ids names %d people; %d is the most", len(p.UserIDs), bot.MaxUsers)
	case len(group) == 1:
		p.OpenConversationID = group[0]
	}
	return p.message(ev)
}

// message is the payload in the outbox.
func (p *appPayload) message(ev *callbacks.Event) (callbacks.Message, error) {
	p.shorten()
	identity, err := json.Marshal([]any{ev, p})
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the message through %s: %w", p.ConnID, err)
	}
	sum := sha256.Sum256(identity)
	p.Key = hex.EncodeToString(sum[:16])
	body, err := json.Marshal(p)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the message through %s: %w", p.ConnID, err)
	}
	return callbacks.Message{
		Sender: AppSenderName, Channel: callbacks.ChannelOf(AppSenderName, p.ConnID, p.receivers()...),
		Summary: fmt.Sprintf("%s of %s by %s through app %s", ev.Kind, ev.Subject(), p.means(), p.ConnID), Payload: body,
	}, nil
}

// receivers are the group or the people.
func (p *appPayload) receivers() []string {
	if p.OpenConversationID != "" {
		return []string{p.OpenConversationID}
	}
	return p.UserIDs
}

// means is what the receivers see.
func (p *appPayload) means() string {
	if p.OpenConversationID == "" && p.Notice {
		return "work notice"
	}
	return "bot message"
}

// check is nil for a message that DingTalk takes.
func (p *appPayload) check() error {
	if p.means() == "work notice" {
		return p.notice().CheckMessage()
	}
	return p.botMessage().Check()
}

// shorten cuts the end off a text that is too long.
func (p *appPayload) shorten() {
	const cut = "…"
	text := p.Text
	for p.check() != nil && len(text) > len(cut) {
		text = strings.ToValidUTF8(text[:len(text)-len(text)/8-1], "")
		p.Text = text + cut
	}
}

func (p *appPayload) notice() notice.Notice {
	return notice.Notice{UserIDs: p.UserIDs, Type: notice.TypeText, Content: map[string]any{"content": p.Text}}
}

func (p *appPayload) botMessage() bot.Message {
	return bot.Message{Key: "sampleText", Param: map[string]string{"content": p.Text}}
}

// Send sends one message. The receipt names whom DingTalk left out. The error is a
// [callbacks.DeliveryError].
func (s *AppSender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	p, err := readAppPayload(m)
	if err != nil {
		return "", err
	}
	app := s.hook.App(p.ConnID)
	switch {
	case p.OpenConversationID != "":
		key, err := bot.SendToGroup(ctx, app, p.OpenConversationID, p.botMessage())
		if err != nil {
			return "", err
		}
		return "ok, process_query_key " + key, nil
	case p.Notice:
		sent, err := notice.Send(ctx, app, p.notice())
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("ok, work notice %d", sent.TaskID), nil
	}
	sent, err := bot.SendToUsers(ctx, app, p.UserIDs, p.botMessage())
	if err != nil {
		return "", err
	}
	missed := sent.Undelivered()
	if len(missed) >= len(p.UserIDs) {
		return "", app.Invalid("send a bot message to users", fmt.Errorf("nobody got it: %s: %s", missed[0].UserID, missed[0].Reason))
	}
	parts := []string{"ok, process_query_key " + sent.ProcessQueryKey}
	for _, u := range missed {
		parts = append(parts, fmt.Sprintf("not to %s: %s", u.UserID, u.Reason))
	}
	return strings.Join(parts, "; "), nil
}

// Fallback is the shortest message in place of one whose content DingTalk refuses.
func (s *AppSender) Fallback(m callbacks.Message, ev *callbacks.Event, cause error) (callbacks.Message, bool) {
	p, err := readAppPayload(m)
	e, ok := errors.AsType[*hook.Error](cause)
	if err != nil || !ok || e.Kind != hook.KindInvalid || e.Code == "" || p.Short {
		return callbacks.Message{}, false
	}
	p.Text, p.Short, p.Key = ev.Brief(), true, ""
	out, err := p.message(ev)
	return out, err == nil
}

// Tell gives the text of ev to the group or the people of m.
func (s *AppSender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := readAppPayload(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	told := appPayload{
		ConnID: p.ConnID, OpenConversationID: p.OpenConversationID, UserIDs: callbacks.SortedReceivers(p.UserIDs), Notice: p.Notice, Text: ev.Text(),
	}
	return told.message(ev)
}

// ConnID is the connection of the app.
func (s *AppSender) ConnID(m callbacks.Message) string {
	p, err := readAppPayload(m)
	if err != nil {
		return ""
	}
	return p.ConnID
}

func readAppPayload(m callbacks.Message) (appPayload, error) {
	var p appPayload
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		return p, fmt.Errorf("read a message for DingTalk from the outbox: %w", err)
	}
	return p, nil
}
