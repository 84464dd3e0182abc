package smtp

import (
	"cmp"
	"slices"

	"github.com/dingdag/dingdag/callbacks"
)

var _ callbacks.Describer = (*Sender)(nil)

// Describe returns the subject and the text of a mail. Of a default one it is what the event
// says, which templates of the connection may put in other words.
func (s *Sender) Describe(m callbacks.Message) (callbacks.Description, error) {
	p, err := readPayload(m)
	if err != nil {
		return callbacks.Description{}, err
	}
	d := callbacks.Description{Title: p.Subject, Text: p.HTMLContent, Mentions: slices.Concat(p.To, p.Cc, p.Bcc)}
	if p.Event != nil {
		d.Title, d.Text = cmp.Or(d.Title, p.Event.Title()), cmp.Or(d.Text, p.Event.Text())
	}
	return d, nil
}
