package dag

import (
	"iter"
	"slices"

	"gopkg.in/yaml.v3"
)

// pairs yields the keys and values of a mapping node, nothing for any other node.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// lookup returns the key and value nodes of a key of a mapping, or nils.
func lookup(n *yaml.Node, name string) (key, value *yaml.Node) {
	for k, v := range pairs(n) {
		if k.Value == name {
			return k, v
		}
	}
	return nil, nil
}

// special reports whether a mapping is a typed value or an expression, which merging
// takes as a whole.
func special(n *yaml.Node) bool {
	for k := range pairs(n) {
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
	for k, v := range pairs(under) {
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

func newScalar(tag, value string, at *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value, Line: at.Line, Column: at.Column}
	if tag == "!!str" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
