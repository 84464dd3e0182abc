package canonical

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Node builds the YAML of a value. Text is always quoted, so that no reader
// takes it for anything else.
func Node(v any) *yaml.Node {
	switch v := v.(type) {
	case *yaml.Node:
		return copied(v)
	case Fields:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range v {
			n.Content = append(n.Content, keyNode(f.name), Node(f.value))
		}
		return n
	case *dag.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for name, value := range v.All() {
			n.Content = append(n.Content, keyNode(name), Node(value))
		}
		return n
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, keyNode(name), Node(v[name]))
		}
		return n
	case []dag.Callback:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, c := range v {
			item := copied(c.Args)
			item.Content = append([]*yaml.Node{keyNode("callback"), yamlvalue.NewScalar(yamlvalue.Text, c.Name, nil)}, item.Content...)
			n.Content = append(n.Content, item)
		}
		return n
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, text := range v {
			n.Content = append(n.Content, yamlvalue.NewScalar(yamlvalue.Text, text, nil))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, Node(item))
		}
		return n
	default:
		return scalarNode(v)
	}
}

func scalarNode(v any) *yaml.Node {
	plain := func(tag, text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text} }
	switch v := v.(type) {
	case string:
		return yamlvalue.NewScalar(yamlvalue.Text, v, nil)
	case bool:
		return plain("!!bool", strconv.FormatBool(v))
	case int:
		return plain("!!int", strconv.Itoa(v))
	case int64:
		return plain("!!int", strconv.FormatInt(v, 10))
	case float64:
		return plain("!!float", yamlvalue.FloatText(v))
	case nil:
		return plain("!!null", "null")
	default:
		panic(fmt.Sprintf("dag: no canonical form of a %T", v))
	}
}

// copied copies a node with one spelling for each value.
func copied(n *yaml.Node) *yaml.Node {
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Map:
		c := &yaml.Node{Kind: yaml.MappingNode}
		for k, v := range yamlvalue.Pairs(n) {
			c.Content = append(c.Content, keyNode(k.Value), copied(v))
		}
		return c
	case yamlvalue.List:
		c := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range n.Content {
			c.Content = append(c.Content, copied(item))
		}
		return c
	case yamlvalue.Null:
		return scalarNode(nil)
	case yamlvalue.Bool:
		if v, ok := yamlvalue.ParseBool(n.Value); ok {
			return scalarNode(v)
		}
	case yamlvalue.Int:
		if v, err := yamlvalue.ParseInt(n.Value); err == nil {
			return scalarNode(v)
		}
	case yamlvalue.Float:
		if v, err := yamlvalue.ParseNumber(n); err == nil && v-v == 0 { // not infinite, not NaN
			return scalarNode(v)
		}
	case yamlvalue.Text:
		return yamlvalue.NewScalar(yamlvalue.Text, n.Value, nil)
	default:
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
}

// keyNode leaves a key plain where nothing can be taken for another type.
func keyNode(name string) *yaml.Node {
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return yamlvalue.NewScalar(yamlvalue.Text, name, nil)
		}
	}
	if yamlvalue.PlainKind(name) != yamlvalue.Text {
		return yamlvalue.NewScalar(yamlvalue.Text, name, nil)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
}
