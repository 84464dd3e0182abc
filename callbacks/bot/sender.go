package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
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

// Send sends one message, or takes one back. The receipt has the key of the message, and names
// whom DingTalk left out. The error is a [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	p, err := read(m)
	if err != nil {
		return "", err
	}
	app := s.hook.App(p.ConnID)
	if p.Recalls != "" {
		return p.Recall(ctx, app)
	}
	return p.Send(ctx, app, p.content())
}

// Recall is the message that takes a delivered one back, if its notifier wants that.
func (s *Sender) Recall(m callbacks.Message, receipt string) (callbacks.Message, bool) {
	p, err := read(m)
	place, wanted := p.Back(receipt)
	if err != nil || !wanted {
		return callbacks.Message{}, false
	}
	back := payload{Place: place}
	out, err := back.message("recall: " + m.Summary)
	return out, err == nil
}

// Tell gives the default message about ev to the group or the people of m.
func (s *Sender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := read(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	told := payload{Place: p.All(), Text: ev.Text()}
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
