package dingding_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/sandbox"
)

func TestSandboxPeople(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	created := apptest.Nested(t, o.Run(t, "dingtalk_create_user", `{name: Ann Lee, mobile: "13911111111", dept_id_list: "2, 4", title: SRE}`), "user_data")
	id := apptest.Text(t, created, "userid")
	got := apptest.Nested(t, o.Run(t, "dingtalk_get_user", `mobile: "13911111111"`), "user_data")
	assert.Equal(t, []any{id, created["unionId"], "Ann Lee", "SRE"}, []any{got["userid"], got["unionid"], got["name"], got["title"]})
	assert.Equal(t, id, o.Run(t, "dingtalk_get_user_id_by_union_id", "union_id: "+apptest.Text(t, created, "unionId"))["user_id"])
	assert.Contains(t, o.Fails(t, "dingtalk_create_user", `{name: Bob, mobile: "13911111111", dept_id_list: 2}`), "the mobile number is in the organisation already")
	assert.Contains(t, o.Fails(t, "dingtalk_get_user", "user_id: nobody"), "does not exist")

	assert.InDelta(t, 13, o.Run(t, "dingtalk_get_user_count", "only_active: false")["user_count"], 0)
	one := o.Run(t, "dingtalk_get_dept_users", "{dept_id: 4, size: 2}")
	assert.Equal(t, true, one["has_more"])
	all := o.Run(t, "dingtalk_get_dept_users", "{dept_id: 4, size: 2, all: true}")
	assert.Len(t, all["users"], 5)
	assert.Equal(t, false, all["has_more"])
	found := apptest.Nested(t, o.Run(t, "dingtalk_search_users", "{query_word: Ann, size: 1, all: true}"), "search_result")
	assert.Equal(t, []any{id}, found["list"])

	dept := apptest.Nested(t, o.Run(t, "dingtalk_get_dept_detail", "{dept_id: 4, language: en_US}"), "dept_detail")
	assert.Equal(t, "Platform", dept["name"])
	assert.InDelta(t, 2, o.Run(t, "dingtalk_get_dept_list", "{}")["total_count"], 0)
	assert.NotEmpty(t, apptest.Nested(t, o.Run(t, "dingtalk_search_departments", "query_word: 平台"), "search_result")["list"])
}

func TestSandboxGroups(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	chat := apptest.Nested(t, o.Run(t, "dingtalk_create_chat", "{name: 值班 7, owner_user_id: user001, user_ids: 'user002, user003', show_history_type: 1}"), "chat_data")
	cid, chatID := apptest.Text(t, chat, "openConversationId"), apptest.Text(t, chat, "chatid")
	made, err := o.Box.Chat(cid)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"user001", "user002", "user003"}, made.Members)
	assert.Equal(t, 1, made.Options["showHistoryType"])
	assert.Equal(t, "值班 7", apptest.Nested(t, o.Run(t, "dingtalk_get_chat_info", "chat_id: "+chatID), "chat_info")["title"])
	assert.Equal(t, "值班 7", apptest.Nested(t, o.Run(t, "dingtalk_get_chat_info", "chat_id: "+cid), "chat_info")["title"])
	assert.Equal(t, cid, o.Run(t, "dingtalk_convert_chat_id", "chat_id: "+chatID)["open_conversation_id"])
	assert.NotEmpty(t, o.Fails(t, "dingtalk_create_chat", "{name: x, owner_user_id: nobody}"))

	key := apptest.Text(t, o.Run(t, "dingtalk_send_group_message", "{open_conversation_id: '"+cid+"', msg_key: sampleMarkdown, msg_param: {title: t, text: '# x'}}"), "process_query_key")
	require.NoError(t, o.Box.ReadMessage(key, "user002"))
	readers := o.Run(t, "dingtalk_get_message_readers", "{process_query_key: '"+key+"', open_conversation_id: '"+cid+"', all: true}")
	assert.Equal(t, []any{"user002"}, readers["read_user_ids"])
	assert.Equal(t, []any{key}, o.Run(t, "dingtalk_recall_bot_messages", "{process_query_keys: '"+key+"', open_conversation_id: '"+cid+"'}")["recalled"])

	sent := o.Run(t, "dingtalk_send_user_message", "{user_ids: 'user001, nobody', msg_key: sampleText, msg_param: {content: hello}}")
	assert.Len(t, sent["undelivered"], 1)
	key = apptest.Text(t, sent, "process_query_key")
	assert.Equal(t, []any{"user001"}, o.Run(t, "dingtalk_get_message_readers", "process_query_key: '"+key+"'")["unread_user_ids"])
	o.Run(t, "dingtalk_recall_bot_messages", "process_query_keys: ['"+key+"']")

	ding := o.Run(t, "dingtalk_send_ding", "{user_ids: user001, content: disk full}")
	o.Run(t, "dingtalk_recall_ding", "open_ding_id: "+apptest.Text(t, ding, "open_ding_id"))
}

