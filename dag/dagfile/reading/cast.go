package reading

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Cast returns n with its typed values replaced by plain ones, so that whoever decodes
// it need not know them. n itself stays as it is; what needs no change is shared.
func (s Scope) Cast(n *yaml.Node) (*yaml.Node, bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		return s.CastChildren(n, 0, 1)
	case yaml.MappingNode:
		if Special(n) {
			return s.castTyped(n)
		}
		keys := s.TextKeys(n)
		cast, ok := s.CastChildren(n, 1, 2)
		return cast, ok && keys
	default:
		return n, true
	}
}

// CastChildren does the same for each step-th child of n from the first one on, such as the
// values of a mapping.
func (s Scope) CastChildren(n *yaml.Node, first, step int) (*yaml.Node, bool) {
	result, ok := n, true
	for i := first; i < len(n.Content); i += step {
		child, fine := s.Cast(n.Content[i])
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

func (s Scope) castTyped(n *yaml.Node) (*yaml.Node, bool) {
	if key, _ := yamlvalue.Lookup(n, "__type__"); key == nil {
		s.Errorf(n, "__and__ and __or__ are allowed only where assets are expected")
		return n, false
	}
	t, ok := s.Typed(n)
	if !ok {
		return n, false
	}
	switch t.Path {
	case TypeTimedelta:
		d, ok := s.Timedelta(n)
		return yamlvalue.NewScalar(yamlvalue.Text, d.String(), n), ok
	case TypeDatetime, TypeDate, TypeTime:
		text, ok := s.typedDate(n)
		return yamlvalue.NewScalar(yamlvalue.Text, text, n), ok
	case TypeList, TypeDict, TypeStr, TypeInt, TypeFloat, TypeBool:
		value, ok := s.Builtin(n)
		if !ok {
			return n, false
		}
		return s.Cast(value)
	}
	s.Errorf(n, "%s has no meaning here", t.Path)
	return n, false
}

// Builtin replaces a typed value of a builtin type by the plain value. Any other node
// is returned as it is.
func (s Scope) Builtin(n *yaml.Node) (*yaml.Node, bool) {
	if !strings.HasPrefix(TypeOf(n), "builtins.") {
		return n, true
	}
	t, ok := s.Typed(n)
	if !ok {
		return n, false
	}
	var value *yaml.Node
	switch {
	case t.Path == TypeDict && len(t.Args) == 0:
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
		for _, name := range t.Names {
			value.Content = append(value.Content, name, t.Values[name.Value])
		}
		return value, true
	case t.Path == TypeList && len(t.Names) == 1 && t.Names[0].Value == "items":
		value = t.Values["items"]
	case len(t.Args) == 1 && len(t.Names) == 0:
		value = t.Args[0]
	default:
		s.Errorf(n, "%s takes one value: write it in __args__", t.Path)
		return n, false
	}
	return s.convert(t.Path, value)
}

// convert gives a value one of Python's builtin types.
func (s Scope) convert(path string, value *yaml.Node) (*yaml.Node, bool) {
	k := yamlvalue.KindOf(value)
	switch {
	case path == TypeList && k == yamlvalue.List, path == TypeDict && k == yamlvalue.Map, path == TypeBool && k == yamlvalue.Bool,
		path == TypeInt && k == yamlvalue.Int, path == TypeFloat && k == yamlvalue.Float:
		return value, true
	case path == TypeStr && (k == yamlvalue.Text || k == yamlvalue.Int):
		return yamlvalue.NewScalar(yamlvalue.Text, value.Value, value), true
	case path == TypeInt && k == yamlvalue.Text && yamlvalue.PlainKind(value.Value) == yamlvalue.Int:
		return yamlvalue.NewScalar(yamlvalue.Int, value.Value, value), true
	case path == TypeFloat && (k == yamlvalue.Text || k == yamlvalue.Int):
		if f, err := strconv.ParseFloat(value.Value, 64); err == nil {
			return yamlvalue.NewScalar(yamlvalue.Float, yamlvalue.FloatText(f), value), true
		}
	}
	s.Errorf(value, "%s cannot be made from %s", path, Show(value))
	return value, false
}
