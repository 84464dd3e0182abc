package pyval

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func split(b *Budget, s string, a *Args, right bool) (any, error) {
	sep, limit := a.AnyOr("sep", nil), a.IntOr("maxsplit", -1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if err := b.Spend(len(s) * ElementCost); err != nil {
		return nil, err
	}
	var parts []string
	switch sep := sep.(type) {
	case nil:
		parts = splitSpace(s, limit, right)
	case string:
		if sep == "" {
			return nil, fmt.Errorf("%s: the separator is empty", a.fn)
		}
		parts = splitSep(s, sep, limit, right)
	default:
		return nil, fmt.Errorf("%s: the separator must be a text, not %q", a.fn, TypeName(sep))
	}
	return texts(parts), nil
}

func splitSep(s, sep string, limit int, right bool) []string {
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

func splitSpace(s string, limit int, right bool) []string {
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

func splitLines(b *Budget, s string, a *Args) (any, error) {
	keep := a.BoolOr("keepends", false)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if err := b.Spend(len(s) * ElementCost); err != nil {
		return nil, err
	}
	return texts(linesOf(s, keep)), nil
}

// Lines is str.splitlines.
func Lines(s string) []string { return linesOf(s, false) }

// linesOf is str.splitlines.
func linesOf(s string, keep bool) []string {
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

func texts(parts []string) *List {
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return NewList(items...)
}
