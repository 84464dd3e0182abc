package dingding_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestSendReceipts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ yaml, want string }{
		"one":     {"message: x", "ok"},
		"parts":   {"message: '" + strings.Repeat("a long report, ", 2500) + "'", "ok, in 2 parts"},
		"warning": {"{message_type: feedCard, message: {links: [{title: a, messageURL: b, picURL: c, picUrl: d}]}, at_all: true}", "ok; at_mobiles"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cb, _ := spec().Decode(parse(t, tt.yaml))
			m, err := cb.Prepare(event(callbacks.Failure))
			require.NoError(t, err)
			_, sender := setup(t)
			receipt, err := sender.Send(t.Context(), m)
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(receipt, tt.want), receipt)
		})
	}
}

// What the outbox is told after each kind of failure.
func TestSendErrors(t *testing.T) {
	t.Parallel()
	type told struct {
		Retryable, Uncertain bool
		Delay                time.Duration
	}
	for name, tt := range map[string]struct {
		fault sandbox.Fault
		yaml  string
		want  told
	}{
		"refused":                {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 430102}, "message: x", told{}},
		"throttled":              {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 660026}, "message: x", told{Retryable: true, Delay: 10 * time.Minute}},
		"unavailable":            {sandbox.Fault{Kind: sandbox.FaultHTML}, "message: x", told{Retryable: true}},
		"uncertain":              {sandbox.Fault{Kind: sandbox.FaultAnswerLost}, "message: x", told{Uncertain: true}},
		"uncertain, retry":       {sandbox.Fault{Kind: sandbox.FaultAnswerLost}, "{message: x, on_uncertain: retry}", told{Retryable: true, Uncertain: true}},
		"no such connection":     {sandbox.Fault{}, "{message: x, dingding_conn_id: nowhere}", told{}},
		"empty after rendering":  {sandbox.Fault{}, "message: null", told{}},
		"retry does not help it": {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 430102}, "{message: x, on_uncertain: retry}", told{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, sender := setup(t)
			if tt.fault.Kind != "" {
				box.Fault(tt.fault)
			}
			m, err := decode(t, tt.yaml).Prepare(event(callbacks.Failure))
			require.NoError(t, err)
			if name == "empty after rendering" {
				m.Payload = json.RawMessage(`{"dingding_conn_id":"dingding_default","message_type":"text","message":" "}`)
			}
			_, err = sender.Send(t.Context(), m)
			var de callbacks.DeliveryError
			require.ErrorAs(t, err, &de)
			assert.Equal(t, tt.want, told{de.Retryable(), de.Uncertain(), de.RetryDelay()})
			var e *hook.Error
			require.ErrorAs(t, err, &e, "the cause stays readable")
		})
	}
}

// A message that arrived although its answer was lost shows once.
func TestSendAgainShowsOnce(t *testing.T) {
	t.Parallel()
	box, sender := setup(t)
	box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost})
	m, err := decode(t, "{message: x, on_uncertain: retry}").Prepare(event(callbacks.Failure))
	require.NoError(t, err)
	assert.True(t, sender.RepeatSafe(m))
	_, err = sender.Send(t.Context(), m)
	require.Error(t, err)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Len(t, box.Messages(sandbox.Filter{}), 1)
}

func TestRepeatSafe(t *testing.T) {
	t.Parallel()
	_, sender := setup(t)
	m, err := decode(t, "message: x").Prepare(event(callbacks.Failure))
	require.NoError(t, err)
	assert.False(t, sender.RepeatSafe(m))
	assert.False(t, sender.RepeatSafe(callbacks.Message{Payload: json.RawMessage(`{`)}))
}

func TestSendBrokenPayload(t *testing.T) {
	t.Parallel()
	_, sender := setup(t)
	_, err := sender.Send(t.Context(), callbacks.Message{Payload: json.RawMessage(`{`)})
	require.ErrorContains(t, err, "read a message for DingTalk from the outbox")
}

// source has one connection, dingding_default.
type source struct{ password string }

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if id != "dingding_default" {
		return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
	}
	password := connections.Secret(s.password)
	return &connections.Connection{ID: id, Type: "dingding", Password: &password}, nil
}

