package pages_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

// boxes are the labels in a graph, in order.
func boxes(page string) (out []string) {
	for _, m := range regexp.MustCompile(`<text (?:x="\d+" y="\d+")>([^<]*)</text>`).FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestGraph(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	got := w.get("/dags/etl/graph").body
	assert.Equal(t, []string{"extract", "load", "report"}, boxes(got))
	has(t, got, `<tr><th scope="row">load</th><td>extract</td></tr>`)
	has(t, got, `<a href="/dags/etl/graph" aria-current="page">Graph</a>`)
	has(t, got, `href="/dags/etl/runs/manual__2026-03-01T11:00:00Z/graph"`)
	hasNot(t, got, `data-topic="dag_id`)
	has(t, w.get("/dags/by_hand/graph").body, "No task waits for another one.")
	assert.Equal(t, http.StatusNotFound, w.get("/dags/etl/graph?task=laod").status)
	assert.Equal(t, http.StatusNotFound, w.get("/dags/elt/graph").status)
}

func TestGraphOfARunHasItsStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	got := w.get(failedRun + "/graph").body
	has(t, got, `<a class="n failed" href="`+failedRun+`/tasks/load"><title>load · failed · 30s · bash</title>`)
	has(t, got, `<a class="n upstream_failed" href="`+failedRun+`/tasks/report">`)
	has(t, got, `data-topic="dag_id=etl&amp;run_id=manual__2026-03-01T11%3A00%3A00Z"`)
	has(t, got, `<a href="`+failedRun+`/graph" aria-current="page">Graph</a>`)
	escaped := strings.ReplaceAll(failedRun, ":", "%3A")
	has(t, w.get(escaped+"/graph").body, `<a href="`+failedRun+`/graph" aria-current="page">Graph</a>`)
	assert.Equal(t, http.StatusNotFound, w.get("/dags/etl/runs/none/graph").status)
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	for _, path := range []string{"/dags/etl/graph", failedRun + "/graph"} {
		assert.Equal(t, http.StatusForbidden, w.get(path).status, path)
	}
}

func TestNamesOfAGraphAreText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, `
odd:
  schedule: null
  task_groups: {g: {tooltip: "all <b>orders</b>", group_display_name: "<b>orders</b> & more"}}
  tasks:
    - {task_id: a, task_group_name: g, operator: empty, task_display_name: "<script>alert(1)</script>"}
    - {task_id: parts, operator: bash, bash_command: "true", expand: {env: [{A: "1"}, {A: "2"}]}, dependencies: [g], task_display_name: "一二三四五六七八九十一二三四五六七八九十"}
`)
	first, second := task("parts", 1, dag.Success), task("parts", 1, dag.Failed)
	first.MapIndex, second.MapIndex = 0, 1
	w.run(w.seen("odd"), 1, dag.RunFailed, task("g.a", 1, dag.Success), first, second)
	for _, path := range []string{"/dags/odd/graph", "/dags/odd/graph?fold=g", "/dags/odd/runs/manual__2026-03-01T11:00:00Z/graph"} {
		got := w.get(path).body
		hasNot(t, got, "<b>orders")
		hasNot(t, got, "<script>alert")
		has(t, got, "&lt;b&gt;orders&lt;/b&gt; &amp; more")
		has(t, got, ">一二三四五六七八九十一二三四五… [ ]</text>")
	}
	has(t, w.get("/dags/odd/runs/manual__2026-03-01T11:00:00Z/graph").body, `>1 ✕  1 ✓</text>`)
}

func TestGraphOfABrokenDAG(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	w.files.Broken = map[string]string{"etl": "dags.yaml:3:1: error: odd", "new": "dags.yaml:9:1: error: odd"}
	w.files.All = w.files.All[:1]
	assert.Equal(t, []string{"extract", "load", "report"}, boxes(w.get("/dags/etl/graph").body), "as the newest run knows it")
	assert.Equal(t, http.StatusConflict, w.get("/dags/new/graph").status, "nobody knows its tasks")
}

// wide is a file of a DAG with n tasks in groups of ten, each group after the one before.
func wide(n int) string {
	var b strings.Builder
	b.WriteString("wide:\n  schedule: null\n  task_groups:\n")
	for g := range (n + 9) / 10 {
		fmt.Fprintf(&b, "    g%d: {dependencies: [%s]}\n", g, map[bool]string{true: fmt.Sprint("g", g-1)}[g > 0])
	}
	b.WriteString("  tasks:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - {task_id: t%d, task_group_name: g%d, operator: empty}\n", i, i/10)
	}
	return b.String()
}

func TestGroupsFold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, wide(20))
	open := w.get("/dags/wide/graph").body
	assert.Len(t, boxes(open), 22)
	has(t, open, `<a href="/dags/wide/graph?fold=g0" aria-label="Fold group g0">`)
	folded := w.get("/dags/wide/graph?fold=g0").body
	assert.Equal(t, []string{"▾ g1", "▸ g0"}, boxes(folded)[:2])
	assert.Len(t, boxes(folded), 12)
	has(t, folded, `href="/dags/wide/graph?fold="><title>Unfold group g0 · `)
	has(t, folded, `href="/dags/wide/graph?fold=g0&amp;fold=g1" aria-label="Fold group g1"`)
	assert.Len(t, boxes(w.get("/dags/wide/graph?fold=g0&fold=g1").body), 2)

	d := w.seen("wide")
	w.run(d, 1, dag.RunRunning, task("g0.t3", 1, dag.Running))
	has(t, w.get("/dags/wide/runs/manual__2026-03-01T11:00:00Z/graph?fold=g0").body, `<a class="n fold running"`)
}

func TestAGroupThatCannotBeABoxIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, `
odd:
  schedule: null
  task_groups: {g: {}}
  tasks:
    - {task_id: a, task_group_name: g, operator: empty}
    - {task_id: x, operator: empty, dependencies: [g.a]}
    - {task_id: b, task_group_name: g, operator: empty, dependencies: [x]}
`)
	for _, query := range []string{"", "?fold=g"} {
		got := w.get("/dags/odd/graph" + query).body
		assert.Equal(t, []string{"a", "b", "x"}, boxes(got), query)
		has(t, got, "These groups are drawn without a box, because a task outside runs between tasks inside: <code>g</code>")
	}
}

func TestALargeGraphSaysWhatIsNotDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, wide(2000))
	got := w.get("/dags/wide/graph").body
	has(t, got, "of 2000 tasks are drawn, in the order of the file")
	has(t, got, `▸ g0`)
	hasNot(t, got, `▾`)
	around := w.get("/dags/wide/graph?task=g50.t505&fold=").body
	has(t, around, "g50.t505 and what is before and after it, the nearest first.")
	has(t, around, `<a class="n chosen none" href="/dags/wide/tasks/g50.t505">`)
	has(t, around, "▾ g49")
	has(t, around, "▾ g51")
	hasNot(t, around, `href="/dags/wide/tasks/g50.t506"`)
}
