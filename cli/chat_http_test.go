package cli_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// What DingTalk verifies callbacks with.
const (
	eventToken  = "tok123"
	eventAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE"
	cardKey     = "card-secret-1"
)

const overHTTP = `
mendable:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - task_id: load
      operator: bash
      bash_command: test -e "$MENDED"
      on_failure_callback: {callback: dingtalk_card, dingtalk_conn_id: talk}
joined:
  schedule:
    - __type__: airflow.sdk.Asset
      name: people
      watchers: [{name: joined, trigger: {trigger: dingtalk, dingtalk_conn_id: talk, kind: event, event_type: user_add_org}}]
  tasks: [{task_id: greet, operator: bash, bash_command: "echo {{ triggering_asset_events['people'][0].extra.payload.data['UserId'][0] }}"}]
`

// callback is a request of DingTalk, as the reverse proxy before the program saw it.
type callback struct {
	path   string
	header http.Header
	body   []byte
}

// proxy is the reverse proxy that docs/chat.md shows, and remembers what came.
type proxy struct {
	*httptest.Server

	mu   sync.Mutex
	seen []callback
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{}
	target, err := url.Parse(to)
	require.NoError(t, err)
	back := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = "localhost"
	}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		p.mu.Lock()
		p.seen = append(p.seen, callback{r.URL.RequestURI(), r.Header.Clone(), body})
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		back.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// last is the newest request.
func (p *proxy) last(t *testing.T) callback {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NotEmpty(t, p.seen)
	return p.seen[len(p.seen)-1]
}

// post sends a request, and returns the status and the body of the answer.
func (c callback) post(t *testing.T, address string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+c.path, bytes.NewReader(c.body))
	require.NoError(t, err)
	r.Header = c.header.Clone()
	a, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	return a.StatusCode, string(body)
}

// signed are the headers of a message to a robot that is sent at a moment.
func signed(secret string, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "\n" + secret))
	return http.Header{"Timestamp": {stamp}, "Sign": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
}

// listening is the program behind a reverse proxy, and an application that has no stream but addresses there.
type listening struct {
	*talking

	front *proxy
	s     interface {
		store.Reader
		Close() error
	}
}

func listen(t *testing.T) *listening {
	t.Helper()
	c := newChaos(t, 1, overHTTP)
	c.box.ClearFaults()
	app, groups := c.talkers(1)
	extra := `{"http":true,"user_id":"ann","conversation_id":%[4]q,"card_template_id":"tpl.schema","card_route_key":"rk","card_api_secret":%[5]q,"event_token":%[6]q,"event_aes_key":%[7]q}`
	c.env = append(c.env, "MENDED="+filepath.Join(c.home, "mended"), "DINGDAG_LISTEN=127.0.0.1:0", fmt.Sprintf(
		`DINGDAG_CONN_TALK={"conn_type":"dingtalk","host":%[1]q,"login":%[2]q,"password":%[3]q,"extra":`+extra+`}`,
		c.box.URL, app.AppKey, app.AppSecret, groups[0], cardKey, eventToken, eventAESKey),
		fmt.Sprintf(`DINGDAG_CONN_CLOSED={"conn_type":"dingtalk","host":%q,"login":"dingother","password":%q,"extra":{"user_id":"ann"}}`, c.box.URL, app.AppSecret))
	w := &listening{talking: &talking{chaos: c, app: app, group: groups[0]}}
	w.process = c.start()
	w.front = newProxy(t, w.address())
	app.NoStream, app.MessageURL, app.EventURL = true, w.front.URL+"/dingtalk/robot/talk", w.front.URL+"/dingtalk/event/talk"
	app.EventToken, app.EventAESKey = eventToken, eventAESKey
	require.NoError(t, c.box.UpdateApp(app))
	w.register("/dingtalk/card/talk")
	w.s = c.open()
	t.Cleanup(func() { assert.NoError(t, w.s.Close()) })
	return w
}

// register registers the address for presses under the key of the callback.
func (w *listening) register(path string) {
	t := w.chaos.t
	t.Helper()
	token := w.call("/v1.0/oauth2/accessToken", "", map[string]any{"appKey": w.app.AppKey, "appSecret": w.app.AppSecret})
	w.call("/v1.0/card/callbacks/register", token, map[string]any{
		"callbackRouteKey": "rk", "callbackUrl": w.front.URL + path, "apiSecret": cardKey, "forceUpdate": true,
	})
}

