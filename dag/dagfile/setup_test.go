package dagfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// roles lists the setups and teardowns of a DAG.
func roles(d *dag.DAG) string {
	var list []string
	for _, t := range d.Tasks {
		switch {
		case t.Setup:
			list = append(list, t.ID+":setup")
		case t.Teardown && t.OnFailureFailDagrun:
			list = append(list, t.ID+":teardown!")
		case t.Teardown:
			list = append(list, t.ID+":teardown")
		}
	}
	return strings.Join(list, " ")
}

func TestSetupAndTeardown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, edges, roles string }{
		{"marks", `
a:
  tasks:
    up: {operator: empty, setup: true}
    work: {operator: empty, dependencies: [up]}
    down: {operator: empty, teardown: true, dependencies: [work, up]}
`, "up->down up->work work->down", "up:setup down:teardown"},
		{"a teardown names its setups, which makes them setups before it", `
a:
  tasks:
    one: {operator: empty}
    two: {operator: empty}
    work: {operator: empty, dependencies: [one, two]}
    down: {operator: empty, teardown: [one, two], dependencies: [work], on_failure_fail_dagrun: true}
`, "one->down one->work two->down two->work work->down", "one:setup two:setup down:teardown!"},
		{"one name, given twice", `
a:
  tasks:
    up: {operator: empty}
    down: {operator: empty, teardown: up, dependencies: [up], trigger_rule: all_done_setup_success}
`, "up->down", "up:setup down:teardown"},
		{"no", `
a:
  tasks:
    up: {operator: empty, setup: false}
    down: {operator: empty, teardown: false, dependencies: [up]}
`, "up->down", ""},
		{"a teardown does not end its group, nor does a setup with its teardown in it", `
a:
  task_groups: {g: {}}
  tasks:
    up: {operator: empty, task_group_name: g}
    work: {operator: empty, task_group_name: g, dependencies: [up]}
    down: {operator: empty, task_group_name: g, teardown: up, dependencies: [work]}
    after: {operator: empty, dependencies: [g]}
`, "g.up->g.down g.up->g.work g.work->after g.work->g.down", "g.up:setup g.down:teardown"},
		{"chain of teardowns", `
a:
  task_groups: {g: {}}
  tasks:
    up: {operator: empty, task_group_name: g, setup: true}
    work: {operator: empty, task_group_name: g, dependencies: [up]}
    d1: {operator: empty, task_group_name: g, teardown: up, dependencies: [work]}
    d2: {operator: empty, task_group_name: g, teardown: true, dependencies: [d1]}
    after: {operator: empty, dependencies: [g]}
`, "g.d1->g.d2 g.up->g.d1 g.up->g.work g.work->after g.work->g.d1", "g.up:setup g.d1:teardown g.d2:teardown"},
		{"a setup whose teardown is elsewhere ends its group", `
a:
  task_groups: {g: {}}
  tasks:
    up: {operator: empty, task_group_name: g, setup: true}
    work: {operator: empty, dependencies: [g]}
    down: {operator: empty, teardown: up, dependencies: [work]}
`, "g.up->down g.up->work work->down", "g.up:setup down:teardown"},
		{"default_args do not change the rule of a teardown", `
a:
  default_args: {trigger_rule: none_failed}
  tasks:
    up: {operator: empty, setup: true}
    down: {operator: empty, teardown: true, dependencies: [up]}
`, "up->down", "up:setup down:teardown"},
		{"fail_fast", `
a:
  fail_fast: true
  tasks:
    up: {operator: empty}
    down: {operator: empty, teardown: up}
`, "up->down", "up:setup down:teardown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := mustParse(t, c.text)
			assert.Equal(t, c.edges, edges(d))
			assert.Equal(t, c.roles, roles(d))
			for _, task := range d.Tasks {
				assert.Equal(t, task.Teardown, task.TriggerRule == dag.AllDoneSetupSuccess, task.ID)
			}
			again, err := Restore(Source(d), newFakeCatalog(), testOptions())
			require.NoError(t, err)
			assert.Equal(t, []string{edges(d), roles(d), d.Version}, []string{edges(again), roles(again), again.Version})
		})
	}
}

func TestSetupAndTeardownRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"both", "a:\n  tasks:\n    x: {operator: empty, setup: true, teardown: true}\n", `dags/a.yaml:3:39: error: dag "a", task "x": a task is a setup or a teardown, not both`},
		{"rule", "a:\n  tasks:\n    x: {operator: empty, teardown: true, trigger_rule: all_done}\n", `dags/a.yaml:3:56: error: dag "a", task "x": a teardown has the trigger rule all_done_setup_success and no other`},
		{"flag alone", "a:\n  tasks:\n    x: {operator: empty, on_failure_fail_dagrun: true}\n", `dags/a.yaml:3:26: error: dag "a", task "x": on_failure_fail_dagrun is for a teardown`},
		{"unknown setup", "a:\n  tasks:\n    create: {operator: empty}\n    x: {operator: empty, teardown: [creat]}\n", `dags/a.yaml:4:37: error: dag "a", task "x": unknown dependency "creat"; did you mean "create"?`},
		{"group", "a:\n  task_groups: {g: {}}\n  tasks:\n    u: {operator: empty, task_group_name: g}\n    x: {operator: empty, teardown: g}\n", `teardown: "g" is a group: name the setups in it`},
		{"teardown of a teardown", "a:\n  tasks:\n    u: {operator: empty, teardown: true}\n    x: {operator: empty, teardown: u}\n", `teardown: "u" is a teardown itself`},
		{"itself", "a:\n  tasks:\n    x: {operator: empty, teardown: x}\n", `"x" cannot depend on itself`},
		{"type", "a:\n  tasks:\n    x: {operator: empty, teardown: {a: 1}}\n", "dags/a.yaml:3:36"},
		{"number", "a:\n  tasks:\n    x: {operator: empty, setup: 3}\n", "dags/a.yaml:3:33"},
		{"rule after a setup", "a:\n  tasks:\n    s: {operator: empty, setup: true}\n    x: {operator: empty, dependencies: s, trigger_rule: all_done}\n", `dags/a.yaml:4:57: error: dag "a", task "x": trigger_rule all_done: a task directly after the setup "s" must have all_success`},
		{"rule after a setup, from default_args", "a:\n  default_args: {trigger_rule: one_done}\n  tasks:\n    s: {operator: empty}\n    t: {operator: empty, teardown: s}\n    x: {operator: empty, dependencies: s}\n", `dags/a.yaml:6:9: error: dag "a", task "x": trigger_rule one_done`},
		{"nothing to wait for", "a:\n  task_groups: {g: {}}\n  tasks:\n    s: {operator: empty, task_group_name: g}\n    t: {operator: empty, task_group_name: g, teardown: s}\n    x: {operator: empty, dependencies: [g]}\n", `dags/a.yaml:6:41: error: dag "a": the group "g" has nothing but setups and their teardowns`},
		{"in default_args", "a:\n  default_args: {setup: true}\n  tasks:\n    x: {operator: empty}\n", `setup has no effect in default_args: write it on each task`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(c.text)
			assert.Empty(t, dags)
			assert.Contains(t, found.String(), c.want)
		})
	}
}
