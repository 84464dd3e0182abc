package index_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/index"
	"github.com/dingdag/dingdag/timetable"
)

// catalog has the operators empty and bash, and counts the files that are read: each loader
// asks once.
type catalog struct{ asked int }

func (c *catalog) Operator(name string) (dagfile.Entry, bool, string) {
	c.asked++
	return entry(name), name == "empty" || name == "bash", ""
}
func (*catalog) Callback(string) (dagfile.Entry, bool, string) { return nil, false, "" }
func (*catalog) Trigger(string) (dagfile.Entry, bool, string)  { return nil, false, "" }
func (*catalog) OperatorParams() []string                      { return []string{"command"} }
func (*catalog) Refused(string) string                         { return "" }

type entry string

func (e entry) Name() string                     { return string(e) }
func (e entry) Params() []string                 { return []string{"command"} }
func (entry) Schema(string) map[string]any       { return nil }
func (entry) Sensor() bool                       { return false }
func (entry) Refused(string) string              { return "" }
func (entry) Check(*yaml.Node) []dagfile.Problem { return nil }

// fixture is a folder of DAG files that were written long ago, and what an index of it needs.
type fixture struct {
	dir     string
	catalog *catalog
	o       index.Options
	env     map[string]string
	vars    map[string]string
}

// past is when the files were written.
var past = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	f := &fixture{dir: tb.TempDir(), catalog: &catalog{}, env: map[string]string{}, vars: map[string]string{}}
	f.o = index.Options{
		Folder: f.dir, File: filepath.Join(tb.TempDir(), "index"), Key: "k", Now: time.Now,
		LookupEnv: func(name string) (string, bool) { v, ok := f.env[name]; return v, ok },
		Check:     func(*dag.DAG) dag.Diagnostics { return nil },
	}
	return f
}

func (f *fixture) write(tb testing.TB, name, text string) {
	tb.Helper()
	path := filepath.Join(f.dir, name)
	require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(tb, os.Chtimes(path, past, past))
}

// read looks at the folder as a new process does.
func (f *fixture) read(tb testing.TB) *index.Index {
	tb.Helper()
	f.renew()
	ix, err := index.Read(f.o)
	require.NoError(tb, err)
	return ix
}

// renew forgets what the last process knew.
func (f *fixture) renew() {
	f.o.Loader = dagfile.NewLoader(f.catalog, dagfile.Options{
		Root: f.dir, LookupEnv: f.o.LookupEnv, Now: func() time.Time { return past },
		LookupVariable: func(name string) (string, bool, error) { v, ok := f.vars[name]; return v, ok, nil },
	})
	f.catalog.asked = 0
}

// ids are those of the DAGs, with the names of their files.
func (f *fixture) ids(ix *index.Index) string {
	var all []string
	for _, d := range ix.DAGs() {
		all = append(all, d.ID+"@"+filepath.Base(d.Pos.File))
	}
	return strings.Join(all, " ")
}

func one(id string) string { return id + ": {tasks: [{task_id: t, operator: empty}]}\n" }

func TestNothingIsReadTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "b.yaml", `
b:
  schedule: "0 9 * * *"
  start_date: 2024-05-01
  end_date: 2024-06-01
  timezone: Asia/Shanghai
  catchup: true
  description: "a	b"
  tags: [x, y]
  is_paused_upon_creation: false
  default_args: {owner: me}
  tasks: [{task_id: t, operator: empty}, {task_id: u, operator: bash, command: x}]
c: {schedule: ["s3://x/y"], tasks: [{task_id: t, operator: empty}]}
`)
	f.write(t, "sub/a.yaml", one("a"))
	fresh := f.read(t)
	require.Positive(t, f.catalog.asked)
	again := f.read(t)
	assert.Zero(t, f.catalog.asked, "no file was read")
	assert.Equal(t, "a@a.yaml b@b.yaml c@b.yaml", f.ids(again))
	assert.Equal(t, filepath.Join(f.dir, "b.yaml"), again.FileOf("c"))
	assert.Empty(t, again.FileOf("d"))
	assert.False(t, again.HasErrors())
	for i, d := range fresh.DAGs() {
		kept := again.DAGs()[i]
		r := timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}
		want, due := d.Timetable.Next(nil, r, past)
		got, _ := kept.Timetable.Next(nil, timetable.Restriction{Earliest: kept.StartDate, Latest: kept.EndDate, Catchup: kept.Catchup}, past)
		assert.Equal(t, d.ID == "b", due)
		assert.True(t, want.RunAfter.Equal(got.RunAfter), d.ID)
		assert.True(t, d.StartDate.Equal(kept.StartDate) && d.EndDate.Equal(kept.EndDate), d.ID)
		kept.Timetable, kept.StartDate, kept.EndDate = d.Timetable, d.StartDate, d.EndDate
		assert.Equal(t, d, kept)
	}
	info, err := os.Stat(f.o.File)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(f.o.File))
	require.NoError(t, err)
	assert.Len(t, left, 1, "no file is left behind")
}

