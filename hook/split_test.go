package hook_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/hook"
)

func TestSplitClosesAndReopensFences(t *testing.T) {
	t.Parallel()
	text := "log:\n```text\n" + strings.Repeat("2026-01-01 row loaded\n", 1500) + "```\ndone\n"
	parts := markdownParts(t, text)
	require.Len(t, parts, 2)
	assert.True(t, strings.HasSuffix(parts[0], "row loaded\n```"), "the fence is closed at the end of a line")
	assert.True(t, strings.HasPrefix(parts[1], "```text\n2026-01-01"), "and opened again with its language")
	assert.True(t, strings.HasSuffix(parts[1], "```\ndone\n"))
}

func TestSplitPrefersParagraphs(t *testing.T) {
	t.Parallel()
	paragraph := strings.Repeat("some words in a line\n", 300)
	parts := markdownParts(t, strings.Repeat(paragraph+"\n", 5))
	require.Equal(t, 2, len(parts))
	for _, p := range parts {
		assert.True(t, strings.HasSuffix(p, "line\n\n"), "each part ends with a whole paragraph")
	}
}

func TestSplitOneLongLine(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{"words": "word ", "Chinese": "数据", "emoji": "😀", "quotes": `"`, "control": "\x01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(unit, 30000/len(unit))
			var joined strings.Builder
			for _, part := range textParts(t, text) {
				if name == "words" {
					assert.True(t, strings.HasSuffix(part, "word "), "no word is cut")
				}
				joined.WriteString(part)
			}
			assert.Equal(t, text, joined.String())
		})
	}
}

// Whatever the text, its parts fit, are valid, number themselves and hold all of it.
func TestSplitProperties(t *testing.T) {
	t.Parallel()
	fragment := rapid.OneOf(
		rapid.SampledFrom([]string{"```\n", "```go\n", "~~~~\n", "````\n", "\n\n", "\r\n", "> ", "   ```", "`", "\u2028", "\"\\", "\x00"}),
		rapid.StringN(1, 40, -1),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"x", "中", "😀", "word ", "line\n", "`", "~", "\""}).Draw(t, "unit"),
				rapid.IntRange(1, 9000).Draw(t, "times"))
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		checkSplit(t, strings.Join(rapid.SliceOfN(fragment, 1, 30).Draw(t, "fragments"), ""))
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("```go\nfmt.Println()\n", "x")
	f.Add("~~~\n", "中文\n\n")
	f.Add("a\r\n", "\xff\xfe")
	f.Fuzz(func(t *testing.T, head, unit string) {
		text := head
		if unit != "" && len(head) < 30000 {
			text += strings.Repeat(unit, 1+30000/len(unit))
		}
		checkSplit(t, text)
	})
}

var (
	textHeader     = regexp.MustCompile(`^\(\d+/\d+\)\n`)
	markdownHeader = regexp.MustCompile(`^\(\d+/\d+\)\n\n`)
)

// checkSplit checks what must hold for every text that is sent in parts.
func checkSplit(t require.TestingT, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	valid := strings.ToValidUTF8(text, "\uFFFD")
	if p, err := hook.Prepare(hook.Text(text)); err == nil && len(p.Bodies) > 1 {
		var joined strings.Builder
		for _, b := range p.Bodies {
			require.LessOrEqual(t, len(b), hook.MaxBodyBytes)
			content := decode(t, b).Text.Content
			require.Regexp(t, textHeader, content)
			joined.WriteString(textHeader.ReplaceAllString(content, ""))
		}
		require.Equal(t, valid, joined.String())
	}
	if p, err := hook.Prepare(hook.Markdown("title", text)); err == nil && len(p.Bodies) > 1 {
		var joined strings.Builder
		for _, b := range p.Bodies {
			require.LessOrEqual(t, len(b), hook.MaxBodyBytes)
			require.True(t, utf8.Valid(b))
			content := decode(t, b).Markdown.Text
			require.Regexp(t, markdownHeader, content)
			content = markdownHeader.ReplaceAllString(content, "")
			joined.WriteString(content)
		}
		// What is repeated of fences and tables is the only addition.
		require.True(t, isSubsequence(valid, joined.String()), "text is missing")
	}
}

func isSubsequence(part, whole string) bool {
	for i := 0; i < len(whole) && part != ""; i++ {
		if whole[i] == part[0] {
			part = part[1:]
		}
	}
	return part == ""
}

func markdownParts(t *testing.T, text string) []string {
	t.Helper()
	p, err := hook.Prepare(hook.Markdown("t", text))
	require.NoError(t, err)
	parts := make([]string, len(p.Bodies))
	for i, b := range p.Bodies {
		parts[i] = markdownHeader.ReplaceAllString(decode(t, b).Markdown.Text, "")
	}
	return parts
}

func textParts(t *testing.T, text string) []string {
	t.Helper()
	p, err := hook.Prepare(hook.Text(text))
	require.NoError(t, err)
	require.Greater(t, len(p.Bodies), 1)
	parts := make([]string, len(p.Bodies))
	for i, b := range p.Bodies {
		parts[i] = textHeader.ReplaceAllString(decode(t, b).Text.Content, "")
	}
	return parts
}
