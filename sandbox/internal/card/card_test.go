package card_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestCards(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := o.TeamChat()
	create := func(id, space, models string) string {
		return o.Modern(t, 200, http.MethodPost, "/v1.0/card/instances/createAndDeliver", `{"cardTemplateId":"tpl.schema","outTrackId":"`+id+`",
			"callbackType":"STREAM","cardData":{"cardParamMap":{"title":"发布?","state":"等待"}},"openSpaceId":"`+space+`",`+models+`}`)
	}
	group := `"imGroupOpenDeliverModel":{"robotCode":"` + o.App.AppKey + `"}`
	got := create("run-1", "dtv1.card//IM_GROUP."+c.OpenConversationID, group)
	assert.Contains(t, got, `"spaceId":"`+c.OpenConversationID+`","spaceType":"IM_GROUP","success":true`)
	assert.JSONEq(t, got, create("run-1", "dtv1.card//IM_GROUP."+c.OpenConversationID, group), "the outTrackId makes it safe to repeat")
	require.Len(t, o.Messages(sandbox.Filter{Type: sandbox.TypeCard}), 1)

	assert.Contains(t, create("run-2", "dtv1.card//IM_ROBOT.user001", `"imRobotOpenDeliverModel":{"spaceType":"IM_ROBOT","robotCode":"`+o.App.AppKey+`"}`), `"spaceId":"user001","spaceType":"IM_ROBOT","success":true`)
	for i, space := range []string{"IM_GROUP.cidx==", "IM_ROBOT.nobody", "IM_ROBOT.user001", "SOMEWHERE.x"} {
		assert.Contains(t, create("bad-"+strconv.Itoa(i), "dtv1.card//"+space, group), `"success":false`)
	}

	owner := o.Token
	o.Token, _ = o.NewToken(t, o.AddApp(sandbox.DemoApp("other")))
	o.Modern(t, 400, http.MethodPost, "/v1.0/card/instances/createAndDeliver",
		`{"cardTemplateId":"t","outTrackId":"run-1","cardData":{"cardParamMap":{}},"openSpaceId":"dtv1.card//IM_ROBOT.user001"}`)
	o.Modern(t, 400, http.MethodPut, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{}}}`)
	o.Token = owner

	put := func(want int, path, body string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodPut, path, body)
	}
	put(200, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{"state":"完成"}},"cardUpdateOptions":{"updateCardDataByKey":true},
		"privateData":{"user001":{"cardParamMap":{"mine":"1"}}}}`)
	card, err := o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"title": "发布?", "state": "完成"}, card.Params)
	assert.Equal(t, map[string]map[string]string{"user001": {"mine": "1"}}, card.Private)
	assert.Contains(t, o.Messages(sandbox.Filter{})[0].Content.Text, "state: 完成")

	stream := func(guid, content string, full, last bool) {
		t.Helper()
		put(200, "/v1.0/card/streaming", boxtest.Encoded(t, map[string]any{
			"outTrackId": "run-1", "guid": guid, "key": "log", "content": content, "isFull": full, "isFinalize": last,
		}))
	}
	stream("g1", "a", false, false)
	stream("g2", "b", false, false)
	stream("g2", "b", false, false)
	card, err = o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, "ab", card.Params["log"], "a guid counts once")
	assert.False(t, card.Finished)
	stream("g3", "全部", true, true)
	card, err = o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, "全部", card.Params["log"])
	assert.True(t, card.Finished)

	put(200, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{"only":"this"}}}`)
	card, err = o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"only": "this"}, card.Params, "without the option an update replaces")
	put(400, "/v1.0/card/instances", `{"outTrackId":"run-9","cardData":{"cardParamMap":{}}}`)
	put(400, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{"n":1}}}`)
}

// What public clients leave out is left out of the real calls, too.
func TestCardsAsPublicClientsSendThem(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := o.TeamChat()
	call := func(want int, method, path string, body map[string]any) string {
		t.Helper()
		return o.Modern(t, want, method, "/v1.0/card/"+path, boxtest.Encoded(t, body))
	}
	params := func(values map[string]string) map[string]any { return map[string]any{"cardParamMap": values} }

	made := call(200, http.MethodPost, "instances", map[string]any{
		"cardTemplateId": "t", "outTrackId": "two-steps", "cardData": params(map[string]string{"title": "发布?"}), "callbackType": "STREAM",
		"imGroupOpenSpaceModel": map[string]any{"supportForward": true},
	})
	assert.JSONEq(t, `{"success":true,"result":"two-steps"}`, made)
	assert.Empty(t, o.Messages(sandbox.Filter{}), "nobody sees it yet")
	call(400, http.MethodPost, "instances/deliver", map[string]any{"outTrackId": "unknown", "openSpaceId": "dtv1.card//IM_ROBOT.user001"})
	got := call(200, http.MethodPost, "instances/deliver", map[string]any{
		"outTrackId": "two-steps", "openSpaceId": "dtv1.card//IM_GROUP." + c.OpenConversationID,
		"imGroupOpenDeliverModel": map[string]any{"robotCode": o.App.AppKey},
	})
	assert.Contains(t, got, `"spaceType":"IM_GROUP","success":true`)
	require.Len(t, o.Messages(sandbox.Filter{}), 1)

	call(200, http.MethodPut, "instances", map[string]any{"outTrackId": "two-steps", "privateData": map[string]any{"user003": params(map[string]string{"mine": "1"})}})
	card, err := o.Card("two-steps")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"title": "发布?"}, card.Params, "they stay as they are")
	assert.Equal(t, map[string]map[string]string{"user003": {"mine": "1"}}, card.Private)
	call(400, http.MethodPut, "instances", map[string]any{"outTrackId": "two-steps"})
	for i, piece := range []string{"a", "b"} {
		call(200, http.MethodPut, "streaming", map[string]any{"outTrackId": "two-steps", "guid": strconv.Itoa(i), "key": "log", "content": piece})
	}
	card, err = o.Card("two-steps")
	require.NoError(t, err)
	assert.Equal(t, "ab", card.Params["log"])
	assert.False(t, card.Finished)

	above := map[string]any{
		"cardTemplateId": "t", "outTrackId": "above", "cardData": params(map[string]string{}), "openSpaceId": "dtv1.card//ONE_BOX." + c.OpenConversationID,
		"topOpenSpaceModel": map[string]any{"spaceType": "ONE_BOX"}, "topOpenDeliverModel": map[string]any{"expiredTimeMillis": 1800000000000},
	}
	assert.Contains(t, call(200, http.MethodPost, "instances/createAndDeliver", above), `"spaceType":"ONE_BOX","success":true`)
	assert.Empty(t, o.Attempts()[len(o.Attempts())-1].Ignored)
	above["outTrackId"] = "no model"
	delete(above, "topOpenDeliverModel")
	assert.Contains(t, call(200, http.MethodPost, "instances/createAndDeliver", above), "topOpenDeliverModel is invalid")
}
