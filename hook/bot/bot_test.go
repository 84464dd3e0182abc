package bot_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func operations() map[string]calltest.Operation {
	const group, key = "cidAb/3dE+f0==", "Kna29Ra5pVx0mkQ="
	return map[string]calltest.Operation{
		"bot_group_send": {Function: "SendToGroup", Result: "processQueryKey", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.SendToGroup(ctx, a, group, bot.Message{Key: "sampleMarkdown", Param: map[string]string{"title": "Build 42", "text": "#### Build 42 passed"}})
		}},
		"bot_oto_batch_send": {Function: "SendToUsers", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.SendToUsers(ctx, a, []string{"u001", "u002"}, bot.Message{Key: "sampleText", Param: map[string]string{"content": "hello"}})
		}},
		"bot_oto_read_status": {Function: "GetUserReads", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.GetUserReads(ctx, a, "", "zcxxczas0=")
		}},
		"bot_oto_batch_recall": {Function: "RecallFromUsers", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.RecallFromUsers(ctx, a, "", []string{"zcxxczas0="})
		}},
		"bot_group_query": {Function: "GetGroupReads", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.GetGroupReads(ctx, a, bot.GroupReadsQuery{OpenConversationID: group, Key: key})
		}},
		"bot_group_recall": {Function: "RecallFromGroup", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.RecallFromGroup(ctx, a, calltest.AppKey, group, []string{key})
		}},
		"bot_ding_send": {Function: "SendDing", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return bot.SendDing(ctx, a, bot.Ding{Way: bot.DingApp, UserIDs: []string{"u001"}, Content: "disk full"})
		}},
		"bot_ding_recall": {Function: "RecallDing", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, bot.RecallDing(ctx, a, "", "oD1")
		}},
	}
}

// Each template of the page passes the check with all its fields and with no others.
func TestBotTemplates(t *testing.T) {
	t.Parallel()
	want := calltest.ReadFacts(t).MsgTemplates
	assert.Equal(t, want, bot.Templates())
	for key, fields := range want {
		param := map[string]string{}
		for _, f := range fields {
			param[f] = "x"
		}
		require.NoError(t, bot.Message{Key: key, Param: param}.Check(), key)
		param["other"] = "x"
		require.ErrorContains(t, bot.Message{Key: key, Param: param}.Check(), "has no other", key)
		delete(param, fields[0])
		require.ErrorContains(t, bot.Message{Key: key, Param: param}.Check(), "needs "+fields[0], key)
	}
	require.NoError(t, bot.Message{Key: "template_of_ours", Param: map[string]string{"a": "b"}}.Check())
	require.ErrorContains(t, bot.Message{Key: "sampleTxt"}.Check(), `"sampleTxt" is unknown`)
	long := bot.Message{Key: "sampleText", Param: map[string]string{"content": strings.Repeat("x", 15000)}}
	require.ErrorContains(t, long.Check(), "DingTalk accepts 15000")
}

// A message that some get is a success which names the others.
func TestPartialFailures(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"processQueryKey":"k","invalidStaffIdList":["c"],"flowControlledStaffIdList":["a"],"filteredStaffIdList":["b"]}`))
	sent, err := bot.SendToUsers(t.Context(), s.App(t), []string{"a", "b", "c", "d"}, bot.Message{Key: "sampleText", Param: map[string]string{"content": "x"}})
	require.NoError(t, err)
	assert.Equal(t, []hook.Undelivered{
		{UserID: "a", Reason: "the person got too many messages"},
		{UserID: "b", Reason: "a rule of the organisation filters it"},
		{UserID: "c", Reason: "there is no such user"},
	}, sent.Undelivered())

	s = calltest.Start(t, calltest.Answering(`{"openDingId":"o","failedList":{"no phone":["a","b"]}}`))
	ding, err := bot.SendDing(t.Context(), s.App(t), bot.Ding{Way: bot.DingCall, UserIDs: []string{"a", "b"}, Content: "x", Voice: bot.DingVoices()[1]})
	require.NoError(t, err)
	assert.Equal(t, []hook.Undelivered{{UserID: "a", Reason: "no phone"}, {UserID: "b", Reason: "no phone"}}, ding.Undelivered())
	assert.Equal(t, "Cantonese_Female_Voice", calltest.BodyOf(t, s.Got()[0])["callVoice"])
}
