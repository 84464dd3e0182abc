package markdown

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// InlineKind names what an inline is.
type InlineKind string

// The kinds of inline.
const (
	Text    InlineKind = "text"
	Bold    InlineKind = "bold"
	Italic  InlineKind = "italic"
	Code    InlineKind = "code"
	Link    InlineKind = "link"
	Image   InlineKind = "image"
	Mention InlineKind = "mention"
	Break   InlineKind = "break"
	Colour  InlineKind = "colour"
)

// Inline is a piece of a line.
type Inline struct {
	Kind InlineKind
	// Text is what is read: the text itself, the code, a picture's caption, or a
	// mention without its "@".
	Text string
	// URL is where a link leads or a picture lies, exactly as written. It can be hostile.
	URL string
	// Colour is a name or #rrggbb, of colour.
	Colour string
	// Inlines is what bold, italic, colour and links hold.
	Inlines []Inline
}

// inlines reads the forms inside a paragraph. A line end counts as a space, and as
// a break when two spaces stand before it, as DingTalk has it.
func (p parser) inlines(s string, depth int) []Inline {
	var out []Inline
	start := 0
	flush := func(end int) {
		out = append(out, p.text(s[start:end])...)
	}
	for i := 0; i < len(s); {
		piece, size := p.form(s, i, depth)
		if size == 0 {
			i++
			continue
		}
		flush(i)
		out = append(out, piece)
		i += size
		start = i
	}
	flush(len(s))
	return out
}

// entities are those of HTML that keep a text from being read as HTML.
var entities = map[string]string{"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": `"`, "&#39;": "'", "&nbsp;": "\u00a0"}

// form reads the inline that starts at s[i] and says how many bytes it took: none
// when no form starts there.
func (p parser) form(s string, i, depth int) (Inline, int) {
	rest := s[i:]
	switch {
	case len(rest) > 1 && rest[0] == '\\' && strings.IndexByte("\\`*_[]()#>!-+.", rest[1]) >= 0:
		return Inline{Kind: Text, Text: rest[1:2]}, 2
	case rest[0] == '&':
		for entity, plain := range entities {
			if strings.HasPrefix(rest, entity) {
				return Inline{Kind: Text, Text: plain}, len(entity)
			}
		}
	case rest[0] == ' ':
		if spaces := len(rest) - len(strings.TrimLeft(rest, " ")); spaces >= 2 && strings.HasPrefix(rest[spaces:], "\n") {
			return Inline{Kind: Break}, spaces + 1
		}
	case rest[0] == '`':
		if end := strings.IndexByte(rest[1:], '`'); end > 0 {
			return Inline{Kind: Code, Text: rest[1 : end+1]}, end + 2
		}
	case strings.HasPrefix(rest, "!["):
		if label, url, size := link(rest[1:]); size > 0 {
			return Inline{Kind: Image, Text: label, URL: url}, size + 1
		}
	case rest[0] == '[' && depth < maxDepth:
		if label, url, size := link(rest); size > 0 {
			return Inline{Kind: Link, URL: url, Inlines: p.inlines(label, depth+1)}, size
		}
	case rest[0] == '<' && depth < maxDepth:
		return p.font(rest, depth)
	case (rest[0] == '*' || rest[0] == '_') && depth < maxDepth:
		return p.emphasis(s, i, depth)
	}
	return Inline{}, 0
}

var (
	fontBegin = regexp.MustCompile(`(?i)^<font\s+color\s*=\s*(?:"(#?\w+)"|'(#?\w+)'|(#?\w+))\s*>`)
	fontEnd   = regexp.MustCompile(`(?i)</font\s*>`)
)

// font reads <font color="…">text</font>, the one tag that DingTalk draws.
func (p parser) font(s string, depth int) (Inline, int) {
	begin := fontBegin.FindStringSubmatch(s)
	if begin == nil {
		return Inline{}, 0
	}
	inner := s[len(begin[0]):]
	end := fontEnd.FindStringIndex(inner)
	if end == nil {
		return Inline{}, 0
	}
	return Inline{Kind: Colour, Colour: begin[1] + begin[2] + begin[3], Inlines: p.inlines(inner[:end[0]], depth+1)}, len(begin[0]) + end[1]
}

// emphasis reads **bold**, __bold__, *italic* and _italic_. Underscores inside a
// word are part of the word, so that names like task_id stay whole.
func (p parser) emphasis(s string, i, depth int) (Inline, int) {
	mark, kind := s[i:i+1], Italic
	if strings.HasPrefix(s[i+1:], mark) {
		mark, kind = s[i:i+2], Bold
	}
	inner := s[i+len(mark):]
	if mark[0] == '_' && endsInWord(s[:i]) {
		return Inline{}, 0
	}
	end := strings.Index(inner, mark)
	if end <= 0 || strings.TrimSpace(inner[:end]) != inner[:end] {
		return Inline{}, 0
	}
	if mark[0] == '_' && startsWithWord(inner[end+len(mark):]) {
		return Inline{}, 0
	}
	return Inline{Kind: kind, Inlines: p.inlines(inner[:end], depth+1)}, end + 2*len(mark)
}

// link reads "[label](url)" at the start of s. A title after the address is dropped.
func link(s string) (label, url string, size int) {
	middle := strings.Index(s, "](")
	if middle < 0 {
		return "", "", 0
	}
	open := 1
	for i := middle + 2; i < len(s); i++ {
		switch s[i] {
		case '(':
			open++
		case ')':
			open--
		case '\n':
			return "", "", 0
		}
		if open == 0 {
			url, _, _ = strings.Cut(strings.TrimSpace(s[middle+2:i]), " ")
			return s[1:middle], url, i + 1
		}
	}
	return "", "", 0
}

// text cuts the mentions out of text without other forms.
func (p parser) text(s string) []Inline {
	var out []Inline
	start := 0
	for i := 0; i < len(s); {
		id := p.mention(s[i:])
		if id == "" {
			i++
			continue
		}
		if start < i {
			out = append(out, Inline{Kind: Text, Text: s[start:i]})
		}
		out = append(out, Inline{Kind: Mention, Text: id})
		i += len(id) + 1
		start = i
	}
	if start < len(s) {
		out = append(out, Inline{Kind: Text, Text: s[start:]})
	}
	return out
}

// mention returns the id that stands at the start of s behind an "@", or nothing.
func (p parser) mention(s string) string {
	rest, ok := strings.CutPrefix(s, "@")
	if !ok {
		return ""
	}
	for _, id := range p.mentions {
		if after, ok := strings.CutPrefix(rest, id); ok && id != "" && !startsWithIDChar(after) {
			return id
		}
	}
	return ""
}

// Mentions tells whether text holds "@" and then the id, and not a longer id that
// begins with it.
func Mentions(text, id string) bool {
	p := parser{mentions: []string{id}}
	for {
		at := strings.IndexByte(text, '@')
		if at < 0 {
			return false
		}
		text = text[at:]
		if p.mention(text) != "" {
			return true
		}
		text = text[1:]
	}
}

// startsWithIDChar looks for ASCII only: Chinese text may follow a number directly.
func startsWithIDChar(s string) bool {
	if s == "" {
		return false
	}
	c := s[0]
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func startsWithWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func endsInWord(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
