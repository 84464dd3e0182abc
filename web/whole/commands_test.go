package whole_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// remotely calls a command on the server with a token, from a machine that has nothing of it.
func (p *program) remotely(token, in string, args ...string) (code int, out, errs string) {
	p.t.Helper()
	cmd := p.command(p.t.Context(), args...)
	cmd.Env = append(cmd.Env[:2:2], "HOME="+p.t.TempDir(), "DINGDAG_SERVER="+p.url, "DINGDAG_TOKEN="+token, "GORACE=atexit_sleep_ms=10")
	cmd.Stdin = strings.NewReader(in)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	_ = cmd.Run() // the code says how it ended
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// Commands on a server do for each role what it may, and for whom they do not they do nothing.
func TestCommandsForEachRole(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	const hidden, open = "hidden_dag", "open_dag"
	for _, c := range []struct {
		who, want string // part of the output or of the error
		code      int
		args      []string
	}{
		{viewer, hidden, 0, []string{"dags", "list"}},
		{viewer, "load", 0, []string{"tasks", "list", hidden}},
		{viewer, "may not operate DAG hidden_dag: this needs the role operator", 1, []string{"dags", "pause", hidden}},
		{viewer, "needs the role admin", 1, []string{"variables", "list"}},
		{viewer, "hidden_dag_bad", 1, []string{"dags", "list-import-errors"}},
		{operator, "is paused", 0, []string{"dags", "pause", hidden}},
		{operator, "needs the role admin", 1, []string{"connections", "list"}},
		{operator, "needs the role admin", 1, []string{"tokens", "create", "ann", "x"}},
		{operator, "needs the role admin", 1, []string{"users", "set", "olaf", "--role", "admin"}},
		{admin, "***", 0, []string{"connections", "get", "c"}},
		{admin, "does not leave the machine", 2, []string{"connections", "get", "c", "--show-secrets"}},
		{admin, "hidden_dag variable", 0, []string{"variables", "get", "v"}},
		{admin, "run it on the machine of the server", 2, []string{"db", "clean", "--before", "1d"}},
		{admin, "leave it out", 2, []string{"dags", "list", "--home", "/"}},
		{someViewer, open, 0, []string{"dags", "list"}},
		{someViewer, open, 0, []string{"dags", "list-runs"}},
		{someViewer, "may not read DAG hidden_dag", 1, []string{"dags", "show", hidden}},
		{someViewer, "may not read DAG hidden_dag", 1, []string{"tasks", "logs", hidden, "breaks", "one"}},
		{someViewer, open, 0, []string{"dags", "show", open}},
		{someViewer, "", 0, []string{"dags", "list-import-errors"}},
		{someViewer, "scheduler", 0, []string{"health"}},
		{someViewer, "x://open_dag/asset", 0, []string{"assets", "list"}},
		{someViewer, "", 0, []string{"assets", "events"}},
		{someViewer, "needs the role operator", 1, []string{"assets", "emit", "x://open_dag/asset"}},
		{someOperator, "no asset", 1, []string{"assets", "emit", "x://hidden_dag/asset"}},
		{someOperator, "x://open_dag/asset", 0, []string{"assets", "emit", "x://open_dag/asset"}},
		{someOperator, "no asset", 1, []string{"assets", "materialize", "x://hidden_dag/asset"}},
		{someOperator, "silent until", 0, []string{"alerts", "snooze", "open_dag", "1h", "--robot", "ops"}},
		{someOperator, "name one of them", 1, []string{"alerts", "snooze", "1h", "--robot", "ops"}},
		{someOperator, "may be several DAGs", 1, []string{"alerts", "snooze", "open*", "1h"}},
		{someViewer, "no alert 1", 1, []string{"alerts", "show", "1"}},
		{someOperator, "is paused", 0, []string{"dags", "pause", open}},
		{someOperator, "may not operate DAG hidden_dag", 1, []string{"dags", "unpause", hidden}},
		{someOperator, "may not operate DAG gone", 1, []string{"dags", "trigger", "gone"}},
		{someOperator, "no alert 1", 1, []string{"alerts", "ack", "1"}},
		{expired, "does not take the token", 1, []string{"dags", "list"}},
		{disabled, "does not take the token", 1, []string{"dags", "list"}},
		{nobody, "needs a token", 2, []string{"dags", "list"}},
	} {
		code, out, errs := p.remotely(tokens[c.who], "", c.args...)
		about := c.who + ": dingdag " + strings.Join(c.args, " ") + "\n" + out + errs
		assert.Equal(t, c.code, code, about)
		assert.Contains(t, out+errs, c.want, about)
		assert.NotContains(t, out+errs, "hidden_dag password", about)
		if c.who == someViewer || c.who == someOperator {
			assert.NotContains(t, out, hidden, about)
		}
	}
	log := p.run("", "events", "list", "--event", "pause", "-o", "plain")
	assert.Contains(t, log, "\tolaf\trest_api\tpause\thidden_dag\t\t\t\t127.0.0.1\n", "who did it, and from where")
	assert.Contains(t, log, "\totto\trest_api\tpause\topen_dag\t")
	code, out, errs := p.remotely(tokens[admin], "correct horse battery\n", "users", "create", "zoe", "--role", "viewer")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "user zoe is created: viewer of all DAGs\n", out)
	assert.NotContains(t, p.said(), "correct horse battery")
	for who, token := range tokens {
		if token != "" {
			assert.NotContains(t, p.said(), token, "the log has the token of %s", who)
		}
	}
}

