package smtp_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/smtp"
	"github.com/dingdag/dingdag/hook/smtp/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The extras with which a server without encryption, and one with the test's certificate,
// are reached.
const (
	plain    = `{"disable_ssl": true, "disable_tls": true, "from_email": "Ding Dag <ding@example.com>"}`
	starttls = `{"disable_ssl": true, "ssl_context": "none", "from_email": "ding@example.com"}`
	implicit = `{"ssl_context": "none", "from_email": "ding@example.com"}`
)

type source struct{ conn *connections.Connection }

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if s.conn == nil || id != s.conn.ID {
		return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
	}
	return s.conn, nil
}

func open(t *testing.T, conn *connections.Connection) *smtp.Server {
	t.Helper()
	server, err := smtp.Open(t.Context(), source{conn}, conn.ID)
	require.NoError(t, err)
	return server
}

func hello() smtp.Mail {
	return smtp.Mail{To: []string{"a@example.com"}, Subject: "日报 done", HTML: "<b>数据</b>", ID: "1@test"}
}

func TestWaysIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options smtptest.Options
		extra   string
		way     string
	}{
		"plain":              {smtptest.Options{}, plain, ""},
		"plain, with PLAIN":  {smtptest.Options{Auth: []string{"LOGIN", "PLAIN"}}, plain, "AUTH PLAIN"},
		"STARTTLS":           {smtptest.Options{STARTTLS: true, Auth: []string{"PLAIN"}}, starttls, "AUTH PLAIN"},
		"STARTTLS and LOGIN": {smtptest.Options{STARTTLS: true, Auth: []string{"LOGIN"}}, starttls, "AUTH LOGIN"},
		"TLS":                {smtptest.Options{TLS: true, Auth: []string{"PLAIN"}}, implicit, "AUTH PLAIN"},
		"TLS and CRAM-MD5":   {smtptest.Options{TLS: true, Auth: []string{"PLAIN", "CRAM-MD5"}}, implicit, "AUTH CRAM-MD5"},
		"as texts of a URI": {
			smtptest.Options{}, `{"disable_ssl": "true", "disable_tls": "True", "timeout": "30", "retry_limit": "1", "from_email": "d@example.com", "other": [1]}`, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, tt.options)
			refused, err := open(t, server.Connection("c", tt.extra)).Send(t.Context(), hello())
			require.NoError(t, err)
			assert.Empty(t, refused)
			mails := server.Mails()
			require.Len(t, mails, 1)
			assert.Equal(t, tt.options.TLS || tt.options.STARTTLS, mails[0].Encrypted)
			if tt.way != "" {
				assert.Equal(t, smtptest.Login, mails[0].Login)
				assert.Contains(t, server.Commands(), tt.way)
			}
			require.NoError(t, open(t, server.Connection("c", tt.extra)).Check(t.Context()))
		})
	}
}

