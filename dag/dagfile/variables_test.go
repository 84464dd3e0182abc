package dagfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// variablesOptions looks variables up in a map; one with the text "broken" fails.
func variablesOptions(vars map[string]string) Options {
	opts := testOptions()
	opts.LookupVariable = func(name string) (string, bool, error) {
		text, ok := vars[name]
		if text == "broken" {
			return "", false, errors.New("the store is gone")
		}
		return text, ok, nil
	}
	return opts
}

// withVariable is a task that takes one parameter from the variable V.
func withVariable(attribute string) string {
	return withTask("      cwd: own\n      retries: 1\n      variables_as_arguments: [{variable: V, attribute: " + attribute + "}]")
}

func TestVariablesAsArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, attribute, text string
		want                  func(*dag.Task) any
		value                 any
	}{
		{"text", "bash_command", "echo 1", func(t *dag.Task) any { return arg(t, "bash_command") }, "echo 1"},
		{"text over the task's own", "cwd", "/v", func(t *dag.Task) any { return arg(t, "cwd") }, "/v"},
		{"digits stay text", "cwd", "010", func(t *dag.Task) any { return arg(t, "cwd") }, "010"},
		{"a word stays text", "owner", "yes", func(t *dag.Task) any { return t.Owner }, "yes"},
		{"what looks like an environment variable", "cwd", "$HOME", func(t *dag.Task) any { return arg(t, "cwd") }, "$HOME"},
		{"space is kept in text", "owner", " x\n", func(t *dag.Task) any { return t.Owner }, " x\n"},
		{"whole number", "retries", " 7\n", func(t *dag.Task) any { return t.Retries }, 7},
		{"boolean", "depends_on_past", "True", func(t *dag.Task) any { return t.DependsOnPast }, true},
		{"boolean or number", "retry_exponential_backoff", "1.5", func(t *dag.Task) any { return t.RetryExponentialBackoff }, 1.5},
		{"seconds", "retry_delay", "90", func(t *dag.Task) any { return t.RetryDelay }, 90 * time.Second},
		{"duration", "retry_delay", "5m", func(t *dag.Task) any { return t.RetryDelay }, 5 * time.Minute},
		{"date", "start_date", "2024-06-01", func(t *dag.Task) any { return t.StartDate.Format(time.DateOnly) }, "2024-06-01"},
		{"one of a list of words", "trigger_rule", "all_done", func(t *dag.Task) any { return t.TriggerRule }, dag.AllDone},
		{"params from JSON", "params", `{"z": 1, "a": [1, 2.5, null, "1e3"]}`, func(task *dag.Task) any { return asJSON(t, task.Params) }, `{"z":1,"a":[1,2.5,null,"1e3"]}`},
		{"mapping of the operator from JSON", "env", `{"A": "yes"}`, func(t *dag.Task) any {
			_, v := yamlvalue.Lookup(t.Args.Node(), "env")
			return v.Content[0].Value + string(yamlvalue.KindOf(v.Content[1])) + v.Content[1].Value
		}, "Atextyes"},
		{"boolean of the operator", "append_env", "on", func(t *dag.Task) any {
			_, v := yamlvalue.Lookup(t.Args.Node(), "append_env")
			return yamlvalue.KindOf(v)
		}, yamlvalue.Bool},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := Parse("a.yaml", []byte(withVariable(c.attribute)), newFakeCatalog(), variablesOptions(map[string]string{"V": c.text}))
			require.Len(t, dags, 1, found.String())
			assert.Empty(t, found)
			assert.Equal(t, c.value, c.want(dags[0].Tasks[0]))
			again, err := Restore(Source(dags[0]), newFakeCatalog(), Options{})
			require.NoError(t, err)
			assert.Equal(t, dags[0].Version, again.Version, "a run keeps what it was loaded with")
			assert.Equal(t, c.value, c.want(again.Tasks[0]))
		})
	}
}

func TestUnknownVariableKeepsTheTasksValue(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{"not there": variablesOptions(nil), "no lookup": testOptions()} {
		dags, found := Parse("a.yaml", []byte(withVariable("cwd")), newFakeCatalog(), opts)
		require.Len(t, dags, 1, found.String())
		assert.Equal(t, "own", arg(dags[0].Tasks[0], "cwd"), name)
	}
	dags, found := Parse("a.yaml", []byte(withTask("      variables_as_arguments:")), newFakeCatalog(), testOptions())
	require.Len(t, dags, 1, found.String())
}

