package connections

import (
	"errors"
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// quote percent-escapes every byte but letters, digits and _ . - ~, the slash
// included. It is Python's quote with safe="", which Airflow writes URIs with.
func quote(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

// quoteForm is quote for form data, where a space is a plus.
func quoteForm(s string) string {
	return strings.ReplaceAll(quote(s), "%20", "+")
}

// unquote undoes percent-escapes. A percent sign that starts no escape stays, as
// in Python, because people paste passwords without escaping them.
func unquote(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	if !utf8.ValidString(b.String()) {
		return "", errors.New("percent-escapes do not make UTF-8 text")
	}
	return b.String(), nil
}

// unquoteForm is unquote for form data, where a plus is a space.
func unquoteForm(s string) (string, error) {
	return unquote(strings.ReplaceAll(s, "+", " "))
}

func unreserved(c byte) bool {
	return isAlpha(c) || isDigit(c) || strings.IndexByte("_.-~", c) >= 0
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
