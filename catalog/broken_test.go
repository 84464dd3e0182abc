package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile"
)

// An error in a DAG does not hide wrong names in its templates, and brings up none that are
// missing only because of it.
func TestAnErrorDoesNotHideWrongNames(t *testing.T) {
	t.Parallel()
	known := small(t)
	const (
		cut    = "d:\n  tasks:\n    - {task_id: a, operator: probe, text: '{{ ds'}\n"
		syntax = `test.yaml:3:49: error: dag "d", task "a": template in "text": unexpected end of the template, expected }}`
	)
	probe := func(id, text string) string {
		return "    - {task_id: " + id + ", operator: probe, text: '{{ " + text + " }}'}\n"
	}
	for name, c := range map[string]struct {
		text string
		want []string // how the findings begin, in the order of the file
	}{
		"misspelt":      {cut + probe("b", "ds_nodas"), []string{syntax, `test.yaml:4:47: error: dag "d", task "b": template in "text": ds_nodas is not known here; did you mean ds_nodash?`}},
		"removed":       {cut + probe("b", "execution_date"), []string{syntax, `test.yaml:4:47: error: dag "d", task "b": template in "text": execution_date: Airflow 3 removed it`}},
		"missing task":  {cut + probe("b", `ti.xcom_pull("c")`), []string{syntax, `test.yaml:4:50: warning: dag "d", task "b": template in "text": xcom_pull: the DAG has no task "c"`}},
		"undeclared":    {cut + probe("b", "params.x"), []string{syntax, `test.yaml:4:54: warning: dag "d", task "b": template in "text": no param "x" is declared`}},
		"broken task":   {cut + probe("b", `ti.xcom_pull("a")`), []string{syntax}},
		"no operator":   {"d:\n  tasks:\n    - {task_id: a, operator: nope}\n" + probe("b", `ti.xcom_pull("a") ~ ds_nodas`), []string{`test.yaml:3:30: error: dag "d", task "a": unknown operator "nope"`, `test.yaml:4:67: error: dag "d", task "b": template in "text": ds_nodas`}},
		"notifier":      {"d:\n  on_failure_callback: {callback: say, text: '{{ ds_nodas }}', colour: red}\n  tasks: [{task_id: a, operator: nop}]\n", []string{`test.yaml:2:64: error: dag "d": unknown parameter "colour"`, `test.yaml:2:50: error: dag "d": template in "text": ds_nodas is not known`}},
		"deadline":      {"d:\n  deadline: {reference: dagrun_queued_at, callback: {callback: say, text: '{{ ds_nodas }}'}}\n  tasks: [{task_id: a, operator: nop}]\n", []string{`test.yaml:2:13: error: dag "d": deadline: interval is missing`, `test.yaml:2:79: error: dag "d": template in "text": ds_nodas is not known`}},
		"wrong key":     {"d:\n  schedul: '@daily'\n  tasks:\n" + probe("a", "ds_nodas"), []string{`test.yaml:2:3: error: dag "d": unknown key "schedul"`, `test.yaml:4:47: error: dag "d", task "a": template in "text": ds_nodas`}},
		"neighbour":     {"d: {tasks: [{task_id: a, operator: nop}]}\n'd2':\n  default_args: {retries: x}\n  tasks:\n" + probe("a", "ds_nodas"), []string{`test.yaml:3:27: error: dag "d2": `, `test.yaml:5:47: error: dag "d2", task "a": template in "text": ds_nodas`}},
		"id":            {"d:\n  tasks:\n    - {task_id: a b, operator: nop}\n" + probe("b", `ti.xcom_pull("a b") ~ ds_nodas`), []string{`test.yaml:3:17: error: dag "d": task_id "a b" has the character ' '`, `test.yaml:4:69: error: dag "d", task "b": template in "text": ds_nodas`}},
		"no mapping":    {"d:\n  tasks:\n    a: nop\n    b: {operator: probe, text: '{{ ti.xcom_pull(\"a\") }}'}\n", []string{`test.yaml:3:8: error: dag "d": tasks "a": want a mapping`}},
		"no group":      {"d:\n  task_groups: {h: {}}\n  tasks:\n    - {task_id: a, operator: nop, task_group_name: g}\n" + probe("b", `ti.xcom_pull("g.a")`), []string{`test.yaml:4:52: error: dag "d", task "a": unknown task group "g"`}},
		"broken group":  {"d:\n  task_groups: {g: {parent_group_name: h}}\n  tasks:\n    - {task_id: a, operator: nop, task_group_name: g}\n" + probe("b", `ti.xcom_pull("h.g.a")`), []string{`test.yaml:2:40: error: dag "d": group "g": unknown parent group "h"`}},
		"broken params": {"d:\n  params: [x]\n  tasks:\n" + probe("a", "params.x"), []string{`test.yaml:2:11: error: dag "d": params`}},
		"param":         {"d:\n  param: {x: 1}\n  tasks:\n" + probe("a", "params.x"), []string{`test.yaml:2:3: error: dag "d": unknown key "param"`}},
		"broken macros": {"d:\n  user_defined_macros: {m: text}\n  tasks:\n" + probe("a", "m ~ next_ds"), []string{`test.yaml:2:28: error: dag "d": user_defined_macros "m"`, `test.yaml:4:51: error: dag "d", task "a": template in "text": next_ds: Airflow 3 removed it`}},
		"default block": {"default: [x]\nd:\n  tasks:\n" + probe("a", `ti.xcom_pull("b") ~ params.x ~ mine`), []string{`test.yaml:1:10: error: default must be a mapping`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "test.yaml")
			require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
			res := dagfile.Load([]string{file}, known, dagfile.Options{})
			require.True(t, res.Diagnostics.HasErrors())
			found := res.Diagnostics
			for _, d := range res.Broken {
				found = append(found, known.CheckBroken(d)...)
			}
			said := strings.ReplaceAll(found.String(), file, "test.yaml")
			lines := strings.Split(strings.TrimSpace(said), "\n")
			require.Len(t, lines, len(c.want), said)
			for i, want := range c.want {
				assert.Contains(t, lines[i], want)
			}
		})
	}
}

// The loader remembers broken DAGs of unchanged files, and takes a second DAG with the same id
// for a broken one.
func TestBrokenDAGsStay(t *testing.T) {
	t.Parallel()
	known := small(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "d: {tasks: [{task_id: a, operator: nop}]}\n",
		"b.yaml": "d: {tasks: [{task_id: b, operator: nop}]}\n",
		"c.yaml": "e: {tasks: [{task_id: c, operator: nope}]}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	loader := dagfile.NewLoader(known, dagfile.Options{})
	for range 2 {
		var tasks []string
		for _, d := range loader.Load(dir).Broken {
			tasks = append(tasks, d.Tasks[0].ID)
		}
		assert.Equal(t, []string{"b", "c"}, tasks)
	}
}
