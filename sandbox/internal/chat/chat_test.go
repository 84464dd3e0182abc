package chat_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestChatLife(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	got := boxtest.Read[struct {
		OpenConversationID, ChatID string
		ConversationTag            int
	}](t, o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/im/group/create", `{"name":"故障7","owner":"user001","useridlist":["user001","user002"],
		"managementOptions":{"mentionAllAuthority":1,"searchable":0}}`))
	assert.Equal(t, 2, got.ConversationTag)
	assert.Regexp(t, `^cid.*/.*\+.*==$`, got.OpenConversationID)

	c, err := o.Chat(got.OpenConversationID)
	require.NoError(t, err)
	assert.Equal(t, sandbox.Chat{
		ChatID: got.ChatID, OpenConversationID: got.OpenConversationID, Name: "故障7", Owner: "user001", Members: []string{"user001", "user002"},
		Options: map[string]int{"mentionAllAuthority": 1, "searchable": 0}, Bots: []string{o.App.AppKey},
	}, c)

	assert.JSONEq(t, `{"success":true}`, o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/im/group/update",
		`{"chatid":"`+got.ChatID+`","name":"故障7b","owner":"user003","add_useridlist":["user003"],"del_useridlist":["user001"],"managementOptions":{"searchable":1}}`))
	_, legacy := o.Do(t, http.MethodGet, "/chat/get?access_token="+o.Token+"&chatid="+got.ChatID, "")
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","chat_info":{"chatid":"`+got.ChatID+`","name":"故障7b","owner":"user003","useridlist":["user002","user003"],
		"extidlist":[],"conversationTag":2,"icon":"","status":1,"showHistoryType":0,"searchable":1,"validationType":0,"mentionAllAuthority":1,
		"managementType":0,"chatBannedType":0}}`, legacy)

	assert.JSONEq(t, `{"openConversationId":"`+got.OpenConversationID+`"}`,
		o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/im/chat/"+url.PathEscape(got.ChatID)+"/convertToOpenConversationId", ""))
	byCid := `{"openConversationId":"` + got.OpenConversationID + `"}`
	assert.Contains(t, o.Modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/im/sceneGroups/query", byCid), "groupPermissionDenied",
		"it is no scene group")
	assert.Contains(t, o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/im/groups/baseInfos/query", byCid), `"memberCount":2`)
	o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/im/subAdministrators", `{"openConversationId":"`+got.OpenConversationID+`","userIds":["user002"],"role":2}`)
	c, err = o.Chat(got.ChatID)
	require.NoError(t, err)
	assert.Equal(t, []string{"user002"}, c.Admins)
}

func TestChatCreateRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	forty := strings.Repeat(`"user002",`, 40) + `"user001"`
	tests := map[string]struct {
		body string
		code int
	}{
		"name too long":    {`{"name":"` + strings.Repeat("名", 21) + `","owner":"user001","useridlist":["user001"]}`, 400002},
		"owner outside":    {`{"name":"x","owner":"user003","useridlist":["user001"]}`, 400002},
		"unknown member":   {`{"name":"x","owner":"user001","useridlist":["user001","nobody"]}`, 40031},
		"no members":       {`{"name":"x","owner":"user001","useridlist":[]}`, 49010},
		"too many members": {`{"name":"x","owner":"user001","useridlist":[` + forty + `]}`, 49011},
		"option":           {`{"name":"x","owner":"user001","useridlist":["user001"],"searchable":2,"managementOptions":{"searchable":2}}`, 40035},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Contains(t, o.Modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/im/group/create", tt.body), "parameter.invalid")
			_, got := o.Do(t, http.MethodPost, "/chat/create?access_token="+o.Token, tt.body)
			assert.Equal(t, tt.code, boxtest.Read[boxtest.Reply](t, got).Code, got)
			assert.Empty(t, o.Chats())
		})
	}
}

