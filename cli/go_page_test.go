package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

const nightly = `
nightly:
  default_args: {on_failure_callback: dingding}
  tasks:
    - {task_id: load, operator: bash, bash_command: "exit {{ params.exit_code }}"}
    - {task_id: tell, operator: dingding, message: "loaded {{ ds }}", dependencies: [load]}
  params: {exit_code: 0}
`

// runDAG runs a DAG file as "dingdag dags test" does, against a local DingTalk, and
// returns whether it succeeded, what it printed, and what arrived in the group.
func runDAG(t *testing.T, file, dag, conf string, ops ...operator.Spec) (ok bool, out string, got []sandbox.Message) {
	t.Helper()
	box := sandboxtest.Start(t)
	env := map[string]string{
		"DINGDAG_HOME":                  t.TempDir(),
		"DINGDAG_CONN_DINGDING_DEFAULT": `{"conn_type": "dingding", "password": "` + box.WebhookURL(box.AddRobot(sandbox.Robot{Name: "ops"})) + `"}`,
	}
	var printed bytes.Buffer
	code := cli.Run(t.Context(), []string{"dags", "test", dag, "2026-01-31", "-f", file, "--conf", conf}, cli.IO{
		In: strings.NewReader(""), Out: &printed, Err: &printed,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}, cli.Extensions{Operators: ops})
	return code == 0, printed.String(), box.Messages(sandbox.Filter{})
}

func TestNightly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nightly.yaml")
	require.NoError(t, os.WriteFile(file, []byte(nightly), 0o600))

	ok, out, got := runDAG(t, file, "nightly", `{}`)
	require.True(t, ok, out)
	assert.Equal(t, "loaded 2026-01-31", got[0].Content.Text)

	ok, _, got = runDAG(t, file, "nightly", `{"exit_code": 3}`)
	require.False(t, ok)
	require.Len(t, got, 1)
	assert.Contains(t, got[0].Content.Text, "任务失败 Task failed: nightly.load")
}

// The Go code of the page stands in tests: that above each block.
func TestGoPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "go.md"))
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)<!-- (\\S+) -->\n```(?:go|yaml)\n(.*?)```\n").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, strings.Count(string(page), "```go")+strings.Count(string(page), "```yaml"))
	flat := func(text string) string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		for i, line := range lines {
			lines[i] = strings.TrimSpace(line)
		}
		return strings.Join(lines, "\n")
	}
	for _, b := range blocks {
		source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(b[1])))
		require.NoError(t, err)
		assert.Contains(t, flat(string(source)), flat(b[2]), b[1])
	}
}
