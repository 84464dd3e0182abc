package params

import (
	"iter"

	"gopkg.in/yaml.v3"
)

// pairs yields the keys and values of a mapping node, nothing for any other node.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

func lookup(n *yaml.Node, name string) (key, value *yaml.Node) {
	for k, v := range pairs(n) {
		if k.Value == name {
			return k, v
		}
	}
	return nil, nil
}

// resolve follows an alias. DAG files arrive with their aliases replaced; hand-made
// nodes may have them.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
