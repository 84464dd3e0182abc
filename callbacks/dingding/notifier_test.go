package dingding_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPrepare(t *testing.T) {
	t.Parallel()
	n := decode(t, "{dingding_conn_id: ops, message_type: markdown, message: {title: t, text: x}, at_mobiles: 13800000001}")
	m, err := n.Prepare(event(callbacks.Failure))
	require.NoError(t, err)
	assert.Equal(t, "dingding", m.Sender)
	assert.Equal(t, "dingding:ops", m.Channel)
	assert.Equal(t, "on_failure of etl.load to robot ops", m.Summary)
	payload := string(m.Payload)
	assert.Contains(t, payload, `{"dingding_conn_id":"ops","message_type":"markdown","message":{"text":"x","title":"t"},"at_mobiles":["13800000001"],"on_uncertain":"fail","own":true,"uuid":"`)
}

// Owners hear of what they have to do something about, unless the file says otherwise.
func TestOwnersAreNotified(t *testing.T) {
	t.Parallel()
	const said, card = "message_type: text, message: x", "message_type: actionCard, message: {title: t, text: x, singleTitle: s, singleURL: 'https://example.com'}"
	const link = "message_type: link, message: {title: t, text: x, messageUrl: 'https://example.com'}"
	for _, c := range []struct {
		kind        callbacks.Kind
		params      string
		mobiles, us string
	}{
		{callbacks.Failure, said, "13800000001,13800000002", "u1"},
		{callbacks.Failure, card, "13800000001,13800000002", "u1"},
		{callbacks.Missed, said, "13800000001,13800000002", "u1"},
		{callbacks.Deadline, "message_type: markdown", "13800000001,13800000002", "u1"},
		{callbacks.Failure, said + ", at_mobiles: ['13800000003', '13800000002'], at_user_ids: u2", "13800000003,13800000002,13800000001", "u2,u1"},
		{callbacks.Failure, said + ", at_owner: false, at_user_ids: u2", "", "u2"},
		{callbacks.Failure, link, "", ""},
		{callbacks.Failure, link + ", at_owner: true", "", ""},
		{callbacks.Success, said, "", ""},
		{callbacks.Retry, said, "", ""},
		{callbacks.Execute, said, "", ""},
		{callbacks.ImportError, said, "", ""},
		{callbacks.Retry, said + ", at_owner: true", "13800000001,13800000002", "u1"},
	} {
		ev := event(c.kind)
		ev.OwnerMobiles, ev.OwnerUserIDs = []string{"13800000001", "13800000002"}, []string{"u1"}
		m, err := decode(t, "{"+c.params+"}").Prepare(ev)
		require.NoError(t, err, c.params)
		var got struct {
			Mobiles []string `json:"at_mobiles"`
			UserIDs []string `json:"at_user_ids"`
		}
		require.NoError(t, json.Unmarshal(m.Payload, &got))
		assert.Equal(t, c.mobiles, strings.Join(got.Mobiles, ","), "%s %s", c.kind, c.params)
		assert.Equal(t, c.us, strings.Join(got.UserIDs, ","), "%s %s", c.kind, c.params)
		assert.Equal(t, []string{"13800000001", "13800000002"}, ev.OwnerMobiles)
	}
}

// The people are in the fallback too, and the message says why some are not.
func TestDefaultMessageSaysWhoIsMissing(t *testing.T) {
	t.Parallel()
	ev := event(callbacks.Failure)
	ev.OwnerMobiles, ev.OwnerProblem = []string{"13800000001"}, "night could not be looked up"
	plain, err := decode(t, "{message: x}").(callbacks.Fallback).Fallback(nil)
	require.NoError(t, err)
	m, err := plain.Prepare(ev)
	require.NoError(t, err)
	assert.Contains(t, string(m.Payload), `负责人 Owner: data (night could not be looked up)\n`)
	assert.Contains(t, string(m.Payload), `"at_mobiles":["13800000001"]`)
	assert.NotContains(t, ev.Brief(), "looked up")
}

// The key by which DingTalk drops doubles is one for each event and message.
func TestPrepareKeys(t *testing.T) {
	t.Parallel()
	key := func(n callbacks.Callback, ev *callbacks.Event) string {
		m, err := n.Prepare(ev)
		require.NoError(t, err)
		_, key, found := strings.Cut(string(m.Payload), `"uuid":"`)
		require.True(t, found)
		return key
	}
	n := decode(t, "message: x")
	first := key(n, event(callbacks.Failure))
	assert.Equal(t, first, key(n, event(callbacks.Failure)))
	assert.NotEqual(t, first, key(decode(t, "message: y"), event(callbacks.Failure)))
	later := event(callbacks.Failure)
	end := later.EndDate.Add(time.Hour)
	later.EndDate = &end
	assert.NotEqual(t, first, key(n, later), "a cleared task that fails again is a new event")
}

