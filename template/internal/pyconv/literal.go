package pyconv

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytext"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// ErrNoValue is wrapped by the error for a literal of Python that has no value here: bytes,
// sets, complex numbers and the ellipsis.
var ErrNoValue = errors.New("has no value here")

// ParseLiteral reads what Python's ast.literal_eval reads: numbers, texts, lists, tuples,
// dicts, True, False and None. ok is false for everything else.
func ParseLiteral(b *pyval.Budget, s string) (v any, ok bool, err error) {
	s = leadingLines(s)
	if s == "" || s[0] == ' ' || s[0] == '\t' || s[0] == '\f' || strings.IndexByte(s, 0) >= 0 {
		return nil, false, nil // Python sees an indent
	}
	if err := b.Spend(len(s) * pyval.ElementCost); err != nil {
		return nil, false, err
	}
	p := &literalParser{src: s, budget: b}
	defer func() {
		// A mistake ends the parser by panic: it is the only one to do so.
		switch r := recover().(type) {
		case nil:
		case notLiteral:
			v, ok, err = nil, false, r.err
		default:
			panic(r)
		}
	}()
	p.blanks()
	v = p.items("")
	p.trailing()
	return v, true, nil
}

// leadingLines drops empty lines and lines of comments at the start.
func leadingLines(s string) string {
	for {
		line, rest, found := strings.Cut(s, "\n")
		if line = strings.TrimLeft(line, " \t\f\r"); !found || line != "" && line[0] != '#' {
			return s
		}
		s = rest
	}
}

// notLiteral is the panic of the parser; err is set where it is a fault.
type notLiteral struct{ err error }

type literalParser struct {
	src    string
	at     int
	nested int
	budget *pyval.Budget
}

func (p *literalParser) stop()             { panic(notLiteral{}) }
func (p *literalParser) rest() string      { return p.src[p.at:] }
func (p *literalParser) has(s string) bool { return strings.HasPrefix(p.rest(), s) }
func (p *literalParser) unknown(what string) {
	panic(notLiteral{fmt.Errorf("%s %w", what, ErrNoValue)})
}

func (p *literalParser) skip(s string) bool {
	if !p.has(s) {
		return false
	}
	p.at += len(s)
	p.blanks()
	return true
}

// blanks skips blanks and, inside brackets, newlines and comments.
func (p *literalParser) blanks() {
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case c == ' ', c == '\t', c == '\f', p.nested > 0 && (c == '\n' || c == '\r'):
			p.at++
		case p.nested > 0 && c == '#':
			p.comment()
		default:
			return
		}
	}
}

func (p *literalParser) comment() {
	if end := strings.IndexByte(p.rest(), '\n'); end >= 0 {
		p.at += end
	} else {
		p.at = len(p.src)
	}
}

// trailing is what may follow the value: comments and empty lines.
func (p *literalParser) trailing() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case '\n', '\r', ' ', '\t', '\f':
			p.at++
		case '#':
			p.comment()
		default:
			p.stop()
		}
	}
}

// items reads values with commas between up to a closing bracket, or at top level; several
// are a tuple.
func (p *literalParser) items(closing string) any {
	first := p.value()
	if !p.has(",") {
		return first
	}
	items := pyval.Tuple{first}
	for p.skip(",") {
		if p.ended(closing) {
			break
		}
		items = append(items, p.value())
	}
	return items
}

func (p *literalParser) ended(closing string) bool {
	if closing != "" {
		return p.has(closing)
	}
	return p.at == len(p.src) || p.src[p.at] == '\n' || p.src[p.at] == '#'
}

func (p *literalParser) value() any {
	if p.nested > pyval.MaxDepth {
		panic(notLiteral{fmt.Errorf("a value nested more than %d levels deep: %w", pyval.MaxDepth, pyval.ErrLimit)})
	}
	if p.at == len(p.src) {
		p.stop()
	}
	switch c := p.src[p.at]; {
	case c == '[', c == '(', c == '{':
		return p.bracket(c)
	case c == '+', c == '-':
		return p.signed(c)
	case p.skip("..."):
		p.unknown("the ellipsis")
	case c >= '0' && c <= '9', c == '.':
		return p.number()
	case c == '\'', c == '"':
		return p.texts()
	}
	return p.word()
}

func (p *literalParser) bracket(open byte) any {
	p.nested++
	p.at++
	p.blanks()
	var v any
	closing := map[byte]string{'[': "]", '(': ")", '{': "}"}[open]
	switch empty := p.has(closing); {
	case open == '{' && empty:
		v = pyval.NewDict()
	case open == '{':
		v = p.dict()
	case open == '[' && empty:
		v = pyval.NewList()
	case open == '[':
		v = p.list()
	case empty:
		v = pyval.Tuple{}
	default:
		v = p.items(closing)
	}
	p.nested--
	if !p.has(closing) {
		p.stop()
	}
	p.at++
	p.blanks()
	return v
}

func (p *literalParser) list() any {
	list := pyval.NewList()
	for {
		list.Items = append(list.Items, p.value())
		if !p.skip(",") || p.has("]") {
			return list
		}
	}
}

