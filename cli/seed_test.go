package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
)

// Two modes are promised by docs/dingtalk.md, rule by rule, each held by a test of the whole program that begins with TestSeed.

// homeOf is a home folder with a DAG file. The function runs a command on it.
func homeOf(t *testing.T, file string) func(args ...string) string {
	t.Helper()
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "dags"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "seed.yaml"), []byte(file), 0o600))
	env := map[string]string{"DINGDAG_HOME": home}
	return func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		code := cli.Run(t.Context(), args, cli.IO{
			In: strings.NewReader(""), Out: &out, Err: &out,
			LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		}, cli.Extensions{})
		require.Zero(t, code, "%s\n%s", strings.Join(args, " "), out.String())
		return out.String()
	}
}

// The address that DingTalk shows, pasted whole, is all that a group needs.
func TestSeedWebhookMode(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	address := box.WebhookURL(box.AddRobot(sandbox.DemoRobot("ops")))
	do := homeOf(t, "hello: {schedule: null, start_date: 2026-01-01, tasks: [{task_id: tell, operator: dingding, message: it works}]}\n")
	do("connections", "add", "dingding_default", "--conn-type", "dingding", "--conn-password", address)
	_, token, ok := strings.Cut(address, "access_token=")
	require.True(t, ok)
	assert.NotContains(t, do("connections", "test", "dingding_default"), token)
	do("dags", "test", "hello")
	arrived := box.Messages(sandbox.Filter{})
	require.Len(t, arrived, 2, "that of the test of the connection, too")
	assert.Equal(t, "it works", arrived[1].Content.Text)
}

// What is longer than DingTalk's 20,000 bytes leaves in parts, in order, with nothing lost and no character cut in two.
func TestSeedChunksOver20000(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	robot := box.AddRobot(sandbox.DemoRobot("ops"))
	var text strings.Builder
	for n := 1; text.Len() < 45_000; n++ {
		fmt.Fprintf(&text, "第 %d 行 is a line of the report\n", n)
	}
	var file strings.Builder
	file.WriteString("long:\n  schedule: null\n  start_date: 2026-01-01\n  tasks:\n    - task_id: tell\n      operator: dingding\n      message: |\n")
	for line := range strings.Lines(text.String()) {
		file.WriteString("        " + line)
	}
	do := homeOf(t, file.String())
	do("connections", "add", "dingding_default", "--conn-type", "dingding", "--conn-password", box.WebhookURL(robot))
	do("dags", "test", "long")
	arrived := box.Messages(sandbox.Filter{})
	assert.Greater(t, len(arrived), 2)
	var lines []string
	for _, m := range arrived {
		assert.LessOrEqual(t, len(m.Raw), 20_000)
		for line := range strings.Lines(m.Content.Text) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "第") {
				lines = append(lines, line)
			}
		}
	}
	assert.Equal(t, strings.Split(strings.TrimSpace(text.String()), "\n"), lines)
}

// A token that has ended is fetched anew by whoever meets it, once for the whole home folder.
func TestSeedTokenIsRefreshed(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	app := box.Demo()
	team := box.AddChat(sandbox.Chat{Name: "ops", Owner: "user001", Bots: []string{app.AppKey}})
	do := homeOf(t, fmt.Sprintf(`
say:
  schedule: null
  start_date: 2026-01-01
  tasks: [{task_id: tell, operator: dingtalk_send_group_message, open_conversation_id: %q, msg_key: sampleText, msg_param: {content: hello}}]
`, team.OpenConversationID))
	do("connections", "add", "dingtalk_default", "--conn-type", "dingtalk", "--conn-host", box.URL, "--conn-login", app.AppKey, "--conn-password", app.AppSecret)
	fetched := func() (n int) {
		for _, a := range box.Attempts() {
			if a.Call == "token.new" {
				n++
			}
		}
		return n
	}
	do("dags", "test", "say")
	do("dags", "test", "say")
	assert.Equal(t, 1, fetched(), "processes share it")
	box.ExpireTokens(app.AppKey)
	do("dags", "test", "say")
	do("dags", "test", "say")
	assert.Equal(t, 2, fetched())
	assert.Len(t, box.Messages(sandbox.Filter{}), 4, "each once")
}

// talking is a program at work, with an application whose bot is in a group. Ann may do everything there.
type talking struct {
	*chaos
	*process

	app   sandbox.App
	group string
}