func TestDefaultMessages(t *testing.T) {
	t.Parallel()
	run := event(callbacks.Failure)
	run.TaskID, run.TryNumber, run.MaxTries, run.Log, run.Reason = "", 0, 0, "", "task_failure"
	run.FailedTasks = []string{"extract", "load"}
	mapped := event(callbacks.Success)
	mapped.MapIndex, mapped.Error = 3, ""
	for name, tt := range map[string]struct {
		ev   *callbacks.Event
		want string
	}{
		"failure": {event(callbacks.Failure), `任务失败 Task failed: etl.load
DAG: etl
任务 Task: load
运行 Run: scheduled__2026-01-01T00:00:00+00:00
次数 Try: 2/3
失败于 Failed at: 2026-01-02 11:07:17 +08:00 Asia/Shanghai
主机 Host: worker-7
负责人 Owner: data
错误 Error: exit code 1
用时 Duration: 3m12s
查看 See: dingdag tasks logs etl load scheduled__2026-01-01T00:00:00+00:00 --try 2
重跑 Run again: dingdag tasks clear etl --run-id scheduled__2026-01-01T00:00:00+00:00 --task-regex '^load$' --downstream
日志 Log: /logs/etl/load/2.log`},
		"retry": {retry(), `任务将重试 Task will be retried: etl.load
DAG: etl
任务 Task: load
运行 Run: scheduled__2026-01-01T00:00:00+00:00
次数 Try: 2/3
失败于 Failed at: 2026-01-02 11:07:17 +08:00 Asia/Shanghai
主机 Host: worker-7
负责人 Owner: data
错误 Error: exit code 1
用时 Duration: 3m12s
下次重试 Next retry: 2026-01-02 11:12:00 +08:00 Asia/Shanghai
查看 See: dingdag tasks logs etl load scheduled__2026-01-01T00:00:00+00:00 --try 2
日志 Log: /logs/etl/load/2.log`},
		"success, mapped": {mapped, `任务成功 Task succeeded: etl.load[3]
DAG: etl
任务 Task: load[3]
运行 Run: scheduled__2026-01-01T00:00:00+00:00
次数 Try: 2/3
结束 Ended at: 2026-01-02 11:07:17 +08:00 Asia/Shanghai
主机 Host: worker-7
负责人 Owner: data
用时 Duration: 3m12s
日志 Log: /logs/etl/load/2.log`},
		"run": {run, `运行失败 DAG run failed: etl
DAG: etl
运行 Run: scheduled__2026-01-01T00:00:00+00:00
失败于 Failed at: 2026-01-02 11:07:17 +08:00 Asia/Shanghai
主机 Host: worker-7
负责人 Owner: data
原因 Reason: task_failure
失败任务 Failed tasks: extract, load
错误 Error: exit code 1
用时 Duration: 3m12s
查看 See: dingdag tasks logs etl extract scheduled__2026-01-01T00:00:00+00:00
重跑 Run again: dingdag tasks clear etl --run-id scheduled__2026-01-01T00:00:00+00:00 --only-failed`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, deliver(t, decode(t, "{}"), tt.ev).Content.Text)
		})
	}
}

func TestDefaultMarkdown(t *testing.T) {
	t.Parallel()
	ev := event(callbacks.Skipped)
	ev.Error = "one\ntwo"
	got := deliver(t, decode(t, "message_type: markdown"), ev)
	assert.Equal(t, "任务已跳过 Task was skipped: etl.load", got.Content.Title)
	assert.True(t, strings.HasPrefix(got.Content.Text, "#### 任务已跳过 Task was skipped: etl.load\n\n- **DAG**: `etl`\n- **任务 Task**: `load`\n"))
	assert.Contains(t, got.Content.Text, "- **错误 Error**:\n\n> one  \n> two\n")
}

func TestDefaultMessageShortensErrors(t *testing.T) {
	t.Parallel()
	ev := event(callbacks.Failure)
	ev.Error = strings.Repeat("长", 5000)
	got := deliver(t, decode(t, "{}"), ev).Content.Text
	assert.Less(t, len(got), 3000)
	assert.Contains(t, got, "长…\n")
}

