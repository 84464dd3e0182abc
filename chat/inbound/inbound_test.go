package inbound_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/inbound"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/incoming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the vectors of DingTalk's protocol are made with.
const (
	appSecret  = "app-secret-1"
	cardSecret = "card-secret-1"
	token      = "tok123"
	aesKey     = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE"
	owner      = "dingsamplekey"
	stamp      = "1700000000000"
	robotSign  = "m+z+mEC1i0Yjl/Aw0bx4oW/d2N2yJVwOXC0dBmBAufA="
	cardSign   = "jbfW9IWoVwNBxfc3A31HuJi8+42BsgaiSLCRTSM6XGM="
)

const message = `{"msgId":"msg1","msgtype":"text","text":{"content":" deploy"},"conversationId":"cid1","conversationType":"2","senderStaffId":"u1","senderNick":"Ann",
	"createAt":1700000000000,"sessionWebhook":"https://oapi.dingtalk.com/robot/sendBySession?session=hush","sessionWebhookExpiredTime":1700005400000}`

var signedAt = time.UnixMilli(1700000000000) //nolint:gochecknoglobals // a constant

type bench struct {
	*inbound.Handler

	now  time.Time
	apps []chat.App
	got  []chat.Received
	err  error
	log  bytes.Buffer
}

func newBench() *bench {
	b := &bench{now: signedAt}
	conn := func(id, login, extra string) *connections.Connection {
		c := &connections.Connection{ID: id, Type: "dingtalk", Password: new(connections.Secret(appSecret)), Extra: new(connections.Secret(extra))}
		if login != "" {
			c.Login = &login
		}
		return c
	}
	all := `{"http": true, "card_api_secret": "` + cardSecret + `", "event_token": "` + token + `", "event_aes_key": "` + aesKey + `"}`
	b.Handler = inbound.New(inbound.Options{
		Connections: connections.Static{
			"app": conn("app", owner, all), "robot": conn("robot", "", `{"http": "True"}`), "closed": conn("closed", owner, strings.Replace(all, "true", "false", 1)),
			"corp":   conn("corp", "other", strings.Replace(all, "{", `{"event_owner": "`+owner+`", `, 1)),
			"wrong":  conn("wrong", owner, strings.Replace(all, aesKey, "short", 1)),
			"webbot": {ID: "webbot", Type: "dingding", Password: new(connections.Secret(appSecret)), Extra: new(connections.Secret(all))},
		},
		Accept: func(_ context.Context, app chat.App, r chat.Received) (bool, error) {
			if b.err == nil {
				b.apps, b.got = append(b.apps, app), append(b.got, r)
			}
			return true, b.err
		},
		Masker: connections.NewMasker(), Clock: func() time.Time { return b.now }, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	return b
}

// post sends a request with headers, given as name and value in turn.
func (b *bench) post(path, body string, headers ...string) (status int, answer string) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (b *bench) robot(id, body string) (int, string) {
	return b.post("/dingtalk/robot/"+id, body, "timestamp", stamp, "sign", robotSign)
}

func TestRobot(t *testing.T) {
	t.Parallel()
	b := newBench()
	status, answer := b.robot("app", message)
	assert.Equal(t, http.StatusOK, status, b.log.String())
	assert.JSONEq(t, `{"msgtype": "empty"}`, answer)
	status, _ = b.robot("robot", message)
	assert.Equal(t, http.StatusOK, status)
	require.Len(t, b.got, 2)
	assert.Equal(t, "deploy", b.got[0].Message.Text)
	assert.Equal(t, "u1", b.got[0].Message.Sender.UserID)
	assert.True(t, b.got[0].Message.Reply.Alive(signedAt))
	assert.True(t, b.got[0].Sent.Equal(signedAt), "the time that is signed, by which a command is too old or not")
	assert.Equal(t, []chat.App{{ConnID: "app", Key: owner}, {ConnID: "robot", Key: "http/robot"}}, b.apps)
}

// The body of a request is not signed: whoever has seen the headers must not get the answers.
func TestAnswersGoToDingTalkAlone(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://oapi.dingtalk.com/x": true, "https://dingtalk.com/x": true, "http://oapi.dingtalk.com/x": false, "https://evil-dingtalk.com/x": false,
		"https://dingtalk.com.evil.example/x": false, "https://oapi.dingtalk.com@evil.example/x": false, "http://169.254.169.254/x": false, "%": false,
	} {
		b := newBench()
		status, _ := b.robot("app", strings.ReplaceAll(message, "https://oapi.dingtalk.com/robot/sendBySession?session=hush", address))
		assert.Equal(t, http.StatusOK, status, address)
		require.Len(t, b.got, 1, address)
		assert.Equal(t, want, b.got[0].Message.Reply.URL != "", address)
		assert.NotContains(t, b.log.String(), "evil", "no address is logged")
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	signed := []string{"timestamp", stamp, "sign", robotSign}
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		off        time.Duration
		err        error
		want       int
		log        string
	}{
		"no signature":        {path: "robot/app", body: message, want: 403, log: "has no signature"},
		"another signature":   {path: "robot/app", body: message, headers: []string{"timestamp", stamp, "sign", cardSign}, want: 403, log: "the signature is wrong"},
		"another time":        {path: "robot/app", body: message, headers: []string{"timestamp", "1700000000001", "sign", robotSign}, want: 403, log: "the signature is wrong"},
		"an old request":      {path: "robot/app", body: message, headers: signed, off: time.Hour + time.Millisecond, want: 403, log: "over an hour off: set the clock of this machine by NTP"},
		"a clock behind":      {path: "robot/app", body: message, headers: signed, off: -time.Hour - time.Millisecond, want: 403, log: "over an hour off"},
		"no message":          {path: "robot/app", body: "{", headers: signed, want: 400, log: "status=400"},
		"too much":            {path: "robot/app", body: strings.Repeat(" ", 1<<20+1), headers: signed, want: 413, log: "more than 1048576 bytes"},
		"unknown connection":  {path: "robot/nobody", body: message, headers: signed, want: 404},
		"a closed connection": {path: "robot/closed", body: message, headers: signed, want: 404},
		"a webhook robot":     {path: "robot/webbot", body: message, headers: signed, want: 404},
		"unknown path":        {path: "robots/app", body: message, headers: signed, want: 404},
		"store is busy":       {path: "robot/app", body: message, headers: signed, err: errors.New("busy"), want: 503, log: "busy"},
		"card unsigned":       {path: "card/app", body: "{}", headers: signed, want: 403, log: "has no signature"},
		"card of a robot":     {path: "card/robot", body: "{}", headers: signed, want: 403, log: "no extra.card_api_secret"},
		"event unsigned":      {path: "event/app", body: `{"encrypt": "eA=="}`, want: 403, log: "the timestamp is missing"},
		"event without body":  {path: "event/app", body: `x`, want: 400, log: "the body is not"},
		"event without token": {path: "event/robot", body: `{"encrypt": "eA=="}`, want: 403, log: "no extra.event_token"},
		"event wrong key":     {path: "event/wrong", body: `{"encrypt": "eA=="}`, want: 403, log: "the aes_key has 5 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			b.now, b.err = signedAt.Add(c.off), c.err
			status, answer := b.post("/dingtalk/"+c.path, c.body, c.headers...)
			assert.Equal(t, c.want, status)
			if c.path != "robots/app" {
				assert.Equal(t, http.StatusText(c.want)+"\n", answer, "no details")
			}
			assert.Contains(t, b.log.String(), c.log)
			assert.Empty(t, b.got)
			for _, secret := range []string{appSecret, cardSecret, token, aesKey, "hush"} {
				assert.NotContains(t, b.log.String(), secret)
			}
		})
	}
	status, _ := newBench().robot("app", strings.Repeat(" ", 1<<20-len(message))+message)
	assert.Equal(t, http.StatusOK, status, "1 MiB is taken")
}

