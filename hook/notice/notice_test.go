package notice_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/notice"
)

func operations() map[string]calltest.Operation {
	const task = 256271667526
	return map[string]calltest.Operation{
		"work_notice_send": {Function: "Send", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return notice.Send(ctx, a, notice.Notice{
				UserIDs: []string{"u001", "u002"}, Type: notice.TypeMarkdown,
				Content: map[string]any{"title": "Report", "text": "# Report\n* all green 2025-10-09 08:00"},
			})
		}},
		"work_notice_progress": {Function: "GetProgress", Result: "progress", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return notice.GetProgress(ctx, a, 1234567890, task)
		}},
		"work_notice_result": {Function: "GetResult", Result: "send_result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return notice.GetResult(ctx, a, 0, task)
		}},
		"work_notice_recall": {Function: "Recall", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, notice.Recall(ctx, a, 0, task)
		}},
		"work_notice_status_bar_update": {Function: "UpdateStatusBar", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, notice.UpdateStatusBar(ctx, a, 0, task, "approved", "0xFF78C06E")
		}},
	}
}

// Each message type of the page passes the check, and arrives as the page shows it.
func TestNoticeMessages(t *testing.T) {
	t.Parallel()
	for name, message := range calltest.ReadFacts(t).WorkNoticeMessages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := calltest.Start(t, calltest.Answering(`{"errcode":0,"errmsg":"ok","task_id":256271667526,"request_id":"r"}`))
			typ, _ := message["msgtype"].(string)
			content, _ := message[typ].(map[string]any)
			_, err := notice.Send(t.Context(), s.App(t), notice.Notice{UserIDs: []string{"u001"}, Type: typ, Content: content})
			require.NoError(t, err)
			calltest.CheckWithin(t, "msg", message, calltest.At(calltest.BodyOf(t, s.Got()[0]), "msg"))
		})
	}
}

func TestNoticeReceivers(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"errcode":0,"errmsg":"ok","task_id":1}`))
	a := s.App(t)
	for _, tt := range []struct {
		notice notice.Notice
		want   map[string]any
	}{
		{notice.Notice{UserIDs: []string{"u1", "u2"}}, map[string]any{"userid_list": "u1,u2"}},
		{notice.Notice{DeptIDs: []int64{1, 22}}, map[string]any{"dept_id_list": "1,22"}},
		{notice.Notice{ToAll: true, AgentID: 7}, map[string]any{"to_all_user": true, "agent_id": 7.0}},
	} {
		tt.notice.Type, tt.notice.Content = notice.TypeText, map[string]any{"content": "x"}
		_, err := notice.Send(t.Context(), a, tt.notice)
		require.NoError(t, err)
		got := calltest.BodyOf(t, s.Got()[len(s.Got())-1])
		if tt.want["agent_id"] == nil {
			tt.want["agent_id"] = 1234567890.0
		}
		tt.want["msg"] = got["msg"]
		assert.Equal(t, tt.want, got)
	}
}

func TestBadNotices(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{}`))
	for name, tt := range map[string]struct {
		notice notice.Notice
		want   string
	}{
		"type":        {notice.Notice{Type: "actionCard"}, `"actionCard" is unknown; use one of text, markdown`},
		"field":       {notice.Notice{Type: "markdown", Content: map[string]any{"text": "x"}}, "a message of type markdown needs title"},
		"empty":       {notice.Notice{Type: "text", Content: map[string]any{"content": ""}}, "needs content"},
		"buttons":     {notice.Notice{Type: "action_card", Content: map[string]any{"title": "t", "markdown": "x"}}, "btn_json_list"},
		"button text": {notice.Notice{Type: "action_card", Content: map[string]any{"title": "t", "markdown": "x", "single_title": strings.Repeat("群", 21)}}, "single_title has 21 characters"},
		"bytes":       {notice.Notice{Type: "text", Content: map[string]any{"content": strings.Repeat("群", 700)}}, "DingTalk accepts 2048"},
		"status bar":  {notice.Notice{Type: "oa", ToAll: true, Content: map[string]any{"message_url": "u", "head": "h", "body": "b", "status_bar": "s"}}, "1 to 5 users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := notice.Send(t.Context(), s.App(t), tt.notice)
			e := calltest.Failed(t, err)
			assert.Equal(t, hook.KindInvalid, e.Kind)
			assert.Contains(t, err.Error(), tt.want)
		})
	}
	_, err := notice.GetProgress(t.Context(), s.AppWith(t, ""), 0, 1)
	assert.Contains(t, calltest.Failed(t, err).Error(), "agent_id")
	assert.Empty(t, s.Got())
}

func TestNoticeResultSaysWhy(t *testing.T) {
	t.Parallel()
	r := &notice.Result{
		InvalidUsers: []string{"gone"}, ForbiddenUsers: []string{"dup", "limit", "other"}, FailedUsers: []string{"failed"},
		ReadUsers: []string{"a"}, UnreadUsers: []string{"b"},
		Forbidden: []notice.Forbidden{{Code: "143106", Count: 1, UserID: "dup"}, {Code: "143105", Count: 500, UserID: "limit"}},
	}
	assert.Equal(t, []string{"a", "b"}, r.Delivered())
	reasons := map[string]string{}
	for _, u := range r.Undelivered() {
		reasons[u.UserID] = u.Reason
	}
	require.Len(t, reasons, 5)
	assert.Contains(t, reasons["dup"], "the same content today")
	assert.Contains(t, reasons["limit"], "(500)")
	assert.Contains(t, reasons["gone"], "no such user")
	assert.True(t, r.Forbidden[0].Duplicate())
	assert.False(t, r.Forbidden[1].Duplicate())
}
