package pyval

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/dingdag/dingdag/template/internal/pytext"
)

var strMethods = map[string]func(*Budget, string, *Args) (any, error){
	"upper":      plain(pytext.Upper),
	"lower":      plain(pytext.Lower),
	"casefold":   plain(pytext.Fold),
	"capitalize": plain(pytext.Capitalize),
	"title":      plain(pytext.Title),
	"swapcase":   plain(pytext.SwapCase),
	"strip":      strip(strings.Trim, strings.TrimFunc),
	"lstrip":     strip(strings.TrimLeft, strings.TrimLeftFunc),
	"rstrip":     strip(strings.TrimRight, strings.TrimRightFunc),
	"replace": func(b *Budget, s string, a *Args) (any, error) {
		from, to, n := a.Text("old"), a.Text("new"), a.IntOr("count", -1)
		if err := a.Done(); err != nil {
			return nil, err
		}
		return ReplaceText(b, s, from, to, n)
	},
	"startswith":   affix(strings.HasPrefix),
	"endswith":     affix(strings.HasSuffix),
	"removeprefix": cut(strings.TrimPrefix),
	"removesuffix": cut(strings.TrimSuffix),
	"find":         find(strings.Index, false),
	"rfind":        find(strings.LastIndex, false),
	"index":        find(strings.Index, true),
	"rindex":       find(strings.LastIndex, true),
	"count": func(_ *Budget, s string, a *Args) (any, error) {
		sub := a.Text("sub")
		part, _, ok, err := window(s, a)
		if err != nil || !ok {
			return int64(0), err
		}
		return int64(strings.Count(part, sub)), nil
	},
	"split":      func(b *Budget, s string, a *Args) (any, error) { return split(b, s, a, false) },
	"rsplit":     func(b *Budget, s string, a *Args) (any, error) { return split(b, s, a, true) },
	"splitlines": splitLines,
	"partition": func(_ *Budget, s string, a *Args) (any, error) {
		sep := a.Text("sep")
		before, after, found := strings.Cut(s, sep)
		if !found {
			return Tuple{s, "", ""}, a.Done()
		}
		return Tuple{before, sep, after}, a.Done()
	},
	"rpartition": func(_ *Budget, s string, a *Args) (any, error) {
		sep := a.Text("sep")
		if sep == "" {
			return nil, errors.New("rpartition: the separator is empty")
		}
		i := strings.LastIndex(s, sep)
		if i < 0 {
			return Tuple{"", "", s}, a.Done()
		}
		return Tuple{s[:i], sep, s[i+len(sep):]}, a.Done()
	},
	"expandtabs": func(b *Budget, s string, a *Args) (any, error) {
		size := a.IntOr("tabsize", 8)
		if err := a.Done(); err != nil {
			return nil, err
		}
		return expandTabs(b, s, size)
	},
	"translate": translate,
	"join": func(b *Budget, s string, a *Args) (any, error) {
		v := a.Any("iterable")
		if err := a.Done(); err != nil {
			return nil, err
		}
		items, err := Iterate(b, v)
		if err != nil {
			return nil, err
		}
		for i, it := range items {
			if _, ok := it.(string); !ok {
				return nil, fmt.Errorf("join: element %d is %q, not a text", i, TypeName(it))
			}
		}
		return Join(b, items, s)
	},
	"zfill": func(b *Budget, s string, a *Args) (any, error) {
		n := a.Int("width")
		if err := a.Done(); err != nil {
			return nil, err
		}
		sign := ""
		if s != "" && strings.ContainsRune("+-", rune(s[0])) {
			sign, s, n = s[:1], s[1:], n-1
		}
		padded, err := pad(b, s, n, "0", '>')
		return sign + padded, err
	},
	"ljust":        justify('<'),
	"rjust":        justify('>'),
	"center":       justify('c'),
	"isdigit":      all(pytext.IsDigit),
	"isnumeric":    all(pytext.IsNumeric),
	"isdecimal":    all(unicode.IsDigit),
	"isascii":      plainTest(pytext.IsASCII),
	"istitle":      plainTest(pytext.IsTitle),
	"isprintable":  plainTest(func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) }),
	"isidentifier": plainTest(pytext.IsIdentifier),
	"isalpha":      all(unicode.IsLetter),
	"isalnum":      all(func(r rune) bool { return unicode.IsLetter(r) || pytext.IsNumeric(r) }),
	"isspace":      all(unicode.IsSpace),
	"isupper":      plainTest(pytext.IsUpper),
	"islower":      plainTest(pytext.IsLower),
}

type strMethod = func(*Budget, string, *Args) (any, error)

func plain(f func(string) string) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) { return f(s), a.Done() }
}

func plainTest(f func(string) bool) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) { return f(s), a.Done() }
}

// window takes start and end and returns the part of s between them, how many characters
// stand before it, and whether start is within s at all.
func window(s string, a *Args) (part string, from int, ok bool, err error) {
	start, end := a.AnyOr("start", nil), a.AnyOr("end", nil)
	if err := a.Done(); err != nil {
		return "", 0, false, err
	}
	if start == nil && end == nil {
		return s, 0, true, nil
	}
	runes := []rune(s)
	n := len(runes)
	from, err = sliceEnd(start, 0, n, 0, n+1)
	if err != nil {
		return "", 0, false, err
	}
	to, err := sliceEnd(end, n, n, 0, n)
	if err != nil || from > to {
		return "", 0, false, err
	}
	return string(runes[from:to]), from, true, nil
}