// An hour is still taken.
func TestTheClockMayBeAnHourOff(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		b := newBench()
		b.now = signedAt.Add(off)
		status, _ := b.robot("app", message)
		assert.Equal(t, http.StatusOK, status)
	}
}

func TestCard(t *testing.T) {
	t.Parallel()
	b := newBench()
	const press = `{"type":"actionCallback","outTrackId":"card1","corpId":"ding1","userId":"u1","spaceId":"cid1","content":"{\"cardPrivateData\":{\"actionIds\":[\"ok\"],\"params\":{\"k\":\"v\"}}}"}`
	status, answer := b.post("/dingtalk/card/app", press, "x-ddpaas-signature-timestamp", stamp, "x-ddpaas-signature", cardSign)
	assert.Equal(t, http.StatusOK, status, b.log.String())
	assert.JSONEq(t, "{}", answer)
	require.Len(t, b.got, 1)
	assert.Equal(t, []string{"ok"}, b.got[0].Press.ActionIDs)
	assert.True(t, b.got[0].Press.At.Equal(signedAt))
	assert.True(t, b.got[0].Sent.Equal(signedAt))
	assert.NotEmpty(t, b.got[0].Press.ID)
	assert.Equal(t, http.StatusForbidden, must(b.post("/dingtalk/card/app", press, "x-ddpaas-signature-timestamp", stamp, "x-ddpaas-signature", robotSign)))
}

