package pytext

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/runenames"
)

var simpleEscapes = map[byte]string{
	'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\n': "",
}

// Unescape reads the escape that s begins with, as in a text of Python, and returns its
// meaning and its length. An escape that Python does not know stays as it is.
func Unescape(s string) (text string, n int, err error) {
	if len(s) < 2 {
		return s, len(s), nil
	}
	c := s[1]
	if text, ok := simpleEscapes[c]; ok {
		return text, 2, nil
	}
	switch c {
	case 'x':
		return codeEscape(s, 2, 2, 16)
	case 'u':
		return codeEscape(s, 2, 4, 16)
	case 'U':
		return codeEscape(s, 2, 8, 16)
	case 'N':
		return nameEscape(s)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		width := 0
		for width < 3 && 1+width < len(s) && s[1+width] >= '0' && s[1+width] <= '7' {
			width++
		}
		return codeEscape(s, 1, width, 8)
	}
	return "\\", 1, nil
}

func codeEscape(s string, from, width, base int) (string, int, error) {
	code := rune(0)
	for i := range width {
		d := -1
		if at := from + i; at < len(s) {
			d = strings.IndexByte("0123456789abcdef", strings.ToLower(s[at : at+1])[0])
		}
		if d < 0 || d >= base || code > unicode.MaxRune {
			return "", 0, fmt.Errorf("the escape \\%c needs %d digits", s[1], width)
		}
		code = code*rune(base) + rune(d) //nolint:gosec // a base and a digit
	}
	if !utf8.ValidRune(code) {
		return "", 0, fmt.Errorf("the escape \\%c names no character", s[1])
	}
	return string(code), from + width, nil
}

// nameEscape is \N{SNOWMAN}.
func nameEscape(s string) (string, int, error) {
	name, _, closed := strings.Cut(s[2:], "}")
	if !closed || !strings.HasPrefix(name, "{") {
		return "", 0, errors.New(`the escape \N needs the name of a character: \N{SNOWMAN}`)
	}
	r, ok := namedRune(strings.ToUpper(name[1:]))
	if !ok {
		return "", 0, fmt.Errorf("there is no character with the name %q", name[1:])
	}
	return string(r), len(name) + 3, nil
}

func namedRune(name string) (rune, bool) {
	if code, ok := strings.CutPrefix(name, "CJK UNIFIED IDEOGRAPH-"); ok {
		var r rune
		n, err := fmt.Sscanf(code, "%X", &r)
		return r, n == 1 && err == nil && unicode.Is(unicode.Unified_Ideograph, r)
	}
	r, ok := runesByName()[name]
	return r, ok
}

// runesByName is made when the first template asks: it takes some milliseconds.
var runesByName = sync.OnceValue(func() map[string]rune {
	names := make(map[string]rune, 40_000)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if name := runenames.Name(r); name != "" && name[0] != '<' {
			names[name] = r
		}
	}
	return names
})
