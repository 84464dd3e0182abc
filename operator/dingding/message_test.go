package dingding_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	const done = `{"success": true}`
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_send_work_notice": {
			Calls: []string{"work_notice_send"},
			Want:  `{"message_data": {"task_id": 256271667526, "request_id": "4jzllmte0wau"}, "task_ids": [256271667526]}`,
		},
		"dingtalk_get_message_status": {
			Calls: []string{"work_notice_progress", "work_notice_result"},
			Want: `{"message_status": {"progress": {"progress_in_percent": 100, "status": 2}, "send_result": {"invalid_user_id_list": [],
				"forbidden_user_id_list": ["u002"], "failed_user_id_list": [], "read_user_id_list": ["u001"], "unread_user_id_list": [],
				"invalid_dept_id_list": [], "forbidden_list": [{"code": "143106", "count": 1, "userid": "u002"}]}, "delivered": ["u001"],
				"undelivered": [{"userid": "u002", "code": "143106",
					"reason": "the person got the same content today already: DingTalk drops the second one; put a time or a run id into it"}]}}`,
		},
		"dingtalk_recall_message":     {Calls: []string{"work_notice_recall"}, Want: `{"recall_result": true}`},
		"dingtalk_send_group_message": {Calls: []string{"bot_group_send"}, Want: `{"process_query_key": "Kna29Ra5pVx0mkQ="}`},
		"dingtalk_send_user_message": {
			Calls: []string{"bot_oto_batch_send"},
			Want: `{"process_query_key": "zcxxczas0=", "process_query_keys": ["zcxxczas0="],
				"undelivered": [{"userid": "u002", "reason": "there is no such user"}]}`,
		},
		"dingtalk_get_message_readers": {
			Calls: []string{"bot_oto_read_status"},
			Want:  `{"send_status": "SUCCESS", "read_user_ids": ["u001"], "has_more": false, "next_token": ""}`,
		},
		"dingtalk_recall_bot_messages": {Calls: []string{"bot_group_recall"}, Want: `{"recalled": ["Kna29Ra5pVx0mkQ="], "failed": {}}`},
		"dingtalk_send_ding":           {Calls: []string{"bot_ding_send"}, Want: `{"open_ding_id": "oD1"}`},
		"dingtalk_recall_ding":         {Calls: []string{"bot_ding_recall"}, Want: `{"open_ding_id": "oD1"}`},

		"dingtalk_create_scene_group": {
			Calls: []string{"scene_group_create"}, Want: `{"open_conversation_id": "cidAb/3dE+f0==", "chat_id": "chatscene1"}`,
		},
		"dingtalk_update_scene_group":         {Calls: []string{"scene_group_update"}, Want: done},
		"dingtalk_add_scene_group_members":    {Calls: []string{"scene_group_member_add"}, Want: done},
		"dingtalk_remove_scene_group_members": {Calls: []string{"scene_group_member_delete"}, Want: done},
		"dingtalk_get_scene_group_members": {
			Calls: []string{"scene_group_members"},
			Want:  `{"user_ids": ["u001", "u002"], "union_ids": [], "names": {"u001": "Ann"}, "has_more": false, "next_token": ""}`,
		},
		"dingtalk_disband_scene_group": {Calls: []string{"scene_group_disband"}, Want: done},
		"dingtalk_create_card": {
			Calls: []string{"card_create_and_deliver"},
			Want: `{"out_track_id": "run-42", "deliver_results": [
				{"spaceType": "IM_GROUP", "spaceId": "cidAb/3dE+f0==", "success": true, "carrierId": "c1", "errorMsg": ""}]}`,
		},
		"dingtalk_card": {
			Calls: []string{"card_create_and_deliver"},
			Want: `{"out_track_id": "run-42", "deliver_results": [
				{"spaceType": "IM_GROUP", "spaceId": "cidAb/3dE+f0==", "success": true, "carrierId": "c1", "errorMsg": ""}]}`,
		},
		"dingtalk_update_card": {Calls: []string{"card_update"}, Want: done},
		"dingtalk_stream_card": {Calls: []string{"card_streaming_update"}, Want: done},
	})
}