// Commands run at once, beside each other and what else the server does, as they do one by one.
func TestCommandsAtOnce(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	var calls sync.WaitGroup
	for i := range 6 {
		for who, args := range map[string][]string{
			// Without a date it is the second, and there is one run of a date.
			admin:    {"dags", "trigger", "open_dag", "--run-id", "at_once_" + strconv.Itoa(i), "--logical-date", "2026-01-0" + strconv.Itoa(i+1), "--timezone", "Asia/Shanghai"},
			operator: {"dags", "list"}, viewer: {"dags", "show", "hidden_dag"}, someViewer: {"dags", "why", "open_dag"}, someOperator: {"alerts", "list", "open_dag"},
		} {
			calls.Go(func() {
				code, out, errs := p.remotely(tokens[who], "", args...)
				assert.Equal(t, 0, code, "%s: %q\n%s%s", who, args, out, errs)
			})
		}
	}
	calls.Wait()
	_, out, _ := p.remotely(tokens[viewer], "", "dags", "list-runs", "open_dag", "-o", "plain")
	assert.Equal(t, 6, strings.Count(out, "at_once_"), out)
}

// No page runs a command with the session of somebody who is signed in.
func TestNoPageRunsCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(t, map[string]string{"open.yaml": openDAG})
	p.user("ann", "admin")
	p.serves()
	ann := cookie(p.session("ann"))
	for name, c := range map[string]struct {
		header http.Header
		want   int
	}{
		"a session":           {http.Header{"Cookie": {ann}}, http.StatusUnauthorized},
		"a page of ours":      {http.Header{"Cookie": {ann}, "Origin": {p.url}}, http.StatusForbidden},
		"a page of elsewhere": {http.Header{"Cookie": {ann}, "Origin": {"https://evil.example"}}, http.StatusForbidden},
	} {
		conn, resp, err := websocket.Dial(t.Context(), p.url+"/api/dingdag/commands", &websocket.DialOptions{HTTPHeader: c.header}) //nolint:bodyclose // none is open
		if !assert.Error(t, err, name) {
			_ = conn.CloseNow()
			continue
		}
		require.NotNil(t, resp, name)
		assert.Equal(t, c.want, resp.StatusCode, name)
	}
}