func expandTabs(b *Budget, s string, size int) (any, error) {
	if grow := strings.Count(s, "\t") * max(size, 0); grow > b.MaxText {
		return nil, b.Fits(grow)
	}
	var out strings.Builder
	column := 0
	for _, r := range s {
		switch r {
		case '\t':
			if size > 0 {
				n := size - column%size
				out.WriteString(strings.Repeat(" ", n))
				column += n
			}
			continue
		case '\n', '\r':
			column = -1
		}
		out.WriteRune(r)
		column++
	}
	return out.String(), nil
}

// translate replaces characters by a dict from their numbers.
func translate(b *Budget, s string, a *Args) (any, error) {
	table, ok := a.Any("table").(*Dict)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("translate: needs a dict from the numbers of characters")
	}
	var out strings.Builder
	for _, r := range s {
		to, found := table.Get(int64(r))
		switch to := to.(type) {
		case string:
			out.WriteString(to)
		case int64:
			if to < 0 || to > unicode.MaxRune {
				return nil, errors.New("translate: no such character")
			}
			out.WriteRune(rune(to))
		case nil:
		default:
			if found {
				return nil, fmt.Errorf("translate: a character becomes a text, a number or None, not %q", TypeName(to))
			}
			out.WriteRune(r)
		}
		if err := b.Fits(out.Len()); err != nil {
			return nil, err
		}
	}
	return out.String(), nil
}

func strip(cutset func(string, string) string, space func(string, func(rune) bool) string) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) {
		chars := a.AnyOr("chars", nil)
		if chars == nil {
			return space(s, unicode.IsSpace), a.Done()
		}
		set, ok := chars.(string)
		if !ok {
			return nil, fmt.Errorf("strip: chars must be a text, not %q", TypeName(chars))
		}
		return cutset(s, set), a.Done()
	}
}

func affix(has func(string, string) bool) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) {
		want := a.Any("affix")
		part, _, inside, err := window(s, a)
		if err != nil {
			return nil, err
		}
		options := []any{want}
		if t, ok := want.(Tuple); ok {
			options = t
		}
		for _, o := range options {
			t, ok := o.(string)
			if !ok {
				return nil, fmt.Errorf("%s: needs a text or a tuple of texts, not %q", a.fn, TypeName(want))
			}
			if inside && has(part, t) {
				return true, nil
			}
		}
		return false, nil
	}
}

func cut(f func(string, string) string) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) {
		part := a.Text("affix")
		return f(s, part), a.Done()
	}
}

func find(index func(string, string) int, must bool) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) {
		sub := a.Text("sub")
		part, from, inside, err := window(s, a)
		if err != nil {
			return nil, err
		}
		i := -1
		if inside {
			i = index(part, sub)
		}
		if i < 0 && must {
			return nil, fmt.Errorf("index: %s is not in the text", ShortRepr(sub))
		}
		if i < 0 {
			return int64(-1), nil
		}
		return int64(from + runeLen(part[:i])), nil
	}
}

func all(is func(rune) bool) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) {
		return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !is(r) }), a.Done()
	}
}

func justify(align rune) strMethod {
	return func(b *Budget, s string, a *Args) (any, error) {
		n, fill := a.Int("width"), a.TextOr("fillchar", " ")
		if err := a.Done(); err != nil {
			return nil, err
		}
		if runeLen(fill) != 1 {
			return nil, fmt.Errorf("%s: the fill character must be one character", a.fn)
		}
		return pad(b, s, n, fill, align)
	}
}

// pad fills s to n characters; align '<' keeps it left, '>' right, '^' in the middle.
func pad(b *Budget, s string, n int, fill string, align rune) (string, error) {
	missing := n - runeLen(s)
	if missing <= 0 {
		return s, nil
	}
	if missing > b.MaxText {
		return "", b.Fits(missing)
	}
	if err := b.Fits(len(s) + missing*len(fill)); err != nil {
		return "", err
	}
	left := 0
	switch align {
	case '>':
		left = missing
	case '^':
		left = missing / 2
	case 'c': // str.center puts the odd blank elsewhere than format does
		left = missing/2 + missing&n&1
	}
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, missing-left), nil
}

// Center is str.center with a space.
func Center(b *Budget, s string, n int) (string, error) { return pad(b, s, n, " ", 'c') }

// ReplaceText replaces the first n occurrences, all when n is negative.
func ReplaceText(b *Budget, s, from, to string, n int) (any, error) {
	hits := strings.Count(s, from)
	if n >= 0 {
		hits = min(hits, n)
	}
	if grow := len(to) - len(from); grow > 0 {
		if hits > b.MaxText/grow {
			return nil, b.Fits(b.MaxText + 1)
		}
		if err := b.Fits(len(s) + hits*grow); err != nil {
			return nil, err
		}
	}
	return strings.Replace(s, from, to, n), nil
}

// Join joins the texts of items.
func Join(b *Budget, items []any, sep string) (string, error) {
	var out strings.Builder
	for i, it := range items {
		s, err := Str(b, it)
		if err != nil {
			return "", err
		}
		if i > 0 {
			s = sep + s
		}
		if err := b.Fits(out.Len() + len(s)); err != nil {
			return "", err
		}
		out.WriteString(s)
	}
	return out.String(), nil
}