func TestBadMessages(t *testing.T) {
	t.Parallel()
	const notice, people, ding = "dingtalk_send_work_notice", "dingtalk_send_user_message", "dingtalk_send_ding"
	many := func(n int) string { return "'" + strings.Repeat("u,", n) + "'" }
	suite.CheckBad(t, []apptest.Bad{
		{notice, "content: x", "user_ids", "give one of user_ids, dept_ids and to_all_user"},
		{notice, "{content: x, user_ids: a, to_all_user: true}", "user_ids", "give one of"},
		{notice, "{content: x, user_ids: " + many(5001) + "}", "user_ids", "5001 elements"},
		{notice, "{content: x, dept_ids: '" + strings.Repeat("1,", 21) + "'}", "dept_ids", "21 elements"},
		{notice, "{user_ids: a}", "content", "is empty"},
		{notice, "{user_ids: a, content: x, msg_type: markdown}", "title", "is empty"},
		{notice, "{user_ids: a, content: x, message: {content: y}}", "message", "excludes content"},
		{notice, "{user_ids: a, content: x, msg_type: image}", "content", "put the fields of image into message"},
		{notice, "{user_ids: a, msg_type: voice, message: {media_id: x}}", "message", "needs duration"},
		{notice, "{user_ids: a, content: " + strings.Repeat("x", 2100) + "}", "content", "DingTalk accepts 2048"},
		{notice, "{user_ids: a, content: x, agent_id: me}", "agent_id", `got "me"`},
		{"dingtalk_get_message_status", "msg_task_id: none", "msg_task_id", `got "none"`},
		{"dingtalk_recall_message", "msg_task_id: 0", "msg_task_id", "at least 1"},
		{people, "{user_ids: [], msg_key: sampleText, msg_param: {content: x}}", "user_ids", "is empty"},
		{people, "{user_ids: " + many(1001) + ", msg_key: sampleText, msg_param: {content: x}}", "user_ids", "1001 elements"},
		{people, "{user_ids: a, msg_key: sampleText, msg_param: {content: ''}}", "msg_param", "needs content"},
		{people, "{user_ids: a, msg_key: sampleTxt}", "msg_param", `"sampleTxt" is unknown`},
		{"dingtalk_send_group_message", "{open_conversation_id: '', msg_key: sampleText, msg_param: {content: x}}", "open_conversation_id", "is empty"},
		{"dingtalk_recall_bot_messages", "process_query_keys: " + strings.ReplaceAll(many(21), "u", "k"), "process_query_keys", "21 elements"},
		{ding, "{user_ids: " + many(201) + ", content: x}", "user_ids", "201 elements"},
		{ding, "{user_ids: " + many(21) + ", content: x, remind_type: call}", "user_ids", "DingTalk accepts 1 to 20"},
		{"dingtalk_upload_media", "{type: image, path: a.svg}", "path", "jpg, jpeg, gif, png, bmp"},
		{"dingtalk_upload_media", "{type: sticker, path: a.png}", "type", "image"},
		{"dingtalk_create_scene_group", "{title: " + strings.Repeat("x", 31) + ", template_id: t, owner_user_id: u}", "title", "31 characters"},
		{"dingtalk_create_scene_group", "{title: x, template_id: t, owner_user_id: u, management_options: {mute: 1}}", "management_options", "has no mute"},
		{"dingtalk_update_scene_group", "open_conversation_id: cid", "title", "all else"},
		{"dingtalk_add_scene_group_members", "open_conversation_id: cid", "user_ids", "give user_ids or union_ids"},
		{"dingtalk_card", "{title: x, user_ids: u, callback_type: STREAM, callback_route_key: k}", "callback_route_key", "is for callback_type HTTP, and the callback_type is STREAM"},
		{"dingtalk_card", "{title: x, open_conversation_id: c, user_ids: u}", "user_ids", "excludes open_conversation_id"},
		{"dingtalk_card", "{title: x, user_ids: u, at_user_ids: v}", "at_user_ids", "is for groups"},
		{"dingtalk_card", "{title: x, user_ids: " + many(21) + "}", "user_ids", "21 elements"},
		{"dingtalk_card", "{title: x, buttons: [{text: a, action: b}, {text: a}]}", "buttons[1]", "an action or a url"},
		{"dingtalk_card", "{title: x, card_param_map: {buttons: y}}", "card_param_map", "a parameter of its own"},
		{"dingtalk_create_card", "card_template_id: t", "open_conversation_id", "give open_conversation_id or user_id"},
		{"dingtalk_create_card", "{card_template_id: t, user_id: u, open_conversation_id: cid}", "user_id", "excludes"},
		{"dingtalk_create_card", "{card_template_id: t, user_id: u, callback_type: HTTP}", "callback_route_key", "is empty"},
		{"dingtalk_reply", "{session_webhook: 'https://x.example.com', message: ''}", "message", "empty"},
	})
}

