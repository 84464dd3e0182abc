package dagfile

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// writeFiles writes a folder of files and returns its path.
func writeFiles(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func simpleDAG(id string) string { return id + ": {tasks: [{task_id: t, operator: empty}]}\n" }

func ids(dags []*dag.DAG) []string {
	var list []string
	for _, d := range dags {
		list = append(list, d.ID)
	}
	return list
}

func TestLoadDirectory(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{
		"z.yaml":            simpleDAG("zeta"),
		"sub/b.yml":         simpleDAG("beta"),
		"sub/broken.yaml":   "a: [",
		"sub/dup.yaml":      simpleDAG("beta"),
		"notes.txt":         "not: yaml",
		".hidden/h.yaml":    simpleDAG("hidden"),
		"defaults.yml":      "description: from the root\n",
		"sub/defaults.yaml": "default_args: {owner: sub}\n",
		"skipped/s.yaml":    simpleDAG("skipped"),
		"kept/skip_me.yaml": simpleDAG("skip_me"),
		"kept/keep_me.yaml": simpleDAG("keep_me"),
		".airflowignore":    "skipped/  # a folder\nskip_*\n!keep*\n[\n",
	})
	r := Load([]string{dir}, newFakeCatalog(), testOptions())
	assert.Equal(t, []string{"beta", "keep_me", "zeta"}, ids(r.DAGs))
	text := strings.ReplaceAll(r.Diagnostics.String(), dir+"/", "")
	assert.Contains(t, text, "sub/dup.yaml:1:1: error: dag \"beta\": the DAG is already in ")
	assert.Contains(t, text, "sub/b.yml:1:1: give")
	assert.Contains(t, text, "sub/broken.yaml:")
	assert.Equal(t, "from the root", r.DAGs[0].Description)
	assert.Equal(t, "sub", r.DAGs[0].Tasks[0].Owner)
	assert.Equal(t, "airflow", r.DAGs[2].Tasks[0].Owner)
}

func TestLoadMissingPath(t *testing.T) {
	t.Parallel()
	r := Load([]string{filepath.Join(t.TempDir(), "none")}, newFakeCatalog(), testOptions())
	assert.Empty(t, r.DAGs)
	assert.Contains(t, r.Diagnostics.String(), "no such file or directory")
}

func TestSymbolicLinksStayInside(t *testing.T) {
	t.Parallel()
	outside := writeFiles(t, map[string]string{"o.yaml": simpleDAG("outside")})
	dir := writeFiles(t, map[string]string{"real/i.yaml": simpleDAG("inside")})
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "out")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "again")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "real", "loop")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling.yaml")))
	r := Load([]string{dir}, newFakeCatalog(), testOptions())
	assert.Equal(t, []string{"inside"}, ids(r.DAGs))
	assert.False(t, r.Diagnostics.HasErrors(), r.Diagnostics.String())
	assert.Contains(t, r.Diagnostics.String(), "out: warning: the symbolic link leaves the DAG folder")
	assert.Contains(t, r.Diagnostics.String(), "dangling.yaml: warning: the symbolic link leads nowhere")
}

func TestDefaultsFilesPrecedence(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{
		"defaults.yml":     "schedule: '@weekly'\ntags: [root, both]\nparams: {a: 1}\ndefault_args: {owner: root, retries: 1, pool: root}\n",
		"sub/defaults.yml": "schedule: '@daily'\ntags: [sub, both]\ndefault_args: {owner: sub, retries: 2}\n",
		"sub/a.yaml": `
default: {schedule: "@hourly", params: {b: 2}, default_args: {owner: block}}
x: {tasks: [{task_id: t, operator: empty}]}
`,
	})
	r := Load([]string{dir}, newFakeCatalog(), testOptions())
	require.Len(t, r.DAGs, 1, r.Diagnostics.String())
	d := r.DAGs[0]
	assert.Equal(t, "@daily", d.ScheduleText, "a file wins over the block, the nearest file first")
	assert.Equal(t, []string{"both", "root", "sub"}, d.Tags)
	assert.Equal(t, `{"a":1,"b":2}`, asJSON(t, d.Params), "the block fills what the files give")
	assert.Equal(t, "block", d.Tasks[0].Owner, "inside default_args the block wins")
	assert.Equal(t, 2, d.Tasks[0].Retries)
	assert.Equal(t, "root", d.Tasks[0].Pool)
	assert.Contains(t, strings.ReplaceAll(r.Diagnostics.String(), dir+"/", ""),
		`sub/a.yaml:2:21: warning: dag "x": schedule is also in sub/defaults.yml:1:1, which overrides the default block`)
}

