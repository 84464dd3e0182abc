package dingding_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// office is a sandbox with an app, a sender through it, and a group that its bot is in.
func office(t *testing.T) (box *sandboxtest.Sandbox, s *dingding.AppSender, app sandbox.App, group string) {
	t.Helper()
	box = sandboxtest.Start(t)
	app = box.Demo()
	group = box.AddChat(sandbox.Chat{Name: "on call", Owner: "user001", Bots: []string{app.AppKey}}).OpenConversationID
	h := hook.New(connections.Static{"notice": {
		Type: "dingtalk", Host: &box.URL, Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)),
		Extra: new(connections.Secret(fmt.Sprintf(`{"qps": 0, "agent_id": %d}`, app.AgentID))),
	}})
	t.Cleanup(h.CloseIdleConnections)
	return box, dingding.NewAppSender(h), app, group
}

// An app tells a group, people by a work notice, or people by its bot, as its extra says.
func TestAppStandIn(t *testing.T) {
	t.Parallel()
	box, s, app, group := office(t)
	for name, c := range map[string]struct {
		extra            map[string]any
		summary, channel string
	}{
		"group":  {map[string]any{"open_conversation_id": group}, "on_failure of etl.load by bot message through app notice", group},
		"notice": {map[string]any{"notify_user_ids": []any{"user001", "user002"}, "agent_id": json.Number(strconv.FormatInt(app.AgentID, 10))}, "on_failure of etl.load by work notice through app notice", "user001,user002"},
		"bot":    {map[string]any{"notify_user_ids": "user001"}, "on_failure of etl.load by bot message through app notice", "user001"},
	} {
		before := len(box.Attempts())
		conn := callbacks.Conn{ID: "notice", Type: "dingtalk", Login: "key", Extra: c.extra}
		require.True(t, s.Serves(conn))
		ev := event(callbacks.Failure)
		ev.Problem = "robot ops refused"
		ev.Error = strings.Repeat("长 error ", 4000)
		m, err := s.StandIn(conn, ev)
		require.NoError(t, err, name)
		assert.Equal(t, c.summary, m.Summary)
		assert.Equal(t, "dingtalk:notice@"+c.channel, m.Channel)
		assert.Equal(t, "notice", s.ConnID(m))
		receipt, err := s.Send(t.Context(), m)
		require.NoError(t, err, name)
		assert.True(t, strings.HasPrefix(receipt, "ok, "), receipt)
		assert.Greater(t, len(box.Attempts()), before)
		assert.Contains(t, string(m.Payload), "robot ops refused")
		assert.Contains(t, string(m.Payload), "Task failed: etl.load")
		told, err := s.Tell(m, callbackstest.SilenceEnd())
		require.NoError(t, err, name)
		assert.Equal(t, m.Channel, told.Channel)
		ev.RunID, ev.Kind = "another", callbacks.Retry
		m, err = s.StandIn(conn, ev)
		require.NoError(t, err, name)
		again, err := s.Tell(m, callbackstest.SilenceEnd())
		require.NoError(t, err, name)
		assert.Equal(t, told, again, "the receiver is the same")
		receipt, err = s.Send(t.Context(), told)
		require.NoError(t, err, name)
		assert.True(t, strings.HasPrefix(receipt, "ok, "), receipt)
	}
}

// Whom to tell is to be said, once.
func TestAppStandInForNobody(t *testing.T) {
	t.Parallel()
	_, s, _, group := office(t)
	many := make([]any, 21)
	for i := range many {
		many[i] = fmt.Sprint("user", i)
	}
	for want, extra := range map[string]map[string]any{
		"name in its extra whom to tell":           {},
		"one group under open_conversation_id, or": {"open_conversation_id": group, "notify_user_ids": "user001"},
		"names 21 people; 20 is the most":          {"notify_user_ids": many},
		"extra.notify_user_ids must be a text or":  {"notify_user_ids": map[string]any{}},
	} {
		_, err := s.StandIn(callbacks.Conn{ID: "notice", Type: "dingtalk", Login: "key", Extra: extra}, event(callbacks.Failure))
		require.ErrorContains(t, err, want)
	}
	assert.False(t, s.Serves(callbacks.Conn{ID: "ops", Type: "dingding"}), "that is a robot")
}

// People who do not exist are no receivers, and the receipt names those who got nothing.
func TestAppSendErrors(t *testing.T) {
	t.Parallel()
	_, s, _, _ := office(t)
	send := func(extra map[string]any) (string, error) {
		m, err := s.StandIn(callbacks.Conn{ID: "notice", Type: "dingtalk", Login: "key", Extra: extra}, event(callbacks.Failure))
		require.NoError(t, err)
		return s.Send(context.Background(), m)
	}
	receipt, err := send(map[string]any{"notify_user_ids": []any{"user001", "nobody"}})
	require.NoError(t, err)
	assert.Contains(t, receipt, "; not to nobody: there is no such user")
	_, err = send(map[string]any{"notify_user_ids": "nobody"})
	var de callbacks.DeliveryError
	require.ErrorAs(t, err, &de)
	assert.False(t, de.Retryable())
	receipt, err = send(map[string]any{"open_conversation_id": "cidnowhere"})
	assert.Empty(t, receipt, "nobody took it")
	var gone callbacks.RefusalError
	require.ErrorAs(t, err, &gone)
	assert.True(t, gone.Gone(), err)
}

// A robot that stands in tells the event and why.
func TestRobotStandIn(t *testing.T) {
	t.Parallel()
	box, s := setup(t)
	conn := callbacks.Conn{ID: "dingding_default", Type: "dingding"}
	require.True(t, s.Serves(conn))
	assert.False(t, s.Serves(callbacks.Conn{Type: "dingding", Login: "key"}), "that is an app")
	ev := event(callbacks.Failure)
	ev.Problem = "robot ops refused"
	m, err := s.StandIn(conn, ev)
	require.NoError(t, err)
	_, err = s.Send(t.Context(), m)
	require.NoError(t, err)
	got := box.WaitMessages(1)[0].Content.Text
	assert.Contains(t, got, "任务失败 Task failed: etl.load")
	assert.Contains(t, got, "robot ops refused")
}
