package sandbox

import (
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dingdag/dingdag/sandbox/internal/markdown"
)

// plainWidth is where lines of [PlainText] wrap, in terminal columns.
const plainWidth = 76

// PlainText draws a message for a terminal, as the group would see it: a block with
// a border at its left that names group, robot, type, time and title, with the text, links
// and buttons inside and who was notified below. Control characters are taken out, so
// no message can move the cursor. It ends with a line end.
func PlainText(m Message) string {
	head := []string{m.Group, m.Robot, m.Type, m.Time.Format("15:04:05")}
	if m.Group == m.Robot {
		head = head[1:]
	}
	if m.Type != TypeLink && m.Content.Title != "" {
		head = append(head, "“"+m.Content.Title+"”")
	}
	var b strings.Builder
	writeLine(&b, "╭─ ", strings.Join(head, " · "))
	for _, line := range plainLines(m) {
		for wrapped := range strings.SplitSeq(text.WrapSoft(printable(line), plainWidth), "\n") {
			writeLine(&b, "│ ", wrapped)
		}
	}
	writeLine(&b, "╰─ ", m.Mentions.String())
	return b.String()
}

func writeLine(b *strings.Builder, border, line string) {
	b.WriteString(strings.TrimRight(border+printable(line), " ") + "\n")
}

// printable takes out what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\t", "    "))
}

func plainLines(m Message) []string {
	c := m.Content
	switch m.Type {
	case TypeMarkdown:
		return markdown.Lines(markdown.Parse(c.Text))
	case TypeActionCard:
		return append(append(markdown.Lines(markdown.Parse(c.Text)), ""), plainButtons(c.Buttons)...)
	case TypeCard:
		lines := strings.Split(c.Text, "\n")
		if c.Markdown {
			lines = markdown.Lines(markdown.Parse(c.Text))
		}
		return append(lines, plainButtons(c.Buttons)...)
	case TypeLink:
		lines := append([]string{c.Title}, strings.Split(c.Text, "\n")...)
		return append(lines, "→ "+c.URL)
	case TypeFeedCard:
		var lines []string
		for _, l := range c.Links {
			lines = append(lines, "▪ "+l.Title, "  → "+l.URL)
		}
		return lines
	case TypeImage:
		return []string{"[image] " + c.PictureURL}
	case TypeFile, TypeAudio, TypeVideo:
		return []string{"[" + m.Type + "] " + c.Text}
	default:
		return strings.Split(c.Text, "\n")
	}
}

func plainButtons(buttons []Button) []string {
	out := make([]string, len(buttons))
	for i, b := range buttons {
		out[i] = "[ " + b.Title + " ]"
		if b.URL != "" || b.Action == "" {
			out[i] += " → " + b.URL
		}
		if b.Disabled {
			out[i] += " (disabled)"
		}
	}
	return out
}
