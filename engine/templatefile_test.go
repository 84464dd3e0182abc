package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
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

// A task has the files as they were when its DAG file was read. What only a rendered name can mean, or a file of a version that was
// made before versions had files, shows when the task runs.
func TestTemplateFilesAtRunTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dags, search := scripts(t)
	rendered := func(d *dag.DAG) (any, error) {
		fields, err := b.e.RenderTask(t.Context(), d, "t", -1, engine.Trigger{})
		for _, f := range fields {
			if f.Name == "script" {
				return f.Value, err
			}
		}
		return nil, err
	}
	ds, diags := parseIn(t, b, dags, search, "load.sql")
	require.Empty(t, diags)
	fails, diags := parseIn(t, b, dags, search, "fails.sql")
	require.Empty(t, diags)
	named, diags := parseIn(t, b, dags, search, "'{{ params.who }}.sql'")
	require.Empty(t, diags)
	require.NoError(t, os.RemoveAll(dags))
	text, err := rendered(ds[0])
	require.NoError(t, err)
	assert.Contains(t, text, "'me'")
	_, err = rendered(fails[0])
	require.EqualError(t, err, `task "t": render script: fails.sql: template line 2, column 4: params.nope is undefined`)
	_, err = rendered(named[0])
	require.EqualError(t, err, `task "t": render script: no file "me.sql" in the version of the DAG: when its file was read, it was not in `+dags+" or "+search+
		". If it is there now, runs that start from now on have it, and this one once it is cleared to run on the latest version; put a space at its end if it is not a file name")

	again, err := dagfile.Restore(dagfile.Source(ds[0]), b.e.Catalog(), dagfile.Options{})
	require.NoError(t, err, "the files are not looked at")
	assert.Equal(t, ds[0].Version, again.Version)
	again.Pos.File, again.TemplateFiles = filepath.Join(dags, "d.yaml"), nil
	_, err = rendered(again)
	require.EqualError(t, err, `task "t": render script: no file "load.sql" in `+dags+" or "+search+"; put a space at its end if it is not a file name")
}

// A DAG file that did not change is read again when a template file did, or one came that it names.
func TestTemplateFilesAreWatched(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dir := t.TempDir()
	long := time.Now().Add(-time.Hour)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), long, long))
		require.NoError(t, os.Chtimes(dir, long, long))
	}
	write("d.yaml", "d:\n  tasks: [{task_id: t, operator: script, script: a.sql}]\n")
	l := dagfile.NewLoader(b.e.Catalog(), dagfile.Options{Root: dir})
	for _, c := range []struct {
		text string
		want bool
	}{{"", false}, {"{{ 1 }}", true}, {"{{ 1 | nope }}", false}, {"22", true}} {
		if c.text != "" {
			write("a.sql", c.text)
		}
		res := l.Load(dir)
		assert.Equal(t, c.want, !res.Diagnostics.HasErrors(), c.text)
		assert.False(t, res.Volatile, "all is in the DAGs folder")
		if c.want {
			assert.Same(t, res.DAGs[0], l.Load(dir).DAGs[0], "what has not changed is not read again")
		}
	}
	before := l.Load(dir).DAGs[0]
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.sql"), []byte("33"), 0o600))
	res := l.Load(dir)
	assert.NotEqual(t, before.Version, res.DAGs[0].Version)
	assert.True(t, res.Volatile, "it was written just now, and may be once more at the same time")
	require.NoError(t, os.Chtimes(filepath.Join(dir, "a.sql"), long, long))
	assert.False(t, l.Load(dir).Volatile)

	outside := t.TempDir()
	write("d.yaml", "d:\n  template_searchpath: '"+outside+"'\n  tasks: [{task_id: t, operator: script, script: a.sql}]\n")
	assert.True(t, l.Load(dir).Volatile, "no watch of the DAGs folder tells of changes elsewhere")
}