func (w *listening) call(path, token string, body map[string]any) (accessToken string) {
	t := w.chaos.t
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	c := callback{path, http.Header{"Content-Type": {"application/json"}, "X-Acs-Dingtalk-Access-Token": {token}}, raw}
	status, answer := c.post(t, w.box.URL)
	require.Equal(t, http.StatusOK, status, answer)
	var got struct {
		AccessToken string `json:"accessToken"` //nolint:tagliatelle // DingTalk's own key
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &got))
	return got.AccessToken
}

// kept counts the rows of a kind.
func (w *listening) kept(kinds ...store.ChatKind) int {
	t := w.chaos.t
	t.Helper()
	rows, err := w.s.ChatLog(t.Context(), store.ChatFilter{Kinds: kinds})
	require.NoError(t, err)
	return len(rows)
}

// triggered counts the runs of a DAG.
func (w *listening) triggered(dagID string) int {
	t := w.chaos.t
	t.Helper()
	runs, err := w.s.Runs(t.Context(), store.RunFilter{DAGID: dagID})
	require.NoError(t, err)
	return len(runs)
}

// A command, a press and an event come over HTTP to the program at work, and each is done once, also when the same
// request is sent again.
func TestCallbacksOverHTTP(t *testing.T) {
	t.Parallel()
	w := listen(t)
	said := w.box.Say("ann", w.group, "trigger mendable")
	require.Equal(t, http.StatusOK, said.Status, said.Note)
	assert.Contains(t, w.box.WaitAnswers(said, 1)[0].Content.Text, "manual__")
	again := w.front.last(t)
	status, answer := again.post(t, w.front.URL)
	assert.Equal(t, http.StatusOK, status, "DingTalk sends what it has no answer to again")
	assert.JSONEq(t, `{"msgtype":"empty"}`, answer)
	assert.Equal(t, 1, w.kept(store.ChatText))

	alert := ""
	w.until("send the card", func() bool {
		for _, m := range w.box.Messages(sandbox.Filter{Conversation: w.group}) {
			if strings.HasPrefix(m.Key, "dingdag-") && !strings.HasPrefix(m.Key, "dingdag-run-") {
				alert = m.Key
			}
		}
		return alert != ""
	})
	require.NoError(t, os.WriteFile(filepath.Join(w.home, "mended"), nil, 0o600))
	pressed := w.box.Press("ann", alert, "retry")
	assert.Equal(t, http.StatusOK, pressed.Code, pressed.Note)
	press := w.front.last(t)
	assert.Equal(t, "/dingtalk/card/talk", press.path)
	status, _ = press.post(t, w.front.URL)
	assert.Equal(t, http.StatusOK, status)
	w.box.WaitCard(alert, func(c sandbox.Card) bool { return c.Params["color"] == "green" })
	status, _ = press.post(t, w.front.URL)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, 1, w.kept(store.ChatPress))
	cleared, err := w.s.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventClear}})
	require.NoError(t, err)
	assert.Len(t, cleared, 1, "retried once")

	check, err := w.box.Happen(t.Context(), sandbox.Happen{App: w.app.AppKey, Type: "check_url"})
	require.NoError(t, err)
	assert.True(t, check[0].Taken, check[0].Note)
	happened, err := w.box.Happen(t.Context(), sandbox.Happen{App: w.app.AppKey, Type: "user_add_org", Data: []byte(`{"UserId": ["u9"]}`)})
	require.NoError(t, err)
	assert.True(t, happened[0].Taken, happened[0].Note)
	event := w.front.last(t)
	status, _ = event.post(t, w.front.URL)
	assert.Equal(t, http.StatusOK, status)
	w.until("greet", func() bool {
		runs, err := w.s.Runs(t.Context(), store.RunFilter{DAGID: "joined"})
		require.NoError(t, err)
		return len(runs) == 1 && runs[0].State == "success"
	})
	updates, err := w.s.AssetEventLog(t.Context(), store.AssetEventFilter{})
	require.NoError(t, err)
	require.Len(t, updates, 1)
	assert.Contains(t, string(updates[0].Extra), `"UserId":["u9"]`)
	assert.Equal(t, 1, w.kept(store.ChatEvent))

	forged := event
	forged.path = strings.Replace(event.path, "msg_signature=", "msg_signature=0", 1)
	status, _ = forged.post(t, w.front.URL)
	assert.Equal(t, http.StatusForbidden, status)
	w.stop()
	assert.Equal(t, 1, w.triggered("mendable"))
	assert.Equal(t, 1, w.triggered("joined"))
}

