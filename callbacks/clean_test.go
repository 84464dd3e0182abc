package callbacks_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/sandbox"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain text, 中文\n\tindented":                     "plain text, 中文\n\tindented",
		"\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m":   "red and green",
		"\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link": "textlink",
		"\u009b31mred":             "red",
		"\x1bcreset \x1b(Bcharset": "reset charset",
		"10%\r20%\r\n30%":          "10%\n20%\n30%",
		"nul\x00 bell\x07 del\x7f": "nul bell del",
		"turned \u202etxet":        "turned txet",
		"broken \xff utf":          "broken \uFFFD utf",
		"an open \x1b]sequence":    "an open ",
	} {
		assert.Equal(t, want, callbacks.Clean(text))
	}
}

const traceback = `Traceback (most recent call last):
  File "/opt/job/__main__.py", line 12, in <module>
    raise ValueError("*** no rows in tbl_a_b & tbl_c ***")
# 3 < 4 > 2
- not a list
1. nor this one
[link](http://x) ` + "`code` \\ ~~x~~"

// What a task prints is read as it was printed.
func TestEscapeMarkdown(t *testing.T) {
	t.Parallel()
	escaped := callbacks.EscapeMarkdown(traceback)
	assert.Contains(t, escaped, "&lt;module&gt;")
	assert.Contains(t, escaped, `\*\*\* no rows in tbl\_a\_b &amp; tbl\_c \*\*\*`)
	assert.Contains(t, escaped, "\n\\# 3 &lt; 4")
	assert.Contains(t, escaped, "\n\\- not")
	assert.Contains(t, escaped, "\n1\\. nor")
	for line := range strings.Lines(traceback) {
		line = strings.TrimSpace(line)
		drawn := sandbox.PlainText(sandbox.Message{Type: "markdown", Content: sandbox.Content{Text: callbacks.EscapeMarkdown(line)}})
		assert.Contains(t, drawn, "│ "+line+"\n")
	}
}

func TestCodeSpan(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "`a_b*`", callbacks.CodeSpan("a_b*"))
	assert.Equal(t, "`` it's `x` ``", callbacks.CodeSpan("it's `x`"))
}

// No text of a task can steer what shows a message.
func FuzzClean(f *testing.F) {
	f.Add(traceback)
	f.Add("\x1b[31mred\x1b]0;x\x07\r\n\x00")
	f.Add("\x1b\x1b[[0m\u009b\x1b]")
	f.Fuzz(func(t *testing.T, text string) {
		clean := callbacks.Clean(text)
		require.False(t, strings.ContainsFunc(clean, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
		}))
		require.Equal(t, clean, callbacks.Clean(clean))
		escaped := callbacks.EscapeMarkdown(clean)
		require.False(t, strings.ContainsAny(escaped, "<>"))
	})
}

func TestBrief(t *testing.T) {
	t.Parallel()
	ev := &callbacks.Event{Kind: callbacks.Failure, DAGID: "d", RunID: "r", TaskID: "t", MapIndex: -1, TryNumber: 1, MaxTries: 1, Error: "a word", Problem: "a word", Reason: "a word", Program: "dingdag"}
	assert.Contains(t, ev.Text(), "a word")
	assert.NotContains(t, ev.Brief(), "a word")
	assert.Contains(t, ev.Brief(), "dingdag tasks logs d t r --try 1")
}

// The commands are those that a shell takes as they stand.
func TestCommandsAreQuoted(t *testing.T) {
	t.Parallel()
	ev := &callbacks.Event{
		Kind: callbacks.Failure, DAGID: "d", RunID: "it's mine", TaskID: "g.t", MapIndex: 2, TryNumber: 3, MaxTries: 3, Program: "dingdag --home /srv/d",
	}
	assert.Contains(t, ev.Text(), `dingdag --home /srv/d tasks logs d g.t 'it'\''s mine' --try 3 --map-index 2`)
	assert.Contains(t, ev.Text(), `dingdag --home /srv/d tasks clear d --run-id 'it'\''s mine' --task-regex '^g\.t$' --downstream`)
	missed := &callbacks.Event{Kind: callbacks.Missed, DAGID: "d", MapIndex: -1, Program: "dingdag"}
	assert.Contains(t, missed.Text(), "dingdag dags why d")
}