func must(status int, _ string) int { return status }

// event posts an encrypted event.
func (b *bench) event(t *testing.T, id string, e incoming.Encrypted) (int, string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"encrypt": e.Encrypt})
	require.NoError(t, err)
	return b.post("/dingtalk/event/"+id+"?msg_signature="+e.MsgSignature+"&timestamp="+e.TimeStamp+"&nonce="+e.Nonce, string(body))
}

func TestEvents(t *testing.T) {
	t.Parallel()
	crypto, err := incoming.NewCrypto(token, aesKey, owner)
	require.NoError(t, err)
	opened := func(answer string) string {
		var e incoming.Encrypted
		require.NoError(t, json.Unmarshal([]byte(answer), &e))
		plain, err := crypto.Decrypt(e)
		require.NoError(t, err)
		return string(plain)
	}
	b := newBench()
	// The vector of the protocol page.
	check := incoming.Encrypted{
		MsgSignature: "3376dd47f683a2e13b0b74da13be30110822e228", TimeStamp: stamp, Nonce: "abc12345",
		Encrypt: "Q3stYC6hdFzMh9T8HCvyDLV8JeomtQuxZLosYEI28mjzSD5UpK2hp0QUc4H6M/N5ABAKHUwqC0KzI1ru8+XUEw==",
	}
	status, answer := b.event(t, "app", check)
	assert.Equal(t, http.StatusOK, status, b.log.String())
	assert.Equal(t, "success", opened(answer))
	assert.Empty(t, b.got, "the check of the address is no event")

	joined, err := crypto.Encrypt([]byte(`{"EventType":"user_add_org","CorpId":"ding1","TimeStamp":"1700000000000","UserId":["u9"]}`), stamp, "n1")
	require.NoError(t, err)
	for i, id := range []string{"app", "corp"} {
		status, answer = b.event(t, id, joined)
		assert.Equal(t, http.StatusOK, status, b.log.String())
		assert.Equal(t, "success", opened(answer))
		require.Len(t, b.got, i+1)
		assert.Equal(t, "user_add_org", b.got[i].Event.Type)
		assert.Contains(t, string(b.got[i].Event.Data), "u9")
	}
	b.err = errors.New("busy")
	assert.Equal(t, http.StatusServiceUnavailable, must(b.event(t, "app", joined)), "DingTalk keeps it")
	b.err = nil
	forged := joined
	forged.MsgSignature = check.MsgSignature
	assert.Equal(t, http.StatusForbidden, must(b.event(t, "app", forged)))
	other, err := incoming.NewCrypto(token, aesKey, "dingother")
	require.NoError(t, err)
	wrong, err := other.Encrypt([]byte(`{"EventType":"user_add_org"}`), stamp, "n1")
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, must(b.event(t, "app", wrong)))
	assert.Contains(t, b.log.String(), "900010")
	b.now = signedAt.Add(2 * time.Hour)
	assert.Equal(t, http.StatusForbidden, must(b.event(t, "app", joined)))
	assert.Contains(t, b.log.String(), "900002")
	assert.Len(t, b.got, 2)
}

// A flood of forged requests is a line a minute.
func TestFloodsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	b := newBench()
	for range 50 {
		b.post("/dingtalk/robot/app", message)
	}
	assert.Equal(t, 1, strings.Count(b.log.String(), "\n"))
	b.now = signedAt.Add(time.Minute)
	b.post("/dingtalk/robot/app", message)
	assert.Equal(t, 2, strings.Count(b.log.String(), "\n"))
}

func FuzzBodies(f *testing.F) {
	f.Add(message)
	f.Add(`{}`)
	b := newBench()
	f.Fuzz(func(t *testing.T, body string) {
		at := strconv.FormatInt(b.now.UnixMilli(), 10)
		mac := hmac.New(sha256.New, []byte(appSecret))
		mac.Write([]byte(at + "\n" + appSecret))
		status, _ := b.post("/dingtalk/robot/app", body, "timestamp", at, "sign", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		if status != http.StatusOK && status != http.StatusBadRequest {
			t.Fatalf("status %d", status)
		}
	})
}
