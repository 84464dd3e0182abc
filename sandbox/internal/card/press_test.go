package card_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
	"github.com/dingdag/dingdag/sandbox/internal/card"
)

const buttons = `[{"text":"Retry","action":"retry","params":{"try":"2"},"style":"primary"},{"text":"Log","url":"https://example.com/log"},{"text":"Ack","action":"ack","disabled":true}]`

// deliver makes the card run-1 with buttons in a group.
func deliver(t *testing.T, o *boxtest.Office, c sandbox.Chat, callback string) {
	t.Helper()
	o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/card/instances/createAndDeliver", boxtest.Encoded(t, map[string]any{
		"cardTemplateId": "t", "outTrackId": "run-1", "callbackType": callback, "callbackRouteKey": "rk", "openSpaceId": "dtv1.card//IM_GROUP." + c.OpenConversationID,
		"cardData":                map[string]any{"cardParamMap": map[string]string{"markdown": "**failed**", "buttons": buttons}},
		"imGroupOpenDeliverModel": map[string]any{"robotCode": o.App.AppKey},
	}))
}

func TestPressOverTheStream(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	deliver(t, o, team, "STREAM")
	shown := o.Messages(sandbox.Filter{Conversation: team.OpenConversationID})
	require.Len(t, shown, 1)
	assert.Equal(t, "**failed**", shown[0].Content.Text)
	assert.Equal(t, []sandbox.Button{
		{Title: "Retry", Action: "retry", Style: "primary"}, {Title: "Log", URL: "https://example.com/log"}, {Title: "Ack", Action: "ack", Disabled: true},
	}, shown[0].Content.Buttons)

	pressed := o.Press("user004", "run-1", "retry")
	assert.Equal(t, card.ViaStream, pressed.Via)
	_, got := o.Do(t, http.MethodPost, "/v1.0/gateway/connections/open", `{"clientId":"`+o.App.AppKey+`","clientSecret":"`+o.App.AppSecret+
		`","subscriptions":[{"type":"CALLBACK","topic":"/v1.0/card/instances/callback"}]}`, "Accept", "application/json")
	at := boxtest.Read[map[string]string](t, got)
	ws, resp, err := websocket.Dial(t.Context(), at["endpoint"]+"?ticket="+at["ticket"], &websocket.DialOptions{HTTPClient: o.Client})
	require.NoError(t, err)
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	defer func() { _ = ws.CloseNow() }()
	answer := func(data string) string {
		_, raw, err := ws.Read(t.Context())
		require.NoError(t, err)
		var f struct {
			Headers map[string]string `json:"headers"`
			Data    string            `json:"data"`
		}
		require.NoError(t, json.Unmarshal(raw, &f))
		require.NoError(t, ws.Write(t.Context(), websocket.MessageText, []byte(boxtest.Encoded(t, map[string]any{
			"code": 200, "message": "OK", "headers": map[string]string{"messageId": f.Headers["messageId"]}, "data": data,
		}))))
		return f.Data
	}
	assert.JSONEq(t, boxtest.Encoded(t, map[string]any{
		"type": "actionCallback", "outTrackId": "run-1", "corpId": "dingdemocorp", "userId": "user004", "userIdType": 1,
		"spaceId": team.OpenConversationID, "spaceType": "IM_GROUP", "extension": "{}",
		"content": `{"cardPrivateData":{"actionIds":["retry"],"params":{"try":"2"}}}`,
	}), answer(`{"response":{"cardUpdateOptions":{"updateCardDataByKey":true,"updatePrivateDataByKey":true},
		"cardData":{"cardParamMap":{"markdown":"retried by 赵六"}},"userPrivateData":{"cardParamMap":{"mine":"1"}}}}`))
	c := o.WaitCard("run-1", func(c sandbox.Card) bool { return c.Params["markdown"] != "**failed**" })
	assert.Equal(t, map[string]string{"markdown": "retried by 赵六", "buttons": buttons}, c.Params)
	assert.Equal(t, map[string]map[string]string{"user004": {"mine": "1"}}, c.Private)
	assert.Equal(t, "retried by 赵六", o.Messages(sandbox.Filter{})[0].Content.Text)
	assert.True(t, o.Presses()[0].Answered)

	o.Press("user004", "run-1", "retry")
	answer(`{"response":{"cardData":{"cardParamMap":{"markdown":"done"}}}}`)
	c = o.WaitCard("run-1", func(c sandbox.Card) bool { return c.Params["markdown"] == "done" })
	assert.NotContains(t, c.Params, "buttons", "without options all variables are replaced")
	_, err = o.Server.Press(t.Context(), sandbox.Press{Card: "run-1", From: "user004", Action: "gone", Stale: true})
	require.NoError(t, err)
	assert.Contains(t, answer(`{"response":{}}`), "gone")
}

