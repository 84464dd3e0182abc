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
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
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