const (
	noticeSend     = "POST /topapi/message/corpconversation/asyncsend_v2"
	noticeProgress = "POST /topapi/message/corpconversation/getsendprogress"
	noticeResult   = "POST /topapi/message/corpconversation/getsendresult"
)

// wait: true polls until the notice is delivered, and tells who did not get it and why.
func TestWaitForNotice(t *testing.T) {
	t.Parallel()
	const wait = "{user_ids: [u001, u002], content: x, wait: true, poll_interval: 100ms}"
	d := apptest.Start(t)
	d.Answer(noticeProgress, 200,
		`{"errcode":0,"progress":{"progress_in_percent":0,"status":0}}`, `{"errcode":0,"progress":{"progress_in_percent":100,"status":2}}`)
	task := d.Task(t)
	got, err := suite.Exec(t, task, "dingtalk_send_work_notice", wait)
	require.NoError(t, err)
	result, ok := got.(*dingding.SendWorkNoticeResult)
	require.True(t, ok)
	assert.Equal(t, []string{"u001"}, result.Delivered)
	require.Len(t, result.Undelivered, 1)
	assert.Contains(t, result.Undelivered[0].Reason, "the same content today already")
	assert.Contains(t, task.LogText(), "the same content today already")
	assert.Len(t, d.Got(), 4)

	d.Answer(noticeResult, 200, `{"errcode":0,"send_result":{"forbidden_list":[{"code":"143106","count":1,"userid":"u001"}]}}`)
	_, err = suite.Exec(t, d.Task(t), "dingtalk_send_work_notice", wait)
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, "reached nobody; 1 receivers: the person got the same content today")
}

// What goes wrong after the notice was taken never sends it again.
func TestWaitingFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ call, answer, want string }{
		"too slow":    {noticeProgress, `{"errcode":0,"progress":{"status":1}}`, "not delivered within 1s"},
		"unavailable": {noticeResult, `{"errcode":41052,"errmsg":"not yet"}`, "who got it is unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := apptest.Start(t)
			d.Answer(tt.call, 200, tt.answer)
			_, err := suite.Exec(t, d.Task(t), "dingtalk_send_work_notice", "{user_ids: a, content: x, wait: true, wait_timeout: 1s}")
			assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "256271667526")
		})
	}
}

// A large number of receivers has no list of who got it.
func TestWaitForDepartments(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer(noticeResult, 200, `{"errcode":41052,"errmsg":"too many receivers"}`)
	got, err := suite.Exec(t, d.Task(t), "dingtalk_send_work_notice", "{dept_ids: 1, content: x, wait: true}")
	require.NoError(t, err)
	result, ok := got.(*dingding.SendWorkNoticeResult)
	require.True(t, ok)
	assert.Contains(t, result.Note, "more than 100 recipients")
}

// More receivers than one request takes are several requests. When a later one fails the
// task does not try again: some have the message.
func TestManyReceivers(t *testing.T) {
	t.Parallel()
	ids := strings.Repeat("u,", 250)
	d := apptest.Start(t)
	got, err := suite.Exec(t, d.Task(t), "dingtalk_send_work_notice", "{content: x, user_ids: '"+ids+"'}")
	require.NoError(t, err)
	result, ok := got.(*dingding.SendWorkNoticeResult)
	require.True(t, ok)
	assert.Len(t, result.TaskIDs, 3)
	assert.Len(t, d.Got(), 3)

	d.Answer("POST /v1.0/robot/oToMessages/batchSend", 200, `{"processQueryKey":"k"}`, `<html>`)
	_, err = suite.Exec(t, d.Task(t), "dingtalk_send_user_message", "{msg_key: sampleText, msg_param: {content: x}, user_ids: '"+ids+"'}")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, "part 2 of 13 (part 1 was delivered)")
}

func TestNobodyGotTheMessage(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	_, err := suite.Exec(t, d.Task(t), "dingtalk_send_user_message", "{user_ids: u002, msg_key: sampleText, msg_param: {content: x}}")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, "the message reached nobody; 1 receivers: there is no such user")
}

