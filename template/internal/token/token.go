// Package token reads the tokens of a tag of Jinja.
package token

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytext"
)

// Kind is the kind of a token.
type Kind int

// The kinds of tokens.
const (
	End    Kind = iota // the closing delimiter of the tag
	Name               // a name or keyword
	Text               // a string literal
	Digits             // a number literal
	Symbol             // an operator or bracket
)

// Spaces are the characters between tokens.
const Spaces = " \t\r\n\f\v"

// Scanner reads the tokens of one tag, one ahead. Offsets are those of the source.
type Scanner struct {
	Kind     Kind
	From, To int    // the current token
	PrevTo   int    // where the token before it ended
	Value    string // its text; for a string literal what it means
	Offset   int    // where reading goes on
	// Trim is set at the end of the tag, when its sign asks that the text that follows begins
	// without blanks.
	Trim bool

	src      string
	closing  string // the delimiter that ends the tag
	brackets []byte
}

// New starts reading a tag at an offset, without a first token.
func New(src string, at int, closing string) Scanner {
	return Scanner{src: src, closing: closing, Offset: at, PrevTo: at}
}

// Error is a mistake at an offset.
type Error struct {
	At   int
	Text string
}

func (e *Error) Error() string { return e.Text }

func mistake(at int, format string, args ...any) error {
	return &Error{At: at, Text: fmt.Sprintf(format, args...)}
}

// Closing is the delimiter that ends the tag.
func (s *Scanner) Closing() string { return s.closing }

// Shown is the current token as messages name it.
func (s *Scanner) Shown() string {
	if s.Kind == End {
		return "end of the expression"
	}
	return "'" + s.src[s.From:s.To] + "'"
}

// Next reads a token. What is wrong is an [*Error].
func (s *Scanner) Next() error {
	s.PrevTo = s.To
	if s.PrevTo == 0 {
		s.PrevTo = s.Offset
	}
	for s.Offset < len(s.src) && strings.IndexByte(Spaces, s.src[s.Offset]) >= 0 {
		s.Offset++
	}
	s.From = s.Offset
	rest := s.src[s.Offset:]
	if rest == "" {
		return mistake(s.PrevTo, "unexpected end of the template, expected %s", s.closing)
	}
	if len(s.brackets) == 0 && s.closes(rest) {
		return nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '\'':
		return s.stringLiteral()
	case r >= '0' && r <= '9':
		s.Kind, s.Offset = Digits, s.Offset+numberLen(rest, s.Kind == Symbol && s.Value == ".")
	case r == '_' || unicode.IsLetter(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		s.Kind, s.Offset = Name, s.Offset+n
	default:
		if err := s.symbol(rest, r); err != nil {
			return err
		}
	}
	s.To = s.Offset
	s.Value = s.src[s.From:s.To]
	return nil
}

// closes reads the closing delimiter, if it is next.
func (s *Scanner) closes(rest string) bool {
	sign := ""
	if rest[0] == '-' || rest[0] == '+' && s.closing == "%}" {
		sign = rest[:1]
	}
	if !strings.HasPrefix(rest[len(sign):], s.closing) {
		return false
	}
	s.Kind, s.Value = End, ""
	s.Trim = sign == "-"
	s.Offset += len(sign) + len(s.closing)
	s.To = s.Offset
	return true
}

// symbol reads an operator or bracket.
func (s *Scanner) symbol(rest string, r rune) error {
	n := symbolLen(rest)
	if n == 0 {
		return mistake(s.Offset, "unexpected character %q", r)
	}
	switch c := rest[0]; c {
	case '(', '[', '{':
		s.brackets = append(s.brackets, c)
	case ')', ']', '}':
		last := len(s.brackets) - 1
		if last < 0 || opposite[s.brackets[last]] != c {
			return mistake(s.Offset, "unexpected '%c'", c)
		}
		s.brackets = s.brackets[:last]
	}
	s.Kind, s.Offset = Symbol, s.Offset+n
	return nil
}

var opposite = [...]byte{'(': ')', '[': ']', '{': '}'}

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

const (
	decimal     = "0123456789_"
	hexadecimal = decimal + "abcdefABCDEF"
)

// numberLen returns the length of the number literal that s begins with. After a
// dot it is an index: x.0.1 is x[0][1].
func numberLen(s string, afterDot bool) int {
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		return 2 + runLen(s[2:], hexadecimal)
	}
	n := runLen(s, decimal)
	if afterDot {
		return n
	}
	if strings.HasPrefix(s[n:], ".") && beginsNumber(s[n+1:]) {
		n += 1 + runLen(s[n+1:], decimal)
	}
	return n + exponentLen(s[n:])
}

// exponentLen returns the length of the exponent that s begins with, 0 if there is none.
func exponentLen(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	sign := runLen(s[1:min(2, len(s))], "+-")
	power := s[1+sign:]
	if !beginsNumber(power) {
		return 0
	}
	return 1 + sign + runLen(power, decimal)
}

// runLen returns how many bytes at the beginning of s are among others.
func runLen(s, among string) (n int) {
	for n < len(s) && strings.IndexByte(among, s[n]) >= 0 {
		n++
	}
	return n
}

func beginsNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// stringLiteral reads a string with Python's escapes.
func (s *Scanner) stringLiteral() error {
	quote := s.src[s.Offset]
	var b strings.Builder
	for i := s.Offset + 1; i < len(s.src); {
		switch s.src[i] {
		case quote:
			s.Kind, s.Value, s.Offset, s.To = Text, b.String(), i+1, i+1
			return nil
		case '\\':
			text, n, err := pytext.Unescape(s.src[i:])
			if err != nil {
				return mistake(i, "%v", err)
			}
			b.WriteString(text)
			i += n
		default:
			b.WriteByte(s.src[i])
			i++
		}
	}
	return mistake(s.Offset, "the text is never closed: %c is missing", quote)
}

// Number is the value of a number literal: an int64, a *big.Int or a float64.
func Number(text string) (any, bool) {
	digits := strings.ReplaceAll(text, "_", "")
	if len(digits) > 1 && digits[0] == '0' && strings.IndexByte("xXoObB", digits[1]) >= 0 {
		n, ok := new(big.Int).SetString(digits, 0)
		return whole(n), ok
	}
	if strings.ContainsAny(digits, ".eE") {
		f, err := strconv.ParseFloat(digits, 64)
		return f, err == nil || errors.Is(err, strconv.ErrRange) // out of range is inf, as in Python
	}
	if strings.TrimLeft(digits, "0") != "" && digits[0] == '0' {
		return nil, false // 007 is no number in Python
	}
	n, ok := new(big.Int).SetString(digits, 10)
	return whole(n), ok
}

func whole(n *big.Int) any {
	if n == nil {
		return nil
	}
	return pynum.Int(n)
}
