package dagfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWiring(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"list, string and full id", `
a:
  task_groups: {g: {}}
  tasks:
    x: {operator: empty}
    y: {operator: empty, dependencies: x, task_group_name: g}
    z: {operator: empty, dependencies: [g.y]}
`, "g.y->z x->g.y"},
		{"nested groups", `
a:
  task_groups:
    - group_name: stage
      dependencies: [start]
    - group_name: checks
      parent_group_name: stage
  tasks:
    - {task_id: start, operator: empty}
    - {task_id: copy, operator: empty, task_group_name: stage}
    - {task_id: count, operator: empty, task_group_name: checks}
    - {task_id: done, operator: empty, dependencies: [stage]}
`, "stage.checks.count->done stage.copy->done start->stage.checks.count start->stage.copy"},
		{"task listed before the members of its group", `
a:
  task_groups: {g: {}}
  tasks:
    done: {operator: empty, dependencies: [g]}
    two: {operator: empty, dependencies: [one], task_group_name: g}
    one: {operator: empty, task_group_name: g}
`, "g.one->g.two g.two->done"},
		{"group after group", `
a:
  task_groups: {g: {}, h: {dependencies: [g]}}
  tasks:
    a: {operator: empty, task_group_name: g}
    b: {operator: empty, task_group_name: g}
    c: {operator: empty, task_group_name: h}
    d: {operator: empty, task_group_name: h, dependencies: [c]}
`, "g.a->h.c g.b->h.c h.c->h.d"},
		{"groups inside a group decide its ends", `
a:
  task_groups: {out: {}, in1: {parent_group_name: out}, in2: {parent_group_name: out, dependencies: [in1]}}
  tasks:
    last: {operator: empty, dependencies: [out]}
    p: {operator: empty, task_group_name: in1}
    q: {operator: empty, task_group_name: in2}
`, "out.in1.p->out.in2.q out.in2.q->last"},
		{"no prefix", `
a:
  task_groups: {g: {}, h: {parent_group_name: g, prefix_group_id: false}}
  tasks:
    x: {operator: empty, task_group_name: h}
    y: {operator: empty, dependencies: [h]}
`, "x->y"},
		{"unused empty group", `
a:
  task_groups: {g: {}}
  tasks: {x: {operator: empty}}
`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, edges(mustParse(t, c.text)))
		})
	}
}

func TestWiringRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"empty group", "a:\n  task_groups: {g: {dependencies: [x]}}\n  tasks: {x: {operator: empty}, y: {operator: empty, dependencies: [g]}}\n", `the group "g" has no tasks`},
		{"member on its group", "a:\n  task_groups: {g: {}}\n  tasks: {x: {operator: empty, task_group_name: g, dependencies: [g]}}\n", `"g.x" lies in the group "g" and cannot depend on it`},
		{"group on its member", "a:\n  task_groups: {g: {dependencies: [x]}}\n  tasks: {x: {operator: empty, task_group_name: g}}\n", `the group "g" cannot depend on "x", which lies in it`},
		{"group on its parent", "a:\n  task_groups: {g: {}, h: {parent_group_name: g, dependencies: [g]}}\n  tasks: {x: {operator: empty, task_group_name: h}}\n", `"h" lies in the group "g"`},
		{"bare name and full id", "a:\n  task_groups: {g: {}}\n  tasks: {x: {operator: empty, task_group_name: g}, u: {operator: empty}, g.x: {operator: empty, task_group_name: g}, z: {operator: empty, dependencies: [g.x]}}\n", `is the name of one and the full id of another`},
		{"same full id", "a:\n  task_groups: {g: {}}\n  tasks: {x: {operator: empty, task_group_name: g}, g.x: {operator: empty}}\n", `its full id "g.x" is taken`},
		{"cycle", "a:\n  tasks:\n    u: {operator: empty, dependencies: [c]}\n    b: {operator: empty, dependencies: [d]}\n    c: {operator: empty, dependencies: [b]}\n    d: {operator: empty, dependencies: [c]}\n", `dags/a.yaml:4:9: error: dag "a": the dependencies form a cycle: b (4:9) -> c (5:9) -> d (6:9) -> b (4:9)`},
		{"cycle through a group", "a:\n  task_groups: {g: {dependencies: [y]}}\n  tasks:\n    x: {operator: empty, task_group_name: g}\n    y: {operator: empty, dependencies: [g]}\n", `the dependencies form a cycle: g.x (4:9) -> y (5:9) -> g.x (4:9)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(c.text)
			assert.Empty(t, dags)
			assert.Contains(t, found.String(), c.want)
		})
	}
}

func TestEdgesAreLimited(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a:\n  task_groups: {g: {}, h: {dependencies: [g]}}\n  tasks:\n")
	for i := range 2100 {
		fmt.Fprintf(&b, "    a%d: {operator: empty, task_group_name: g}\n    b%d: {operator: empty, task_group_name: h}\n", i, i)
	}
	_, found := parseText(b.String())
	assert.Contains(t, found.String(), "make more than 4000000 edges")
}

// randomDAG is a DAG in pieces whose order can be changed.
type randomDAG struct{ groups, tasks []string }

func (d randomDAG) text() string {
	return "a:\n  task_groups:\n" + strings.Join(d.groups, "") + "  tasks:\n" + strings.Join(d.tasks, "")
}

// drawDAG draws groups, tasks and dependencies on earlier names, so that most are free
// of cycles.
func drawDAG(t *rapid.T) randomDAG {
	var d randomDAG
	groups := rapid.IntRange(1, 4).Draw(t, "groups")
	for i := range groups {
		up := rapid.IntRange(-1, i-1).Draw(t, "parent")
		line := fmt.Sprintf("    g%d: {", i)
		if up >= 0 {
			line += fmt.Sprintf("parent_group_name: g%d, ", up)
		}
		if i > 0 && rapid.Bool().Draw(t, "group depends") {
			line += fmt.Sprintf("dependencies: [g%d], ", rapid.IntRange(0, i-1).Draw(t, "on"))
		}
		d.groups = append(d.groups, line+"prefix_group_id: "+strconv.FormatBool(rapid.Bool().Draw(t, "prefix"))+"}\n")
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "tasks") {
		line := fmt.Sprintf("    t%d: {operator: empty, ", i)
		if in := rapid.IntRange(-1, groups-1).Draw(t, "in"); in >= 0 {
			line += fmt.Sprintf("task_group_name: g%d, ", in)
		}
		if role := rapid.IntRange(0, 9).Draw(t, "role"); role == 0 {
			line += "setup: true, "
		} else if role == 1 && i > 0 {
			line += fmt.Sprintf("teardown: [t%d], ", rapid.IntRange(0, i-1).Draw(t, "of"))
		}
		var deps []string
		for range rapid.IntRange(0, 2).Draw(t, "deps") {
			if rapid.Bool().Draw(t, "on group") {
				deps = append(deps, fmt.Sprintf("g%d", rapid.IntRange(0, groups-1).Draw(t, "dep")))
			} else if i > 0 {
				deps = append(deps, fmt.Sprintf("t%d", rapid.IntRange(0, i-1).Draw(t, "dep")))
			}
		}
		d.tasks = append(d.tasks, line+"dependencies: ["+strings.Join(deps, ", ")+"]}\n")
	}
	return d
}

// validDAG draws what has no mistake, such as a cycle or an empty group.
var validDAG = rapid.Custom(drawDAG).Filter(func(d randomDAG) bool {
	_, found := parseText(d.text())
	return !found.HasErrors()
})

func TestEdgesDoNotDependOnFileOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := validDAG.Draw(t, "DAG")
		first, _ := parseText(d.text())
		shuffled := randomDAG{rapid.Permutation(d.groups).Draw(t, "group order"), rapid.Permutation(d.tasks).Draw(t, "task order")}
		second, found := parseText(shuffled.text())
		require.False(t, found.HasErrors(), "%s\n%s", found, shuffled.text())
		require.Equal(t, edges(first[0]), edges(second[0]), "%s\n%s", d.text(), shuffled.text())
	})
}

func TestEdgesAreSymmetricAndAscending(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dags, _ := parseText(validDAG.Draw(t, "DAG").text())
		d := dags[0]
		for i, task := range d.Tasks {
			require.True(t, slices.IsSorted(task.Upstream) && slices.IsSorted(task.Downstream))
			for _, down := range task.Downstream {
				require.Contains(t, d.Tasks[down].Upstream, i)
			}
			for _, up := range task.Upstream {
				require.Contains(t, d.Tasks[up].Downstream, i)
			}
			require.Equal(t, i, d.TaskIndex(task.ID))
		}
	})
}

func TestRestoreGivesTheSameDAG(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dags, _ := parseText(validDAG.Draw(t, "DAG").text())
		again, err := Restore(Source(dags[0]), newFakeCatalog(), testOptions())
		require.NoError(t, err, "%s", Source(dags[0]))
		require.Equal(t, dags[0].Version, again.Version)
		require.Equal(t, edges(dags[0]), edges(again))
	})
}
