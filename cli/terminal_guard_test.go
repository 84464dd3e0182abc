package cli_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/remote"
)

// hostile is a DAG whose file and whose task try to reach the terminal of whoever looks.
const hostile = `
hostile:
  description: "d\e]0;description\ae\u009b2J\u202eturned"
  schedule: null
  start_date: 2026-01-01
  params: {p: "\e]52;c;ZXZpbA==\a\u009b6n"}
  tasks:
    - {task_id: t, operator: bash, bash_command: "echo '{{ params.p }}'; printf 'x\\033]0;title\\007\\033[2J\\033[c\\302\\2336n\\342\\200\\256\\n'"}
    - {task_id: fails, operator: bash, bash_command: "printf 'why\\033]0;title\\007\\302\\2336n\\n' >&2; exit 1"}
`

// obeyed is what a command may have a terminal obey.
var obeyed = regexp.MustCompile("\r\n|\r\x1b\\[K|\x1b\\[[0-9;:]*m")

// assertTame fails when a terminal was sent more than text, colours and lines that are written over.
func assertTame(t *testing.T, of, shown string) {
	t.Helper()
	for _, r := range obeyed.ReplaceAllString(shown, "") {
		if r != '\t' && (unicode.IsControl(r) || r == '\u202e') {
			t.Errorf("%s: %U in %q", of, r, shown)
			return
		}
	}
}

// Whatever command shows what a task, a file or a person has written, here or on a server, a terminal shows it and does not obey.
func TestNothingReachesTheTerminal(t *testing.T) {
	t.Parallel()
	home := homeWith(t, hostile)
	p := scheduling(t, home)
	code, _, errs := run(t, "--home", home, "dags", "trigger", "hostile", "--run-id", "r")
	require.Zero(t, code, errs)
	p.until("end the run", func() bool { return strings.Contains(p.log.String(), "run failed") })
	p.stop()
	for way, env := range bothWays {
		for _, line := range []string{
			"tasks logs hostile t r", "tasks logs hostile fails r", "tasks xcoms hostile r", "tasks xcoms hostile r -o json", "tasks xcoms hostile r -o yaml",
			"tasks render hostile t r", "tasks render hostile t r -o json", "tasks tries hostile r", "tasks tries hostile r -o json",
			"dags show hostile", "dags show hostile -o json", "dags list -o json", "dags list-runs hostile -o json", "tasks list hostile",
			"tasks why hostile t r", "dags why hostile", "tasks states-for-dag-run hostile r -o yaml", "events list hostile -o json",
		} {
			s := onScreenWith(t, env, home, 200, strings.Fields(line)...)
			assert.NotEqual(t, 2, s.code(), "%s: %q", line, s.shown)
			assertTame(t, way+" "+line, s.shown.String())
		}
	}
}

// A server does not reach more of a terminal than what runs here does.
func TestServerDoesNotReachTheTerminal(t *testing.T) {
	t.Parallel()
	const evil = "\x1b]0;owned\a\x1b]52;c;ZXZpbA==\x1b\\\x1b[2J\x1b[6n\u009bc\x1bP$q\x1b\\"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		var req remote.Request
		assert.NoError(t, remote.Receive(r.Context(), conn, &req))
		for _, m := range []remote.Message{
			{Type: remote.Hello, Name: "9" + evil, Code: remote.Protocol},
			{Type: remote.Stdout, Data: []byte("\r\x1b[Kprogress\r\x1b[K\x1b[31mred\x1b[0m " + evil + "\x1b]0;ha")},
			{Type: remote.Stdout, Data: []byte("lf\a\n")},
			{Type: remote.Stderr, Data: []byte("error: " + evil + "\n")},
			{Type: remote.AskRead, ID: 1, Name: "a" + evil},
			{Type: remote.Exit, Code: 2},
		} {
			assert.NoError(t, remote.Send(r.Context(), conn, m))
		}
		for err == nil {
			_, _, err = conn.Read(r.Context())
		}
	}))
	t.Cleanup(srv.Close)
	s := onScreen(t, t.TempDir(), 200, "--server", srv.URL, "--token", "dd_x", "dags", "list")
	assert.Equal(t, 2, s.code())
	assertTame(t, "a server", s.shown.String())
	assert.Contains(t, s.shown.String(), "\r\x1b[Kprogress\r\x1b[K\x1b[31mred\x1b[0m ^[]0;owned^G^[]52;c;ZXZpbA==^[\\^[[2J^[[6n<U+009B>c")
	assert.Contains(t, s.shown.String(), "^[]0;half^G")
	assert.Contains(t, s.shown.String(), "note: the server has another version: 9^[]0;owned")
}