func TestErrorInDefaultsFileHasItsPlace(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{
		"defaults.yml": "catchup: maybe\ndefault_args:\n  env: 5\n  bash_comand: x\n",
		"a.yaml":       simpleDAG("a"), "b.yaml": simpleDAG("b"),
	})
	r := Load([]string{dir}, newFakeCatalog(), testOptions())
	assert.Empty(t, r.DAGs)
	assert.Contains(t, strings.ReplaceAll(r.Diagnostics.String(), dir+"/", ""), `defaults.yml:1:10: error: dag "a": catchup: want true or false`)
}

func TestLoaderRemembersUnchangedFiles(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{"a.yaml": simpleDAG("a"), "b.yaml": simpleDAG("b"), "c.yaml": oneTaskNamed("c", "start_date: 2 days")})
	l := NewLoader(newFakeCatalog(), testOptions())
	first := l.Load(dir)
	require.Len(t, first.DAGs, 3)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.yaml"), []byte(simpleDAG("b2")), 0o600))
	second := l.Load(dir)
	assert.Equal(t, []string{"a", "b2", "c"}, ids(second.DAGs))
	assert.Same(t, first.DAGs[0], second.DAGs[0])
	assert.NotSame(t, first.DAGs[2], second.DAGs[2], "a relative date is read anew")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "defaults.yml"), []byte("description: new\n"), 0o600))
	third := l.Load(dir)
	assert.Equal(t, "new", third.DAGs[0].Description)
	require.NoError(t, os.Remove(filepath.Join(dir, "a.yaml")))
	assert.Equal(t, []string{"b2", "c"}, ids(l.Load(dir).DAGs))
}

func oneTaskNamed(id, key string) string {
	return id + ":\n  " + key + "\n  tasks: [{task_id: t, operator: empty}]\n"
}

func TestDocFile(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{"doc.md": "# Hello"})
	d := mustParse(t, oneTask("  doc_md_file_path: "+filepath.Join(dir, "doc.md")+"\n  template_searchpath: "+dir))
	assert.Equal(t, "# Hello", d.DocMD)
	require.NoError(t, os.RemoveAll(dir))
	again, err := Restore(Source(d), newFakeCatalog(), testOptions())
	require.NoError(t, err, "a run outlives the files of its DAG")
	assert.Equal(t, "# Hello", again.DocMD)
}

// benchDAG is a file of ten tasks.
func benchDAG(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `dag_%d:
  description: copies table %d
  schedule: "%d 4 * * *"
  start_date: 2024-05-01
  tags: [bench, copy]
  default_args: {owner: data, retries: 2, retry_delay: 5m}
  tasks:
    - {task_id: start, operator: empty}
`, n, n, n%60)
	for i := range 8 {
		fmt.Fprintf(&b, "    - task_id: copy_%d\n      operator: bash\n      bash_command: ./copy.sh table_%d part_%d\n      dependencies: [start]\n", i, n, i)
	}
	b.WriteString("    - {task_id: done, operator: empty, dependencies: [copy_0, copy_1, copy_2, copy_3, copy_4, copy_5, copy_6, copy_7]}\n")
	return b.String()
}

// BenchmarkLoad reads 1,000 files of ten tasks and reports the memory that stays.
func BenchmarkLoad(b *testing.B) {
	const files = 1000
	names := map[string]string{}
	for i := range files {
		names[fmt.Sprintf("%02d/dag_%d.yaml", i%50, i)] = benchDAG(i)
	}
	dir := writeFiles(b, names)
	var before, after runtime.MemStats
	var kept Result
	var l *Loader
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		l = NewLoader(newFakeCatalog(), testOptions())
		kept = l.Load(dir)
		b.ReportMetric(float64(time.Since(start).Microseconds())/files, "µs/file")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/files, "B/dag")
	}
	require.Len(b, kept.DAGs, files, kept.Diagnostics.String())
	start := time.Now()
	l.Load(dir)
	b.ReportMetric(float64(time.Since(start).Microseconds())/files, "µs/again")
}