// A run keeps the files of its version, whatever becomes of them: in the process that loaded them, and from the store in one
// that has neither that version nor the folder. They go with the version.
func TestTemplateFilesOfAVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	go2 := make(chan struct{})
	b.do["wait"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		select {
		case <-go2:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	load := func(b *bench) *dag.DAG {
		ds, diags := dagfile.Parse(filepath.Join(dir, "d.yaml"), []byte(`
d:
  params: {part: head}
  tasks:
    - {task_id: w, operator: probe, do: wait}
    - {task_id: t, operator: script, script: a.sql, dependencies: [w]}
    - {task_id: u, operator: script, script: "{{ params.part }}.sql", dependencies: [w]}
`), b.e.Catalog(), dagfile.Options{})
		require.Empty(t, diags)
		require.NoError(t, b.e.SetDAGs(t.Context(), ds))
		return ds[0]
	}
	write("a.sql", "{% include 'head.sql' %} of {{ dag_run.run_id }}")
	write("head.sql", "first")
	first := load(b)
	b.start(engine.RunOptions{})
	trigger := func(id string) *store.Run {
		r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: id, NoLogicalDate: true})
		require.NoError(t, err)
		return r
	}
	one := trigger("one")
	require.Equal(t, first.Version, one.Version)

	write("head.sql", "second")
	second := load(b)
	assert.NotEqual(t, first.Version, second.Version, "what a file includes counts")
	two := trigger("two")
	assert.Equal(t, second.Version, two.Version)
	b.stop()
	require.NoError(t, os.RemoveAll(dir))

	close(go2)
	b.open()
	b.start(engine.RunOptions{})
	for _, r := range []*store.Run{one, two} {
		assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	}
	assert.Equal(t, map[string]string{"t": `"first of one"`, "u": `"first"`}, b.results(one.Key, "t", "u"))
	assert.Equal(t, map[string]string{"t": `"second of two"`, "u": `"second"`}, b.results(two.Key, "t", "u"))

	hash := first.TemplateFiles.Named("head.sql").Hash
	text, err := b.store.TemplateFile(t.Context(), hash)
	require.NoError(t, err)
	assert.Equal(t, "first", text)
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.RemoveVersions(t.Context(), []string{first.Version}) }))
	_, err = b.store.TemplateFile(t.Context(), hash)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A run of a version that was made before versions had files reads the folder.
func TestVersionsWithoutTemplateFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.sql"), []byte("first"), 0o600))
	ds, diags := dagfile.Parse(filepath.Join(dir, "d.yaml"), []byte("d:\n  tasks: [{task_id: t, operator: script, script: a.sql}]\n"), b.e.Catalog(), dagfile.Options{})
	require.Empty(t, diags)
	before := *ds[0]
	before.TemplateFiles = nil
	old, err := dagfile.Restore(dagfile.Source(&before), b.e.Catalog(), dagfile.Options{})
	require.NoError(t, err)
	assert.NotEqual(t, ds[0].Version, old.Version)
	old.Pos.File = ds[0].Pos.File
	require.NoError(t, b.e.SetDAGs(t.Context(), []*dag.DAG{old}))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.sql"), []byte("second"), 0o600))
	b.start(engine.RunOptions{})
	assert.Equal(t, map[string]string{"t": `"second"`}, b.results(b.finish(engine.Trigger{NoLogicalDate: true}).Key, "t"))
}

// Files beyond the bounds of a version are told when the DAG file is read, and are used only where the folder is.
func TestTemplateFilesBeyondTheBounds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore() // no run is needed
	dir := t.TempDir()
	for i := range templatefile.MaxFiles + 2 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.sql", i)), []byte("text"), 0o600))
	}
	at := filepath.Join(dir, "d.yaml")
	ds, diags := dagfile.Parse(at, []byte("d:\n  params: {n: '0501'}\n  tasks:\n    - task_id: t\n      operator: script\n      script: '{{ params.n }}.sql'\n"), b.e.Catalog(), dagfile.Options{})
	assert.Equal(t, at+`:6:15: warning: dag "d", task "t": template file in "script": left out of the version of the DAG: 0500.sql, 0501.sql; `+templatefile.Bound()+
		". The task can use these only on a machine that has the folder: name fewer and smaller files\n", diags.String())
	require.Len(t, ds, 1)
	again, err := dagfile.Restore(dagfile.Source(ds[0]), b.e.Catalog(), dagfile.Options{})
	require.NoError(t, err)
	assert.Equal(t, ds[0].Version, again.Version)
	again.Pos.File = at
	fields, err := b.e.RenderTask(t.Context(), again, "t", -1, engine.Trigger{})
	require.NoError(t, err)
	assert.Contains(t, fields, worker.RenderedField{Name: "script", Value: "text"})
	require.NoError(t, os.RemoveAll(dir))
	_, err = b.e.RenderTask(t.Context(), again, "t", -1, engine.Trigger{})
	require.EqualError(t, err, `task "t": render script: no file "0501.sql" in `+dir+" on this machine, and it was left out of the version of the DAG: "+templatefile.Bound()+
		". Run the task on a machine that has the folder, or name fewer and smaller files; put a space at its end if it is not a file name")
}
