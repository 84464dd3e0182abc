package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
)

// withClients is a DAG whose first try of load fails.
const withClients = `
etl:
  schedule: null
  is_paused_upon_creation: true
  params: {day: sunday}
  tasks:
    - {task_id: load, operator: bash, bash_command: "if [ -e HOME/seen ]; then echo '{{ params.day }}'; else touch HOME/seen; echo first; exit 1; fi"}
    - {task_id: tell, operator: empty, dependencies: [load]}
another:
  schedule: null
  tasks: [{task_id: t, operator: empty}]
`

// Clients of Airflow's that others wrote do their work with our server.
func TestAirflowClientsOfOthers(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("DINGDAG_TEST_AIRFLOW_CLIENTS")
	if dir == "" {
		t.Skip("set DINGDAG_TEST_AIRFLOW_CLIENTS to a folder with the programs official and fork of .ci/airflow-clients")
	}
	old := map[string]any{
		"variable": 200.0, "pool": 200.0, "connection": 200.0, "xcom": "monday", "version": "3.2.1", "connections": 1.0, "health": "healthy", "tasks": 2.0,
		"log": "[('dingdag', '",
	}
	for name, c := range map[string]struct {
		program, path string
		token         bool
		want          map[string]any
	}{
		"the client of the Terraform provider, version 2": {"fork", "/api/v2", true, map[string]any{
			"variable": 201.0, "pool": 201.0, "connection": 201.0, "xcom": `"monday"`, "version": "3.2.1", "connections": 1.0,
		}},
		"the official client, version 1":                  {"official", "/api/v1", false, old},
		"the client of the Terraform provider, version 1": {"fork", "/api/v1", true, old},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := homeWith(t, "")
			require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "dags.yaml"), []byte(strings.ReplaceAll(withClients, "HOME", home)), 0o600))
			_ = asked(t, home, "correct horse\n", "users", "create", "ann", "--role", "admin")
			env := []string{"HOME=" + t.TempDir(), "AIRFLOW_USER=ann", "AIRFLOW_PASSWORD=correct horse"}
			if c.token {
				token := asked(t, home, "", "tokens", "create", "ann", "client")
				env = append(env, "AIRFLOW_TOKEN="+strings.TrimSpace(token))
			}
			p := scheduling(t, home, listenVariable+"=127.0.0.1:0")
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, c.program))
			cmd.Env = slices.Concat(env, []string{"AIRFLOW_URL=" + p.address() + c.path})
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			require.NoError(t, cmd.Run(), "%s%s", out.String(), errs.String())
			got := map[string]any{}
			for lines := bufio.NewScanner(&out); lines.Scan(); {
				var d struct {
					Step  string `json:"step"`
					Error string `json:"error"`
					Got   any    `json:"got"`
				}
				require.NoError(t, json.Unmarshal(lines.Bytes(), &d), lines.Text())
				got[d.Step] = d.Got
				if d.Step == "unknown" {
					assert.Contains(t, d.Error, "404")
					continue
				}
				assert.Empty(t, d.Error, d.Step)
				if d.Step == "log" {
					text, _ := d.Got.(string)
					assert.Contains(t, text, ` - first\n[`)
					got[d.Step] = text[:min(len(text), len("[('dingdag', '"))]
				}
			}
			want := map[string]any{
				"dags": map[string]any{"ids": []any{"etl"}, "total": 2.0}, "unpause": false, "unknown": 404.0,
				"trigger": map[string]any{"state": "queued", "conf": map[string]any{"day": "monday"}, "type": "manual"}, "wait": "failed", "runs": 1.0,
				"instances": map[string]any{"load": "failed", "tell": "upstream_failed"}, "clear": 2.0, "wait again": "success", "xcoms": 1.0,
				"variable changed": 200.0, "variable read": "friday", "variable deleted": 204.0, "pool changed": 200.0, "pool read": 3.0, "pool deleted": 204.0,
				"connection read": []any{"http", "example.com"}, "connection deleted": 204.0, "import errors": 0.0, "events": []any{"delete_connection by ann"},
			}
			maps.Copy(want, c.want)
			assert.Equal(t, want, got)
			p.stop()
			assert.NotContains(t, p.log.String(), "answer a call")
		})
	}
}

// asked is what a command on a home folder prints.
func asked(t *testing.T, home, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	env := map[string]string{"DINGDAG_HOME": home, listenVariable: "off"}
	code := cli.Run(t.Context(), args, cli.IO{
		In: strings.NewReader(stdin), Out: &out, Err: &errs, LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}, cli.Extensions{})
	require.Zero(t, code, "%s%s", out.String(), errs.String())
	return out.String()
}
