package lang

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/pytext"
)

// kind is the kind of a token.
type kind int

const (
	end    kind = iota // the closing delimiter of the tag
	name               // a name or keyword
	text               // a string literal
	digits             // a number literal
	symbol             // an operator or bracket
)

// tokens reads the tokens of one tag, one ahead.
type tokens struct {
	closing  string // the delimiter that ends the tag
	offset   int    // where reading goes on
	brackets []byte

	kind     kind
	from, to int    // the current token in the source
	prevTo   int    // where the token before it ended
	value    string // its text; for a string literal what it means
}

// begin starts reading a tag at an offset.
func (p *parser) begin(at int, closing string) {
	p.tokens = tokens{closing: closing, offset: at, prevTo: at}
	p.next()
}

// finish checks that the tag is at its end.
func (p *parser) finish() {
	if p.kind != end {
		p.fail(p.from, "unexpected %s, expected %s", p.shown(), p.closing)
	}
}

func (p *parser) shown() string {
	if p.kind == end {
		return "end of the expression"
	}
	return "'" + p.text[p.from:p.to] + "'"
}

// next reads a token.
func (p *parser) next() {
	p.prevTo = p.to
	if p.prevTo == 0 {
		p.prevTo = p.offset
	}
	src := p.text[:p.end]
	for p.offset < len(src) && strings.IndexByte(spaces, src[p.offset]) >= 0 {
		p.offset++
	}
	p.from = p.offset
	rest := src[p.offset:]
	if rest == "" {
		p.fail(p.prevTo, "unexpected end of the template, expected %s", p.closing)
	}
	if len(p.brackets) == 0 && p.closes(rest) {
		return
	}
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '\'':
		p.stringLiteral(src)
		return
	case r >= '0' && r <= '9':
		p.kind, p.offset = digits, p.offset+numberLen(rest, p.kind == symbol && p.value == ".")
	case r == '_' || unicode.IsLetter(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		p.kind, p.offset = name, p.offset+n
	default:
		p.symbolToken(rest, r)
	}
	p.to = p.offset
	p.value = src[p.from:p.to]
}

// closes reads the closing delimiter, if it is next.
func (p *parser) closes(rest string) bool {
	sign := ""
	if rest[0] == '-' || rest[0] == '+' && p.closing == "%}" {
		sign = rest[:1]
	}
	if !strings.HasPrefix(rest[len(sign):], p.closing) {
		return false
	}
	p.kind, p.value = end, ""
	p.trimNext = sign == "-"
	p.offset += len(sign) + len(p.closing)
	p.to = p.offset
	return true
}

func (p *parser) symbolToken(rest string, r rune) {
	n := symbolLen(rest)
	if n == 0 {
		p.fail(p.offset, "unexpected character %q", r)
	}
	switch c := rest[0]; c {
	case '(', '[', '{':
		p.brackets = append(p.brackets, c)
	case ')', ']', '}':
		last := len(p.brackets) - 1
		if last < 0 || closing[p.brackets[last]] != c {
			p.fail(p.offset, "unexpected '%c'", c)
		}
		p.brackets = p.brackets[:last]
	}
	p.kind, p.offset = symbol, p.offset+n
}

var closing = [...]byte{'(': ')', '[': ']', '{': '}'}

// symbolLen returns the length of the operator or bracket that s begins with.
func symbolLen(s string) int {
	if len(s) > 1 {
		switch s[:2] {
		case "**", "//", "==", "!=", "<=", ">=":
			return 2
		}
	}
	if strings.IndexByte("+-*/%~<>=.:|,()[]{}", s[0]) >= 0 {
		return 1
	}
	return 0
}

// numberLen returns the length of the number literal that s begins with. After a
// dot it is an index: x.0.1 is x[0][1].
func numberLen(s string, afterDot bool) int {
	isDigit := func(i int) bool { return i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '_') }
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		n := 2
		for n < len(s) && (isDigit(n) || strings.IndexByte("abcdefABCDEF", s[n]) >= 0) {
			n++
		}
		return n
	}
	n := 0
	run := func() {
		for isDigit(n) {
			n++
		}
	}
	run()
	if afterDot {
		return n
	}
	if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' {
		n++
		run()
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		exp := n + 1
		if exp < len(s) && (s[exp] == '+' || s[exp] == '-') {
			exp++
		}
		if exp < len(s) && s[exp] >= '0' && s[exp] <= '9' {
			n = exp
			run()
		}
	}
	return n
}

// stringLiteral reads a string with Python's escapes.
func (p *parser) stringLiteral(src string) {
	quote := src[p.offset]
	var b strings.Builder
	for i := p.offset + 1; i < len(src); {
		switch src[i] {
		case quote:
			p.kind, p.value, p.offset, p.to = text, b.String(), i+1, i+1
			return
		case '\\':
			n := p.escape(&b, src, i)
			i += n
		default:
			b.WriteByte(src[i])
			i++
		}
	}
	p.fail(p.offset, "the text is never closed: %c is missing", quote)
}

// escape writes the meaning of the escape at src[i:] and returns its length.
func (p *parser) escape(b *strings.Builder, src string, i int) int {
	text, n, err := pytext.Unescape(src[i:])
	if err != nil {
		p.fail(i, "%v", err)
	}
	b.WriteString(text)
	return n
}
