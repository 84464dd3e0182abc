package wiring_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
)

// house is the tasks and groups of a DAG, each on a line of its own.
type house struct {
	tasks  []*wiring.Task
	groups []*wiring.Group
	line   int
}

func (h *house) node(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: h.line, Column: 1}
}

func (h *house) names(list []string) keys.Pair {
	if list == nil {
		return keys.Pair{}
	}
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, name := range list {
		n.Content = append(n.Content, h.node(name))
	}
	return keys.Pair{Key: h.node("dependencies"), Value: n}
}

// task adds a task that comes after others.
func (h *house) task(in *wiring.Group, label string, after ...string) *wiring.Task {
	h.line++
	t := &wiring.Task{In: in, Name: h.node(label), Node: &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{h.node("task_id"), h.node(label)}}}
	t.Task.Task = dag.Task{ID: in.ChildID(label), Label: label, Pos: dag.Position{Line: h.line, Column: 1}, Settings: &dag.Settings{TriggerRule: dag.AllSuccess, DoXComPush: true}}
	t.Args = &yaml.Node{Kind: yaml.MappingNode}
	t.Raw.Dependencies = h.names(after)
	h.tasks = append(h.tasks, t)
	return t
}

// group adds a group, with its id before those inside, that comes after others.
func (h *house) group(around *wiring.Group, label string, after ...string) *wiring.Group {
	h.line++
	g := &wiring.Group{Name: h.node(label), Around: around, Depth: 1}
	if around != nil {
		g.Depth = around.Depth + 1
	}
	g.Label, g.ID, g.Prefix = label, around.ChildID(label), true
	g.Raw.Dependencies = h.names(after)
	h.groups = append(h.groups, g)
	return g
}

// wire sets the edges and returns them as text, what the file declares, and what was found.
func (h *house) wire() (edges string, declared map[string][]string, found string) {
	s := reading.NewScope("f.yaml").DAG("d")
	declared = wiring.Wire(s, h.tasks, h.groups)
	var all []string
	for _, t := range h.tasks {
		for _, down := range t.Downstream {
			all = append(all, t.ID+">"+h.tasks[down].ID)
		}
	}
	return strings.Join(all, " "), declared, strings.NewReplacer(`dag "d", `, "", `dag "d": `, "").Replace(s.Diagnostics().String())
}

// A dependency on or of a group goes to its first and from its last tasks.
func TestEdgesOfGroups(t *testing.T) {
	t.Parallel()
	h := &house{}
	outer := h.group(nil, "outer", "begin")
	inner := h.group(outer, "inner", "a")
	h.task(nil, "end", "outer")
	h.task(nil, "begin")
	h.task(outer, "a")
	h.task(inner, "b")
	h.task(inner, "c", "outer.inner.b")
	edges, declared, found := h.wire()
	assert.Empty(t, found)
	assert.Equal(t, "begin>outer.a outer.a>outer.inner.b outer.inner.b>outer.inner.c outer.inner.c>end", edges)
	assert.Equal(t, map[string][]string{"outer": {"begin"}, "inner": {"a"}, "end": {"outer"}, "c": {"b"}}, declared)
}

func TestEdgesOfTasks(t *testing.T) {
	t.Parallel()
	h := &house{}
	setup := h.task(nil, "up")
	h.task(nil, "work", "up")
	down := h.task(nil, "down", "work")
	down.Teardown, down.TriggerRule = true, dag.AllDoneSetupSuccess
	down.Raw.Setups = h.names([]string{"up"})
	mapped := h.task(nil, "mapped", "work")
	mapped.Mapping = &dag.Mapping{Kwargs: &dag.MappedValues{}}
	for _, name := range []string{"work", "up"} {
		mapped.Refs = append(mapped.Refs, wiring.Ref{At: h.node(name), Name: name, Values: func(m *dag.Mapping) *dag.MappedValues { return m.Kwargs }})
	}
	edges, declared, found := h.wire()
	assert.Empty(t, found)
	assert.Equal(t, "up>work up>down up>mapped work>down work>mapped", edges)
	assert.Nil(t, declared, "no group is named")
	assert.True(t, setup.Setup, "a teardown has named it")
	assert.Equal(t, "up", mapped.Mapping.Kwargs.From)
}

func TestDependenciesRefused(t *testing.T) {
	t.Parallel()
	for want, build := range map[string]func(h *house){
		`f.yaml:1:1: error: task "a": unknown dependency "taks"; did you mean "task"?`: func(h *house) { h.task(nil, "a", "taks"); h.task(nil, "task") },
		`f.yaml:1:1: error: task "a": "a" cannot depend on itself`:                     func(h *house) { h.task(nil, "a", "a") },
		`f.yaml:2:1: warning: task "b": dependency "a" appears twice`:                  func(h *house) { h.task(nil, "a"); h.task(nil, "b", "a", "a") },
		`f.yaml:1:1: error: the dependencies form a cycle: a (1:1) -> b (2:1) -> a (1:1)`: func(h *house) {
			h.task(nil, "a", "b")
			h.task(nil, "b", "a")
		},
		`f.yaml:2:1: error: task "a": the name is taken on line 1: tasks and groups share one set of names`: func(h *house) { h.task(nil, "a"); h.task(nil, "a") },
		`f.yaml:2:1: error: task "g.a": "g.a" lies in the group "g" and cannot depend on it`:                func(h *house) { h.task(h.group(nil, "g"), "a", "g") },
		`f.yaml:1:1: error: the group "g" cannot depend on "a", which lies in it`:                           func(h *house) { h.task(h.group(nil, "g", "a"), "a") },
		`f.yaml:2:1: error: task "a": the group "g" has no tasks: the order through it would be lost`:       func(h *house) { h.group(nil, "g"); h.task(nil, "a", "g") },
		`f.yaml:2:1: error: task "b": "c" is not a task or group directly downstream of "b"; there are none`: func(h *house) {
			h.task(nil, "a")
			h.task(nil, "b").Targets = []string{"c"}
			h.task(nil, "c", "a")
		},
		`f.yaml:2:1: error: task "b": trigger_rule one_done: a task directly after the setup "a" must have all_success`: func(h *house) {
			h.task(nil, "a").Setup = true
			h.task(nil, "b", "a").TriggerRule = dag.OneDone
		},
		`f.yaml:2:1: error: task "b": task "a" keeps no result: it has do_xcom_push: false`: func(h *house) {
			h.task(nil, "a").DoXComPush = false
			b := h.task(nil, "b")
			b.Mapping, b.Refs = &dag.Mapping{}, []wiring.Ref{{At: h.node("a"), Name: "a"}}
		},
	} {
		h := &house{}
		build(h)
		_, _, found := h.wire()
		assert.Equal(t, want+"\n", found)
	}
}

// Two large groups make more edges than there may be.
func TestTooManyEdges(t *testing.T) {
	t.Parallel()
	h := &house{}
	first, second := h.group(nil, "first"), h.group(nil, "second", "first")
	for i := range 2001 {
		h.task(first, fmt.Sprint("a", i))
		h.task(second, fmt.Sprint("b", i))
	}
	edges, _, found := h.wire()
	assert.Equal(t, "f.yaml:2:1: error: dependencies between groups make more than 4000000 edges: put an empty task between them\n", found)
	assert.Empty(t, edges)
}