// What has changed since is read again: nothing that is kept outlives what it rests on.
func TestChangesAreSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, f *fixture)
		want   string
	}{
		"nothing": {func(*testing.T, *fixture) {}, "a@a.yaml env_x@env.yaml z@z.yaml"},
		"size":    {func(t *testing.T, f *fixture) { t.Helper(); f.write(t, "a.yaml", one("longer")) }, "env_x@env.yaml longer@a.yaml z@z.yaml"},
		"time": {func(t *testing.T, f *fixture) {
			t.Helper()
			path := filepath.Join(f.dir, "a.yaml")
			require.NoError(t, os.WriteFile(path, []byte(one("b")), 0o600))
			require.NoError(t, os.Chtimes(path, past, past.Add(1)))
		}, "b@a.yaml env_x@env.yaml z@z.yaml"},
		"inode": {func(t *testing.T, f *fixture) {
			t.Helper()
			f.write(t, "new", one("b"))
			require.NoError(t, os.Rename(filepath.Join(f.dir, "new"), filepath.Join(f.dir, "a.yaml")))
		}, "b@a.yaml env_x@env.yaml z@z.yaml"},
		"gone": {func(t *testing.T, f *fixture) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(f.dir, "a.yaml")))
		}, "env_x@env.yaml z@z.yaml"},
		"new":      {func(t *testing.T, f *fixture) { t.Helper(); f.write(t, "sub/b.yaml", one("b")) }, "a@a.yaml b@b.yaml env_x@env.yaml z@z.yaml"},
		"ignored":  {func(t *testing.T, f *fixture) { t.Helper(); f.write(t, ".airflowignore", "a.*\n") }, "env_x@env.yaml z@z.yaml"},
		"broken":   {func(t *testing.T, f *fixture) { t.Helper(); f.write(t, "a.yaml", "a: [\n") }, "env_x@env.yaml z@z.yaml"},
		"twice":    {func(t *testing.T, f *fixture) { t.Helper(); f.write(t, "0.yaml", one("a")) }, "a@0.yaml env_x@env.yaml z@z.yaml"},
		"variable": {func(_ *testing.T, f *fixture) { f.env["NAME"] = "y" }, "a@a.yaml env_y@env.yaml z@z.yaml"},
		"unset":    {func(_ *testing.T, f *fixture) { delete(f.env, "NAME") }, "a@a.yaml z@z.yaml"},
		"refused": {func(_ *testing.T, f *fixture) {
			f.o.Key = "another"
			f.o.Check = func(d *dag.DAG) dag.Diagnostics {
				if d.ID != "a" {
					return nil
				}
				return dag.Diagnostics{{Severity: dag.Error, DAGID: d.ID}}
			}
		}, "env_x@env.yaml z@z.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env["NAME"] = "x"
			f.write(t, "a.yaml", one("a"))
			f.write(t, "env.yaml", one("env_$NAME"))
			f.write(t, "z.yaml", one("z"))
			f.read(t)
			c.change(t, f)
			for range 2 { // the second time from what the first has kept
				ix := f.read(t)
				assert.Equal(t, c.want, f.ids(ix))
				assert.Equal(t, slices.Contains([]string{"broken", "twice", "unset", "refused"}, name), ix.HasErrors())
			}
			if name == "twice" {
				assert.Equal(t, filepath.Join(f.dir, "0.yaml"), f.read(t).FileOf("a"), "the first one counts")
			}
		})
	}
}

func TestDefaultsFilesCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "defaults.yml", "default_args: {owner: first}\n")
	f.write(t, "sub/a.yaml", one("a"))
	f.read(t)
	f.write(t, "defaults.yml", "default_args: {owner: second}\n")
	assert.Equal(t, "second", f.read(t).DAGs()[0].Owner)
	f.write(t, "sub/defaults.yml", "default_args: {owner: third}\n")
	assert.Equal(t, "third", f.read(t).DAGs()[0].Owner)
	require.NoError(t, os.Remove(filepath.Join(f.dir, "sub/defaults.yml")))
	assert.Equal(t, "second", f.read(t).DAGs()[0].Owner)
}

// What rests on more than files and harmless variables is read each time, and no value of
// the environment is in the file.
func TestSomeFilesAreReadEachTime(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"secret of the environment": "a: {description: $DB_PASSWORD, tasks: [{task_id: t, operator: empty}]}\n",
		"variable":                  "a: {tasks: [{task_id: t, operator: bash, variables_as_arguments: [{variable: v, attribute: command}]}]}\n",
		"relative date":             "a: {start_date: 2 days, tasks: [{task_id: t, operator: empty}]}\n",
		"folder":                    "a: {template_searchpath: [/], tasks: [{task_id: t, operator: empty}]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env["DB_PASSWORD"], f.env["PLAIN"], f.vars["v"] = "s3cr3t-value", "plain-value", "from-variable"
			f.write(t, "a.yaml", text)
			f.write(t, "b.yaml", "b: {description: $PLAIN, tasks: [{task_id: t, operator: empty}]}\n")
			f.read(t)
			assert.Equal(t, "a@a.yaml b@b.yaml", f.ids(f.read(t)))
			assert.Positive(t, f.catalog.asked)
			kept, err := os.ReadFile(f.o.File)
			require.NoError(t, err)
			assert.Contains(t, string(kept), "b.yaml")
			assert.NotContains(t, string(kept), "a.yaml")
			assert.NotContains(t, string(kept), "s3cr3t")
		})
	}
}

// A file that was just written may be written once more with the same time.
func TestFreshFilesAreNotKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "a.yaml", one("a"))
	f.o.Now = func() time.Time { return past.Add(time.Second) }
	f.read(t)
	f.write(t, "a.yaml", one("b"))
	assert.Equal(t, "b@a.yaml", f.ids(f.read(t)))
}

func TestWhatIsNoIndexIsNotUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "a.yaml", one("a"))
	f.write(t, "b.yaml", one("b"))
	f.read(t)
	kept, err := os.ReadFile(f.o.File)
	require.NoError(t, err)
	broken := map[string][]byte{"empty": {}, "foreign": []byte("SQLite format 3\x00"), "cut short": kept[:len(kept)/2], "longer": append(slices.Clone(kept), 'x')}
	for i := range 10 {
		flipped := slices.Clone(kept)
		flipped[i*len(kept)/10] ^= 1
		broken[fmt.Sprint("flipped ", i)] = flipped
	}
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		require.NoError(t, os.WriteFile(f.o.File, broken[name], 0o600))
		assert.Equal(t, "a@a.yaml b@b.yaml", f.ids(f.read(t)), name)
		assert.Positive(t, f.catalog.asked, name)
		f.read(t)
		assert.Zero(t, f.catalog.asked, "%s: it was written anew", name)
	}
}

func TestAllWorksWithoutTheFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "a.yaml", one("a"))
	for _, file := range []string{"", filepath.Join(f.dir, "missing", "index")} {
		f.o.File = file
		assert.Equal(t, "a@a.yaml", f.ids(f.read(t)))
		assert.Equal(t, "a@a.yaml", f.ids(f.read(t)))
	}
	f.o.File = filepath.Join(f.dir, "a.yaml", "index") // its folder is a file
	f.o.Loader = dagfile.NewLoader(f.catalog, dagfile.Options{Root: f.dir})
	ix, err := index.Read(f.o)
	require.ErrorContains(t, err, "write the index of the DAG files")
	assert.Equal(t, "a@a.yaml", f.ids(ix))
}

