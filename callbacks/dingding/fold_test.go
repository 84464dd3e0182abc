package dingding_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
)

// folded lets one message tell what several notifiers wanted to say, and returns what arrived.
func folded(t *testing.T, ev func(i int) *callbacks.Event, notifiers ...string) (*sandbox.Message, string) {
	t.Helper()
	box, sender := setup(t)
	folding, b := sender.Fold(), callbacks.NewDigest(7)
	for i, text := range notifiers {
		m, err := decode(t, text).Prepare(ev(i))
		require.NoError(t, err)
		said, err := folding.Add(m)
		require.NoError(t, err)
		b.Add(ev(i), next().Add(time.Duration(i)*time.Second), said, false)
	}
	m, err := folding.Message(b.Event())
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)
	got := box.Messages(sandbox.Filter{})
	require.Len(t, got, 1)
	require.LessOrEqual(t, len(got[0].Raw), hook.MaxBodyBytes)
	return &got[0], string(m.Payload)
}

func nth(i int) *callbacks.Event {
	ev := event(callbacks.Failure)
	ev.TaskID = fmt.Sprint("t", i)
	return ev
}

// Whoever one of the messages notifies is notified, and what people wrote is told in a line.
func TestFold(t *testing.T) {
	t.Parallel()
	got, payload := folded(t, nth, "at_mobiles: [13800000001]", "{message: 'by hand {{ x }}', at_user_ids: [u1]}",
		"{message_type: markdown, message: {title: disk, text: full}, at_mobiles: [13800000001, 13800000002]}")
	assert.Equal(t, "text", got.Type)
	assert.Equal(t, []string{"13800000001", "u1"}, got.Mentions.Notified, "the others are no members")
	assert.Equal(t, 1, strings.Count(string(got.Raw), `"13800000001"`))
	assert.Equal(t, 1, strings.Count(string(got.Raw), `"13800000002"`))
	for _, want := range []string{"3 失败 failed: etl\n", "etl.t0 (scheduled__2026-01-01T00:00:00+00:00): exit code 1\n", ": by hand {{ x }}\n", ": disk: full\n", "alerts list --digest 7"} {
		assert.Contains(t, got.Content.Text, want)
	}
	assert.Contains(t, payload, `"dingding_conn_id":"dingding_default"`)
	assert.Contains(t, payload, `"on_uncertain":"fail"`)
	got, _ = folded(t, nth, "message_type: markdown", "{message_type: markdown, at_all: true}")
	assert.Equal(t, "markdown", got.Type)
	assert.True(t, got.Mentions.All)
	assert.True(t, strings.HasPrefix(got.Content.Text, "#### 告警汇总 Alerts in one: 2 失败 failed: etl\n"), got.Content.Text)
}

// One message is sent twice only where that is right for all that it tells.
func TestFoldRepeats(t *testing.T) {
	t.Parallel()
	_, payload := folded(t, nth, "on_uncertain: retry", "on_uncertain: retry")
	assert.Contains(t, payload, `"on_uncertain":"retry"`)
	_, payload = folded(t, nth, "on_uncertain: retry", "on_uncertain: fail", "on_uncertain: retry")
	assert.Contains(t, payload, `"on_uncertain":"fail"`)
}

// However long the names are, it is one part, and it notifies no more than DingTalk does.
func TestFoldIsOnePart(t *testing.T) {
	t.Parallel()
	var notifiers []string
	for i := range 60 {
		notifiers = append(notifiers, fmt.Sprintf("{message_type: markdown, at_mobiles: [%d]}", 13800000000+i))
	}
	got, _ := folded(t, func(i int) *callbacks.Event {
		ev := event(callbacks.Failure)
		ev.DAGID, ev.TaskID = strings.Repeat("d", 200)+strconv.Itoa(i), strings.Repeat("t", 200)
		ev.RunID, ev.Error = strings.Repeat("r", 200), strings.Repeat("很\"", 400)
		return ev
	}, notifiers...)
	assert.Equal(t, 50, strings.Count(string(got.Raw), `"138000000`))
	assert.Contains(t, got.Content.Text, "60 失败 failed (60 DAGs)")
	assert.Contains(t, got.Content.Text, " alerts without a line here")
	assert.GreaterOrEqual(t, strings.Count(got.Content.Text, "失败 Failed"), 10)
}