func TestSandboxSceneGroupsAndCards(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	group := fmt.Sprintf("{title: 发布, template_id: %s, owner_user_id: user001, user_ids: user002}", o.App.GroupTemplates[0])
	cid := apptest.Text(t, o.Run(t, "dingtalk_create_scene_group", group), "open_conversation_id")
	assert.Equal(t, cid, apptest.Text(t, o.Run(t, "dingtalk_create_scene_group", group), "open_conversation_id"), "a second try makes no second group")
	id := "open_conversation_id: '" + cid + "'"
	o.Run(t, "dingtalk_add_scene_group_members", "{"+id+", user_ids: user003}")
	o.Run(t, "dingtalk_remove_scene_group_members", "{"+id+", user_ids: user002}")
	members := o.Run(t, "dingtalk_get_scene_group_members", "{"+id+", all: true}")
	assert.ElementsMatch(t, []any{"user001", "user003"}, members["user_ids"])
	o.Run(t, "dingtalk_update_scene_group", "{"+id+", title: 发布 2, management_options: {searchable: 1}}")
	assert.Equal(t, "发布 2", apptest.Nested(t, o.Run(t, "dingtalk_get_chat_info", "chat_id: '"+cid+"'"), "chat_info")["title"])

	card := apptest.Text(t, o.Run(t, "dingtalk_create_card", "{card_template_id: tpl, "+id+", card_param_map: {title: 'Deploy?', body: ''}}"), "out_track_id")
	o.Run(t, "dingtalk_update_card", "{out_track_id: "+card+", card_param_map: {title: Deployed}}")
	o.Run(t, "dingtalk_stream_card", "{out_track_id: "+card+", key: body, content: done, is_finalize: true}")
	got, err := o.Box.Card(card)
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprintf("%v", got), "Deployed")
	assert.Contains(t, fmt.Sprintf("%v", got), "done")
	card = apptest.Text(t, o.Run(t, "dingtalk_card", "{card_template_id: tpl, out_track_id: buttons, user_ids: [user001, user002], title: '发布?', buttons: [{text: 发布, action: go, params: {n: 1}}]}"), "out_track_id")
	got, err = o.Box.Card(card)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"title": "发布?", "buttons": `[{"text":"发布","action":"go","params":{"n":"1"}}]`}, got.Params)
	assert.Len(t, got.MessageIDs, 2)
	assert.Equal(t, "STREAM", got.CallbackType)
	o.Run(t, "dingtalk_disband_scene_group", "{"+id+"}")
	made, err := o.Box.Chat(cid)
	require.NoError(t, err)
	assert.True(t, made.Disbanded)
}

