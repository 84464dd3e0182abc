package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lists has states of several kinds, a long reason and long names.
const lists = `
example_of_a_dag_with_a_rather_long_name:
  description: a long name
  schedule: "0 6 * * *"
  timezone: Asia/Shanghai
  is_paused_upon_creation: true
  start_date: 2026-01-01
  default_args: {owner: the people of the data platform}
  tasks:
    - {task_id: read_the_orders_of_yesterday, operator: bash, bash_command: echo "there is no such table as orders_of_yesterday in schema shop" >&2; exit 3}
    - {task_id: load, operator: empty, dependencies: [read_the_orders_of_yesterday]}
    - {task_id: tell, operator: empty, trigger_rule: all_done, dependencies: [load]}
    - {task_id: skips, operator: bash, bash_command: exit 99}
`

// plainScreen is what a screen shows, without colours.
func (s *screen) lines() []string {
	plain := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(s.shown.String(), "")
	return strings.Split(strings.TrimRight(strings.ReplaceAll(plain, "\r\n", "\n"), "\n"), "\n")
}

// shown runs a command to its end on a terminal of 80 columns, whose lines must fit.
func onEighty(t *testing.T, home string, args ...string) *screen {
	t.Helper()
	s := onScreen(t, home, 80, args...)
	require.Zero(t, s.code(), s.shown)
	for _, line := range s.lines() {
		assert.LessOrEqual(t, text.StringWidthWithoutEscSequences(line), 80, "%v: %q", args, line)
	}
	return s
}

// Every list fits a terminal of 80 columns, shows states in colour and says a run id once.
func TestListsOnATerminal(t *testing.T) {
	t.Parallel()
	const id = "example_of_a_dag_with_a_rather_long_name"
	home := homeWith(t, lists)
	p := scheduling(t, home)
	code, _, errs := run(t, "--home", home, "dags", "unpause", id)
	require.Zero(t, code, errs)
	code, _, errs = run(t, "--home", home, "dags", "trigger", id, "-r", "manual__2026-01-31T00:00:00+00:00", "-l", "2026-01-31")
	require.Zero(t, code, errs)
	ended := regexp.MustCompile(`run succeeded.*manual__2026-01-31.* took`) // the schedule has made another one
	p.until("end the run", func() bool { return ended.MatchString(p.log.String()) })
	p.stop()

	s := onEighty(t, home, "tasks", "states-for-dag-run", id, "manual__2026-01-31T00:00:00+00:00")
	out := s.shown.String()
	assert.Equal(t, 1, strings.Count(out, "manual__2026-01-31"), "the run stands above the table: %s", out)
	assert.Contains(t, out, "\x1b[31;1mfailed\x1b[0m")
	assert.Contains(t, out, "\x1b[33mupstream_failed\x1b[0m")
	assert.Contains(t, out, "\x1b[32msuccess\x1b[0m")
	assert.Contains(t, out, "\x1b[35mskipped\x1b[0m")
	assert.Regexp(t, `read_the_orders_of_yesterday .* \d+(\.\d+)?m?s +\r\n`, out, "how long it took")

	out = onEighty(t, home, "dags", "list-runs", id).shown.String()
	assert.Contains(t, out, "manual__2026-01-31T00:00:00+00:00", "an id is never cut where there is room for it")
	assert.Contains(t, out, "left out: By, End")
	assert.Regexp(t, `failed\x1b\[0m +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d |success\x1b\[0m +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d `, out)
	assert.Contains(t, out, "times in Asia/Shanghai", "moments say their zone once")
	out = onEighty(t, home, "dags", "list-runs").shown.String()
	assert.Contains(t, out, "-o plain has it in one line", "two long ids do not fit")
	onEighty(t, home, "dags", "list")
	onEighty(t, home, "dags", "next-execution", id, "-n", "2")
	onEighty(t, home, "tasks", "list", id)
	out = onEighty(t, home, "tasks", "why", id, "read_the_orders_of_yesterday", "manual__2026-01-31T00:00:00+00:00").shown.String()
	assert.Contains(t, out, "orders_of_yesterday in")
	onEighty(t, home, "tasks", "xcoms", id)
	onEighty(t, home, "dags", "clear", id, "manual__2026-01-31T00:00:00+00:00", "--dry-run")
	onEighty(t, home, "operators", "list")
	onEighty(t, home, "pools", "list")
	code, _, errs = run(t, "--home", home, "connections", "add", "warehouse_of_the_shop", "--conn-uri", "postgres://reader:pass-word@database.of.the.shop.example.com:5432/orders?sslmode=require", "--conn-description", "what the shop sells")
	require.Zero(t, code, errs)
	onEighty(t, home, "connections", "list")
	onEighty(t, home, "connections", "get", "warehouse_of_the_shop")
	code, _, errs = run(t, "--home", home, "variables", "set", "a_variable_with_a_long_name", "v", "--description", strings.Repeat("a long description ", 6))
	require.Zero(t, code, errs)
	onEighty(t, home, "variables", "list")
	onEighty(t, home, "assets", "list")
	onEighty(t, home, "backfill", "list")
	onEighty(t, home, "backfill", "create", id, "--from-date", "2026-01-01", "--to-date", "2026-01-02", "--dry-run", "--timezone", "Asia/Shanghai")
	assert.Equal(t, []string{"success"}, onEighty(t, home, "dags", "state", id, "manual__2026-01-31T00:00:00+00:00").lines())

	// What is no terminal is plain and whole.
	_, out, _ = run(t, "--home", home, "tasks", "states-for-dag-run", id, "manual__2026-01-31T00:00:00+00:00")
	assert.NotContains(t, out, "\x1b")
	assert.Equal(t, 4, strings.Count(out, "manual__2026-01-31"), "a line is whole for whoever reads it")
	assert.Contains(t, out, "Ended")
}

