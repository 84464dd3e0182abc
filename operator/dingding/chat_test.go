package dingding_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestChats(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_create_chat": {
			Calls: []string{"chat_create"},
			Want:  `{"chat_data": {"openConversationId": "cidNew01==", "chatid": "chatnew01", "conversationTag": 2}}`,
		},
		"dingtalk_get_chat_info": {
			Calls: []string{"chat_info"},
			Want: `{"chat_info": {"openConversationId": "cidAb/3dE+f0==", "templateId": "13d42075-b3e2", "title": "Release crew",
				"ownerUserId": "u001", "icon": "@lADP1", "groupUrl": "https://example.com/g", "status": 1}}`,
		},
		"dingtalk_convert_chat_id": {
			Calls: []string{"chat_id_to_open_conversation_id"},
			Want:  `{"open_conversation_id": "cidNew01=="}`,
		},
	})
}

func TestBadChats(t *testing.T) {
	t.Parallel()
	suite.CheckBad(t, []apptest.Bad{
		{"dingtalk_create_chat", "{name: '" + strings.Repeat("群", 21) + "', owner_user_id: u1}", "name", "has 21 characters; DingTalk accepts 1 to 20"},
		{"dingtalk_create_chat", "{name: '', owner_user_id: u1}", "name", "is empty"},
		{"dingtalk_create_chat", "{name: n, owner_user_id: u1, user_ids: '" + strings.Repeat("u,", 41) + "'}", "user_ids", "has 41 elements"},
		{"dingtalk_create_chat", "{name: n, owner_user_id: u1, searchable: 2}", "searchable", "1"},
		{"dingtalk_get_chat_info", "chat_id: ''", "chat_id", "is empty"},
	})
}

func TestChatInfoOfACoolApp(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	_, err := suite.Exec(t, d.Task(t), "dingtalk_get_chat_info", "{chat_id: 'cid1==', cool_app_code: COOLAPP-1-X}")
	require.NoError(t, err)
	assert.JSONEq(t, `{"openConversationId":"cid1==","coolAppCode":"COOLAPP-1-X"}`, d.Got()[0].Body)
}

// What a lost answer means for a call that must not be made twice.
func TestUncertainChat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]operator.Kind{
		"{name: n, owner_user_id: u1}":                      operator.Failed,
		"{name: n, owner_user_id: u1, on_uncertain: retry}": operator.Retry,
	} {
		d := apptest.Start(t)
		d.Answer("POST /v1.0/im/group/create", 504, "")
		_, err := suite.Exec(t, d.Task(t), "dingtalk_create_chat", text)
		assert.Equal(t, want, operator.Classify(t.Context(), err).Kind, "%v", err)
		require.Len(t, d.Got(), 1)
		op, ok := operatortest.Decode(t, suite.Spec(t, "dingtalk_create_chat"), text).(operator.RepeatChecker)
		require.True(t, ok)
		assert.Equal(t, want == operator.Retry, op.RepeatSafe())
	}
}