func TestSandboxNotices(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	const notice = "{user_ids: 'user001, nobody', msg_type: markdown, title: t, content: '# 08:00', wait: true, poll_interval: 100ms}"
	sent := o.Run(t, "dingtalk_send_work_notice", notice)
	assert.Equal(t, []any{"user001"}, sent["delivered"])
	assert.Len(t, sent["undelivered"], 1)
	id := o.Box.Notices()[0].TaskID
	status := apptest.Nested(t, o.Run(t, "dingtalk_get_message_status", fmt.Sprintf("msg_task_id: %d", id)), "message_status")
	assert.Equal(t, []any{"user001"}, status["delivered"])
	assert.Equal(t, true, o.Run(t, "dingtalk_recall_message", fmt.Sprintf("msg_task_id: %d", id))["recall_result"])
	assert.Contains(t, o.Fails(t, "dingtalk_send_work_notice", notice), "the same content today already")

	picture := filepath.Join(o.DAGFolder, "logo.png")
	require.NoError(t, os.WriteFile(picture, []byte("\x89PNG\r\n\x1a\n picture"), 0o600))
	media := apptest.Text(t, o.Run(t, "dingtalk_upload_media", "{type: image, path: logo.png}"), "media_id")
	o.Run(t, "dingtalk_send_work_notice", "{dept_ids: 4, msg_type: image, message: {media_id: '"+media+"'}, wait: true, poll_interval: 100ms}")
	assert.Len(t, o.Box.Notices(), 3)
}

func TestSandboxReply(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	chat := apptest.Nested(t, o.Run(t, "dingtalk_create_chat", "{name: ops, owner_user_id: user001}"), "chat_data")
	address := o.Box.OpenSession(sandbox.Session{AppKey: o.App.AppKey, Chat: apptest.Text(t, chat, "openConversationId"), UserID: "user001"})
	_, err := suite.Exec(t, o.Task, "dingtalk_reply", "{session_webhook: '"+address+"', message: got it, at_user_ids: user001}")
	require.NoError(t, err)
	messages := o.Box.WaitMessages(1)
	assert.Contains(t, messages[len(messages)-1].Content.Text, "got it")
	assert.Contains(t, o.Fails(t, "dingtalk_reply", "{session_webhook: '"+address+"x', message: got it}"), "the session has expired")
}

// A cut connection, a slow back end and other accidents end as safe outcomes, whichever
// generation of the API it is.
func TestSandboxFaults(t *testing.T) {
	t.Parallel()
	const read, write = "dingtalk_get_user_count", "dingtalk_create_chat"
	for name, tt := range map[string]struct {
		fault sandbox.Fault
		op    string
		want  operator.Kind
	}{
		"read, busy":         {sandbox.Fault{Kind: sandbox.FaultBusy}, read, operator.Success},
		"read, answer lost":  {sandbox.Fault{Kind: sandbox.FaultAnswerLost}, read, operator.Success},
		"read, HTML":         {sandbox.Fault{Kind: sandbox.FaultHTML}, read, operator.Success},
		"read, blocked":      {sandbox.Fault{Kind: sandbox.FaultBlocked, Call: "user.count"}, read, operator.Retry},
		"write, blocked":     {sandbox.Fault{Kind: sandbox.FaultBlocked, Call: "chat.create"}, write, operator.Retry},
		"write, answer lost": {sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "chat.create"}, write, operator.Failed},
		"write, throttled": {
			sandbox.Fault{Kind: sandbox.FaultErrcode, Call: "chat.create", ErrorCode: "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}, write, operator.Success,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := suite.Office(t)
			require.NoError(t, o.Box.AddFault(tt.fault))
			params := "{}"
			if tt.op == write {
				params = "{name: ops, owner_user_id: user001}"
			}
			_, err := suite.Exec(t, o.Task, tt.op, params)
			assert.Equal(t, tt.want, operator.Classify(t.Context(), err).Kind, "%v", err)
			if tt.op == write && tt.fault.Kind != sandbox.FaultBlocked {
				assert.Len(t, o.Box.Chats(), 1, "it is not made twice")
			}
			if tt.fault.Kind == sandbox.FaultBlocked {
				assert.ErrorContains(t, err, "DingTalk blocks this address for some minutes")
			}
		})
	}
}

