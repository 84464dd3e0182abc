package page_test

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

// cardIn makes a card with buttons in a group.
func cardIn(t *testing.T, o *boxtest.Office, c sandbox.Chat, markdown string) {
	t.Helper()
	o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/card/instances/createAndDeliver", boxtest.Encoded(t, map[string]any{
		"cardTemplateId": "t", "outTrackId": "run-1", "callbackType": "STREAM", "openSpaceId": "dtv1.card//IM_GROUP." + c.OpenConversationID,
		"cardData": map[string]any{"cardParamMap": map[string]string{
			"markdown": markdown,
			"buttons":  `[{"text":"Retry","action":"retry","style":"primary"},{"text":"Log","url":"https://example.com/log"},{"text":"Ack","action":"ack","disabled":true}]`,
		}},
		"privateData":             map[string]any{"user005": map[string]any{"cardParamMap": map[string]string{"markdown": "for 孙七 alone"}}},
		"imGroupOpenDeliverModel": map[string]any{"robotCode": o.App.AppKey},
	}))
}

// submit sends a form of the page and returns where it leads.
func submit(t *testing.T, o *boxtest.Office, path string, fields url.Values) (status int, location string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.URL+path, strings.NewReader(fields.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	o.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := o.Client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, resp.Header.Get("Location")
}

func room(c sandbox.Chat, as string) string {
	return "?view=chat&room=" + url.QueryEscape(c.OpenConversationID) + "&as=" + as
}

func TestChatPage(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	o.Say("user003", team.OpenConversationID, "status")
	o.SendToGroup(t, 200, team, "sampleMarkdown", map[string]string{"title": "t", "text": "**all green**"})
	_, err := o.Server.Say(t.Context(), sandbox.Say{Conversation: team.OpenConversationID, Outsider: "Guest", Text: "and me?"})
	require.NoError(t, err)
	cardIn(t, o, team, "etl **failed**")
	edited := o.Say("user004", team.OpenConversationID, "retry")
	require.NoError(t, o.EditSaid(edited.ID, "retry etl"))
	require.NoError(t, o.RecallSaid(o.Say("user004", team.OpenConversationID, "oops").ID))
	golden(t, "page_chat.html", pageOf(t, o, room(team, "user003")))

	assert.Contains(t, pageOf(t, o, room(team, "user005")), "<p>for 孙七 alone")
	assert.NotContains(t, pageOf(t, o, room(team, "user004")), "<p>for 孙七 alone")
	assert.NotContains(t, pageOf(t, o, "?view=chat&room="+o.App.AppKey+"&as=user003"), "status")
	assert.NotContains(t, pageOf(t, o, ""), "sandbox/press", "the inbox has nobody who could press")
}

func TestChatPageForms(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	cardIn(t, o, team, "etl failed")
	status, location := submit(t, o, "/sandbox/say", url.Values{
		"from": {"user003"}, "conversation": {team.OpenConversationID}, "text": {"@运维助手 status"}, "back": {"view=chat&as=user003"},
	})
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Equal(t, "../?as=user003&view=chat", location)
	_, _ = submit(t, o, "/sandbox/say", url.Values{"from": {"outsider:Guest"}, "app": {o.App.AppKey}, "text": {"hello"}})
	said := o.Said()
	require.Len(t, said, 2)
	assert.Equal(t, "stream", said[0].Via)
	assert.Equal(t, "Guest", said[1].Nick)
	assert.Empty(t, said[1].From)

	press := url.Values{"from": {"user003"}, "card": {"run-1"}, "action": {"retry"}, "conversation": {team.OpenConversationID}}
	status, location = submit(t, o, "/sandbox/press", press)
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Equal(t, "../", location)
	require.Len(t, o.Presses(), 1)
	press.Set("from", "user001")
	status, _ = submit(t, o, "/sandbox/press", press)
	assert.Equal(t, http.StatusNotFound, status)

	status, _ = submit(t, o, "/sandbox/happen", url.Values{"type": {"user_add_org"}, "data": {`{"userId":["user013"]}`}})
	assert.Equal(t, http.StatusSeeOther, status)
	require.Len(t, o.Happenings(), 1)
	status, _ = submit(t, o, "/sandbox/happen", url.Values{"type": {"user_add_org"}, "data": {`x`}})
	assert.Equal(t, http.StatusBadRequest, status)

	for _, path := range []string{"/sandbox/say", "/sandbox/press", "/sandbox/happen"} {
		status, _ = o.Do(t, http.MethodPost, path, "", "Sec-Fetch-Site", "cross-site", "Origin", "https://example.com")
		assert.Equal(t, http.StatusForbidden, status, path)
	}
}

func TestChatPageEscapes(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	const evil = `<script>alert(1)</script>`
	o.AddUser(sandbox.User{UserID: evil, Name: evil, Mobile: evil})
	team := o.AddChat(sandbox.Chat{Name: evil, Owner: evil, Bots: []string{o.App.AppKey}})
	o.Say(evil, team.OpenConversationID, evil)
	_, err := o.Server.Say(t.Context(), sandbox.Say{Conversation: team.OpenConversationID, Outsider: evil, Text: evil})
	require.NoError(t, err)
	o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/card/instances/createAndDeliver", boxtest.Encoded(t, map[string]any{
		"cardTemplateId": "t", "outTrackId": evil, "openSpaceId": "dtv1.card//IM_GROUP." + team.OpenConversationID,
		"cardData": map[string]any{"cardParamMap": map[string]string{
			"markdown": evil, "buttons": `[{"text":"` + evil + `","action":"\"` + evil + `","style":"\"` + evil + `"},{"text":"x","url":"javascript:alert(1)"}]`,
		}},
		"imGroupOpenDeliverModel": map[string]any{"robotCode": o.App.AppKey},
	}))
	for _, query := range []string{room(team, url.QueryEscape(evil)), "?view=chat&room=" + evil + "&as=" + evil, ""} {
		got := pageOf(t, o, query)
		assert.NotContains(t, got, "<script", query)
		assert.NotRegexp(t, `(?i)(href|action)="\s*javascript:`, got)
	}
}

func TestChatPageWithoutAnything(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	_, got := b.Do(t, http.MethodGet, "/?view=chat", "")
	assert.Contains(t, got, "There is no app whose bot could be written to.")
	b.DemoApp(t)
	_, got = b.Do(t, http.MethodGet, "/?view=chat", "")
	assert.Contains(t, got, "Nobody has written here yet.")
	assert.Contains(t, got, "Guest (outside)")
}
