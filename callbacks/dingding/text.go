package dingding

import (
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
)

// defaultMessage tells an event in a form that Chinese and English readers understand.
func defaultMessage(typ string, ev *callbacks.Event) (any, error) {
	switch typ {
	case hook.TypeText:
		return ev.Text(), nil
	case hook.TypeMarkdown:
		return map[string]any{"title": ev.Title(), "text": markdownText(ev)}, nil
	}
	return nil, fmt.Errorf("message_type %s has no default message; give one, or use text or markdown", typ)
}

func markdownText(ev *callbacks.Event) string {
	var b strings.Builder
	b.WriteString("#### " + callbacks.EscapeMarkdown(ev.Title()) + "\n")
	for _, f := range append(ev.Facts(), ev.ChatFacts()...) {
		switch {
		case f.Verbatim:
			fmt.Fprintf(&b, "\n- **%s**: %s", f.Label, callbacks.CodeSpan(f.Value))
		case strings.Contains(f.Value, "\n"):
			text := strings.ReplaceAll(callbacks.EscapeMarkdown(f.Value), "\n", "  \n> ")
			fmt.Fprintf(&b, "\n- **%s**:\n\n> %s\n", f.Label, text)
		default:
			fmt.Fprintf(&b, "\n- **%s**: %s", f.Label, callbacks.EscapeMarkdown(f.Value))
		}
	}
	if links := ev.MarkdownLinks(); links != "" {
		b.WriteString("\n- " + links)
	}
	return b.String()
}
