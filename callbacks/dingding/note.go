package dingding

import (
	"encoding/json"
	"maps"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
)

// WithNote puts the note below a text or markdown message that stays one message with it.
func (s *Sender) WithNote(m callbacks.Message, note string) (callbacks.Message, bool) {
	p, err := readPayload(m)
	if err != nil {
		return m, false
	}
	p.Note = note
	ok := note == "" || p.carriesNote()
	if !ok {
		p.Note = ""
	}
	body, err := json.Marshal(p)
	if err != nil {
		return m, false
	}
	m.Payload = body
	return m, ok
}

// carriesNote reports whether people will see the note. Of several parts one may arrive alone, and
// of a message that is sent again DingTalk may have the first, whatever the second says.
func (p payload) carriesNote() bool {
	if _, ok := p.noted(); !ok || p.OnUncertain == robot.UncertainRetry {
		return false
	}
	prepared, err := robot.Prepare(p.robotMessage())
	return err == nil && len(prepared.Bodies) == 1 && len(prepared.Bodies[0]) <= hook.MaxBodyBytes-keywordRoom
}

// noted is the message with its note below it, or false for one that has no text.
func (p payload) noted() (message any, ok bool) {
	switch p.MessageType {
	case hook.TypeText:
		if text, ok := p.Message.(string); ok {
			return text + "\n" + p.Note, true
		}
	case hook.TypeMarkdown:
		fields, _ := p.Message.(map[string]any)
		if text, ok := fields["text"].(string); ok {
			fields = maps.Clone(fields)
			fields["text"] = text + "\n\n> " + callbacks.EscapeMarkdown(p.Note)
			return fields, true
		}
	}
	return p.Message, false
}

// content is what is sent.
func (p payload) content() any {
	if p.Note == "" {
		return p.Message
	}
	message, _ := p.noted()
	return message
}