// What may be done after each failure: a mail whose answer was lost may have arrived, what
// was refused for now may be sent again.
func TestKinds(t *testing.T) {
	t.Parallel()
	answers := func(command, answer string) smtptest.Options {
		return smtptest.Options{Answers: map[string]string{command: answer}}
	}
	for name, tt := range map[string]struct {
		options smtptest.Options
		extra   string
		want    smtp.Kind
		text    string
		remedy  string
	}{
		"greylisted":                {answers("RCPT", "451 4.7.1 come again"), plain, smtp.KindUnavailable, "RCPT TO: <a@example.com>: 451 4.7.1 come again", "come again later"},
		"no such receiver":          {answers("RCPT", "550 5.1.1 unknown"), plain, smtp.KindRefused, "550 5.1.1 unknown", "check the receivers"},
		"sender refused":            {answers("MAIL", "553 not yours"), plain, smtp.KindRefused, "MAIL FROM: 553 not yours", "use a from_email"},
		"text refused":              {answers(".", "554 spam"), plain, smtp.KindRefused, "end of the text: 554 spam", ""},
		"text refused for now":      {answers(".", "452 full"), plain, smtp.KindUnavailable, "452 full", "later"},
		"busy":                      {smtptest.Options{Answers: map[string]string{"EHLO": "421 busy", "HELO": "421 busy"}}, plain, smtp.KindUnavailable, "busy", "later"},
		"hung up first":             {smtptest.Options{Cut: "greeting"}, plain, smtp.KindUnavailable, "greeting: EOF", "check host and port"},
		"hung up before the text":   {smtptest.Options{Cut: "DATA"}, plain, smtp.KindUnavailable, "DATA: EOF", "check host and port"},
		"hung up after the text":    {smtptest.Options{Cut: "."}, plain, smtp.KindUncertain, "end of the text: EOF", "check whether the mail arrived"},
		"silent after the text":     {smtptest.Options{Silent: "."}, strings.Replace(plain, "{", `{"timeout": "100ms", `, 1), smtp.KindUncertain, "i/o timeout", "check whether"},
		"silent before":             {smtptest.Options{Silent: "MAIL"}, strings.Replace(plain, "{", `{"timeout": "100ms", `, 1), smtp.KindUnavailable, "i/o timeout", "check host and port"},
		"wrong password":            {smtptest.Options{Auth: []string{"PLAIN"}, Answers: map[string]string{"AUTH": "535 no"}}, plain, smtp.KindAuth, "AUTH: 535 no", "check login and password"},
		"login later":               {smtptest.Options{Auth: []string{"PLAIN"}, Answers: map[string]string{"AUTH": "454 later"}}, plain, smtp.KindUnavailable, "454 later", "later"},
		"no way to log in":          {smtptest.Options{Auth: []string{"GSSAPI"}}, plain, smtp.KindAuth, "no way to log in", "remove login and password"},
		"no STARTTLS":               {smtptest.Options{}, starttls, smtp.KindInvalid, "offers no STARTTLS", `"disable_ssl": false`},
		"no TLS from the start":     {smtptest.Options{}, implicit, smtp.KindInvalid, "TLS", `"disable_ssl": true`},
		"certificate not trusted":   {smtptest.Options{TLS: true}, `{"from_email": "d@example.com"}`, smtp.KindUnavailable, "certificate", `"ssl_context": "none"`},
		"certificate not trusted 2": {smtptest.Options{STARTTLS: true}, `{"from_email": "d@example.com", "disable_ssl": true}`, smtp.KindUnavailable, "certificate", `"ssl_context": "none"`},
		"no sender":                 {smtptest.Options{}, `{}`, smtp.KindInvalid, `no sender: give from_email, or set it in the extra of connection "c"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, tt.options)
			_, err := open(t, server.Connection("c", tt.extra)).Send(t.Context(), hello())
			var e *smtp.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.want, e.Kind, "%v", err)
			require.ErrorContains(t, err, tt.text)
			assert.Contains(t, e.Remedy(), tt.remedy)
			assert.Equal(t, tt.want == smtp.KindUnavailable, e.Retryable())
			assert.Equal(t, tt.want == smtp.KindUncertain, e.Uncertain())
			assert.Equal(t, e.Retryable() && e.Code != 0, e.RetryDelay() > 0)
			assert.NotContains(t, err.Error(), smtptest.Password)
			assert.Empty(t, server.Mails())
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	conn := &connections.Connection{ID: "c", Host: new("127.0.0.1"), Port: &port}
	var e *smtp.Error
	require.ErrorAs(t, open(t, conn).Check(t.Context()), &e)
	assert.Equal(t, smtp.KindUnavailable, e.Kind)
	assert.Contains(t, e.Remedy(), "check host and port")
}

// As in Airflow a server that hangs up while we get in is asked retry_limit times, five
// unless set.
func TestRetryLimit(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Options{Cut: "greeting", Cuts: 4})
	_, err := open(t, server.Connection("c", plain)).Send(t.Context(), hello())
	require.NoError(t, err)
	assert.Len(t, server.Mails(), 1)

	server = smtptest.Start(t, smtptest.Options{Cut: "greeting", Cuts: 4})
	_, err = open(t, server.Connection("c", strings.Replace(plain, "{", `{"retry_limit": 4, `, 1))).Send(t.Context(), hello())
	require.ErrorContains(t, err, "greeting: EOF")
}

// One receiver that is refused does not keep the mail from the others.
func TestSomeReceiversRefused(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Options{Answers: map[string]string{"RCPT TO:<b@example.com>": "550 unknown"}})
	m := hello()
	m.To = []string{"a@example.com; b@example.com"}
	refused, err := open(t, server.Connection("c", plain)).Send(t.Context(), m)
	require.NoError(t, err)
	assert.Equal(t, []smtp.Refusal{{Address: "b@example.com", Reason: "550 unknown"}}, refused)
	require.Len(t, server.Mails(), 1)
	assert.Equal(t, []string{"a@example.com"}, server.Mails()[0].To)
}

func TestStopped(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Options{Silent: "MAIL"})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan error, 1)
	opened := open(t, server.Connection("c", plain))
	go func() {
		_, err := opened.Send(ctx, hello())
		done <- err
	}()
	assert.Eventually(t, func() bool {
		commands := server.Commands()
		return len(commands) > 0 && strings.HasPrefix(commands[len(commands)-1], "MAIL")
	}, 10*time.Second, time.Millisecond)
	cancel(io.ErrNoProgress)
	require.ErrorIs(t, <-done, io.ErrNoProgress)
}

func TestText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	chart := filepath.Join(dir, "chart.png")
	require.NoError(t, os.WriteFile(chart, []byte("picture"), 0o600))
	server := smtptest.Start(t, smtptest.Options{})
	m := smtp.Mail{
		From: "Bot <bot@example.com>", To: []string{`"Li, Ann" <ann@example.com>, b@example.com`, "c@example.com"},
		Cc: []string{"d@example.com;a2@example.com"}, Bcc: []string{"hidden@example.com", "b@example.com"},
		Subject: "日报\nInjected: x", HTML: "<b>数据</b>", Files: []string{chart}, Headers: map[string]string{"X-Team": "data"}, ID: "1@test",
	}
	_, err := open(t, server.Connection("c", plain)).Send(t.Context(), m)
	require.NoError(t, err)
	got := server.Mails()[0]
	assert.Equal(t, "bot@example.com", got.From)
	assert.Equal(t, []string{"ann@example.com", "b@example.com", "c@example.com", "d@example.com", "a2@example.com", "hidden@example.com"}, got.To)
	assert.NotContains(t, got.Text, "hidden@example.com")

	message, err := mail.ReadMessage(strings.NewReader(got.Text))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	require.NoError(t, err)
	assert.Equal(t, "日报 Injected: x", subject)
	assert.Empty(t, message.Header.Get("Injected"))
	assert.Equal(t, "<1@test>", message.Header.Get("Message-ID"))
	assert.Equal(t, "data", message.Header.Get("X-Team"))
	to, err := message.Header.AddressList("To")
	require.NoError(t, err)
	assert.Equal(t, "Li, Ann", to[0].Name)
	media, values, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	assert.Equal(t, "multipart/mixed", media)
	parts := multipart.NewReader(message.Body, values["boundary"])
	part, err := parts.NextPart()
	require.NoError(t, err)
	assert.Equal(t, "text/html; charset=UTF-8", part.Header.Get("Content-Type"))
	assert.Equal(t, "<b>数据</b>", decoded(t, part))
	part, err = parts.NextPart()
	require.NoError(t, err)
	assert.Equal(t, "chart.png", part.FileName())
	assert.Equal(t, "<chart.png>", part.Header.Get("Content-ID"))
	assert.Equal(t, "picture", decoded(t, part))
}

func decoded(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, r))
	require.NoError(t, err)
	return string(text)
}

func TestSubtypeAndCharset(t *testing.T) {
	t.Parallel()
	chart := filepath.Join(t.TempDir(), "chart.png")
	require.NoError(t, os.WriteFile(chart, []byte("picture"), 0o600))
	server := smtptest.Start(t, smtptest.Options{})
	m := hello()
	m.Files, m.MIMESubtype, m.MIMECharset = []string{chart}, "related", "gbk"
	_, err := open(t, server.Connection("c", plain)).Send(t.Context(), m)
	require.NoError(t, err)
	text := server.Mails()[0].Text
	assert.Contains(t, text, "multipart/related")
	assert.Contains(t, text, "charset=GBK")
	assert.Contains(t, text, base64.StdEncoding.EncodeToString([]byte("<b>\xca\xfd\xbe\xdd</b>")))
}

func TestMailsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*smtp.Mail)
		want   string
	}{
		"no address":     {func(m *smtp.Mail) { m.To = []string{"nobody"} }, `to: "nobody" is not a valid mail address`},
		"nobody":         {func(m *smtp.Mail) { m.To = []string{" ; "} }, "to names nobody"},
		"two senders":    {func(m *smtp.Mail) { m.From = "a@b.c, d@e.f" }, "from_email must be one address"},
		"injected":       {func(m *smtp.Mail) { m.To = []string{"a@b.c>\r\nRCPT TO:<x@y.z"} }, "is not a valid mail address"},
		"no file":        {func(m *smtp.Mail) { m.Files = []string{"/no/such/file"} }, "read the attachment: open /no/such/file"},
		"lines":          {func(m *smtp.Mail) { m.Headers = map[string]string{"X-A": "a\r\nBcc: x@y.z"} }, "more than one line"},
		"header of ours": {func(m *smtp.Mail) { m.Headers = map[string]string{"bcc": "x@y.z"} }, "the header bcc is written from the other parameters"},
		"no header":      {func(m *smtp.Mail) { m.Headers = map[string]string{"A: b": "x"} }, "is not a valid header name"},
		"subtype":        {func(m *smtp.Mail) { m.MIMESubtype = "alternative" }, "use mixed or related"},
		"charset":        {func(m *smtp.Mail) { m.MIMECharset = "klingon" }, "unknown mime_charset"},
		"characters":     {func(m *smtp.Mail) { m.MIMECharset = "iso-8859-1" }, "use utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, smtptest.Options{})
			m := hello()
			tt.change(&m)
			_, err := open(t, server.Connection("c", plain)).Send(t.Context(), m)
			var e *smtp.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, smtp.KindInvalid, e.Kind)
			require.ErrorContains(t, err, tt.want)
			assert.Empty(t, server.Commands())
		})
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	for want, conn := range map[string]*connections.Connection{
		`connection "c": not found`:                                  nil,
		`connection "c" has no host`:                                 {ID: "c"},
		`connection "c": extra:`:                                     {ID: "c", Host: new("h"), Extra: new(connections.Secret("{" + smtptest.Password))},
		`connection "c": extra: the value of "timeout" is`:           {ID: "c", Host: new("h"), Extra: new(connections.Secret(`{"timeout": "` + smtptest.Password + `"}`))},
		`connection "c": extra: the value of "ssl_context" is not v`: {ID: "c", Host: new("h"), Extra: new(connections.Secret(`{"ssl_context": "` + smtptest.Password + `"}`))},
	} {
		_, err := smtp.Open(t.Context(), source{conn}, "c")
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), smtptest.Password)
	}
}

func TestDefaultPorts(t *testing.T) {
	t.Parallel()
	for extra, want := range map[string]string{`{}`: "h:465", `{"disable_ssl": true}`: "h:25"} {
		assert.Equal(t, want, open(t, &connections.Connection{ID: "c", Host: new("h"), Extra: new(connections.Secret(extra))}).Address())
	}
}
