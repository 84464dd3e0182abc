package obstacles_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/obstacles"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
)

func finding(severity dag.Severity, file, id, text string, also ...string) dag.Diagnostic {
	return dag.Diagnostic{File: file, Line: 2, Column: 3, Severity: severity, DAGID: id, Also: also, Text: text}
}

func TestReport(t *testing.T) {
	t.Parallel()
	const old = "schedule_interval was removed: write schedule; dingdag dags convert FILE --write rewrites it"
	files := []discover.File{{Path: "a.yaml", Defaults: []string{"defaults.yml"}}, {Path: "b.yaml", Defaults: []string{"defaults.yml"}}, {Path: "c.yaml"}, {Path: "d.yaml"}, {Path: "e.yaml"}}
	r := obstacles.Of(files, dagfile.Result{
		DAGs: []*dag.DAG{{ID: "a"}, {ID: "c1"}, {ID: "e"}},
		Diagnostics: dag.Diagnostics{
			finding(dag.Warning, "defaults.yml", "a", old, "b"),
			finding(dag.Error, "b.yaml", "b", `unknown operator "airflow.operators.python.PythonOperator"; Python code cannot run here: use bash`),
			finding(dag.Warning, "c.yaml", "c1", old),
			finding(dag.Error, "c.yaml", "c2", `unknown operator "airflow.operators.python.PythonOperator"; Python code cannot run here: use bash`, "c3"),
			finding(dag.Error, "c.yaml", "c2", `on_failure_callback: unknown notifier "my.f"; use a notifier`),
			finding(dag.Error, "d.yaml", "", "this bracket is not closed"),
			finding(dag.Error, "d.yaml", "d", `on_failure_callback: unknown notifier "my.g"; use a notifier`),
			finding(dag.Error, "missing.yaml", "", "read the file: no such file or directory"),
		},
	})
	assert.Equal(t, obstacles.Count{All: 5, Load: 2, Warned: 1, Refused: 3}, r.Files)
	assert.Equal(t, obstacles.Count{All: 7, Load: 3, Warned: 2, Refused: 4}, r.DAGs)
	require.Len(t, r.Obstacles, 5)
	assert.Equal(t, obstacles.Obstacle{
		Severity: dag.Error, What: `on_failure_callback: unknown notifier "…"`, Do: "use a notifier",
		Files: 2, Findings: 2, Example: dag.Position{File: "c.yaml", Line: 2, Column: 3},
	}, r.Obstacles[0])
	assert.Equal(t, obstacles.Obstacle{
		Severity: dag.Error, What: "operator airflow.operators.python.PythonOperator", Do: "Python code cannot run here: use bash",
		Files: 2, Findings: 2, Example: dag.Position{File: "b.yaml", Line: 2, Column: 3},
	}, r.Obstacles[1])
	assert.Equal(t, obstacles.Obstacle{
		Severity: dag.Warning, What: "schedule_interval was removed", Do: "write schedule; dingdag dags convert FILE --write rewrites it",
		Files: 3, Findings: 2, Example: dag.Position{File: "defaults.yml", Line: 2, Column: 3},
	}, r.Obstacles[4])
	var b strings.Builder
	require.NoError(t, r.Print(&b, "plain"))
	assert.Equal(t, 5, strings.Count(b.String(), "\n"))
	assert.Contains(t, b.String(), "3\twarning\tschedule_interval was removed\twrite schedule; dingdag dags convert FILE --write rewrites it\tdefaults.yml:2:3\n")
}

// What findings of one kind have of their own is left out, unless it is the same in all of them.
func TestKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ one, other, what, do string }{
		"the same":    {`catchup: want true or false, not text "no"`, `catchup: want true or false, not text "no"`, "catchup", `want true or false, not text "no"`},
		"value":       {`catchup: want true or false, not text "maybe"`, `catchup: want true or false, not text "never"`, "catchup", `want true or false, not text "…"`},
		"number":      {`duplicate key "a", first on line 3`, `duplicate key "b", first on line 4`, `duplicate key "…", first on line …`, ""},
		"places":      {"the DAG is already in dags/a.yaml:3:1: give one of them another id", "the DAG is already in dags/b.yaml:4:1: give one of them another id", "the DAG is already in …", "give one of them another id"},
		"operator":    {`unknown operator "a.B"; use bash`, `unknown operator "a.C"; use bash`, "operator a.B", "use bash"},
		"key":         {`unknown key "a"`, `unknown key "b"`, `unknown key "a"`, ""},
		"parameter":   {`unknown parameter "a" for operator bash; did you mean "b"?`, `unknown parameter "a" for operator bash; did you mean "c"?`, `unknown parameter "a" for operator bash`, `did you mean "…"?`},
		"template":    {`template in "sql": x is not known here`, `template in "sql": x is not known here`, `template in "sql"`, "x is not known here"},
		"notifier":    {`on_failure_callback: unknown notifier "airflow.A"; use http`, `on_failure_callback: unknown notifier "airflow.B"; use http`, `on_failure_callback: unknown notifier "airflow.A"`, "use http"},
		"colon":       {`tasks "a: b": want a mapping`, `tasks "c; d": want a mapping`, `tasks "…"`, "want a mapping"},
		"quotes":      {`tag "a\"b: c" is not allowed: remove it`, `tag "a\"b: c" is not allowed: remove it`, `tag "a\"b: c" is not allowed`, "remove it"},
		"end":         {"nothing to do:", "nothing to do:", "nothing to do:", ""},
		"two letters": {`want "a" or "b"`, `want "c" or "d"`, `want "…" or "…"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := obstacles.Of(nil, dagfile.Result{Diagnostics: dag.Diagnostics{finding(dag.Error, "a.yaml", "", c.one), finding(dag.Error, "b.yaml", "", c.other)}})
			assert.Equal(t, []string{c.what, c.do}, []string{r.Obstacles[0].What, r.Obstacles[0].Do})
			findings := 0
			for _, o := range r.Obstacles {
				findings += o.Findings
			}
			assert.Equal(t, 2, findings)
		})
	}
}
