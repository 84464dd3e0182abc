package dagfile

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// special reports whether a mapping is a typed value or an expression, which merging
// takes as a whole.
func special(n *yaml.Node) bool {
	for k := range yamlvalue.Pairs(n) {
		switch k.Value {
		case "__type__", "__and__", "__or__", "__join__":
			return true
		}
	}
	return false
}

// merge fills the gaps of over with what under has, mappings recursively, everything
// else as a whole. Neither is changed.
func merge(over, under *yaml.Node) *yaml.Node {
	merged := *over
	merged.Content = slices.Clone(over.Content)
	at := make(map[string]int, len(over.Content)/2)
	for i := 0; i < len(over.Content); i += 2 {
		at[over.Content[i].Value] = i + 1
	}
	for k, v := range yamlvalue.Pairs(under) {
		i, found := at[k.Value]
		if !found {
			merged.Content = append(merged.Content, k, v)
			continue
		}
		if mine := merged.Content[i]; plainMapping(mine) && plainMapping(v) {
			merged.Content[i] = merge(mine, v)
		}
	}
	return &merged
}

func plainMapping(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && !special(n) }