func (p *literalParser) dict() any {
	d := pyval.NewDict()
	for {
		key := p.value()
		if !p.skip(":") {
			if p.has(",") || p.has("}") {
				p.unknown("a set")
			}
			p.stop()
		}
		if err := d.Set(key, p.value()); err != nil {
			panic(notLiteral{err})
		}
		if !p.skip(",") || p.has("}") {
			return d
		}
	}
}

func (p *literalParser) signed(sign byte) any {
	p.at++
	p.blanks()
	if p.at == len(p.src) || p.src[p.at] != '.' && (p.src[p.at] < '0' || p.src[p.at] > '9') {
		p.stop()
	}
	v := p.number()
	if sign == '+' {
		return v
	}
	n, err := pyval.Negate(v)
	if err != nil {
		panic(notLiteral{err})
	}
	return n
}

func (p *literalParser) number() any {
	start := p.at
	for p.at < len(p.src) && (pytext.IsWord(rune(p.src[p.at])) || p.src[p.at] == '.' ||
		strings.IndexByte("+-", p.src[p.at]) >= 0 && p.at > start && strings.IndexByte("eE", p.src[p.at-1]) >= 0 && !isHex(p.src[start:p.at])) {
		p.at++
	}
	text := p.src[start:p.at]
	p.blanks()
	if p.has("+") || p.has("-") { // 1+2j
		if rest := strings.TrimRight(p.rest(), " "); strings.HasSuffix(rest, "j") || strings.HasSuffix(rest, "J") {
			p.unknown("a complex number")
		}
	}
	v, ok := parsePythonNumber(text)
	if !ok {
		p.stop()
	}
	if v == nil {
		p.unknown("a complex number")
	}
	return v
}

func isHex(s string) bool { return strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") }

// parsePythonNumber reads a number literal; nil is a complex one.
func parsePythonNumber(text string) (any, bool) {
	if pytext.BadUnderscores(text) || text == "." {
		return nil, false
	}
	digits := strings.ReplaceAll(text, "_", "")
	lower := strings.ToLower(digits)
	if body, ok := strings.CutSuffix(lower, "j"); ok {
		_, isNumber := parsePythonNumber(body)
		return nil, isNumber
	}
	for _, prefix := range []string{"0x", "0o", "0b"} {
		if strings.HasPrefix(lower, prefix) {
			n, ok := new(big.Int).SetString(lower, 0)
			if !ok {
				return nil, false
			}
			return pynum.Int(n), true
		}
	}
	if strings.ContainsAny(lower, ".e") {
		for _, c := range lower {
			if (c < '0' || c > '9') && !strings.ContainsRune(".e+-", c) {
				return nil, false
			}
		}
		f, err := strconv.ParseFloat(lower, 64)
		return f, err == nil || errors.Is(err, strconv.ErrRange)
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(digits) > 1 && digits[0] == '0' && n.Sign() != 0 || len(digits) > pynum.MaxBits/4 {
		return nil, false
	}
	return pynum.Int(n), true
}

func (p *literalParser) word() any {
	end := strings.IndexFunc(p.rest(), func(r rune) bool { return !pytext.IsWord(r) })
	if end < 0 {
		end = len(p.rest())
	}
	word := p.rest()[:end]
	if quoted := p.rest()[end:]; word != "" && (strings.HasPrefix(quoted, "'") || strings.HasPrefix(quoted, `"`)) {
		return p.texts()
	}
	p.at += end
	p.blanks()
	switch word {
	case "None":
		return nil
	case "True":
		return true
	case "False":
		return false
	case "set":
		if p.skip("(") && p.skip(")") {
			p.unknown("a set")
		}
	}
	p.stop()
	return nil
}

// texts reads string literals that follow each other.
func (p *literalParser) texts() any {
	var b strings.Builder
	for {
		end := strings.IndexAny(p.rest(), `'"`)
		if end < 0 {
			p.stop()
		}
		prefix := strings.ToLower(p.rest()[:end])
		switch prefix {
		case "", "u", "r":
		case "b", "rb", "br":
			p.at += len(prefix)
			p.text(&b, true)
			p.unknown("a text of bytes")
		default:
			p.stop()
		}
		p.at += len(prefix)
		p.text(&b, prefix == "r")
		p.blanks()
		if p.at == len(p.src) || !strings.ContainsRune(`'"urbURB`, rune(p.src[p.at])) {
			return b.String()
		}
	}
}

func (p *literalParser) text(b *strings.Builder, raw bool) {
	quote := p.src[p.at : p.at+1]
	if triple := strings.Repeat(quote, 3); p.has(triple) {
		quote = triple
	}
	p.at += len(quote)
	for !p.has(quote) {
		switch {
		case p.at == len(p.src), p.src[p.at] == '\n' && len(quote) == 1:
			p.stop()
		case p.src[p.at] == '\\' && p.at+1 < len(p.src):
			p.escape(b, raw)
		default:
			_, n := utf8.DecodeRuneInString(p.rest())
			b.WriteString(p.src[p.at : p.at+n])
			p.at += n
		}
	}
	p.at += len(quote)
}

func (p *literalParser) escape(b *strings.Builder, raw bool) {
	if raw {
		b.WriteString(p.src[p.at : p.at+2])
		p.at += 2
		return
	}
	text, n, err := pytext.Unescape(p.rest())
	if err != nil {
		p.stop()
	}
	b.WriteString(text)
	p.at += n
}