func TestVariableBeatsDefaultArgs(t *testing.T) {
	t.Parallel()
	text := "a:\n  default_args: {retries: 2, cwd: def}\n  tasks:\n    t:\n      operator: bash\n      bash_command: x\n      variables_as_arguments:\n" +
		"        - {variable: R, attribute: retries}\n        - {variable: C, attribute: cwd}\n        - {variable: gone, attribute: owner}\n        - {variable: C2, attribute: cwd}\n"
	dags, found := Parse("a.yaml", []byte(text), newFakeCatalog(), variablesOptions(map[string]string{"R": "5", "C": "/v", "C2": "/last"}))
	require.Len(t, dags, 1, found.String())
	assert.Equal(t, 5, dags[0].Tasks[0].Retries)
	assert.Equal(t, "/last", arg(dags[0].Tasks[0], "cwd"), "the later element wins")
	assert.Equal(t, "airflow", dags[0].Tasks[0].Owner)
}

func TestVariablesAsArgumentsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, keys, text, want string }{
		{"no list", "variables_as_arguments: x", "", `6:31: error: dag "a", task "t": variables_as_arguments: want a list of mappings with variable and attribute, not text "x"`},
		{"no mapping", "variables_as_arguments: [x]", "", `6:32: error: dag "a", task "t": variables_as_arguments: want a mapping with variable and attribute, not text "x"`},
		{"unknown key", "variables_as_arguments: [{variable: V, attribut: cwd}]", "", `6:46: error: dag "a", task "t": variables_as_arguments: unknown key "attribut"; did you mean "attribute"?`},
		{"missing variable", "variables_as_arguments: [{attribute: cwd}]", "", `6:33: error: dag "a", task "t": variables_as_arguments: variable is missing`},
		{"missing attribute", "variables_as_arguments: [{variable: V}]", "", `variables_as_arguments: attribute is missing`},
		{"number as name", "variables_as_arguments: [{variable: 5, attribute: cwd}]", "", `6:43: error: dag "a", task "t": variable: 5 is a whole number`},
		{"unknown parameter", "variables_as_arguments: [{variable: V, attribute: bash_comand}]", "x", `6:57: error: dag "a", task "t": variables_as_arguments: unknown parameter "bash_comand" for operator bash; did you mean "bash_command"?`},
		{"sensor's parameter", "variables_as_arguments: [{variable: V, attribute: poke_interval}]", "5", `unknown parameter "poke_interval" for operator bash`},
		{"task_id", "variables_as_arguments: [{variable: V, attribute: task_id}]", "x", `variables_as_arguments: task_id is not a parameter of the operator`},
		{"operator", "variables_as_arguments: [{variable: V, attribute: operator}]", "x", `operator is not a parameter`},
		{"no number", "variables_as_arguments: [{variable: V, attribute: retries}]", "swordfish", `6:43: error: dag "a", task "t": the variable V does not fit the parameter retries: want a whole number`},
		{"no boolean", "variables_as_arguments: [{variable: V, attribute: depends_on_past}]", "1", `the variable V does not fit the parameter depends_on_past: want a boolean`},
		{"no JSON", "variables_as_arguments: [{variable: V, attribute: env}]", `{"A": swordfish}`, `the variable V does not fit the parameter env: want JSON: a mistake at byte `},
		{"half JSON", "variables_as_arguments: [{variable: V, attribute: env}]", `{"A": `, `want JSON: it ends too early`},
		{"a number that no integer holds", "variables_as_arguments: [{variable: V, attribute: env}]", `{"A": 18446744073709551615}`, `want JSON: the number before byte 27 does not fit 64 bits`},
		{"two JSON values", "variables_as_arguments: [{variable: V, attribute: env}]", `{} swordfish`, `want JSON: more after its end`},
		{"other JSON", "variables_as_arguments: [{variable: V, attribute: env}]", `["swordfish"]`, `want JSON of a mapping`},
		{"deep JSON", "variables_as_arguments: [{variable: V, attribute: params}]", strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200), `nested more than 100 levels deep`},
		{"out of range", "variables_as_arguments: [{variable: V, attribute: pool_slots}]", "0", `6:43: error: dag "a", task "t": pool_slots: 0 is less than 1`},
		{"not UTF-8", "variables_as_arguments: [{variable: V, attribute: cwd}]", "caf\xe9", `must be UTF-8 text`},
		{"lookup fails", "variables_as_arguments: [{variable: V, attribute: cwd}]", "broken", `6:43: error: dag "a", task "t": read the variable V: the store is gone`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := Parse("dags/a.yaml", []byte(withTask("      "+c.keys)), newFakeCatalog(), variablesOptions(map[string]string{"V": c.text}))
			assert.Empty(t, dags)
			assert.Contains(t, found.String(), c.want)
			assert.NotContains(t, found.String(), "swordfish")
		})
	}
	_, found := parseText(oneTask("  default_args: {variables_as_arguments: []}"))
	assert.Contains(t, found.String(), "variables_as_arguments has no effect in default_args: write it on each task")
}

