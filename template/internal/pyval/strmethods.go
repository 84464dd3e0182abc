package pyval

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

var strMethods = map[string]func(*Budget, string, *Args) (any, error){
	"upper":      plain(strings.ToUpper),
	"lower":      plain(strings.ToLower),
	"casefold":   plain(strings.ToLower),
	"capitalize": plain(Capitalize),
	"title":      plain(Title),
	"swapcase":   plain(swapCase),
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
	"count": func(_ *Budget, s string, a *Args) (any, error) {
		sub := a.Text("sub")
		return int64(strings.Count(s, sub)), a.Done()
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
	"ljust":     justify('<'),
	"rjust":     justify('>'),
	"center":    justify('^'),
	"isdigit":   all(unicode.IsDigit),
	"isnumeric": all(unicode.IsNumber),
	"isdecimal": all(unicode.IsDigit),
	"isalpha":   all(unicode.IsLetter),
	"isalnum":   all(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
	"isspace":   all(unicode.IsSpace),
	"isupper": func(_ *Budget, s string, a *Args) (any, error) {
		return s == strings.ToUpper(s) && s != strings.ToLower(s), a.Done()
	},
	"islower": func(_ *Budget, s string, a *Args) (any, error) {
		return s == strings.ToLower(s) && s != strings.ToUpper(s), a.Done()
	},
}

type strMethod = func(*Budget, string, *Args) (any, error)

func plain(f func(string) string) strMethod {
	return func(_ *Budget, s string, a *Args) (any, error) { return f(s), a.Done() }
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
		if err := a.Done(); err != nil {
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
			if has(s, t) {
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
		if err := a.Done(); err != nil {
			return nil, err
		}
		i := index(s, sub)
		if i < 0 && must {
			return nil, fmt.Errorf("index: %s is not in the text", shortRepr(sub))
		}
		if i < 0 {
			return int64(-1), nil
		}
		return int64(runeLen(s[:i])), nil
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
	}
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, missing-left), nil
}

// Center is str.center with a space.
func Center(b *Budget, s string, n int) (string, error) { return pad(b, s, n, " ", '^') }

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

func split(b *Budget, s string, a *Args, right bool) (any, error) {
	sep, limit := a.AnyOr("sep", nil), a.IntOr("maxsplit", -1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if err := b.Spend(len(s) * elementCost); err != nil {
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
	if err := b.Spend(len(s) * elementCost); err != nil {
		return nil, err
	}
	var parts []string
	for line := range strings.Lines(s) {
		if !keep {
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		}
		parts = append(parts, line)
	}
	return texts(parts), nil
}

func texts(parts []string) *List {
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return NewList(items...)
}

// Capitalize is str.capitalize.
func Capitalize(s string) string {
	for i, r := range s {
		n := i + len(string(r))
		return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
	}
	return s
}

// Title is str.title: a capital after everything that is not a letter.
func Title(s string) string {
	prev := false
	return strings.Map(func(r rune) rune {
		letter := unicode.IsLetter(r)
		defer func() { prev = letter }()
		if prev {
			return unicode.ToLower(r)
		}
		return unicode.ToTitle(r)
	}, s)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}