func TestLegacyChatCalls(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	get := func(query string) int {
		_, got := o.Do(t, http.MethodGet, "/chat/get?"+query, "")
		return boxtest.Read[boxtest.Reply](t, got).Code
	}
	assert.Equal(t, 40014, get("access_token=x"), "plain paths do not wrap")
	assert.Equal(t, 49000, get("access_token="+o.Token))
	assert.Equal(t, 40016, get("access_token="+o.Token+"&chatid=chatx"))
	_, got := o.Do(t, http.MethodPost, "/chat/create?access_token="+o.Token, "name=x", "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, 43009, boxtest.Read[boxtest.Reply](t, got).Code)
	_, got = o.Do(t, http.MethodPost, "/chat/create?access_token="+o.Token, `{"name":"x","owner":"user001","useridlist":["user001"],"searchable":1}`)
	assert.Contains(t, got, `"openConversationId":"cid`)
	require.Len(t, o.Chats(), 1)
	assert.Equal(t, 1, o.Chats()[0].Options["searchable"])
}

func TestSceneGroupLife(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	call := func(want int, path, body string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodPost, "/v1.0/im/"+path, body)
	}
	create := `{"title":"值班","template_id":"` + o.App.GroupTemplates[0] + `","owner_user_id":"user001","user_ids":["user001","user002"],
		"subadmin_ids":["user002"],"uuid":"crew-1","management_options":{"show_history_type":1}}`
	first := call(200, "sceneGroup/create", create)
	assert.JSONEq(t, first, call(200, "sceneGroup/create", create), "the uuid makes it safe to repeat")
	require.Len(t, o.Chats(), 1)
	c := o.Chats()[0]
	assert.JSONEq(t, `{"open_conversation_id":"`+c.OpenConversationID+`","chat_id":"`+c.ChatID+`"}`, first)

	snake, camel := `"open_conversation_id":"`+c.OpenConversationID+`"`, `"openConversationId":"`+c.OpenConversationID+`"`
	call(200, "sceneGroup/member/add", `{`+snake+`,"user_ids":["user003"],"union_ids":["union004iE"]}`)
	call(200, "sceneGroup/member/delete", `{`+snake+`,"user_ids":["user002"]}`)
	call(200, "sceneGroup/update", `{`+snake+`,"title":"值班二","owner_union_id":"union003iE"}`)
	assert.JSONEq(t, `{"success":true,"memberUserIds":["user001","user003","user004"],"unionIdList":[],"unionIdNickMap":{},"hasMore":false,"nextToken":"",
		"staffIdNickMap":{"user001":"张三","user003":"王五","user004":"赵六"}}`, call(200, "sceneGroups/members/batchQuery", `{`+camel+`,"maxResults":1}`))
	info := call(200, "sceneGroups/query", `{`+camel+`}`)
	assert.Contains(t, info, `"title":"值班二"`)
	assert.Contains(t, info, `"ownerUserId":"user003"`)
	assert.Contains(t, o.Legacy(t, "/topapi/im/chat/scenegroup/get", `{`+snake+`}`), `"show_history_type":"1"`)

	call(400, "sceneGroup/member/delete", `{`+snake+`,"user_ids":["user003"]}`)
	call(400, "sceneGroup/member/add", `{`+snake+`,"user_ids":["nobody"]}`)
	call(400, "sceneGroup/member/add", `{`+snake+`}`)

	call(200, "chat/scenegroup/disband", `{`+camel+`}`)
	call(200, "chat/scenegroup/disband", `{`+camel+`}`)
	assert.Contains(t, call(200, "sceneGroups/query", `{`+camel+`}`), `"status":2`)
	call(400, "sceneGroup/update", `{`+snake+`,"title":"x"}`)

	other := o.AddApp(sandbox.DemoApp("other"))
	o.Token, _ = o.NewToken(t, other)
	assert.Contains(t, call(400, "sceneGroups/query", `{`+camel+`}`), "groupPermissionDenied")
	assert.Contains(t, call(400, "sceneGroups/query", `{"openConversationId":"x"}`), "cidEncryptError")
	assert.Contains(t, call(400, "sceneGroups/query", `{"openConversationId":"cidx=="}`), "paramIllegal")
	assert.Contains(t, call(400, "sceneGroup/create", create), "groupTemplate.notFound")
}
