package smtp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	cbsmtp "github.com/dingdag/dingdag/callbacks/smtp"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/smtp/smtptest"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/template"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plain = `{"disable_ssl": true, "disable_tls": true, "from_email": "ding@example.com"}`

type source struct{ conn *connections.Connection }

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if id != s.conn.ID {
		return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
	}
	return s.conn, nil
}

func setup(t *testing.T, options smtptest.Options, extra string) (*cbsmtp.Sender, *smtptest.Server) {
	t.Helper()
	server := smtptest.Start(t, options)
	clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return cbsmtp.NewSender(source{server.Connection("smtp_default", extra)}, template.New(template.Options{Clock: clock})), server
}

func spec() callbacks.Spec { return cbsmtp.Specs()[0] }

func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return doc.Content[0]
}

func prepare(t *testing.T, text string, ev *callbacks.Event) callbacks.Message {
	t.Helper()
	cb, problems := spec().Decode(parse(t, text))
	require.Empty(t, problems)
	m, err := cb.Prepare(ev)
	require.NoError(t, err)
	return m
}

func failure() *callbacks.Event {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	end := start.Add(3 * time.Minute)
	return &callbacks.Event{
		Kind: callbacks.Failure, DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, TryNumber: 2, MaxTries: 3,
		State: "failed", Error: "exit code <1>", StartDate: &start, EndDate: &end, Log: "/logs/2.log", LogicalDate: &start,
	}
}

// body decodes the content of a mail without attachments.
func body(t *testing.T, m smtptest.Mail) string {
	t.Helper()
	_, encoded, found := strings.Cut(m.Text, "\r\n\r\n")
	require.True(t, found)
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\r\n", ""))
	require.NoError(t, err)
	return string(text)
}

func TestDefaultMail(t *testing.T) {
	t.Parallel()
	sender, server := setup(t, smtptest.Options{Auth: []string{"PLAIN"}}, plain)
	m := prepare(t, "to: a@example.com; b@example.com", failure())
	assert.Equal(t, "email", m.Sender)
	assert.Equal(t, "email:smtp_default", m.Channel)
	assert.Equal(t, "on_failure of etl.load by mail through smtp_default", m.Summary)
	assert.NotContains(t, string(m.Payload), smtptest.Password)
	receipt, err := sender.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("taken by 127.0.0.1:%d", server.Port), receipt)
	got := server.Mails()
	require.Len(t, got, 1)
	assert.Equal(t, []string{"a@example.com", "b@example.com"}, got[0].To)
	assert.Equal(t, "ding@example.com", got[0].From)
	text := body(t, got[0])
	for _, want := range []string{
		"<h3>任务失败 Task failed: etl.load</h3>", "etl", "load", "r1", "2/3", "exit code &lt;1&gt;", "3m0s", "/logs/2.log",
	} {
		assert.Contains(t, text, want)
	}
}

// The connection's templates come before the default, and the notifier's own before both.
func TestTemplates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	subject, content := filepath.Join(dir, "subject.j2"), filepath.Join(dir, "content.html")
	require.NoError(t, os.WriteFile(subject, []byte("{{ ti.task_id }} of {{ dag.dag_id }}\n"), 0o600))
	require.NoError(t, os.WriteFile(content, []byte("{{ exception }} in {{ run_id }} on {{ ds }}, try {{ ti.try_number }}"), 0o600))
	extra := strings.Replace(plain, "{", `{"subject_template": "`+subject+`", "html_content_template": "`+content+`", `, 1)
	sender, server := setup(t, smtptest.Options{}, extra)
	_, err := sender.Send(t.Context(), prepare(t, "to: a@example.com", failure()))
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), prepare(t, "{to: a@example.com, subject: own, html_content: mine}", failure()))
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), prepare(t, "{to: a@example.com, template: file.html}", failure()))
	require.NoError(t, err)
	got := server.Mails()
	require.Len(t, got, 3)
	assert.Contains(t, got[0].Text, "Subject: load of etl\r\n")
	assert.Equal(t, "exit code <1> in r1 on 2026-01-02, try 2", body(t, got[0]))
	assert.Contains(t, got[1].Text, "Subject: own\r\n")
	assert.Equal(t, "mine", body(t, got[1]))
	assert.Equal(t, "file.html", body(t, got[2]), "the engine puts the text of the file there")

	require.NoError(t, os.WriteFile(subject, []byte("{{ nothing }}"), 0o600))
	_, err = sender.Send(t.Context(), prepare(t, "to: a@example.com", failure()))
	require.ErrorContains(t, err, "render the subject_template")
}