// talk starts the program with a DAG file in its home folder.
func talk(t *testing.T, file string) *talking {
	t.Helper()
	c := newChaos(t, 1, file)
	c.box.ClearFaults()
	app, groups := c.talkers(1)
	c.env = append(c.env, fmt.Sprintf(
		`DINGDAG_CONN_TALK={"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"stream":true,"user_id":"ann","conversation_id":%q,"card_template_id":"tpl.schema"}}`,
		c.box.URL, app.AppKey, app.AppSecret, groups[0]))
	w := &talking{chaos: c, app: app, group: groups[0]}
	w.begin()
	return w
}

// begin starts the program, again once it has ended.
func (w *talking) begin() {
	w.chaos.t.Helper()
	w.box.WaitStreams(w.app, 0) // what goes to a process that was killed comes again after a minute
	w.process = w.chaos.start()
	w.box.WaitStreams(w.app, 1)
}

// says lets Ann write something, and returns the first answer.
func (w *talking) says(text string) string {
	w.chaos.t.Helper()
	return w.box.WaitAnswers(w.box.Say("ann", w.group, text), 1)[0].Content.Text
}

// The other mode goes both ways, over a connection that the program opens, with the key and the secret of an application.
func TestSeedAPIMode(t *testing.T) {
	t.Parallel()
	w := talk(t, quickDAG)
	assert.Contains(t, w.says("whoami"), "admin")
	assert.Contains(t, w.says("trigger quick"), "manual__")
	s := w.open()
	defer s.Close()
	w.until("run what was asked for", func() bool {
		n, err := s.CountRuns(t.Context(), "quick", dag.RunSuccess)
		require.NoError(t, err)
		return n == 1
	})
	alone := w.box.Say("ann", w.app.AppKey, "状态 quick")
	assert.Contains(t, w.box.WaitAnswers(alone, 1)[0].Content.Text, "成功", "one-to-one, and in Chinese")
	w.stop()
}

// What is written in one conversation is carried out and answered in its order, each message once.
func TestSeedSequentialQueue(t *testing.T) {
	t.Parallel()
	w := talk(t, quickDAG)
	var said []sandbox.Said
	for n := range 20 {
		text := fmt.Sprintf("runs nothing_%02d", n)
		if n%2 == 0 {
			text = fmt.Sprintf("trigger quick n=%d", n)
		}
		said = append(said, w.box.Say("ann", w.group, text))
	}
	w.until("answer all", func() bool {
		answered := map[string]bool{}
		for _, m := range w.box.Messages(sandbox.Filter{Conversation: w.group}) {
			answered[m.ReplyTo] = true
		}
		for _, s := range said {
			if !answered[s.ID] {
				return false
			}
		}
		return true
	})
	var order, want []string
	for _, m := range w.box.Messages(sandbox.Filter{Conversation: w.group}) {
		if m.ReplyTo != "" {
			order = append(order, m.ReplyTo)
		}
	}
	for _, s := range said {
		want = append(want, s.ID)
	}
	assert.Equal(t, want, order)
	s := w.open()
	defer s.Close()
	runs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "quick"})
	require.NoError(t, err)
	var confs []string
	for _, r := range runs {
		confs = append(confs, string(r.Conf))
	}
	w.stop()
	assert.Equal(t, []string{
		`{"n":0}`, `{"n":2}`, `{"n":4}`, `{"n":6}`, `{"n":8}`, `{"n":10}`, `{"n":12}`, `{"n":14}`, `{"n":16}`, `{"n":18}`,
	}, confs)
}

// What a conversation was bound to, and what was written while nothing ran, outlives the program.
func TestSeedStateIsKept(t *testing.T) {
	t.Parallel()
	w := talk(t, `
brittle:
  schedule: null
  start_date: 2026-01-01
  tasks: [{task_id: load, operator: bash, bash_command: exit 1}]
`)
	assert.Contains(t, w.says("bind brittle"), "`brittle`")
	w.stop()
	while := w.box.Say("ann", w.group, "bindings")
	w.begin()
	assert.Contains(t, w.box.WaitAnswers(while, 1)[0].Content.Text, "`brittle` by ann", "written while nothing ran")
	before := w.box.Messages(sandbox.Filter{Conversation: w.group})
	w.says("trigger brittle")
	w.until("tell the conversation", func() bool {
		for _, m := range w.box.Messages(sandbox.Filter{Conversation: w.group, After: before[len(before)-1].ID}) {
			if m.ReplyTo == "" && strings.Contains(m.Content.Text+m.Content.Title, "Task failed: brittle.load") {
				return true
			}
		}
		return false
	})
	w.stop()
}
