package card

import (
	"slices"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/face"
)

// asking is what a card asks: with a button for each option when one press can answer, and what people can type.
func asking(a *callbacks.Ask) face.Ask {
	out := face.Ask{ID: a.ID}
	if !a.Multiple && len(a.Needed) == 0 && len(a.Options) <= face.MaxOptions {
		out.Options = a.Options
	}
	for _, c := range a.Typed() {
		out.Commands = append(out.Commands, face.Command(c))
	}
	return out
}

// askLines are the commands of the chat that answer.
func askLines(a *face.Ask) []string {
	var lines []string
	for _, c := range a.Commands {
		line := "- "
		if c.Option != "" {
			line += callbacks.EscapeMarkdown(c.Option) + ": "
		}
		line += callbacks.CodeSpan(c.Text)
		if c.Also != "" {
			line += " " + callbacks.CodeSpan(c.Also)
		}
		lines = append(lines, line)
	}
	return lines
}

// askMarkdown is what people need to answer. The body is Markdown already.
func askMarkdown(ev *callbacks.Event) string {
	rest := *ev
	rest.Program = "" // it is answered here
	rest.Ask = new(*ev.Ask)
	rest.Ask.Body = ""
	parts := []string{Markdown(&rest)}
	if body := strings.TrimSpace(callbacks.Clean(ev.Ask.Body)); body != "" {
		parts = slices.Insert(parts, 0, cut(body, maxContent/2))
	}
	return strings.Join(parts, "\n\n")
}