// The Message-ID is one for each event and mail, so that a second copy can be dropped.
func TestMessageID(t *testing.T) {
	t.Parallel()
	id := func(m callbacks.Message) string {
		var p map[string]any
		require.NoError(t, json.Unmarshal(m.Payload, &p))
		return p["message_id"].(string)
	}
	first := id(prepare(t, "to: a@example.com", failure()))
	assert.Equal(t, first, id(prepare(t, "to: a@example.com", failure())))
	assert.NotEqual(t, first, id(prepare(t, "to: b@example.com", failure())))
	later := failure()
	later.EndDate = new(later.EndDate.Add(time.Hour))
	assert.NotEqual(t, first, id(prepare(t, "to: a@example.com", later)))
}

func TestFiles(t *testing.T) {
	t.Parallel()
	ev := failure()
	ev.DAGFolder = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(ev.DAGFolder, "report.csv"), []byte("a,b"), 0o600))
	sender, server := setup(t, smtptest.Options{}, plain)
	_, err := sender.Send(t.Context(), prepare(t, "{to: a@example.com, files: report.csv}", ev))
	require.NoError(t, err)
	assert.Contains(t, server.Mails()[0].Text, `filename="report.csv"`)
}

// What the outbox is told after each kind of failure.
func TestSendErrors(t *testing.T) {
	t.Parallel()
	type told struct {
		Retryable, Uncertain bool
		Delay                time.Duration
	}
	answers := func(command, answer string) smtptest.Options {
		return smtptest.Options{Answers: map[string]string{command: answer}}
	}
	for name, tt := range map[string]struct {
		options smtptest.Options
		yaml    string
		want    told
	}{
		"greylisted":         {answers("RCPT", "451 later"), "", told{Retryable: true, Delay: time.Minute}},
		"refused":            {answers("RCPT", "550 no"), "", told{}},
		"hung up":            {smtptest.Options{Cut: "MAIL"}, "", told{Retryable: true}},
		"answer lost":        {smtptest.Options{Cut: "."}, "", told{Uncertain: true}},
		"answer lost, retry": {smtptest.Options{Cut: "."}, "on_uncertain: retry, ", told{Retryable: true, Uncertain: true}},
		"no such connection": {smtptest.Options{}, "smtp_conn_id: nowhere, ", told{}},
		"no file":            {smtptest.Options{}, "files: [/no/such/file], ", told{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender, _ := setup(t, tt.options, plain)
			m := prepare(t, "{"+tt.yaml+"to: a@example.com}", failure())
			_, err := sender.Send(t.Context(), m)
			var de callbacks.DeliveryError
			require.ErrorAs(t, err, &de)
			assert.Equal(t, tt.want, told{de.Retryable(), de.Uncertain(), de.RetryDelay()}, "%v", err)
			assert.Equal(t, strings.Contains(tt.yaml, "retry"), sender.RepeatSafe(m))
		})
	}
	sender, _ := setup(t, answers("RCPT TO:<b@example.com>", "550 unknown"), plain)
	receipt, err := sender.Send(t.Context(), prepare(t, "to: [a@example.com, b@example.com]", failure()))
	require.NoError(t, err)
	assert.Contains(t, receipt, "; refused b@example.com: 550 unknown")
	_, err = sender.Send(t.Context(), callbacks.Message{Payload: json.RawMessage("{")})
	require.ErrorContains(t, err, "read a mail from the outbox")
	assert.False(t, sender.RepeatSafe(callbacks.Message{Payload: json.RawMessage("{")}))
}

func TestDecodeFindings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{}":                               `missing parameter "to"`,
		"to: nobody":                       `"nobody" is not a valid mail address`,
		"{to: a@b.c, auth_type: oauth2}":   "oauth2",
		"{to: a@b.c, template: x.exe}":     "ends in .html",
		"{to: a@b.c, message: x}":          `unknown parameter "message"`,
		"{to: a@b.c, on_uncertain: maybe}": "maybe",
	} {
		_, problems := spec().Decode(parse(t, text))
		require.Len(t, problems, 1, text)
		assert.Contains(t, problems[0].Text, want)
	}
}

