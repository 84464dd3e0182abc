package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/worker"
)

// scriptOp has a parameter that takes template files.
type scriptOp struct {
	// Script is text or a file, or holds such.
	Script any `yaml:"script" param:"template,files=.sh|.sql"`
}

// Execute returns the script.
func (s *scriptOp) Execute(context.Context, *operator.TaskContext) (any, error) { return s.Script, nil }

// scripts makes a folder for DAG files, one of template_searchpath, and one outside.
func scripts(t *testing.T) (dags, search string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"dags/load.sql":       "SELECT '{{ ds }}', '{{ params.who }}'\n",
		"dags/sub/plain.sql":  "SELECT 1\r\n",
		"dags/inc.sql":        "-- {% include 'sub/head.txt' %}\nSELECT 2",
		"dags/sub/head.txt":   "of {{ ds }}\n",
		"dags/both.sql":       "near",
		"dags/bad.sql":        "SELECT 1;\n{{ ds | uper }}",
		"dags/badinc.sql":     "{% include 'gone.txt' %}",
		"dags/name.sql":       "load.sql",
		"dags/secret.sql":     "hunter22",
		"dags/fails.sql":      "a\n{{ params.nope }}",
		"search/both.sql":     "far",
		"search/far.sql":      "SELECT 'far'",
		"outside/outside.sql": "SELECT 'secret'",
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(root, "outside/outside.sql"), filepath.Join(root, "dags/link.sql")))
	require.NoError(t, os.Symlink("load.sql", filepath.Join(root, "dags/inner.sql")))
	require.NoError(t, os.Mkdir(filepath.Join(root, "dags/dir.sql"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(root, "dags/large.sql"), []byte(strings.Repeat("x", 1<<20+1)), 0o600))
	return filepath.Join(root, "dags"), filepath.Join(root, "search")
}

func parseIn(t *testing.T, b *bench, dags, search, script string) ([]*dag.DAG, dag.Diagnostics) {
	t.Helper()
	text := "d:\n  params: {who: me}\n  template_searchpath: ['" + search + "']\n  tasks:\n    - task_id: t\n      operator: script\n      script: " + script + "\n"
	return dagfile.Parse(filepath.Join(dags, "d.yaml"), []byte(text), b.e.Catalog(), dagfile.Options{})
}

// Template files are rendered with the task's variables, from the folder of the DAG
// file first and then from template_searchpath (Airflow, template_ext).
func TestTemplateFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dags, search := scripts(t)
	for script, want := range map[string]any{
		"load.sql":                      "SELECT '2026-01-31', 'me'",
		"./sub/plain.sql":               "SELECT 1",
		"[far.sql, 'x {{ ds }}']":       []any{"SELECT 'far'", "x 2026-01-31"},
		"{a: [load.sql]}":               map[string]any{"a": []any{"SELECT '2026-01-31', 'me'"}},
		"inc.sql":                       "-- of 2026-01-31\nSELECT 2",
		"both.sql":                      "near",
		"'load.sql '":                   "load.sql ",
		"\"-- see\\nload.sql\"":         "-- see\nload.sql",
		"inner.sql":                     "SELECT '2026-01-31', 'me'",
		"name.sql":                      "load.sql",
		"secret.sql":                    "***",
		"\"{% include 'both.sql' %}!\"": "near!",
		"'{{ \"lo\" ~ \"ad\" }}.sql'":   "SELECT '2026-01-31', 'me'",
	} {
		ds, diags := parseIn(t, b, dags, search, script)
		require.Empty(t, diags, script)
		fields, err := b.e.RenderTask(t.Context(), ds[0], "t", -1, engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
		require.NoError(t, err, script)
		assert.Contains(t, fields, worker.RenderedField{Name: "script", Value: want}, script)
	}
}

// What is wrong with a template file shows when the DAG file is read.
func TestTemplateFilesAreChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dags, search := scripts(t)
	at := filepath.Join(dags, "d.yaml")
	for script, want := range map[string]string{
		"gone.sql":               at + `:7:15: error: dag "d", task "t": template file in "script": gone.sql: no file "gone.sql" in ` + dags + " or " + search + "; put a space at its end if it is not a file name",
		"[x, no.sql]":            at + `:7:19: error: dag "d", task "t": template file in "script[1]": no.sql: no file`,
		"../outside/outside.sql": `"../outside/outside.sql" lies outside the folder of the DAG file`,
		"'" + filepath.Join(dags, "load.sql") + "'": "lies outside the folder of the DAG file: name template files relative to it",
		"link.sql":   "link.sql: path escapes from parent",
		"dir.sql":    "dir.sql is not a regular file",
		"large.sql":  "large.sql is larger than 1048576 bytes",
		"bad.sql":    `bad.sql: template line 2, column 9: unknown filter "uper"; did you mean upper?`,
		"badinc.sql": `badinc.sql: template line 1, column 4: include: no file "gone.txt"`,
		"\"{% include '../outside/outside.sql' %}\"": `template file in "script": template line 1, column 4: include: "../outside/outside.sql" lies outside`,
		"SELECT * FROM a.sql":                        `no file "SELECT * FROM a.sql"`,
	} {
		ds, diags := parseIn(t, b, dags, search, script)
		assert.Empty(t, ds, script)
		assert.Contains(t, diags.String(), want, script)
	}
}

// A file that is gone, or wrong, when the task runs fails the try. A run whose DAG is
// made again from the store finds its files, too.
func TestTemplateFilesAtRunTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dags, search := scripts(t)
	ds, diags := parseIn(t, b, dags, search, "load.sql")
	require.Empty(t, diags)
	require.NoError(t, os.Remove(filepath.Join(dags, "load.sql")))
	_, err := b.e.RenderTask(t.Context(), ds[0], "t", -1, engine.Trigger{})
	require.EqualError(t, err, `task "t": render script: no file "load.sql" in `+dags+" or "+search+"; put a space at its end if it is not a file name")

	require.NoError(t, os.WriteFile(filepath.Join(dags, "load.sql"), []byte("a\n{{ params.nope }}"), 0o600))
	_, err = b.e.RenderTask(t.Context(), ds[0], "t", -1, engine.Trigger{})
	require.EqualError(t, err, `task "t": render script: load.sql: template line 2, column 4: params.nope is undefined`)

	again, err := dagfile.Restore(dagfile.Source(ds[0]), b.e.Catalog(), dagfile.Options{})
	require.NoError(t, err, "the files are not looked at")
	assert.Equal(t, ds[0].Version, again.Version)
}

// A DAG file that did not change is read again as long as it rests on template files.
func TestTemplateFilesAreWatched(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "d.yaml"), []byte("d:\n  tasks: [{task_id: t, operator: script, script: a.sql}]\n"), 0o600))
	l := dagfile.NewLoader(b.e.Catalog(), dagfile.Options{})
	for _, c := range []struct {
		text string
		want bool
	}{{"", false}, {"{{ 1 }}", true}, {"{{ 1 | nope }}", false}, {"2", true}} {
		if c.text != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "a.sql"), []byte(c.text), 0o600))
		}
		assert.Equal(t, c.want, !l.Load(dir).Diagnostics.HasErrors(), c.text)
	}
}
