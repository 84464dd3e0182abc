package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[+#0-9.]*[a-z]`) //nolint:gochecknoglobals // a constant

// verbs are what a text is about: each verb with the number of its argument.
func verbs(text string) (out []string) {
	for i, v := range verb.FindAllString(strings.ReplaceAll(text, "%%", ""), -1) {
		if !strings.Contains(v, "[") {
			v = "%[" + string(rune('1'+i)) + "]" + v[1:]
		}
		out = append(out, v)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEachTextIsInEachLanguage(t *testing.T) {
	t.Parallel()
	for k, text := range table {
		assert.NotEmpty(t, text.EN, k)
		assert.NotEmpty(t, text.ZH, k)
		assert.Equal(t, verbs(text.EN), verbs(text.ZH), "%s is about the same in both languages", k)
		assert.Equal(t, strings.TrimSpace(text.EN), text.EN, k)
		assert.Equal(t, strings.TrimSpace(text.ZH), text.ZH, k)
		assert.False(t, strings.ContainsFunc(text.EN, func(r rune) bool { return unicode.Is(unicode.Han, r) }), k)
		for _, half := range []string{",", ";", "?", "!"} {
			assert.NotContains(t, regexp.MustCompile(`\p{Han}`+regexp.QuoteMeta(half)).FindString(text.ZH), half, "%s has a mark of half width", k)
		}
		if text.One != "" {
			assert.Contains(t, text.EN, "%", k)
		}
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		l     Language
		k     Key
		about []any
		want  string
	}{
		{English, "home.title", nil, "Home"},
		{Chinese, "home.title", nil, "首页"},
		{English, "clear.do", []any{1}, "Clear 1 task instance"},
		{English, "clear.do", []any{2}, "Clear 2 task instances"},
		{Chinese, "clear.do", []any{1}, "清除 1 个任务实例"},
	} {
		got, err := c.l.Say(c.k, c.about...)
		assert.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	_, err := English.Say("no.such")
	assert.EqualError(t, err, `no text has the key "no.such"`)
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Language{
		"": English, "*": English, "de": English, "zh": Chinese, "zh-CN,zh;q=0.9,en;q=0.8": Chinese, "en-US,en;q=0.9,zh;q=0.8": English,
		"de-DE, zh-TW;q=0.5, en;q=0.3": Chinese, "en;q=0.1, zh;q=0.2": Chinese, "zh;q=0": English, "ZH-hans": Chinese, "zh;q=x, en": English,
		strings.Repeat("en;q=0.1,", 50) + "zh": English,
	} {
		assert.Equal(t, want, Accepted(header), header)
	}
}
