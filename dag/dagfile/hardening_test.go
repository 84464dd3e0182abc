package dagfile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/yamlvalue"
)

func TestHardening(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "dags/a.yaml: error: the file is empty"},
		{"comment only", "# nothing\n", "the file is empty"},
		{"list", "- a\n", "1:1: error: the file must be a mapping"},
		{"scalar", "hello\n", "1:1: error: the file must be a mapping"},
		{"latin 1", "a: 1\nb: caf\xe9\n", "2:7: error: the file is not UTF-8 text"},
		{"UTF-16", "\xff\xfea\x00", "1:1: error: the file is not UTF-8 text"},
		{"two documents", "a: 1\n---\nb: 2\n", "error: a second document starts here"},
		{"duplicate top-level key", oneTask("") + oneTask(""), `4:1: error: duplicate key "a", first on line 1`},
		{"duplicate nested key", withTask("      env: {A: x, A: y}"), `6:19: error: duplicate key "A"`},
		{"python tag", withTask("      env: !!python/name:os.system {}"), `error: tag "!!python/name:os.system" is not allowed`},
		{"own tag", "a: !foo 1\n", `1:4: error: tag "!foo" is not allowed`},
		{"binary tag", "a: !!binary aGk=\n", `tag "!!binary" is not allowed`},
		{"join tag", "a: !join [x]\n", "write the key __join__"},
		{"list as key", "? [a]\n: 1\n", "a key must be text, not a list"},
		{"unquoted template", "a:\n  description: {{ ds }}\n", `2:16: error: a template needs quotes`},
		{"unquoted template with text", "a:\n  description: {{ ds }}/x\n", `2:16: error: quote a value that starts with {{`},
		{"preset", "a:\n  schedule: @daily\n", `2:13: error: quote a value that starts with @`},
		{"tab", "a:\n\tb: 1\n", "2:1: error: a tab indents this line"},
		{"stars", "a:\n  schedule: * * * * *\n", `2:13: error: quote a value that starts with *`},
		{"percent", "a:\n  description: %x\n", "quote a value that starts with %"},
		{"colon", "a:\n  description: this: that\n", "2:20: error: a colon followed by a space inside a value"},
		{"unknown anchor", "a:\n  b: *nope\n", `2:6: error: unknown anchor "nope"`},
		{"cycle of aliases", "a: &x\n  b: *x\n", "2:6: error: alias *x is inside its own anchor"},
		{"merge key with a list", "a:\n  <<: [1]\n", "a merge key takes a mapping"},
		{"deep nesting", strings.Repeat("[", 101) + strings.Repeat("]", 101), "1:101: error: nested more than 100 levels deep"},
		{"very deep nesting", strings.Repeat("[", 50_000), "error:"},
		{"too large", strings.Repeat("#", document.MaxSize+1), "more than 4194304: split it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(c.text)
			assert.Empty(t, dags)
			assert.Contains(t, found.String(), c.want)
		})
	}
}

func TestBytesThatAreFine(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "\ufeff"+strings.ReplaceAll(oneTask("  description: ok"), "\n", "\r\n"))
	assert.Equal(t, "ok", d.Description)
}

func TestAliasDepthCounts(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	_, found := parseText("x-a: &a " + deep + "\nx-b: " + strings.Repeat("[", 60) + "*a" + strings.Repeat("]", 60) + "\n")
	assert.Contains(t, found.String(), "nested more than 100 levels deep")
}