func TestConstructors(t *testing.T) {
	t.Parallel()
	for kind, n := range map[callbacks.Kind]*dingding.DingdingNotifier{
		callbacks.Failure: dingding.OnFailure("ops", dingding.AtMobiles("13800000001"), dingding.AtUserIDs("u1")),
		callbacks.Success: dingding.OnSuccess("ops", dingding.Message("text", "well done")),
		callbacks.Retry:   dingding.OnRetry("ops", dingding.AtAll()),
		callbacks.Skipped: dingding.OnSkipped("ops", dingding.RetryUncertain()),
	} {
		m, err := n.Prepare(event(kind))
		require.NoError(t, err)
		assert.Equal(t, "dingding:ops", m.Channel)
		_, err = n.Prepare(event(callbacks.Execute))
		require.EqualError(t, err, "a callback for "+string(kind)+" was attached to on_execute")
	}
	got := deliver(t, dingding.OnFailure("dingding_default", dingding.AtMobiles("13800000001"), dingding.AtUserIDs("u1")), event(callbacks.Failure))
	assert.Equal(t, []string{"13800000001", "u1"}, got.Mentions.Notified)
	assert.Contains(t, got.Content.Text, "任务失败 Task failed: etl.load")
	assert.True(t, deliver(t, dingding.OnRetry("dingding_default", dingding.AtAll()), retry()).Mentions.All)
	got = deliver(t, dingding.OnSuccess("", dingding.Message("markdown", nil)), event(callbacks.Success))
	assert.Equal(t, "任务成功 Task succeeded: etl.load", got.Content.Title)
}

func TestDecodeFindings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		yaml, want string
		warning    bool
	}{
		"unsupported type":   {"{message_type: image, message: x}", "image", false},
		"type without text":  {"message_type: link", "message_type link has no default message; give one, or use text or markdown", false},
		"empty message":      {"message: ''", "the text message is empty; give it a content", false},
		"at in a link":       {"{message_type: link, at_all: true, message: {title: t, text: x, messageUrl: u}}", "notify nobody in a link message", true},
		"unknown parameter":  {"mesage: x", `unknown parameter "mesage"`, false},
		"wrong on_uncertain": {"on_uncertain: again", "again", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := spec().Decode(parse(t, tt.yaml))
			require.NotEmpty(t, problems)
			assert.Contains(t, problems[0].Text, tt.want)
			assert.Equal(t, !tt.warning, params.Failed(problems))
		})
	}
}

func TestRulesOfNotifiers(t *testing.T) {
	t.Parallel()
	callbackstest.Check(t, spec(), callbackstest.Options{
		SenderName: dingding.SenderName,
		Start: func(t *testing.T) callbackstest.Receiver {
			t.Helper()
			box, sender := setup(t)
			return callbackstest.Receiver{Sender: sender, Arrived: func() int { return len(box.Messages(sandbox.Filter{})) }}
		},
	})
}

func spec() callbacks.Spec { return dingding.Specs()[0] }

func decode(t *testing.T, text string) callbacks.Callback {
	t.Helper()
	cb, problems := spec().Decode(parse(t, text))
	require.Empty(t, problems)
	return cb
}

func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return doc.Content[0]
}

func event(kind callbacks.Kind) *callbacks.Event {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	end := start.Add(3*time.Minute + 12*time.Second + 400*time.Millisecond)
	return &callbacks.Event{
		Kind: kind, DAGID: "etl", RunID: "scheduled__2026-01-01T00:00:00+00:00", TaskID: "load", MapIndex: -1,
		TryNumber: 2, MaxTries: 3, State: "failed", Error: "exit code 1", StartDate: &start, EndDate: &end, Log: "/logs/etl/load/2.log",
		Host: "worker-7", Owner: "data", Timezone: "Asia/Shanghai", Program: "dingdag",
	}
}

func next() time.Time { return time.Date(2026, 1, 2, 3, 12, 0, 0, time.UTC) }

func retry() *callbacks.Event {
	ev, at := event(callbacks.Retry), next()
	ev.NextRetry = &at
	return ev
}

// What can't be sent is found before it lies in the outbox, and the default message, in
// the same form and to those who are right, takes its place.
func TestFallback(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"message: ' '": "the text message is empty",
		"{message: x, at_mobiles: ['{{ bob }}', 13800000001]}":                                  "not a valid mobile number",
		"{message_type: markdown, message: {title: t, text: x}, at_mobiles: ['', 13800000001]}": "it is empty",
		"{message: " + strings.Repeat("x", 20000) + ", split: false}":                           "splitting is switched off",
	} {
		var n dingding.DingdingNotifier
		cb, _ := spec().Decode(parse(t, text))
		n = *cb.(*dingding.DingdingNotifier)
		_, err := n.Prepare(event(callbacks.Failure))
		require.ErrorContains(t, err, want)
		usual, err := n.Fallback(nil)
		require.NoError(t, err)
		ev := event(callbacks.Failure)
		ev.Problem = "the callback's template failed: x"
		got := deliver(t, usual, ev)
		assert.Equal(t, n.MessageType, got.Type)
		assert.Contains(t, got.Content.Text, "the callback's template failed: x")
		if strings.Contains(text, "138") {
			assert.Equal(t, []string{"13800000001"}, got.Mentions.Notified)
		}
	}
}