// A token that ended before its time is replaced by a new one, once, and the call is made again.
func TestAnExpiredTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	spec := suite.Spec(t, "dingtalk_search_users")
	for range 2 {
		op := operatortest.Decode(t, spec, "query_word: 张三")
		_, err := op.Execute(t.Context(), o.TaskContext)
		require.NoError(t, err)
		o.Box.ExpireTokens(o.App.AppKey)
	}
	assert.NotContains(t, o.LogText(), o.App.AppSecret)
	assert.NotContains(t, o.LogText(), "trying again", "a new token needs no pause")
	var calls []string
	for _, a := range o.Box.Attempts() {
		calls = append(calls, a.Call+a.ErrorCode)
	}
	assert.Equal(t, []string{"token.new", "user.search", "user.searchInvalidAuthentication", "token.new", "user.search"}, calls)
}

// Template and receivers come from the connection where the task names none.
func TestSandboxCardOfTheConnection(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	c := o.Conns["dingtalk_default"]
	cid := o.Box.AddChat(sandbox.Chat{Name: "ops", Owner: "user001", Bots: []string{o.App.AppKey}}).OpenConversationID
	assert.Contains(t, o.Fails(t, "dingtalk_card", "title: x"), "nobody is named who gets the card")
	c.Extra = new(connections.Secret(`{"qps": 0, "user_id": "user002", "conversation_id": "` + cid + `"}`))
	assert.Contains(t, o.Fails(t, "dingtalk_card", "title: x"), "no template is named")
	c.Extra = new(connections.Secret(`{"qps": 0, "user_id": "user002", "conversation_id": "` + cid + `", "card_template_id": "tpl"}`))
	o.Run(t, "dingtalk_card", "{title: to the group, out_track_id: a}")
	c.Extra = new(connections.Secret(`{"qps": 0, "user_id": "user002", "card_template_id": "tpl"}`))
	o.Run(t, "dingtalk_card", "{title: to one, out_track_id: b}")
	all := o.Box.Messages(sandbox.Filter{})
	require.Len(t, all, 2)
	assert.Equal(t, "ops", all[0].Group)
	assert.Equal(t, []string{"user002"}, all[1].To)
}

// How presses come is said by the task, or else by the connection, as for the cards of alerts.
func TestSandboxCardReportsPresses(t *testing.T) {
	t.Parallel()
	o := suite.Office(t)
	c := o.Conns["dingtalk_default"]
	without, with := c.Extra, new(connections.Secret(`{"qps": 0, "card_route_key": "rk"}`))
	n := 0
	send := func(extra *connections.Secret, how string) string {
		t.Helper()
		n++
		c.Extra = extra
		id := fmt.Sprintf("card%d", n)
		o.Run(t, "dingtalk_card", "{card_template_id: tpl, user_ids: user001, title: x, out_track_id: "+id+how+"}")
		card, err := o.Box.Card(id)
		require.NoError(t, err)
		return card.CallbackType + " " + o.Box.Press("user001", id, "go").Note
	}
	assert.Contains(t, send(without, ""), "STREAM ")
	assert.Contains(t, send(with, ", callback_type: STREAM"), "STREAM ")
	assert.Equal(t, `HTTP no address is registered under the route key "rk"`, send(with, ""))
	assert.Equal(t, `HTTP no address is registered under the route key "rk"`, send(with, ", callback_type: HTTP"))
	assert.Equal(t, `HTTP no address is registered under the route key "mine"`, send(with, ", callback_route_key: mine"))
	assert.Equal(t, `HTTP no address is registered under the route key "mine"`, send(without, ", callback_route_key: mine"))
	c.Extra = without
	assert.Contains(t, o.Fails(t, "dingtalk_card", "{card_template_id: tpl, user_ids: user001, title: x, callback_type: HTTP}"),
		"callback_type HTTP needs a route key: give callback_route_key, or set card_route_key in the extra of the connection")
}
