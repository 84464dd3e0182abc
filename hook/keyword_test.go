package hook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
)

// A connection that names the robot's keywords carries one into every message and every
// part, so that the robot takes them.
func TestKeywords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a line of a report, ", 2000)
	for name, tt := range map[string]struct {
		message hook.RobotMessage
		want    []string // how the texts end, or with a * how they begin
	}{
		"text has one":              {hook.Text("an alert: disk full"), []string{"disk full"}},
		"text has the other":        {hook.Text("告警: disk full"), []string{"disk full"}},
		"text has none":             {hook.Text("disk full"), []string{"disk full\nalert"}},
		"markdown has it in title":  {hook.Markdown("alert", "disk full"), []string{"disk full"}},
		"markdown has none":         {hook.Markdown("t", "disk full"), []string{"disk full\n\nalert"}},
		"link":                      {hook.Link("t", "disk full", "https://example.com", ""), []string{"disk full alert"}},
		"card":                      {hook.ActionCard(hook.Card{Title: "t", Text: "disk full", Buttons: []hook.Button{{Title: "b", URL: "https://example.com"}}}), []string{"disk full\n\nalert"}},
		"parts without one":         {hook.Text(long), []string{"*(1/3) alert\na line", "*(2/3) alert\n", "*(3/3) alert\n"}},
		"parts of which one has it": {hook.Text("alert! " + long), []string{"*(1/3)\nalert!", "*(2/3) alert\n", "*(3/3) alert\n"}},
		"parts in Markdown":         {hook.Markdown("t", long), []string{"*(1/3) alert\n\na line", "*(2/3) alert\n\n", "*(3/3) alert\n\n"}},
		"parts with it in title":    {hook.Markdown("alert", long), []string{"*(1/3)\n\na line", "*(2/3)\n\n", "*(3/3)\n\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, h := setup(t, sandbox.Robot{Keywords: []string{"alert", "告警"}}, `{"keyword": ["alert", "告警"]}`)
			before := tt.message.Message
			res, err := h.Send(t.Context(), tt.message)
			require.NoError(t, err)
			assert.Equal(t, len(tt.want), res.Parts)
			assert.Equal(t, before, tt.message.Message, "the caller's message stays as it is")
			got := box.Messages(sandbox.Filter{})
			require.Equal(t, len(tt.want), len(got))
			for i, want := range tt.want {
				if begin, ok := strings.CutPrefix(want, "*"); ok {
					assert.True(t, strings.HasPrefix(got[i].Content.Text, begin), "%.80q", got[i].Content.Text)
				} else {
					assert.True(t, strings.HasSuffix(got[i].Content.Text, want), "%.80q", got[i].Content.Text)
				}
				assert.LessOrEqual(t, len(got[i].Raw), hook.MaxBodyBytes)
			}
		})
	}
}

// What no keyword can be added to is refused before it is sent, and says which are wanted.
func TestKeywordMissing(t *testing.T) {
	t.Parallel()
	box, h := setup(t, sandbox.Robot{}, `{"keyword": "alert"}`)
	_, err := h.Send(t.Context(), hook.FeedCard(hook.FeedLink{Title: "news", MessageURL: "https://example.com", PicURL: "https://example.com/p.png"}))
	require.ErrorContains(t, err, "the feedCard message has none of the robot's keywords (alert): write one into a title")
	assert.Empty(t, box.Messages(sandbox.Filter{}))
	_, err = h.Send(t.Context(), hook.FeedCard(hook.FeedLink{Title: "alert", MessageURL: "https://example.com", PicURL: "https://example.com/p.png"}))
	require.NoError(t, err)

	for _, extra := range []string{`{"keyword": ""}`, `{"keyword": 7}`, `{"keyword": []}`, `{"keyword": ["a", null]}`} {
		_, broken := setup(t, sandbox.Robot{}, extra)
		_, err := broken.Send(t.Context(), hook.Text("x"))
		require.ErrorContains(t, err, "extra.keyword must be a text or a list of texts", extra)
	}
	// As it comes from a URI.
	_, uri := setup(t, sandbox.Robot{Keywords: []string{"b"}}, `{"keyword": "[\"b\", \"c\"]"}`)
	_, err = uri.Send(t.Context(), hook.Text("x"))
	require.NoError(t, err)
}

// A message that is resumed sends the parts that are left, unless those that arrived look
// otherwise now.
func TestSendResumes(t *testing.T) {
	t.Parallel()
	box, h := setup(t, sandbox.Robot{}, "")
	m := hook.Text(strings.Repeat("a line of a report, ", 2000))
	var parts []hook.Part
	m.OnPart = func(p hook.Part) error {
		parts = append(parts, p)
		if p.Sent == 2 {
			return assert.AnError
		}
		return nil
	}
	_, err := h.Send(t.Context(), m)
	require.ErrorIs(t, err, assert.AnError, "what cannot be recorded ends the sending")
	require.ErrorContains(t, err, "part 3 of 3 (parts 1 to 2 were delivered)")
	require.Len(t, parts, 2)

	m.OnPart, m.Resume = nil, parts[1].Resume
	res, err := h.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Equal(t, 3, res.Sent)
	assert.Equal(t, 3, len(box.Messages(sandbox.Filter{})))

	for _, resume := range []string{"", "2", "9:" + parts[1].Resume[2:], "1:" + parts[1].Resume[2:]} {
		m.Resume = resume
		before := len(box.Messages(sandbox.Filter{}))
		_, err = h.Send(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, before+3, len(box.Messages(sandbox.Filter{})), resume)
	}
}

// A code that nobody knows is said to be one.
func TestUnknownCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]bool{987654: true, 660026: false, 430102: false} {
		box, h := setup(t, sandbox.Robot{}, "")
		box.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, Code: code, Message: "no idea"})
		_, err := h.Send(t.Context(), hook.Text("x"))
		var e *hook.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, want, e.Unknown(), code)
		assert.Equal(t, code == 660026, e.Throttled(), code)
	}
}