// What is not from DingTalk, not for a connection that is open, too large or too late has the status that the page
// says, and nothing comes of it.
func TestWhatIsRefusedOverHTTP(t *testing.T) {
	t.Parallel()
	w := listen(t)
	said := w.box.Say("ann", w.group, "whoami")
	assert.Contains(t, w.box.WaitAnswers(said, 1)[0].Content.Text, "admin")
	genuine := w.front.last(t)
	var message map[string]any
	require.NoError(t, json.Unmarshal(genuine.body, &message))
	now := time.Now()
	told := func(id string, written time.Time) []byte {
		message["msgId"], message["createAt"], message["text"] = id, written.UnixMilli(), map[string]string{"content": " trigger mendable"}
		raw, err := json.Marshal(message)
		require.NoError(t, err)
		return raw
	}
	good := signed(w.app.AppSecret, now)
	for name, c := range map[string]struct {
		callback

		want int
	}{
		"unsigned":           {callback{"/dingtalk/robot/talk", nil, told("m1", now)}, http.StatusForbidden},
		"another secret":     {callback{"/dingtalk/robot/talk", signed("guess", now), told("m2", now)}, http.StatusForbidden},
		"an old request":     {callback{"/dingtalk/robot/talk", signed(w.app.AppSecret, now.Add(-61*time.Minute)), told("m3", now)}, http.StatusForbidden},
		"a clock ahead":      {callback{"/dingtalk/robot/talk", signed(w.app.AppSecret, now.Add(61*time.Minute)), told("m4", now)}, http.StatusForbidden},
		"unknown connection": {callback{"/dingtalk/robot/nobody", good, told("m5", now)}, http.StatusNotFound},
		"http is off":        {callback{"/dingtalk/robot/closed", good, told("m6", now)}, http.StatusNotFound},
		"unknown path":       {callback{"/dingtalk/robots/talk", good, told("m7", now)}, http.StatusNotFound},
		"10 MB":              {callback{"/dingtalk/robot/talk", good, append(told("m8", now), bytes.Repeat([]byte{' '}, 10<<20)...)}, http.StatusRequestEntityTooLarge},
		"2 MB":               {callback{"/dingtalk/robot/talk", good, append(told("m9", now), bytes.Repeat([]byte{' '}, 2<<20)...)}, http.StatusRequestEntityTooLarge},
		"no JSON":            {callback{"/dingtalk/robot/talk", good, []byte("{")}, http.StatusBadRequest},
		"unsigned press":     {callback{"/dingtalk/card/talk", good, []byte(`{"outTrackId":"c","userId":"ann"}`)}, http.StatusForbidden},
		"unsigned event":     {callback{"/dingtalk/event/talk?timestamp=1&nonce=n&msg_signature=s", nil, []byte(`{"encrypt":"eA=="}`)}, http.StatusForbidden},
	} {
		status, answer := c.post(t, w.front.URL)
		assert.Equal(t, c.want, status, name)
		assert.NotContains(t, answer, "clock", "%s: whoever forges is told nothing", name)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.front.URL+"/dingtalk/robot/talk", http.NoBody)
	require.NoError(t, err)
	a, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusMethodNotAllowed, a.StatusCode)
	require.NoError(t, a.Body.Close())

	late := callback{"/dingtalk/robot/talk", good, told("late", now.Add(-16*time.Minute))}
	status, _ := late.post(t, w.front.URL)
	assert.Equal(t, http.StatusOK, status)
	w.until("refuse what is late", func() bool {
		for _, m := range w.box.Messages(sandbox.Filter{Conversation: w.group}) {
			if strings.Contains(m.Content.Text, "16 minutes ago") {
				return true
			}
		}
		return false
	})
	w.stop()
	assert.Equal(t, 2, w.kept(), "whoami, and what is late")
	assert.Zero(t, w.triggered("mendable"))
	log := w.log.String()
	for _, want := range []string{
		"the signature is wrong", "over an hour off: set the clock of this machine by NTP", "more than 1048576 bytes", "the request has no signature", "broken JSON",
	} {
		assert.Contains(t, log, want)
	}
	for _, secret := range []string{w.app.AppSecret, cardKey, eventToken, eventAESKey} {
		assert.NotContains(t, log, secret)
	}
}