// find looks for one DAG as a new process does.
func (f *fixture) find(tb testing.TB, id string) string {
	tb.Helper()
	f.renew()
	path, err := index.Find(f.o, id)
	require.NoError(tb, err)
	return filepath.Base(path)
}

// One DAG is found without a look at the files behind the one that gives it, but none before it has
// changed unseen.
func TestFind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, id := range []string{"a", "aa", "b", "c"} {
		f.write(t, id+".yaml", one(id))
	}
	assert.Equal(t, "c.yaml", f.find(t, "c"), "nothing is known yet")
	kept, err := os.ReadFile(f.o.File)
	require.NoError(t, err)
	for _, id := range []string{"a", "aa", "b", "c"} {
		assert.Equal(t, id+".yaml", f.find(t, id))
		assert.Zero(t, f.catalog.asked, id)
	}
	assert.Equal(t, ".", f.find(t, "d"), "no file gives it")

	later := func(name, text string) {
		f.write(t, name, text)
		require.NoError(t, os.Chtimes(filepath.Join(f.dir, name), past, past.Add(time.Minute)))
	}
	later("c.yaml", one("d"))
	assert.Equal(t, "b.yaml", f.find(t, "b"))
	assert.Zero(t, f.catalog.asked, "what is behind it is not looked at")
	now, err := os.ReadFile(f.o.File)
	require.NoError(t, err)
	assert.Equal(t, kept, now)
	assert.Equal(t, ".", f.find(t, "c"), "it gives it no more")
	assert.Equal(t, "c.yaml", f.find(t, "d"))
	later("a.yaml", one("b"))
	assert.Equal(t, "a.yaml", f.find(t, "b"), "the first that gives it counts")
	later("0.yaml", one("b"))
	assert.Equal(t, "0.yaml", f.find(t, "b"), "also a new one")
	require.NoError(t, errors.Join(os.Remove(filepath.Join(f.dir, "0.yaml")), os.Remove(filepath.Join(f.dir, "a.yaml"))))
	assert.Equal(t, "b.yaml", f.find(t, "b"))
}

// BenchmarkFind looks for one DAG of a thousand files that have not changed.
func BenchmarkFind(b *testing.B) {
	f := newFixture(b)
	for i := range 1000 {
		id := fmt.Sprintf("d%04d", i)
		f.write(b, id+".yaml", one(id))
	}
	f.read(b)
	b.ReportAllocs()
	for b.Loop() {
		require.NotEmpty(b, f.find(b, "d0500"))
	}
	require.Zero(b, f.catalog.asked)
}

// While no file changes only those are read again that may give something else all the same.
func TestAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "a.yaml", one("a"))
	f.write(t, "z.yaml", one("z"))
	ix := f.read(t)
	assert.True(t, ix.Lasts())
	f.write(t, "v.yaml", "v: {start_date: 2024-01-01, tasks: [{task_id: t, operator: empty, variables_as_arguments: [{variable: who, attribute: owner}]}]}\n")
	f.vars["who"] = "first"
	ix = f.read(t)
	assert.False(t, ix.Lasts())
	for _, who := range []string{"second", "third"} {
		f.vars["who"] = who
		f.renew()
		ix = ix.Again(f.o)
		require.NotNil(t, ix)
		assert.Equal(t, "a@a.yaml v@v.yaml z@z.yaml", f.ids(ix))
		assert.Equal(t, who, ix.DAGs()[1].Owner)
		assert.False(t, ix.HasErrors())
	}
	f.write(t, "w.yaml", one("v")) // once more
	ix = f.read(t)
	require.True(t, ix.HasErrors())
	assert.True(t, ix.Again(f.o).HasErrors())
	f.write(t, "new.yaml", one("new"))
	f.o.Now = func() time.Time { return past.Add(time.Second) }
	assert.Nil(t, f.read(t).Again(f.o), "one that is so new may be written once more with the same time")
}