func TestSecretVariable(t *testing.T) {
	t.Parallel()
	opts := variablesOptions(map[string]string{"api_token": literal, "V": literal})
	var secrets []string
	opts.Secret = func(value string) { secrets = append(secrets, value) }
	text := strings.Replace(withVariable("trigger_rule"), "variable: V", "variable: api_token", 1)
	_, found := Parse("a.yaml", []byte(text), newFakeCatalog(), opts)
	assert.Equal(t, []string{literal}, secrets)
	assert.Contains(t, found.String(), `a.yaml:8:43: warning: dag "a", task "t": the value of the variable api_token becomes part of the DAG`)
	assert.Contains(t, found.String(), `trigger_rule: unknown value "***"`)
	assert.NotContains(t, found.String(), literal)
}

// A file whose variables have changed is read again, although it is the same file.
func TestLoaderFollowsVariables(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{"a.yaml": withVariable("owner"), "b.yaml": strings.Replace(withVariable("owner"), "a:", "b:", 1), "c.yaml": simpleDAG("c")})
	var calls atomic.Int32
	owner := "first"
	opts := testOptions()
	opts.LookupVariable = func(string) (string, bool, error) {
		calls.Add(1)
		return owner, true, nil
	}
	l := NewLoader(newFakeCatalog(), opts)
	first := l.Load(dir)
	require.Len(t, first.DAGs, 3, first.Diagnostics.String())
	assert.True(t, first.Volatile)
	assert.Equal(t, "first", first.DAGs[0].Owner)
	assert.EqualValues(t, 1, calls.Load(), "a variable is looked up once a load")
	second := l.Load(dir)
	assert.Same(t, first.DAGs[0], second.DAGs[0])
	owner = "second"
	third := l.Load(dir)
	assert.Equal(t, "second", third.DAGs[0].Owner)
	assert.NotEqual(t, first.DAGs[0].Version, third.DAGs[0].Version)
	assert.Same(t, first.DAGs[2], third.DAGs[2])
	for _, name := range []string{"a.yaml", "b.yaml"} {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	assert.False(t, l.Load(dir).Volatile)
}

// Whatever text a variable has, a run can be restored from what was made of it.
func FuzzVariable(f *testing.F) {
	for _, text := range []string{"x", " 7\n", "5m", `{"a": [1, 2.5, null, "1e3"]}`, "[1]", "yes", "\x00\a\x7f\u0085\u2028\ufeff", "a: [b", "{{ ds }}", "1e400", `{"a":1,"a":2}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, attribute := range []string{"cwd", "env", "retry_delay", "params", "append_env", "retries", "retry_exponential_backoff", "owner", "start_date", "on_failure_callback", "email"} {
			dags, found := Parse("a.yaml", []byte(withVariable(attribute)), newFakeCatalog(), variablesOptions(map[string]string{"V": text}))
			if len(dags) == 0 {
				if !found.HasErrors() {
					t.Fatal("neither a DAG nor an error")
				}
				continue
			}
			again, err := Restore(Source(dags[0]), newFakeCatalog(), testOptions())
			if err != nil {
				t.Fatalf("%s: %v\n%s", attribute, err, Source(dags[0]))
			}
			if again.Version != dags[0].Version {
				t.Fatalf("%s: another version:\n%s\n%s", attribute, Source(dags[0]), Source(again))
			}
		}
	})
}
