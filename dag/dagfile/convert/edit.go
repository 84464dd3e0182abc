package convert

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// sourceText is the text of a file with the places of its nodes.
type sourceText struct {
	content []byte
	lines   []int // where each line begins
}

// newSource finds the lines as YAML counts them.
func newSource(text []byte) sourceText {
	s := sourceText{content: text, lines: []int{0}}
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		i += size
		switch c {
		case '\r':
			if i < len(text) && text[i] == '\n' {
				i++
			}
			s.lines = append(s.lines, i)
		case '\n', '\u0085', '\u2028', '\u2029':
			s.lines = append(s.lines, i)
		}
	}
	return s
}

// offset is where a node begins, -1 when that cannot be told.
func (s sourceText) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.lines) {
		return -1
	}
	at := s.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(s.content) {
			return -1
		}
		_, size := utf8.DecodeRune(s.content[at:])
		at += size
	}
	return at
}

// token replaces what a scalar says and keeps its quotes. It is false for one that does
// not stand in the text as it is: with an anchor, a tag or escapes, over several lines,
// or an alias.
func (s sourceText) token(n *yaml.Node, to string) (edit, bool) {
	start, end, ok := s.scalar(n)
	if !ok {
		return edit{}, false
	}
	if n.Style != 0 {
		start, end = start+1, end-1
	}
	return edit{start, end, to}, true
}

// scalar finds a scalar in the text, its quotes included.
func (s sourceText) scalar(n *yaml.Node) (start, end int, ok bool) {
	var quote string
	switch n.Style {
	case 0:
	case yaml.DoubleQuotedStyle:
		quote = `"`
	case yaml.SingleQuotedStyle:
		quote = "'"
	default:
		return 0, 0, false
	}
	start = s.offset(n)
	literal := quote + n.Value + quote
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Value == "" || start < 0 || strings.ContainsAny(n.Value, "\\\"'\r\n") ||
		!bytes.HasPrefix(s.content[start:], []byte(literal)) {
		return 0, 0, false
	}
	return start, start + len(literal), true
}

// edited returns the text with the edits made; false when two of them overlap.
func (s sourceText) edited(edits []edit) ([]byte, bool) {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	var b bytes.Buffer
	at := 0
	for _, e := range edits {
		if e.start < at || e.end < e.start {
			return nil, false
		}
		b.Write(s.content[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.Write(s.content[at:])
	return b.Bytes(), true
}

// skip returns the first place from at on that is none of the given characters.
func (s sourceText) skip(at int, chars string) int {
	for at < len(s.content) && strings.IndexByte(chars, s.content[at]) >= 0 {
		at++
	}
	return at
}

// back is skip towards the beginning: the place behind the last other character.
func (s sourceText) back(at int, chars string) int {
	for at > 0 && strings.IndexByte(chars, s.content[at-1]) >= 0 {
		at--
	}
	return at
}

// lineStart is where the line of a place begins.
func (s sourceText) lineStart(at int) int {
	i, exact := slices.BinarySearch(s.lines, at)
	if !exact {
		i--
	}
	return s.lines[i]
}

// flowEnd is the place behind the bracket that closes the one at start, -1 without one.
func (s sourceText) flowEnd(start int) int {
	depth := 0
	for i := start; i < len(s.content); i++ {
		fresh := i == 0 || strings.IndexByte(" \t\r\n[{,:", s.content[i-1]) >= 0
		switch c := s.content[i]; {
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case c == '#' && fresh:
			i = s.commentEnd(i) - 1
		case (c == '"' || c == '\'') && fresh:
			if i = s.quoteEnd(i); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// commentEnd is the place behind the comment at start, where its line ends.
func (s sourceText) commentEnd(start int) int {
	if length := bytes.IndexAny(s.content[start:], "\r\n"); length >= 0 {
		return start + length
	}
	return len(s.content)
}

// quoteEnd is the place of the quote that closes the one at start, -1 without one.
func (s sourceText) quoteEnd(start int) int {
	quote := s.content[start]
	for i := start + 1; i < len(s.content); i++ {
		switch c := s.content[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote && quote == '\'' && i+1 < len(s.content) && s.content[i+1] == quote:
			i++
		case c == quote:
			return i
		}
	}
	return -1
}
