package incoming_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook/incoming"
)

// groupMessage is a message as the protocol page describes one.
const groupMessage = `{
	"conversationId": "cidAb/3dE+f0==", "conversationType": "2", "conversationTitle": "ops", "msgId": "msgAb12==",
	"msgtype": "text", "text": {"content": " trigger nightly "}, "senderId": "$:LWCP_v1:$abc", "senderStaffId": "user001",
	"senderNick": "Ann", "senderCorpId": "ding1", "senderPlatform": "Mac", "isAdmin": true, "chatbotCorpId": "ding1",
	"chatbotUserId": "$:LWCP_v1:$bot", "robotCode": "dingabc", "atUsers": [{"dingtalkId": "$:LWCP_v1:$bot"}], "isInAtList": true,
	"createAt": 1690362101000, "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=s3cr3t",
	"sessionWebhookExpiredTime": 1690367501000}`

// change is the group message with other members; nil takes one away.
func change(t *testing.T, members map[string]any) []byte {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(groupMessage), &m))
	for name, value := range members {
		m[name] = value
		if value == nil {
			delete(m, name)
		}
	}
	data, err := json.Marshal(m)
	require.NoError(t, err)
	return data
}

func TestMessage(t *testing.T) {
	t.Parallel()
	m, err := incoming.ParseMessage([]byte(groupMessage))
	require.NoError(t, err)
	raw := m.Raw
	m.Raw = nil
	assert.Equal(t, &incoming.Message{
		ID: "msgAb12==", ConversationID: "cidAb/3dE+f0==", ConversationTitle: "ops", Group: true, Mentioned: true,
		Sender: incoming.Sender{UserID: "user001", Nick: "Ann", ID: "$:LWCP_v1:$abc", CorpID: "ding1", Admin: true},
		Kind:   "text", Text: "trigger nightly", RobotCode: "dingabc", At: time.UnixMilli(1690362101000).UTC(),
		Reply: incoming.Reply{URL: "https://oapi.dingtalk.com/robot/sendBySession?session=s3cr3t", Expires: time.UnixMilli(1690367501000).UTC()},
	}, m)
	assert.JSONEq(t, string(change(t, map[string]any{"sessionWebhook": nil})), string(raw))
	assert.NotContains(t, fmt.Sprintf("%+v %s", m, raw), "s3cr3t", "the address is a secret")
}

func TestMessageKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members map[string]any
		want    func(*incoming.Message) any
		is      any
	}{
		"an outsider has no userid": {map[string]any{"senderStaffId": nil}, func(m *incoming.Message) any { return m.Sender.UserID }, ""},
		"one to one":                {map[string]any{"conversationType": "1"}, func(m *incoming.Message) any { return m.Group }, false},
		"the type as a number":      {map[string]any{"conversationType": 1}, func(m *incoming.Message) any { return m.Group }, false},
		"the time as text":          {map[string]any{"createAt": "1690362101001"}, func(m *incoming.Message) any { return m.At.UnixMilli() }, int64(1690362101001)},
		"no time":                   {map[string]any{"createAt": nil}, func(m *incoming.Message) any { return m.At.IsZero() }, true},
		"a time no clock shows":     {map[string]any{"createAt": 1e18}, func(m *incoming.Message) any { return m.At.IsZero() }, true},
		"rich text": {
			map[string]any{"msgtype": "richText", "content": map[string]any{"richText": []any{
				map[string]any{"text": " logs "}, map[string]any{"type": "picture", "downloadCode": "x"}, map[string]any{"text": "load"}, "?",
			}}},
			func(m *incoming.Message) any { return m.Text }, "logs  load",
		},
		"audio": {
			map[string]any{"msgtype": "audio", "content": map[string]any{"recognition": "show alerts ", "duration": 4000}},
			func(m *incoming.Message) any { return m.Text }, "show alerts",
		},
		"a picture": {
			map[string]any{"msgtype": "picture", "text": nil, "content": map[string]any{"downloadCode": "x"}},
			func(m *incoming.Message) any { return m.Kind + m.Text }, "picture",
		},
		"content of another shape": {map[string]any{"msgtype": "file", "content": "x"}, func(m *incoming.Message) any { return m.Text }, ""},
		"over quota": {
			map[string]any{"msgtype": nil, "text": nil, "errorCode": 20001},
			func(m *incoming.Message) any { return m.ErrorCode }, incoming.QuotaSpent,
		},
		"no error": {map[string]any{"errorCode": 0}, func(m *incoming.Message) any { return m.ErrorCode }, ""},
		"null characters": {
			map[string]any{"text": map[string]any{"content": "a\x00b"}, "senderNick": "\x00"},
			func(m *incoming.Message) any { return m.Text + m.Sender.Nick }, "ab",
		},
		"20,000 bytes": {
			map[string]any{"text": map[string]any{"content": strings.Repeat("长", 6666)}},
			func(m *incoming.Message) any { return len(m.Text) }, 19998,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := incoming.ParseMessage(change(t, c.members))
			require.NoError(t, err)
			assert.Equal(t, c.is, c.want(m))
		})
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	t.Parallel()
	for want, data := range map[string]string{
		"bot message: it is not a JSON object":    `[]`,
		"bot message: broken JSON at byte 1":      `{`,
		"msgId is missing":                        string(change(t, map[string]any{"msgId": nil})),
		"conversationId is missing":               string(change(t, map[string]any{"conversationId": ""})),
		"msgtype is missing":                      string(change(t, map[string]any{"msgtype": nil})),
		`conversationType is "3", not "1" or "2"`: string(change(t, map[string]any{"conversationType": "3"})),
		"msgId has 513 bytes; at most 512 are":    string(change(t, map[string]any{"msgId": strings.Repeat("m", 513)})),
		"senderStaffId has control characters":    string(change(t, map[string]any{"senderStaffId": "a\nb"})),
		`"noon" is not a number`:                  string(change(t, map[string]any{"createAt": "noon"})),
		"bot message: it is not text":             string(change(t, map[string]any{"msgId": map[string]any{}})),
	} {
		_, err := incoming.ParseMessage([]byte(data))
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
}

func TestReplyAlive(t *testing.T) {
	t.Parallel()
	end := time.UnixMilli(1690367501000)
	r := incoming.Reply{URL: "https://x", Expires: end}
	assert.True(t, r.Alive(end.Add(-time.Millisecond)))
	assert.False(t, r.Alive(end))
	assert.False(t, incoming.Reply{Expires: end}.Alive(end.Add(-time.Hour)), "there is no address")
	assert.True(t, incoming.Reply{URL: "https://x"}.Alive(end), "DingTalk did not say when it ends")
}

const press = `{"type":"actionCallback","outTrackId":"run-42","corpId":"ding1","userId":"user001","userIdType":1,"spaceId":"cidAb==",` +
	`"spaceType":"IM_GROUP","extension":"{}","content":"{\"cardPrivateData\":{\"actionIds\":[\"ok\"],\"params\":{\"k\":\"v\",\"n\":2}}}"}`

func TestPress(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1700000000000)
	p, err := incoming.ParsePress("m1", at, []byte(press))
	require.NoError(t, err)
	assert.Equal(t, &incoming.Press{
		ID: "m1", OutTrackID: "run-42", CorpID: "ding1", UserID: "user001", SpaceID: "cidAb==", SpaceType: "IM_GROUP",
		ActionIDs: []string{"ok"}, Params: map[string]string{"k": "v", "n": "2"}, At: at, Raw: json.RawMessage(press),
	}, p)

	p, err = incoming.ParsePress("m1", at, []byte(`{"outTrackId":"o","userId":"union","userIdType":"2","content":{"cardPrivateData":{"actionIds":["a"]}}}`))
	require.NoError(t, err)
	assert.Equal(t, [3]string{"", "union", "a"}, [3]string{p.UserID, p.UnionID, p.ActionIDs[0]}, "a unionId is no userid")
}

