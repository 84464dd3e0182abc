package reading

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Special reports whether a mapping is a typed value or an expression, which merging
// takes as a whole.
func Special(n *yaml.Node) bool {
	for k := range yamlvalue.Pairs(n) {
		switch k.Value {
		case "__type__", "__and__", "__or__", "__join__":
			return true
		}
	}
	return false
}

// Merge fills the gaps of over with what under has, mappings recursively, everything
// else as a whole. Neither is changed.
func Merge(over, under *yaml.Node) *yaml.Node {
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
		if mine := merged.Content[i]; PlainMapping(mine) && PlainMapping(v) {
			merged.Content[i] = Merge(mine, v)
		}
	}
	return &merged
}

// PlainMapping reports whether a node is a mapping that is not [Special].
func PlainMapping(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && !Special(n) }

// FirstKey returns the first key of a mapping, or the mapping itself when it is empty.
func FirstKey(n *yaml.Node) *yaml.Node {
	if len(n.Content) > 0 {
		return n.Content[0]
	}
	return n
}
