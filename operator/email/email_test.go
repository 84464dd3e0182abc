package email_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/hook/smtp/smtptest"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/email"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plain = `{"disable_ssl": true, "disable_tls": true, "from_email": "ding@example.com"}`

func spec() operator.Spec { return email.Specs()[0] }

// setup starts a server and returns a task whose connection smtp_default leads there.
func setup(t *testing.T, options smtptest.Options, extra string) (*operatortest.Task, *smtptest.Server) {
	t.Helper()
	server := smtptest.Start(t, options)
	task := operatortest.NewTask(t)
	task.Conns["smtp_default"] = server.Connection("smtp_default", extra)
	return task, server
}

func execute(t *testing.T, task *operatortest.Task, text string) error {
	t.Helper()
	result, err := operatortest.Decode(t, spec(), text).Execute(t.Context(), task.TaskContext)
	assert.Nil(t, result)
	return err
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Options{Auth: []string{"PLAIN"}, Silent: "MAIL FROM:<slow@"})
	operatortest.Check(t, spec(), operatortest.Options{
		Secrets:  []string{smtptest.Password},
		Blocking: "{to: a@example.com, subject: s, html_content: x, from_email: slow@example.com}",
		Running: func(t *testing.T, _ *operatortest.Task) {
			t.Helper()
			require.Eventually(t, func() bool {
				return slices.ContainsFunc(server.Commands(), func(c string) bool { return strings.HasPrefix(c, "MAIL FROM:<slow@") })
			}, 10*time.Second, time.Millisecond)
		},
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task := operatortest.NewTask(t)
			task.Conns["smtp_default"] = server.Connection("smtp_default", plain)
			return task
		},
	})
}

func TestSend(t *testing.T) {
	t.Parallel()
	task, server := setup(t, smtptest.Options{Answers: map[string]string{"RCPT TO:<b@example.com>": "550 unknown"}}, plain)
	require.NoError(t, os.WriteFile(filepath.Join(task.DAGFolder, "report.csv"), []byte("a,b"), 0o600))
	require.NoError(t, execute(t, task, `{to: "a@example.com; b@example.com", cc: [c@example.com], bcc: d@example.com, subject: s, html_content: x, files: report.csv}`))
	got := server.Mails()
	require.Len(t, got, 1)
	assert.Equal(t, "ding@example.com", got[0].From)
	assert.Equal(t, []string{"a@example.com", "c@example.com", "d@example.com"}, got[0].To)
	assert.Contains(t, got[0].Text, `filename="report.csv"`)
	assert.Contains(t, task.LogText(), "the server refused a receiver")
	assert.Contains(t, task.LogText(), "550 unknown")
	require.ErrorContains(t, execute(t, task, "{to: a@example.com, subject: s, html_content: x, files: gone.csv}"), `no file "gone.csv" in the folder of the DAG file, `+task.DAGFolder)
}

// Subject, content and sender may come from the connection (Airflow, EmailOperator).
func TestFromTheConnection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	subject, content := filepath.Join(dir, "subject.j2"), filepath.Join(dir, "content.html")
	require.NoError(t, os.WriteFile(subject, []byte("{{ ds }}\nis done\n"), 0o600))
	require.NoError(t, os.WriteFile(content, []byte("<b>{{ dag.dag_id }}</b>"), 0o600))
	task, server := setup(t, smtptest.Options{},
		`{"disable_ssl": true, "disable_tls": true, "from_email": "ding@example.com", "subject_template": "`+subject+`", "html_content_template": "`+content+`"}`)
	task.Render = func(text string, _ map[string]any) (string, error) {
		return strings.NewReplacer("{{ ds }}", "2024-01-02 ", "{{ dag.dag_id }}", "etl").Replace(text), nil
	}
	require.NoError(t, execute(t, task, "to: a@example.com"))
	text := server.Mails()[0].Text
	assert.Contains(t, text, "Subject: 2024-01-02 is done\r\n")
	assert.Contains(t, text, "PGI+ZXRsPC9iPg==", "<b>etl</b>")

	task, _ = setup(t, smtptest.Options{}, plain)
	require.ErrorContains(t, execute(t, task, "to: a@example.com"), "no subject: give one, or name a file as subject_template in the extra")
	require.ErrorContains(t, execute(t, task, "{to: a@example.com, subject: s}"), "no html_content: give one")
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options smtptest.Options
		yaml    string
		want    operator.Kind
	}{
		"greylisted":         {smtptest.Options{Answers: map[string]string{"RCPT": "451 later"}}, "", operator.Retry},
		"refused":            {smtptest.Options{Answers: map[string]string{"RCPT": "550 no"}}, "", operator.Failed},
		"wrong password":     {smtptest.Options{Auth: []string{"PLAIN"}, Answers: map[string]string{"AUTH": "535 no"}}, "", operator.Failed},
		"answer lost":        {smtptest.Options{Cut: "."}, "", operator.Failed},
		"answer lost, retry": {smtptest.Options{Cut: "."}, "on_uncertain: retry, ", operator.Retry},
		"no sender":          {smtptest.Options{}, "conn_id: bare, ", operator.Failed},
		"no file":            {smtptest.Options{}, "files: [nothing.csv], ", operator.Failed},
		"no such connection": {smtptest.Options{}, "conn_id: nowhere, ", operator.Retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, server := setup(t, tt.options, plain)
			task.Conns["bare"] = server.Connection("bare", `{"disable_ssl": true, "disable_tls": true}`)
			err := execute(t, task, "{"+tt.yaml+"to: a@example.com, subject: s, html_content: x}")
			require.Error(t, err)
			assert.Equal(t, tt.want, operator.Classify(t.Context(), err).Kind, "%v", err)
		})
	}
	assert.False(t, operatortest.Decode(t, spec(), "to: a@b.c").(operator.RepeatChecker).RepeatSafe())
	assert.True(t, operatortest.Decode(t, spec(), "{to: a@b.c, on_uncertain: retry}").(operator.RepeatChecker).RepeatSafe())
}

func TestRefusedParameters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"subject: s":                                   `missing parameter "to"`,
		"to: nobody":                                   `"nobody" is not a valid mail address`,
		"to: []":                                       "to names nobody",
		"{to: a@b.c, mime_subtype: alternative}":       "use mixed or related",
		"{to: a@b.c, mime_charset: klingon}":           "use utf-8",
		"{to: a@b.c, custom_headers: {Subject: x}}":    "written from the other parameters",
		"{to: a@b.c, html_contents: x}":                `did you mean "html_content"?`,
		"{to: a@b.c, from_email: 'not an address at'}": "is not a valid mail address",
	} {
		var doc yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		_, problems := spec().Decode(doc.Content[0])
		require.Len(t, problems, 1, text)
		assert.Contains(t, problems[0].Text, want)
	}
	operatortest.Decode(t, spec(), "{to: '{{ var.value.people }}', cc: null, mime_charset: '{{ x }}'}")
}