func TestReadersOfGroups(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer("POST /v1.0/robot/groupMessages/query", 200,
		`{"sendStatus":"SUCCESS","readUserIds":["a"],"hasMore":true,"nextToken":"n/1"}`, `{"sendStatus":"SUCCESS","readUserIds":["b"],"hasMore":false}`)
	got, err := suite.Exec(t, d.Task(t), "dingtalk_get_message_readers", "{process_query_key: k, open_conversation_id: cid, all: true}")
	require.NoError(t, err)
	assert.Equal(t, &dingding.GetMessageReadersResult{SendStatus: "SUCCESS", ReadUserIDs: []string{"a", "b"}}, got)
	assert.Contains(t, d.Got()[1].Body, `"nextToken":"n/1"`)
}

func TestRecallOfNothingFails(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer("POST /v1.0/robot/otoMessages/batchRecall", 200, `{"successResult":[],"failedResult":{"k":"too old"}}`)
	_, err := suite.Exec(t, d.Task(t), "dingtalk_recall_bot_messages", "process_query_keys: k")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, "about k DingTalk says: too old")
}

// Without a key of its own a call has one that all tries share.
func TestTriesShareKeys(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ yaml, field string }{
		"dingtalk_create_scene_group": {"{title: t, template_id: x, owner_user_id: u}", "uuid"},
		"dingtalk_card":               {"{card_template_id: x, title: t, user_ids: u}", "outTrackId"},
		"dingtalk_create_card":        {"{card_template_id: x, user_id: u}", "outTrackId"},
		"dingtalk_stream_card":        {"{out_track_id: x, key: k, content: c}", "guid"},
	} {
		d := apptest.Start(t)
		task := d.Task(t)
		for try := range 2 {
			task.TryNumber = try + 1
			_, err := suite.Exec(t, task, name, tt.yaml)
			require.NoError(t, err)
		}
		keys := map[any]bool{}
		for _, c := range d.Got() {
			var body map[string]any
			require.NoError(t, json.Unmarshal([]byte(c.Body), &body))
			keys[body[tt.field]] = true
		}
		assert.Len(t, keys, 1)
		assert.NotContains(t, keys, nil)
	}
}

func TestUploadMedia(t *testing.T) {
	t.Parallel()
	spec := suite.Spec(t, "dingtalk_upload_media")
	setup := func(t *testing.T) (*operatortest.Task, *apptest.DingTalk) {
		t.Helper()
		d := apptest.Start(t)
		task := d.Task(t)
		require.NoError(t, os.WriteFile(filepath.Join(task.DAGFolder, "logo.png"), []byte("picture"), 0o600))
		return task, d
	}
	operatortest.Check(t, spec, operatortest.Options{Task: func(t *testing.T) *operatortest.Task {
		t.Helper()
		task, _ := setup(t)
		return task
	}})
	task, d := setup(t)
	got, err := suite.Exec(t, task, spec.Name, spec.Examples[0].YAML)
	require.NoError(t, err)
	assert.Equal(t, &dingding.UploadMediaResult{MediaID: "@lADPDe7s2xRk", Type: "image", CreatedAt: 1760000000000}, got)
	apptest.CheckCalls(t, []string{"media_upload"}, d.Got())

	_, err = suite.Exec(t, task, spec.Name, "{type: image, path: none.png}")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, `no file "none.png" in the folder of the DAG file, `+task.DAGFolder)
}

func TestReply(t *testing.T) {
	t.Parallel()
	const session = "6d1f-session-secret"
	d := apptest.Start(t)
	address := d.URL + "/robot/sendBySession?session=" + session
	spec := suite.Spec(t, "dingtalk_reply")
	operatortest.Check(t, spec, operatortest.Options{
		Task:    func(t *testing.T) *operatortest.Task { t.Helper(); return d.Task(t) },
		Secrets: []string{session, apptest.AppSecret},
		Render: func(field, text string) (any, error) {
			if field == "session_webhook" {
				return address, nil
			}
			return text, nil
		},
	})
	got, err := suite.Exec(t, d.Task(t), spec.Name, "{session_webhook: '"+address+"', message: got it, at_user_ids: u001}")
	require.NoError(t, err)
	assert.Nil(t, got)
	sent := d.Got()[len(d.Got())-1]
	assert.Equal(t, "POST /robot/sendBySession", sent.Call)
	assert.Contains(t, sent.Body, `"atUserIds":["u001"]`)

	d = apptest.Start(t)
	d.Answer("POST /robot/sendBySession", 200, `{"errcode":300001,"errmsg":"session 不存在"}`)
	task := d.Task(t)
	_, err = suite.Exec(t, task, spec.Name, "{session_webhook: '"+d.URL+"/robot/sendBySession?session="+session+"', message: got it}")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, "the session has expired")
	assert.NotContains(t, err.Error()+task.LogText(), session)
}
