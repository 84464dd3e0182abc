package pytext

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Split is str.split, or str.rsplit from the right, at a separator; limit bounds how often, unless
// it is negative.
func Split(s, sep string, limit int, right bool) []string {
	if limit < 0 {
		return strings.Split(s, sep)
	}
	if !right {
		return strings.SplitN(s, sep, limit+1)
	}
	parts := strings.Split(s, sep)
	if keep := len(parts) - limit; keep > 1 {
		parts = append([]string{strings.Join(parts[:keep], sep)}, parts[keep:]...)
	}
	return parts
}

// Fields is [Split] at blanks of any length.
func Fields(s string, limit int, right bool) []string {
	if limit < 0 {
		return strings.Fields(s)
	}
	var parts []string
	trim, next := strings.TrimLeftFunc, strings.IndexFunc
	if right {
		trim, next = strings.TrimRightFunc, strings.LastIndexFunc
	}
	for s = trim(s, unicode.IsSpace); s != ""; s = trim(s, unicode.IsSpace) {
		i := next(s, unicode.IsSpace)
		if i < 0 || len(parts) == limit {
			parts = append(parts, strings.TrimFunc(s, unicode.IsSpace))
			break
		}
		if right {
			parts, s = append(parts, strings.TrimFunc(s[i:], unicode.IsSpace)), s[:i]
		} else {
			parts, s = append(parts, s[:i]), s[i:]
		}
	}
	if right {
		slices.Reverse(parts)
	}
	return parts
}

// Lines is str.splitlines; with keep the lines have their ends.
func Lines(s string, keep bool) []string {
	var parts []string
	for s != "" {
		end := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if end < 0 {
			return append(parts, s)
		}
		_, n := utf8.DecodeRuneInString(s[end:])
		if strings.HasPrefix(s[end:], "\r\n") {
			n = 2
		}
		if keep {
			parts = append(parts, s[:end+n])
		} else {
			parts = append(parts, s[:end])
		}
		s = s[end+n:]
	}
	return parts
}
