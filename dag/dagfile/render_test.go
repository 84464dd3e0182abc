package dagfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const renderedDAG = `
a:
  task_groups: {g: {}, h: {parent_group_name: g, group_display_name: 'In "here"'}}
  tasks:
    start: {operator: empty}
    one: {operator: bash, bash_command: x, task_group_name: g, dependencies: [start]}
    two: {operator: empty, task_group_name: h, dependencies: [start]}
    end: {operator: empty, dependencies: [g]}
    after: {operator: empty, dependencies: [end]}
`

func TestTree(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, mustParse(t, renderedDAG).Tree(&b))
	assert.Equal(t, `a
└── start (empty)
    ├── g.one (bash)
    │   └── end (empty)
    │       └── after (empty)
    └── g.h.two (empty)
        └── end (empty) …
`, b.String())
}

func TestMermaid(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, mustParse(t, renderedDAG).Mermaid(&b))
	assert.Equal(t, `flowchart LR
  t0["start"]
  t3["end"]
  t4["after"]
  subgraph g0["g"]
    t1["one"]
    subgraph g1["In #quot;here#quot;"]
      t2["two"]
    end
  end
  t0 --> t1
  t0 --> t2
  t1 --> t3
  t2 --> t3
  t3 --> t4
`, b.String())
}

func TestDOT(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, mustParse(t, renderedDAG).DOT(&b))
	assert.Equal(t, `digraph "a" {
  rankdir=LR;
  node [shape=box, style=rounded];
  "start" [label="start"];
  "end" [label="end"];
  "after" [label="after"];
  subgraph cluster_0 {
    label="g";
    "g.one" [label="one"];
    subgraph cluster_1 {
      label="In \"here\"";
      "g.h.two" [label="two"];
    }
  }
  "start" -> "g.one";
  "start" -> "g.h.two";
  "g.one" -> "end";
  "g.h.two" -> "end";
  "end" -> "after";
}
`, b.String())
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestRenderReturnsWriteErrors(t *testing.T) {
	t.Parallel()
	d := mustParse(t, renderedDAG)
	assert.ErrorIs(t, d.Tree(brokenWriter{}), errBroken)
	assert.ErrorIs(t, d.Mermaid(brokenWriter{}), errBroken)
	assert.ErrorIs(t, d.DOT(brokenWriter{}), errBroken)
}
