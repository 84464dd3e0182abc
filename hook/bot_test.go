package hook_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

func botOperations() map[string]operation {
	const group, key = "cidAb/3dE+f0==", "Kna29Ra5pVx0mkQ="
	return map[string]operation{
		"bot_group_send": {method: "SendToGroup", result: "processQueryKey", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.SendToGroup(ctx, group, hook.BotMessage{Key: "sampleMarkdown", Param: map[string]string{"title": "Build 42", "text": "#### Build 42 passed"}})
		}},
		"bot_oto_batch_send": {method: "SendToUsers", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.SendToUsers(ctx, []string{"u001", "u002"}, hook.BotMessage{Key: "sampleText", Param: map[string]string{"content": "hello"}})
		}},
		"bot_oto_read_status": {method: "UserReads", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.UserReads(ctx, "", "zcxxczas0=")
		}},
		"bot_oto_batch_recall": {method: "RecallFromUsers", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.RecallFromUsers(ctx, "", []string{"zcxxczas0="})
		}},
		"bot_group_query": {method: "GroupReads", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.GroupReads(ctx, hook.GroupReadsQuery{OpenConversationID: group, Key: key})
		}},
		"bot_group_recall": {method: "RecallFromGroup", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.RecallFromGroup(ctx, appKey, group, []string{key})
		}},
		"bot_ding_send": {method: "SendDing", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.SendDing(ctx, hook.Ding{Way: hook.DingApp, UserIDs: []string{"u001"}, Content: "disk full"})
		}},
		"bot_ding_recall": {method: "RecallDing", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.RecallDing(ctx, "", "oD1")
		}},
	}
}

// Each template of the page passes the check with all its fields and with no others.
func TestBotTemplates(t *testing.T) {
	t.Parallel()
	want := readFacts(t).MsgTemplates
	assert.Equal(t, want, hook.BotTemplates())
	for key, fields := range want {
		param := map[string]string{}
		for _, f := range fields {
			param[f] = "x"
		}
		require.NoError(t, hook.BotMessage{Key: key, Param: param}.Check(), key)
		param["other"] = "x"
		require.ErrorContains(t, hook.BotMessage{Key: key, Param: param}.Check(), "has no other", key)
		delete(param, fields[0])
		require.ErrorContains(t, hook.BotMessage{Key: key, Param: param}.Check(), "needs "+fields[0], key)
	}
	require.NoError(t, hook.BotMessage{Key: "template_of_ours", Param: map[string]string{"a": "b"}}.Check())
	require.ErrorContains(t, hook.BotMessage{Key: "sampleTxt"}.Check(), `"sampleTxt" is unknown`)
	long := hook.BotMessage{Key: "sampleText", Param: map[string]string{"content": strings.Repeat("x", 15000)}}
	require.ErrorContains(t, long.Check(), "DingTalk takes 15000")
}

// A message that some get is a success which names the others.
func TestPartialFailures(t *testing.T) {
	t.Parallel()
	s := startApp(t, answering(`{"processQueryKey":"k","invalidStaffIdList":["c"],"flowControlledStaffIdList":["a"],"filteredStaffIdList":["b"]}`))
	sent, err := s.app(t).SendToUsers(t.Context(), []string{"a", "b", "c", "d"}, hook.BotMessage{Key: "sampleText", Param: map[string]string{"content": "x"}})
	require.NoError(t, err)
	assert.Equal(t, []hook.Undelivered{
		{UserID: "a", Reason: "the person got too many messages"},
		{UserID: "b", Reason: "a rule of the organisation filters it"},
		{UserID: "c", Reason: "there is no such user"},
	}, sent.Undelivered())

	s = startApp(t, answering(`{"openDingId":"o","failedList":{"no phone":["a","b"]}}`))
	ding, err := s.app(t).SendDing(t.Context(), hook.Ding{Way: hook.DingCall, UserIDs: []string{"a", "b"}, Content: "x", Voice: hook.DingVoices()[1]})
	require.NoError(t, err)
	assert.Equal(t, []hook.Undelivered{{UserID: "a", Reason: "no phone"}, {UserID: "b", Reason: "no phone"}}, ding.Undelivered())
	assert.Equal(t, "Cantonese_Female_Voice", bodyOf(t, s.got()[0])["callVoice"])
}
