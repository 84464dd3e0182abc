package filters

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pytext"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

func textFilter(f func(string) string) lang.Filter {
	return func(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
		if err := a.Done(); err != nil {
			return nil, err
		}
		s, err := pyval.Str(b, v)
		return f(s), err
	}
}

// markupFilter is a filter whose result is markup when what it gets is.
func markupFilter(f func(string) string) lang.Filter {
	return func(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
		if err := a.Done(); err != nil {
			return nil, err
		}
		s, err := pyval.Str(b, v)
		return like(v, f(s)), err
	}
}

// like is s as markup when v is.
func like(v any, s string) any {
	if _, ok := v.(pyval.Markup); ok {
		return pyval.Markup(s)
	}
	return s
}

func filterEscape(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	if m, ok := v.(pyval.Markup); ok {
		return m, nil
	}
	s, err := pyval.Str(b, v)
	return pyval.Markup(pyval.EscapeHTML(s)), err
}

func filterForceEscape(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	return filterEscape(b, pyval.Plain(v), a)
}

func filterSafe(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	s, err := pyval.Str(b, v)
	return pyval.Markup(s), err
}

// titleWords is Jinja's title: a capital after blanks, hyphens and brackets only.
func titleWords(s string) string {
	var b strings.Builder
	start := true
	for _, c := range s {
		if start {
			b.WriteString(pytext.Upper(string(c)))
		} else {
			b.WriteString(pytext.Lower(string(c)))
		}
		start = unicode.IsSpace(c) || strings.ContainsRune("-({[<", c)
	}
	return b.String()
}

var (
	htmlComments = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTags     = regexp.MustCompile(`(?s)<.*?>`)
)

func stripTags(s string) string {
	s = htmlTags.ReplaceAllString(htmlComments.ReplaceAllString(s, ""), "")
	return html.UnescapeString(strings.Join(strings.Fields(s), " "))
}

func filterWordCount(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	s, err := pyval.Str(b, v)
	if err != nil {
		return nil, err
	}
	words := strings.FieldsFunc(s, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c) })
	return int64(len(words)), a.Done()
}

func filterTrim(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	chars := a.TextOr("chars", "")
	if err := a.Done(); err != nil {
		return nil, err
	}
	s, err := pyval.Str(b, v)
	if chars == "" {
		return like(v, strings.TrimSpace(s)), err
	}
	return like(v, strings.Trim(s, chars)), err
}

