package dingding

import (
	"encoding/json"

	"github.com/dingdag/dingdag/callbacks"
)

var _ callbacks.Describer = (*Sender)(nil)

// Describe returns the text of a message, and JSON for types that have no plain one.
func (s *Sender) Describe(m callbacks.Message) (callbacks.Description, error) {
	p, err := readPayload(m)
	if err != nil {
		return callbacks.Description{}, err
	}
	d := callbacks.Description{Mentions: p.mentions()}
	switch said := p.Message.(type) {
	case string:
		d.Text = said
		return d, nil
	case map[string]any:
		d.Title, _ = said["title"].(string)
		if text, ok := said["text"].(string); ok {
			d.Text = text
			return d, nil
		}
	}
	text, err := json.MarshalIndent(p.Message, "", "  ")
	d.Text = string(text)
	return d, err
}

// mentions are who is notified.
func (p payload) mentions() (out []string) {
	if p.AtAll {
		out = append(out, "everybody")
	}
	for _, m := range p.AtMobiles {
		out = append(out, "mobile ending in "+m[max(len(m)-4, 0):])
	}
	for _, id := range p.AtUserIDs {
		out = append(out, "user "+id)
	}
	return out
}