func TestBombsEndSoon(t *testing.T) {
	t.Parallel()
	var laughs strings.Builder
	laughs.WriteString("x-0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "x-%d: &a%d [%s]\n", i, i, strings.Join(slicesRepeat(fmt.Sprintf("*a%d", i-1), 9), ", "))
	}
	var merges strings.Builder
	merges.WriteString("x-0: &m0 {" + manyKeys(500) + "}\n")
	for i := range 5000 {
		fmt.Fprintf(&merges, "x-m%d: {<<: *m0}\n", i)
	}
	var joins strings.Builder
	joins.WriteString("x-0: &j " + strings.Repeat("x", 100_000) + "\n")
	for i := range 1000 {
		fmt.Fprintf(&joins, "x-j%d: {__join__: [*j]}\n", i)
	}
	// A large default block, times many DAGs.
	var product strings.Builder
	product.WriteString("default:\n  tasks:\n    t: {operator: bash, bash_command: x, env: {" + manyKeys(20_000) + "}}\n")
	for i := range 100 {
		fmt.Fprintf(&product, "d%d: {}\n", i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"laughs":  {laughs.String(), "once"},
		"merges":  {merges.String(), "once aliases are followed"},
		"joins":   {joins.String(), "__join__ gives more than"},
		"product": {product.String(), "once its defaults are merged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := parseText(c.text)
			assert.Contains(t, found.String(), c.want)
		})
	}
}

func slicesRepeat(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func manyKeys(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("k%d: 1", i)
	}
	return strings.Join(list, ", ")
}

func TestMergeKeys(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `
x-base: &base {operator: bash, bash_command: base, retries: 1}
x-more: &more {retries: 2, pool: big}
a:
  tasks:
    - <<: [*base, *more]
      task_id: t
      bash_command: own
`)
	task := d.Tasks[0]
	assert.Equal(t, 1, task.Retries, "the earlier source wins")
	assert.Equal(t, "big", task.Pool)
	_, v := yamlvalue.Lookup(task.Args.Node(), "bash_command")
	assert.Equal(t, "own", v.Value, "the mapping's own key wins")
}

func TestEnvironmentIsExpandedInScalars(t *testing.T) {
	t.Parallel()
	env := map[string]string{"N": "3", "TEXT": "a: [b", "DB_PASSWORD": "hunter2"}
	opts := testOptions()
	opts.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	dags, found := Parse("a.yaml", []byte(`
a:
  description: "${TEXT} $UNSET"
  tasks:
    t: {operator: bash, retries: $N, bash_command: "echo $N $DB_PASSWORD"}
`), newFakeCatalog(), opts)
	require.Len(t, dags, 1, found.String())
	assert.Equal(t, "a: [b $UNSET", dags[0].Description)
	assert.Equal(t, 3, dags[0].Tasks[0].Retries)
	assert.Contains(t, found.String(), "environment variable DB_PASSWORD")
	assert.NotContains(t, found.String(), "hunter2")
}

func TestJoin(t *testing.T) {
	t.Parallel()
	d := mustParse(t, withTask(`      cwd: {__join__: [/data/, 7, -x]}`))
	_, v := yamlvalue.Lookup(d.Tasks[0].Args.Node(), "cwd")
	assert.Equal(t, "/data/7-x", v.Value)
	for text, want := range map[string]string{
		"{__join__: [a, null]}": "not null", "{__join__: [yes]}": "not a boolean", "{__join__: [a], x: 1}": "must be alone", "{__join__: a}": "takes a list",
	} {
		_, found := parseText(withTask("      cwd: " + text))
		assert.Contains(t, found.String(), want, text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(oneTask("  schedule: \"@daily\"")))
	f.Add([]byte(withTask("      dependencies: t")))
	f.Add([]byte("default:\n  tasks: {t: {operator: bash}}\na: {tasks: {t: {bash_command: x}}}\n"))
	f.Add([]byte("x: &a [*a]\n"))
	f.Add([]byte("a:\n  task_groups: {g: {dependencies: [t]}}\n  tasks: {t: {operator: empty}, u: {operator: empty, task_group_name: g}}\n"))
	f.Add([]byte("a: {schedule: {__type__: datetime.timedelta, hours: 1}, tasks: {t: {operator: empty}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		dags, _ := Parse("fuzz.yaml", data, newFakeCatalog(), testOptions())
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("took %s", took)
		}
		for _, d := range dags {
			again, err := Restore(Source(d), newFakeCatalog(), testOptions())
			if err != nil {
				t.Fatalf("%v\n%s", err, Source(d))
			}
			if again.Version != d.Version {
				t.Fatalf("another version:\n%s\n%s", Source(d), Source(again))
			}
		}
	})
}