func setup(t *testing.T) (*sandboxtest.Sandbox, *dingding.Sender) {
	t.Helper()
	box := sandboxtest.Start(t)
	h := hook.New(source{box.WebhookURL(box.AddRobot(sandbox.Robot{Name: "ops", Members: []sandbox.Member{{Mobile: "13800000001"}, {UserID: "u1"}}}))})
	t.Cleanup(h.CloseIdleConnections)
	return box, dingding.NewSender(h)
}

// deliver prepares and sends, and returns what arrived.
func deliver(t *testing.T, cb callbacks.Callback, ev *callbacks.Event) sandbox.Message {
	t.Helper()
	m, err := cb.Prepare(ev)
	require.NoError(t, err)
	box, sender := setup(t)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)
	got := box.WaitMessages(1)
	require.Len(t, got, 1)
	return got[0]
}

// A message of one's own that DingTalk refuses for its content gives way to the default one,
// and that to the shortest; nothing stands in for a robot that is gone.
func TestSenderFallback(t *testing.T) {
	t.Parallel()
	box, sender := setup(t)
	refuse := func(m callbacks.Message, code int) error {
		box.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, Code: code, Message: "refused"})
		_, err := sender.Send(t.Context(), m)
		require.Error(t, err)
		return err
	}
	ev := event(callbacks.Failure)
	own, err := decode(t, "{message_type: markdown, message: {title: t, text: x}, at_mobiles: 13800000001}").Prepare(ev)
	require.NoError(t, err)
	cause := refuse(own, 430102)
	ev.Problem = cause.Error()
	plain, ok := sender.Fallback(own, ev, cause)
	require.True(t, ok)
	assert.Equal(t, own.Channel, plain.Channel)
	cause = refuse(plain, 430102)
	short, ok := sender.Fallback(plain, ev, cause)
	require.True(t, ok)
	for i, m := range []callbacks.Message{plain, short} {
		_, err = sender.Send(t.Context(), m)
		require.NoError(t, err)
		got := box.Messages(sandbox.Filter{})[i]
		assert.Contains(t, got.Content.Text, "任务失败 Task failed: etl.load")
		assert.Equal(t, m.Summary == plain.Summary && i == 0, strings.Contains(got.Content.Text, "exit code 1"))
		assert.Equal(t, []string{"13800000001"}, got.Mentions.Notified)
	}
	_, ok = sender.Fallback(short, ev, cause)
	assert.False(t, ok, "there is nothing shorter")
	_, ok = sender.Fallback(own, ev, refuse(own, 400101))
	assert.False(t, ok, "the robot is gone")
	_, ok = sender.Fallback(own, ev, refuse(own, 987654))
	assert.True(t, ok, "nobody knows why")
	assert.Equal(t, "dingding_default", sender.ConnID(own))
}

// A message without the robot's keyword is one that another message may stand in for; a wrong
// signature is not.
func TestSenderFallbackForSecurity(t *testing.T) {
	t.Parallel()
	_, sender := setup(t)
	ev := event(callbacks.Failure)
	own, err := decode(t, "{message: x}").Prepare(ev)
	require.NoError(t, err)
	for text, want := range map[string]bool{
		"description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中": false,
		"sign not match": false, "ip 10.0.0.1 not in whitelist": false,
		"keywords not in content": true, "错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词": true,
	} {
		cause := &hook.Error{Op: "send", Kind: hook.KindAuth, Code: "310000", Message: text}
		plain, ok := sender.Fallback(own, ev, cause)
		require.Equal(t, want, ok, text)
		if !ok {
			continue
		}
		_, ok = sender.Fallback(plain, ev, cause)
		assert.False(t, ok, "a shorter one has no other words")
	}
}

// The record of the parts that arrived resumes a message.
func TestSendPartsResumes(t *testing.T) {
	t.Parallel()
	box, sender := setup(t)
	m, err := decode(t, "message: '"+strings.Repeat("a long report, ", 3500)+"'").Prepare(event(callbacks.Failure))
	require.NoError(t, err)
	var progress, told string
	_, err = sender.SendParts(t.Context(), m, "", func(p, receipt string) error {
		progress, told = p, receipt
		box.Fault(sandbox.Fault{Kind: sandbox.FaultHTML})
		return nil
	})
	require.Error(t, err)
	assert.Equal(t, "DingTalk took parts 1 to 1 of 3", told)
	receipt, err := sender.SendParts(t.Context(), m, progress, func(string, string) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, "ok, in 3 parts", receipt)
	assert.Equal(t, 3, len(box.Messages(sandbox.Filter{})))
}
