package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
)

// SenderName is the name under which [Sender] has to be registered.
const SenderName = "dingding_bot"

// Sender sends what [Notifier] wrote into the outbox, and takes it back.
type Sender struct {
	hook *hook.DingdingHook
}

var (
	_ callbacks.RecallSender = (*Sender)(nil)
	_ callbacks.ConnSender   = (*Sender)(nil)
	_ callbacks.RepeatSender = (*Sender)(nil)
	_ callbacks.EventSender  = (*Sender)(nil)
)

// NewSender returns a sender that sends through h.
func NewSender(h *hook.DingdingHook) *Sender { return &Sender{hook: h} }

// keyed comes before the key of a message in its receipt, which ends there or at a semicolon.
const keyed = "process_query_key "

// Send sends one message, or takes one back. The receipt has the key of the message, and names
// whom DingTalk left out. The error is a [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	p, err := read(m)
	if err != nil {
		return "", err
	}
	app := s.hook.App(p.ConnID)
	switch {
	case p.Recalls != "":
		return recall(ctx, app, p)
	case p.OpenConversationID != "":
		key, err := bot.SendToGroup(ctx, app, p.OpenConversationID, p.content())
		if err != nil {
			return "", err
		}
		return keyed + key, nil
	}
	sent, err := bot.SendToUsers(ctx, app, p.UserIDs, p.content())
	if err != nil {
		return "", err
	}
	missed := sent.Undelivered()
	if len(missed) >= len(p.UserIDs) {
		return "", app.Invalid("send a bot message to users", fmt.Errorf("nobody got it: %s: %s", missed[0].UserID, missed[0].Reason))
	}
	parts := []string{keyed + sent.ProcessQueryKey}
	for _, u := range missed {
		parts = append(parts, fmt.Sprintf("not to %s: %s", u.UserID, u.Reason))
	}
	return strings.Join(parts, "; "), nil
}

func recall(ctx context.Context, app *hook.App, p payload) (string, error) {
	var got *bot.Recalled
	var err error
	if p.OpenConversationID != "" {
		got, err = bot.RecallFromGroup(ctx, app, "", p.OpenConversationID, []string{p.Recalls})
	} else {
		got, err = bot.RecallFromUsers(ctx, app, "", []string{p.Recalls})
	}
	if err != nil {
		return "", err
	}
	if why, failed := got.Failed[p.Recalls]; failed {
		return "", app.Invalid("recall a bot message", errors.New(why))
	}
	return "recalled", nil
}

// Recall is the message that takes a delivered one back, if its notifier wants that.
func (s *Sender) Recall(m callbacks.Message, receipt string) (callbacks.Message, bool) {
	p, err := read(m)
	_, key, found := strings.Cut(receipt, keyed)
	key, _, _ = strings.Cut(key, ";")
	if err != nil || !found || key == "" || !p.Recallable {
		return callbacks.Message{}, false
	}
	back := payload{ConnID: p.ConnID, OpenConversationID: p.OpenConversationID, UserIDs: p.UserIDs, Recalls: key}
	out, err := back.message("recall: " + m.Summary)
	return out, err == nil
}

// Tell gives the default message about ev to the group or the people of m.
func (s *Sender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := read(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	told := payload{ConnID: p.ConnID, OpenConversationID: p.OpenConversationID, UserIDs: callbacks.SortedReceivers(p.UserIDs), Text: ev.Text()}
	return told.message(fmt.Sprintf("%s of %s by the bot of %s", ev.Kind, ev.Subject(), p.ConnID))
}

// RepeatSafe reports whether the message takes another one back.
func (s *Sender) RepeatSafe(m callbacks.Message) bool {
	p, err := read(m)
	return err == nil && p.Recalls != ""
}

// ConnID is the connection of the app.
func (s *Sender) ConnID(m callbacks.Message) string {
	p, err := read(m)
	if err != nil {
		return ""
	}
	return p.ConnID
}

func read(m callbacks.Message) (payload, error) {
	var p payload
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		return p, fmt.Errorf("read a message of a bot from the outbox: %w", err)
	}
	return p, nil
}