func filterReplace(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	from, to, n := a.Any("old"), a.Any("new"), a.IntOr("count", -1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	var texts [3]string
	for i, x := range []any{v, from, to} {
		var err error
		if texts[i], err = pyval.Str(b, x); err != nil {
			return nil, err
		}
	}
	return pyval.ReplaceText(b, texts[0], texts[1], texts[2], n)
}

func filterTruncate(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	n, kill, end, leeway := a.IntOr("length", 255), a.BoolOr("killwords", false), a.TextOr("end", "..."), a.IntOr("leeway", 5)
	if err := a.Done(); err != nil {
		return nil, err
	}
	s, isText := pyval.Plain(v).(string)
	if size, err := pyval.Len(v); !isText && (err != nil || size > n+leeway) {
		return nil, fmt.Errorf("truncate: needs a text, not %q", pyval.TypeName(v))
	} else if !isText {
		return v, nil // as Jinja, which looks at the length alone
	}
	keep := n - utf8.RuneCountInString(end)
	if keep < 0 || leeway < 0 {
		return nil, errors.New("truncate: the length must have room for the end mark, the leeway must not be negative")
	}
	runes := []rune(s)
	if len(runes) <= n+leeway {
		return v, nil
	}
	cut := string(runes[:keep])
	if i := strings.LastIndexByte(cut, ' '); i >= 0 && !kill {
		cut = cut[:i]
	}
	return like(v, cut+end), nil
}

func filterIndent(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	width, first, blank := a.AnyOr("width", int64(4)), a.BoolOr("first", false), a.BoolOr("blank", false)
	if err := a.Done(); err != nil {
		return nil, err
	}
	s, isText := pyval.Plain(v).(string)
	if !isText {
		return nil, fmt.Errorf("indent: needs a text, not %q", pyval.TypeName(v))
	}
	by, ok := width.(string)
	if !ok {
		n, isInt := width.(int64)
		if !isInt || n > int64(b.MaxText) {
			return nil, errors.New("indent: the width must be a small integer or a text")
		}
		by = strings.Repeat(" ", max(int(n), 0))
	}
	if err := b.Fits(len(s) + strings.Count(s, "\n")*len(by)); err != nil {
		return nil, err
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if i == 0 && first || i > 0 && (line != "" || blank) {
			lines[i] = by + line
		}
	}
	return like(v, strings.Join(lines, "\n")), nil
}

func filterCenter(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	n := a.IntOr("width", 80)
	if err := a.Done(); err != nil {
		return nil, err
	}
	s, err := pyval.Str(b, v)
	if err != nil {
		return nil, err
	}
	centered, err := pyval.Center(b, s, n)
	return like(v, centered), err
}

func filterWordWrap(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	width, breakLong, sep := a.IntOr("width", 79), a.BoolOr("break_long_words", true), a.TextOr("wrapstring", "\n")
	onHyphens := a.BoolOr("break_on_hyphens", true)
	if err := a.Done(); err != nil {
		return nil, err
	}
	s, isText := pyval.Plain(v).(string)
	if !isText {
		return nil, fmt.Errorf("wordwrap: needs a text, not %q", pyval.TypeName(v))
	}
	if err := b.Spend(32 * len(s)); err != nil {
		return nil, err
	}
	if width < 1 {
		return nil, errors.New("wordwrap: the width is at least 1")
	}
	var lines []any
	wrap := pytext.Wrapping{Width: width, BreakLongWords: breakLong, BreakOnHyphens: onHyphens}
	for _, line := range pytext.Lines(s, false) {
		wrapped := make([]any, 0, 4)
		for _, part := range wrap.Wrap(line) {
			wrapped = append(wrapped, part)
		}
		text, err := pyval.Join(b, wrapped, sep)
		if err != nil {
			return nil, err
		}
		lines = append(lines, text)
	}
	return pyval.Join(b, lines, sep)
}

func filterFormat(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	s, err := pyval.Str(b, v)
	if err != nil {
		return nil, err
	}
	args, named := a.More(), a.Rest()
	if _, ok := v.(pyval.Markup); ok {
		return nil, errors.New("format: markup escapes what it takes: format before you escape")
	}
	switch {
	case len(args) > 0 && named.Len() > 0:
		return nil, errors.New("format: takes values or keywords, not both")
	case named.Len() > 0:
		return pyval.Percent(b, s, named)
	}
	return pyval.Percent(b, s, pyval.Tuple(args))
}

func filterURLEncode(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *pyval.Dict, *pyval.List, pyval.Tuple, pyval.View, *pyval.Generator, pyval.Range:
		pairs, err := pyval.Pairs(b, v)
		if err != nil {
			return nil, fmt.Errorf("urlencode: %w", err)
		}
		return encodeQuery(b, pairs)
	}
	s, err := pyval.Str(b, v)
	if err != nil {
		return nil, err
	}
	return strings.ReplaceAll(quoteURL(s), "%2F", "/"), nil
}

func encodeQuery(b *pyval.Budget, pairs [][2]any) (any, error) {
	var parts []string
	for _, p := range pairs {
		key, err := pyval.Str(b, p[0])
		if err != nil {
			return nil, err
		}
		val, err := pyval.Str(b, p[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, url.QueryEscape(key)+"="+url.QueryEscape(val))
	}
	return strings.Join(parts, "&"), nil
}

func quoteURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
