package dingding_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/sandbox"
)

// A note stands below what the message says, whoever wrote it; another one takes its place, and an
// empty one takes it away.
func TestNote(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ yaml, typ, want string }{
		"default":              {"{}", "text", "\n一 a_note"},
		"text":                 {"message: by hand", "text", "by hand\n一 a_note"},
		"default, in markdown": {"message_type: markdown", "markdown", "\n\n> 一 a\\_note"},
		"markdown":             {"{message_type: markdown, message: {title: t, text: '*by* hand'}}", "markdown", "*by* hand\n\n> 一 a\\_note"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, sender := setup(t)
			m, err := decode(t, tt.yaml).Prepare(event(callbacks.Failure))
			require.NoError(t, err)
			first, ok := sender.WithNote(m, "another note")
			require.True(t, ok)
			second, ok := sender.WithNote(first, "一 a_note")
			require.True(t, ok)
			_, err = sender.Send(t.Context(), second)
			require.NoError(t, err)
			got := box.Messages(sandbox.Filter{})
			require.Len(t, got, 1)
			assert.Equal(t, tt.typ, got[0].Type)
			assert.True(t, strings.HasSuffix(got[0].Content.Text, tt.want), got[0].Content.Text)
			assert.NotContains(t, got[0].Content.Text, "another")
			none, ok := sender.WithNote(second, "")
			assert.True(t, ok)
			assert.Equal(t, m, none)
		})
	}
}

// What has no text, would become two messages or may be dropped by DingTalk as a repeat has no note.
func TestNoteThatHasNoPlace(t *testing.T) {
	t.Parallel()
	almost := strings.Repeat("x", 19000)
	for name, text := range map[string]string{
		"link":             "{message_type: link, message: {title: a, text: b, messageUrl: c}}",
		"card":             "{message_type: actionCard, message: {title: a, text: b, singleTitle: c, singleURL: d}}",
		"feed":             "{message_type: feedCard, message: {links: [{title: a, messageURL: b, picURL: c}]}}",
		"repeated":         "{message: a, on_uncertain: retry}",
		"too long":         "message: " + almost,
		"too long for one": "{split: false, message: " + almost + "}",
		"parts":            "message: " + almost + almost,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, sender := setup(t)
			m, err := decode(t, text).Prepare(event(callbacks.Success))
			require.NoError(t, err)
			got, ok := sender.WithNote(m, strings.Repeat("n", 600))
			assert.False(t, ok)
			assert.Equal(t, m, got)
		})
	}
}