func TestRulesOfNotifiers(t *testing.T) {
	t.Parallel()
	callbackstest.Check(t, spec(), callbackstest.Options{
		SenderName: cbsmtp.SenderName,
		Start: func(t *testing.T) callbackstest.Receiver {
			t.Helper()
			sender, server := setup(t, smtptest.Options{}, plain)
			return callbackstest.Receiver{Sender: sender, Arrived: func() int { return len(server.Mails()) }}
		},
	})
}

// The default mail goes out when one's own can't be rendered, to the receivers that are
// left, and when it can't be built: a file to attach is gone.
func TestFallback(t *testing.T) {
	t.Parallel()
	sender, server := setup(t, smtptest.Options{Auth: []string{"PLAIN"}}, plain)
	cb, problems := spec().Decode(parse(t, "{to: [a@example.com, ''], cc: '', subject: x, html_content: y, files: /nowhere.csv}"))
	require.False(t, params.Failed(problems), problems)
	ev := failure()
	ev.Problem = "the callback's template failed"
	usual, err := cb.(callbacks.Fallback).Fallback([]string{"to[1]", "html_content"})
	require.NoError(t, err)
	m, err := usual.Prepare(ev)
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)

	own := prepare(t, "{to: a@example.com, subject: x, html_content: y, files: /nowhere.csv}", failure())
	_, cause := sender.Send(t.Context(), own)
	require.ErrorContains(t, cause, "nowhere.csv")
	again, ok := sender.Fallback(own, ev, cause)
	require.True(t, ok)
	_, err = sender.Send(t.Context(), again)
	require.NoError(t, err)
	_, ok = sender.Fallback(again, ev, cause)
	assert.False(t, ok, "there is nothing simpler")
	assert.Equal(t, "smtp_default", sender.ConnID(again))
	for _, mail := range server.Mails() {
		assert.Equal(t, []string{"a@example.com"}, mail.To)
		assert.Contains(t, body(t, mail), "the callback&#39;s template failed")
		assert.Contains(t, body(t, mail), "exit code &lt;1&gt;")
	}
	assert.Len(t, server.Mails(), 2)

	nobody, _ := spec().Decode(parse(t, "{to: ''}"))
	_, err = nobody.(callbacks.Fallback).Fallback([]string{"to[0]"})
	require.ErrorContains(t, err, "nobody to send to")
}

// A mail whose own text came to nothing is not the default mail by chance.
func TestRenderedToNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{to: a@b.c, html_content: '{{ blank }}'}":                       "the callback's template rendered to nothing: html_content",
		"{to: a@b.c, subject: '{{ blank }}', html_content: x}":           "the callback's template rendered to nothing: subject",
		"{to: a@b.c, subject: '{{ word }}', html_content: '{{ word }}'}": "",
		"{to: a@b.c, subject: '', html_content: ''}":                     "",
		"{to: a@b.c}": "",
	} {
		file, problems := spec().Decode(parse(t, text))
		require.Empty(t, problems, text)
		rendered, err := spec().Render(file, func(_, text string) (any, error) {
			return strings.NewReplacer("{{ blank }}", " \n", "{{ word }}", "x").Replace(text), nil
		})
		require.NoError(t, err, text)
		err = rendered.(callbacks.RenderChecker).CheckRendered(file)
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.EqualError(t, err, want, text)
		}
	}
}

// A mail server that stands in mails the event and why to the addresses of its extra.
func TestStandIn(t *testing.T) {
	t.Parallel()
	sender, server := setup(t, smtptest.Options{Auth: []string{"PLAIN"}}, plain)
	assert.True(t, sender.Serves(callbacks.Conn{Type: "smtp"}))
	assert.False(t, sender.Serves(callbacks.Conn{Type: "http"}))
	ev := failure()
	ev.Problem = "robot ops refused"
	m, err := sender.StandIn(callbacks.Conn{ID: "smtp_default", Type: "smtp", Extra: map[string]any{"to": []any{"a@example.com", "b@example.com"}}}, ev)
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)
	got := server.Mails()
	require.Len(t, got, 1)
	assert.Equal(t, []string{"a@example.com", "b@example.com"}, got[0].To)
	assert.Contains(t, body(t, got[0]), "robot ops refused")
	for _, extra := range []map[string]any{{}, {"to": "nobody"}, {"to": 7}} {
		_, err = sender.StandIn(callbacks.Conn{ID: "smtp_default", Type: "smtp", Extra: extra}, ev)
		require.ErrorContains(t, err, "to", "%v", extra)
	}
}
