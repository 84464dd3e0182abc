package dagfile

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// cast returns n with its typed values replaced by plain ones, so that whoever decodes
// it need not know them. n itself stays as it is; what needs no change is shared.
func (s scope) cast(n *yaml.Node) (*yaml.Node, bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		return s.castChildren(n, 0, 1)
	case yaml.MappingNode:
		if special(n) {
			return s.castTyped(n)
		}
		keys := s.textKeys(n)
		cast, ok := s.castChildren(n, 1, 2)
		return cast, ok && keys
	default:
		return n, true
	}
}

func (s scope) castChildren(n *yaml.Node, first, step int) (*yaml.Node, bool) {
	result, ok := n, true
	for i := first; i < len(n.Content); i += step {
		child, fine := s.cast(n.Content[i])
		ok = ok && fine
		if child == n.Content[i] {
			continue
		}
		if result == n {
			clone := *n
			clone.Content = append([]*yaml.Node(nil), n.Content...)
			result = &clone
		}
		result.Content[i] = child
	}
	return result, ok
}

func (s scope) castTyped(n *yaml.Node) (*yaml.Node, bool) {
	if key, _ := yamlvalue.Lookup(n, "__type__"); key == nil {
		s.errorf(n, "__and__ and __or__ stand only where assets are expected")
		return n, false
	}
	t, ok := s.typed(n)
	if !ok {
		return n, false
	}
	switch t.path {
	case typeTimedelta:
		d, ok := s.timedelta(n)
		return yamlvalue.NewScalar(yamlvalue.Text, d.String(), n), ok
	case typeDatetime, typeDate, typeTime:
		text, ok := s.typedDate(n)
		return yamlvalue.NewScalar(yamlvalue.Text, text, n), ok
	case typeList, typeDict, typeStr, typeInt, typeFloat, typeBool:
		value, ok := s.builtin(n)
		if !ok {
			return n, false
		}
		return s.cast(value)
	}
	s.errorf(n, "%s has no meaning here", t.path)
	return n, false
}

// builtin replaces a typed value of a builtin type by the plain value. Any other node
// is returned as it is.
func (s scope) builtin(n *yaml.Node) (*yaml.Node, bool) {
	if !strings.HasPrefix(typeOf(n), "builtins.") {
		return n, true
	}
	t, ok := s.typed(n)
	if !ok {
		return n, false
	}
	var value *yaml.Node
	switch {
	case t.path == typeDict && len(t.args) == 0:
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
		for _, name := range t.names {
			value.Content = append(value.Content, name, t.values[name.Value])
		}
		return value, true
	case t.path == typeList && len(t.names) == 1 && t.names[0].Value == "items":
		value = t.values["items"]
	case len(t.args) == 1 && len(t.names) == 0:
		value = t.args[0]
	default:
		s.errorf(n, "%s takes one value: write it in __args__", t.path)
		return n, false
	}
	return s.convert(t.path, value)
}

// convert gives a value one of Python's builtin types.
func (s scope) convert(path string, value *yaml.Node) (*yaml.Node, bool) {
	k := yamlvalue.KindOf(value)
	switch {
	case path == typeList && k == yamlvalue.List, path == typeDict && k == yamlvalue.Map, path == typeBool && k == yamlvalue.Bool,
		path == typeInt && k == yamlvalue.Int, path == typeFloat && k == yamlvalue.Float:
		return value, true
	case path == typeStr && (k == yamlvalue.Text || k == yamlvalue.Int):
		return yamlvalue.NewScalar(yamlvalue.Text, value.Value, value), true
	case path == typeInt && k == yamlvalue.Text && yamlvalue.PlainKind(value.Value) == yamlvalue.Int:
		return yamlvalue.NewScalar(yamlvalue.Int, value.Value, value), true
	case path == typeFloat && (k == yamlvalue.Text || k == yamlvalue.Int):
		if f, err := strconv.ParseFloat(value.Value, 64); err == nil {
			return yamlvalue.NewScalar(yamlvalue.Float, yamlvalue.FloatText(f), value), true
		}
	}
	s.errorf(value, "%s cannot be made from %s", path, show(value))
	return value, false
}
