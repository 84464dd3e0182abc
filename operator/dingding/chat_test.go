package dingding_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestChats(t *testing.T) {
	t.Parallel()
	checkApp(t, map[string]appTest{
		"dingtalk_create_chat": {
			calls: []string{"chat_create"},
			want:  `{"chat_data": {"openConversationId": "cidNew01==", "chatid": "chatnew01", "conversationTag": 2}}`,
		},
		"dingtalk_get_chat_info": {
			calls: []string{"chat_info"},
			want: `{"chat_info": {"openConversationId": "cidAb/3dE+f0==", "templateId": "13d42075-b3e2", "title": "Release crew",
				"ownerUserId": "u001", "icon": "@lADP1", "groupUrl": "https://example.com/g", "status": 1}}`,
		},
		"dingtalk_convert_chat_id": {
			calls: []string{"chat_id_to_open_conversation_id"},
			want:  `{"open_conversation_id": "cidNew01=="}`,
		},
	})
}

func TestBadChats(t *testing.T) {
	t.Parallel()
	checkBad(t, []badParams{
		{"dingtalk_create_chat", "{name: '" + strings.Repeat("群", 21) + "', owner_user_id: u1}", "name", "has 21 characters; DingTalk takes 1 to 20"},
		{"dingtalk_create_chat", "{name: '', owner_user_id: u1}", "name", "is empty"},
		{"dingtalk_create_chat", "{name: n, owner_user_id: u1, user_ids: '" + strings.Repeat("u,", 41) + "'}", "user_ids", "has 41 elements"},
		{"dingtalk_create_chat", "{name: n, owner_user_id: u1, searchable: 2}", "searchable", "1"},
		{"dingtalk_get_chat_info", "chat_id: ''", "chat_id", "is empty"},
	})
}

func TestChatInfoOfACoolApp(t *testing.T) {
	t.Parallel()
	d := startDingTalk(t)
	_, err := execApp(t, d.task(t), "dingtalk_get_chat_info", "{chat_id: 'cid1==', cool_app_code: COOLAPP-1-X}")
	require.NoError(t, err)
	assert.JSONEq(t, `{"openConversationId":"cid1==","coolAppCode":"COOLAPP-1-X"}`, d.got()[0].Body)
}

// What a lost answer means for a call that must not be made twice.
func TestUncertainChat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]operator.Kind{
		"{name: n, owner_user_id: u1}":                      operator.Failed,
		"{name: n, owner_user_id: u1, on_uncertain: retry}": operator.Retry,
	} {
		d := startDingTalk(t)
		d.answer("POST /v1.0/im/group/create", 504, "")
		_, err := execApp(t, d.task(t), "dingtalk_create_chat", text)
		assert.Equal(t, want, operator.Classify(t.Context(), err).Kind, "%v", err)
		require.Len(t, d.got(), 1)
		op, ok := operatortest.Decode(t, appSpec(t, "dingtalk_create_chat"), text).(operator.RepeatChecker)
		require.True(t, ok)
		assert.Equal(t, want == operator.Retry, op.RepeatSafe())
	}
}
