package dingding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
)

const (
	// maxNotified is how many people DingTalk notifies by one message.
	maxNotified = 50
	// keywordRoom is left of DingTalk's limit for a keyword that the message lacks.
	keywordRoom = 500
	// noteRoom is left in a digest for a note.
	noteRoom = 1000
)

// Fold begins a message that tells what several tell.
func (s *Sender) Fold() callbacks.Folding { return &folding{} }

// folding collects what the messages have in common: whom they notify, and how they look.
type folding struct {
	payload  payload
	begun    bool
	markdown bool
}

// Add looks at one message, and returns the beginning of what people wrote in it.
func (f *folding) Add(m callbacks.Message) (said string, err error) {
	p, err := readPayload(m)
	if err != nil {
		return "", err
	}
	if !f.begun {
		f.begun, f.markdown = true, true
		f.payload = payload{ConnID: p.ConnID, OnUncertain: p.OnUncertain}
	}
	f.markdown = f.markdown && p.MessageType == hook.TypeMarkdown
	f.payload.AtAll = f.payload.AtAll || p.AtAll
	f.payload.AtMobiles = union(f.payload.AtMobiles, p.AtMobiles)
	f.payload.AtUserIDs = union(f.payload.AtUserIDs, p.AtUserIDs)
	if p.OnUncertain != robot.UncertainRetry { // who wants none twice gets none twice
		f.payload.OnUncertain = p.OnUncertain
	}
	if !p.Own {
		return "", nil
	}
	return saidIn(p.Message), nil
}

// union adds those that are new, up to what DingTalk notifies.
func union(all, more []string) []string {
	for _, who := range more {
		if len(all) < maxNotified && !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return all
}

// saidIn is what a message of people's own says, as far as a line has room for it.
func saidIn(message any) string {
	fields, ok := message.(map[string]any)
	if !ok {
		return fmt.Sprint(message)
	}
	var texts []string
	for _, key := range []string{"title", "text"} {
		if text, ok := fields[key].(string); ok && text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ": ")
}

// Message tells ev in one part, with as many lines as that takes.
func (f *folding) Message(ev *callbacks.Event) (callbacks.Message, error) {
	p := f.payload
	p.MessageType = hook.TypeText
	if f.markdown {
		p.MessageType = hook.TypeMarkdown
	}
	for lines := len(ev.Digest.Groups); ; lines /= 2 {
		shown := ev.Shorter(lines)
		var err error
		if p.Message, err = defaultMessage(p.MessageType, shown); err != nil {
			return callbacks.Message{}, err
		}
		prepared, err := robot.Prepare(p.robotMessage())
		if err != nil {
			return callbacks.Message{}, err
		}
		if lines == 0 || len(prepared.Bodies) == 1 && len(prepared.Bodies[0]) <= hook.MaxBodyBytes-keywordRoom-noteRoom {
			return p.message(shown)
		}
	}
}
