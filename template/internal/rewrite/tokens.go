package rewrite

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/pyval"
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
func (w *writer) begin(at int, closing string) {
	w.tokens = tokens{closing: closing, offset: at, prevTo: at}
	w.next()
}

// finish checks that the tag is at its end.
func (w *writer) finish() {
	if w.kind != end {
		w.fail(w.from, "unexpected %s, expected %s", w.shown(), w.closing)
	}
}

func (w *writer) shown() string {
	if w.kind == end {
		return "end of the expression"
	}
	return "'" + w.src[w.from:w.to] + "'"
}

var symbols = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ":", "|", ",", "(", ")", "[", "]", "{", "}"}

// next reads a token.
func (w *writer) next() {
	w.prevTo = w.to
	if w.prevTo == 0 {
		w.prevTo = w.offset
	}
	src := w.src[:w.end]
	for w.offset < len(src) && strings.IndexByte(spaces, src[w.offset]) >= 0 {
		w.offset++
	}
	w.from = w.offset
	rest := src[w.offset:]
	if rest == "" {
		w.fail(w.prevTo, "unexpected end of the template, expected %s", w.closing)
	}
	if len(w.brackets) == 0 && w.closes(rest) {
		return
	}
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '\'':
		w.stringLiteral(src)
		return
	case r >= '0' && r <= '9':
		w.kind, w.offset = digits, w.offset+numberLen(rest, w.kind == symbol && w.value == ".")
	case r == '_' || unicode.IsLetter(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		w.kind, w.offset = name, w.offset+n
	default:
		w.symbolToken(rest, r)
	}
	w.to = w.offset
	w.value = src[w.from:w.to]
}

// closes reads the closing delimiter, if it is next.
func (w *writer) closes(rest string) bool {
	sign := ""
	if rest[0] == '-' || rest[0] == '+' && w.closing == "%}" {
		sign = rest[:1]
	}
	if !strings.HasPrefix(rest[len(sign):], w.closing) {
		return false
	}
	w.kind, w.value = end, ""
	w.trimNext = sign == "-"
	w.offset += len(sign) + len(w.closing)
	w.to = w.offset
	return true
}

func (w *writer) symbolToken(rest string, r rune) {
	for _, s := range symbols {
		if !strings.HasPrefix(rest, s) {
			continue
		}
		switch s {
		case "(", "[", "{":
			w.brackets = append(w.brackets, s[0])
		case ")", "]", "}":
			n := len(w.brackets)
			if n == 0 || w.brackets[n-1] != map[byte]byte{')': '(', ']': '[', '}': '{'}[s[0]] {
				w.fail(w.offset, "unexpected '%s'", s)
			}
			w.brackets = w.brackets[:n-1]
		}
		w.kind, w.offset = symbol, w.offset+len(s)
		return
	}
	w.fail(w.offset, "unexpected character %q", r)
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
func (w *writer) stringLiteral(src string) {
	quote := src[w.offset]
	var b strings.Builder
	for i := w.offset + 1; i < len(src); {
		switch src[i] {
		case quote:
			w.kind, w.value, w.offset, w.to = text, b.String(), i+1, i+1
			return
		case '\\':
			n := w.escape(&b, src, i)
			i += n
		default:
			b.WriteByte(src[i])
			i++
		}
	}
	w.fail(w.offset, "the text is never closed: %c is missing", quote)
}

// escape writes the meaning of the escape at src[i:] and returns its length.
func (w *writer) escape(b *strings.Builder, src string, i int) int {
	text, n, err := pyval.Unescape(src[i:])
	if err != nil {
		w.fail(i, "%v", err)
	}
	b.WriteString(text)
	return n
}