func TestPressWithoutID(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1700000000000)
	id := func(at time.Time, data string) string {
		p, err := incoming.ParsePress("", at, []byte(data))
		require.NoError(t, err)
		return p.ID
	}
	assert.Equal(t, id(at, press), id(at, press), "the same request again")
	assert.NotEqual(t, id(at, press), id(at.Add(time.Millisecond), press), "the same button again")
	assert.NotEqual(t, id(at, press), id(at, strings.Replace(press, "user001", "user002", 1)))
}

func TestPressesThatAreNone(t *testing.T) {
	t.Parallel()
	for want, data := range map[string]string{
		"card callback: outTrackId is missing":            `{"userId":"u"}`,
		"card callback: userId is missing":                `{"outTrackId":"o"}`,
		"card callback: content: broken JSON at byte 2":   `{"outTrackId":"o","userId":"u","content":"{a"}`,
		"card callback: content: it is not a JSON object": `{"outTrackId":"o","userId":"u","content":"[]"}`,
		"card callback: an id in actionIds is missing":    `{"outTrackId":"o","userId":"u","content":{"cardPrivateData":{"actionIds":[""]}}}`,
		"card callback: it is not a JSON object":          ``,
	} {
		_, err := incoming.ParsePress("m", time.Time{}, []byte(data))
		require.ErrorContains(t, err, want, data)
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"eventId": "e1", "eventType": "user_add_org", "eventCorpId": "ding1", "eventBornTime": "1690362102194"}
	e, err := incoming.ParseEvent(headers, []byte(`{"userId":["u1"]}`))
	require.NoError(t, err)
	assert.Equal(t, &incoming.Event{
		ID: "e1", Type: "user_add_org", CorpID: "ding1", Born: time.UnixMilli(1690362102194).UTC(), Data: json.RawMessage(`{"userId":["u1"]}`),
	}, e)
	_, err = incoming.ParseEvent(map[string]string{"eventType": "x"}, []byte(`{}`))
	require.ErrorContains(t, err, "event: eventId is missing")
	_, err = incoming.ParseEvent(headers, []byte(`"text"`))
	require.ErrorContains(t, err, "event: it is not a JSON object")

	const overHTTP = `{"EventType":"user_add_org","TimeStamp":"1690362102194","UserId":["u1"],"CorpId":"ding1"}`
	e, err = incoming.ParseHTTPEvent([]byte(overHTTP))
	require.NoError(t, err)
	again, err := incoming.ParseHTTPEvent([]byte(overHTTP))
	require.NoError(t, err)
	assert.Equal(t, e, again)
	assert.Equal(t, "user_add_org ding1 1690362102194", fmt.Sprint(e.Type, " ", e.CorpID, " ", e.Born.UnixMilli()))
	check, err := incoming.ParseHTTPEvent([]byte(`{"EventType":"check_url"}`))
	require.NoError(t, err)
	assert.Equal(t, incoming.CheckURL, check.Type)
	assert.NotEqual(t, e.ID, check.ID)
	_, err = incoming.ParseHTTPEvent([]byte(`{}`))
	require.ErrorContains(t, err, "event: eventType is missing")
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(groupMessage))
	f.Add([]byte(`{"msgtype":"richText","content":{"richText":[{"text":"a"},{}]},"sessionwebhook":"https://s3cr3t"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := incoming.ParseMessage(data)
		if err != nil {
			require.Nil(t, m)
			return
		}
		require.NotEmpty(t, m.ID)
		require.NotEmpty(t, m.ConversationID)
		require.NotContains(t, m.Text, "\x00")
		var raw map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(m.Raw, &raw))
		for name := range raw {
			require.False(t, strings.EqualFold(name, "sessionWebhook"))
		}
	})
}

func FuzzParsePress(f *testing.F) {
	f.Add([]byte(press))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := incoming.ParsePress("", time.UnixMilli(1), data)
		if err == nil {
			require.NotEmpty(t, p.OutTrackID)
			require.NotEmpty(t, p.UserID+p.UnionID)
		}
	})
}
