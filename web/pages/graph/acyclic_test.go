package graph_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/web/pages/graph"
)

func TestAcyclic(t *testing.T) {
	t.Parallel()
	edges := func(texts ...string) (out []graph.Edge) {
		for _, s := range texts {
			out = append(out, graph.Edge{From: s[:1], To: s[1:]})
		}
		return out
	}
	for name, c := range map[string]struct{ nodes, all, kept, back []string }{
		"none":               {[]string{"a"}, nil, nil, nil},
		"a chain":            {[]string{"c", "b", "a"}, []string{"ab", "bc", "ac"}, []string{"ab", "bc", "ac"}, nil},
		"itself":             {[]string{"a"}, []string{"aa"}, nil, []string{"aa"}},
		"a circle":           {[]string{"a", "b", "c"}, []string{"ab", "bc", "ca"}, []string{"ab", "bc"}, []string{"ca"}},
		"a way into one":     {[]string{"b", "c", "a"}, []string{"ab", "bc", "cb"}, []string{"ab", "bc"}, []string{"cb"}},
		"twice, and nowhere": {[]string{"a", "b"}, []string{"ab", "ab", "ax", "xb"}, []string{"ab"}, nil},
	} {
		kept, back := graph.Acyclic(c.nodes, edges(c.all...))
		assert.ElementsMatch(t, edges(c.kept...), kept, name)
		assert.ElementsMatch(t, edges(c.back...), back, name)
	}
}

// What is kept can be laid out, whatever the edges, and no edge is lost.
func TestAcyclicCanBeLaidOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := []string{"a", "b", "c", "d", "e", "f"}
		var (
			all   []graph.Edge
			nodes []graph.Node
		)
		for range rapid.IntRange(0, 20).Draw(t, "edges") {
			if e := (graph.Edge{From: rapid.SampledFrom(ids).Draw(t, "from"), To: rapid.SampledFrom(ids).Draw(t, "to")}); !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
		kept, back := graph.Acyclic(ids, all)
		require.ElementsMatch(t, all, slices.Concat(kept, back))
		for _, id := range ids {
			nodes = append(nodes, graph.Node{ID: id, Width: 100, Height: 40})
		}
		d, err := graph.Lay(nodes, kept)
		require.NoError(t, err)
		lines, tips := d.Paths()
		require.Equal(t, len(kept) > 0, lines != "" && tips != "")
	})
}