func TestPressRefuses(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	deliver(t, o, team, "")
	for name, in := range map[string]sandbox.Press{
		"unknown card":   {Card: "x", From: "user003", Action: "retry"},
		"no member":      {Card: "run-1", From: "user001", Action: "retry"},
		"no such button": {Card: "run-1", From: "user003", Action: "x"},
		"disabled":       {Card: "run-1", From: "user003", Action: "ack"},
		"no action":      {Card: "run-1", From: "user003"},
		"other group":    {Card: "run-1", From: "user003", Action: "retry", Conversation: "cid"},
	} {
		_, err := o.Server.Press(t.Context(), in)
		require.Error(t, err, name)
	}
	assert.Empty(t, o.Presses())
	assert.Contains(t, o.Press("user003", "run-1", "retry").Note, "callbackType")
}

func TestPressOverHTTP(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	deliver(t, o, team, "HTTP")
	assert.Contains(t, o.Press("user003", "run-1", "retry").Note, `route key "rk"`)
	assert.Equal(t, "jbfW9IWoVwNBxfc3A31HuJi8+42BsgaiSLCRTSM6XGM=", card.Sign("card-secret-1", "1700000000000"), "the vector of the protocol")
	answer := `{"cardUpdateOptions":{"updateCardDataByKey":true},"cardData":{"cardParamMap":{"markdown":"ok"}}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "1700000000000", r.Header.Get("x-ddpaas-signature-timestamp"))
		assert.Equal(t, "jbfW9IWoVwNBxfc3A31HuJi8+42BsgaiSLCRTSM6XGM=", r.Header.Get("x-ddpaas-signature"))
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	register := func(url string) string {
		return o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/card/callbacks/register", boxtest.Encoded(t, map[string]any{
			"callbackRouteKey": "rk", "callbackUrl": url, "apiSecret": "card-secret-1",
		}))
	}
	want := `{"success":true,"result":{"apiSecret":"card-secret-1","callbackUrl":"` + server.URL + `"}}`
	assert.JSONEq(t, want, register(server.URL))
	assert.JSONEq(t, want, register("https://example.com"), "without forceUpdate the first address stays")
	pressed := o.Press("user003", "run-1", "retry")
	assert.Equal(t, 200, pressed.Code)
	assert.Empty(t, pressed.Note)
	c, err := o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, "ok", c.Params["markdown"])
	assert.Contains(t, c.Params, "buttons")
	answer = "oops"
	assert.Contains(t, o.Press("user003", "run-1", "retry").Note, "no JSON")
}

func TestPressAPI(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	deliver(t, o, o.TeamChat(), "STREAM")
	_, got := o.Do(t, http.MethodGet, "/sandbox/api/cards", "")
	assert.Contains(t, got, `"out_track_id":"run-1"`)
	status, got := o.Do(t, http.MethodPost, "/sandbox/api/presses", `{"card":"run-1","from":"user003","action":"retry"}`)
	require.Equal(t, http.StatusOK, status, got)
	_, list := o.Do(t, http.MethodGet, "/sandbox/api/presses", "")
	assert.JSONEq(t, `{"presses":[`+got+`]}`, list)
	status, _ = o.Do(t, http.MethodPost, "/sandbox/api/presses", `{"card":"run-1","from":"user001","action":"retry"}`)
	assert.Equal(t, http.StatusNotFound, status)
}
