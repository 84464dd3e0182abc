package markdown

import (
	"fmt"
	"strings"
)

// Lines draws blocks for a terminal, one string a line: no markup, addresses in
// brackets behind the words that lead there, a blank line between blocks.
func Lines(blocks []Block) []string {
	var out []string
	for i, b := range blocks {
		if i > 0 {
			out = append(out, "")
		}
		out = append(out, b.lines()...)
	}
	return out
}

func (b Block) lines() []string {
	switch b.Kind {
	case Quote:
		return prefixed("> ", Lines(b.Blocks))
	case CodeBlock:
		return prefixed("    ", strings.Split(b.Code, "\n"))
	case Rule:
		return []string{"---"}
	case Bullets, Numbers:
		var out []string
		for i, item := range b.Items {
			mark := "• "
			if b.Kind == Numbers {
				mark = fmt.Sprintf("%d. ", b.Level+i)
			}
			out = append(out, hanging(mark, strings.Split(String(item), "\n"))...)
		}
		return out
	default:
		return strings.Split(String(b.Inlines), "\n")
	}
}

// String draws inlines for a terminal. Only a [Break] makes a new line.
func String(inlines []Inline) string {
	var b strings.Builder
	for _, in := range inlines {
		switch in.Kind {
		case Bold, Italic, Colour:
			b.WriteString(String(in.Inlines))
		case Link:
			label := String(in.Inlines)
			b.WriteString(label)
			if label != in.URL {
				b.WriteString(" (" + in.URL + ")")
			}
		case Image:
			b.WriteString("[picture " + strings.TrimSpace(in.Text+" "+in.URL) + "]")
		case Mention:
			b.WriteString("@" + in.Text)
		case Break:
			b.WriteByte('\n')
		case Text, Code:
			b.WriteString(strings.ReplaceAll(in.Text, "\n", " "))
		}
	}
	return b.String()
}

func prefixed(prefix string, in []string) []string {
	out := make([]string, len(in))
	for i, line := range in {
		out[i] = prefix + line
	}
	return out
}

// hanging puts the mark before the first line and as much room before the others.
func hanging(mark string, in []string) []string {
	out := prefixed(strings.Repeat(" ", len([]rune(mark))), in)
	out[0] = mark + in[0]
	return out
}