// NO_COLOR takes the colours away, not the layout.
func TestListsWithoutColor(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	home := homeWith(t, "one:\n  schedule: null\n  start_date: 2026-01-01\n  tasks: [{task_id: t, operator: empty}]\n")
	require.Zero(t, onScreen(t, home, 80, "dags", "trigger", "one", "-r", "r").code())
	s := onScreen(t, home, 80, "tasks", "states-for-dag-run", "one")
	require.Zero(t, s.code())
	assert.NotContains(t, s.shown.String(), "\x1b")
	assert.Contains(t, s.shown.String(), "Run: r\r\n")
	assert.Regexp(t, ` t +none +0`, s.shown.String())
}

// On a terminal a mistaken edit can be mended at once.
func TestEditOnATerminal(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	code, _, errs := run(t, "--home", home, "connections", "add", "ops", "--conn-type", "http", "--conn-port", "80")
	require.Zero(t, code, errs)
	// The first time it leaves a mistake, then what is right.
	editor := filepath.Join(dir, "editor")
	script := "#!/bin/sh\nif mkdir '" + dir + "/once' 2>/dev/null; then sed -i 's/port:.*/port: many/' \"$1\"; else grep -q many \"$1\" && sed -i 's/port:.*/port: 8080/' \"$1\"; fi\n"
	require.NoError(t, os.WriteFile(editor, []byte(script), 0o700))
	t.Setenv("EDITOR", editor)
	t.Setenv("VISUAL", "")
	t.Setenv("TMPDIR", dir)
	s := onScreen(t, home, 120, "connections", "edit", "ops")
	s.await(`port: want an integer, got other text\r\nedit it again\? \[y/N\] $`)
	s.enter("y\r")
	assert.Zero(t, s.code(), s.shown)
	assert.Contains(t, s.shown.String(), "changed connection ops\r\n")
	_, out, _ := run(t, "--home", home, "connections", "get", "ops", "-o", "json")
	assert.Contains(t, out, `"port": 8080`)

	require.NoError(t, os.Remove(filepath.Join(dir, "once")))
	s = onScreen(t, home, 120, "connections", "edit", "ops")
	s.await(`\[y/N\] $`)
	s.enter("n\r")
	assert.Equal(t, 1, s.code())
	assert.Contains(t, s.shown.String(), "the edit is kept in ")
}
