package reading

import (
	"math"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Text reads a text value.
func (s Scope) Text(key string, n *yaml.Node) (string, bool) {
	n, ok := s.Builtin(n)
	if !ok {
		return "", false
	}
	switch k := yamlvalue.KindOf(n); k {
	case yamlvalue.Text:
		return n.Value, true
	case yamlvalue.Bool, yamlvalue.Int, yamlvalue.Float, yamlvalue.Date:
		s.Errorf(n, "%s: %s is %s in YAML 1.1: quote it", key, yamlvalue.Excerpt(n.Value), k)
	default:
		s.Errorf(n, "%s: want text, not %s", key, Show(n))
	}
	return "", false
}

// Boolean reads true or false, the words of YAML 1.1 included.
func (s Scope) Boolean(key string, n *yaml.Node) (value, ok bool) {
	if n, ok = s.Builtin(n); !ok {
		return false, false
	}
	if yamlvalue.KindOf(n) == yamlvalue.Bool {
		if value, ok = yamlvalue.ParseBool(n.Value); ok {
			return value, true
		}
	}
	s.Errorf(n, "%s: want true or false, not %s", key, Show(n))
	return false, false
}

// Integer reads a whole number between two bounds.
func (s Scope) Integer(key string, n *yaml.Node, lowest, highest int64) (int, bool) {
	n, ok := s.Builtin(n)
	if !ok {
		return 0, false
	}
	if yamlvalue.KindOf(n) != yamlvalue.Int {
		s.Errorf(n, "%s: want a whole number, not %s", key, Show(n))
		return 0, false
	}
	v, err := yamlvalue.ParseInt(n.Value)
	switch {
	case err != nil:
		s.Errorf(n, "%s: %v", key, err)
		return 0, false
	case v < lowest:
		s.Errorf(n, "%s: %s is less than %d", key, n.Value, lowest)
		return 0, false
	case v > highest:
		s.Errorf(n, "%s: %s is more than %d", key, n.Value, highest)
		return 0, false
	}
	return int(v), true
}

// Number reads a whole or broken number.
func (s Scope) Number(key string, n *yaml.Node) (float64, bool) {
	n, ok := s.Builtin(n)
	if !ok {
		return 0, false
	}
	if k := yamlvalue.KindOf(n); k != yamlvalue.Int && k != yamlvalue.Float {
		s.Errorf(n, "%s: want a number, not %s", key, Show(n))
		return 0, false
	}
	switch v, err := yamlvalue.ParseNumber(n); {
	case err != nil:
		s.Errorf(n, "%s: %v", key, err)
	case math.IsNaN(v) || math.IsInf(v, 0):
		s.Errorf(n, "%s: %s is infinite or no number, which JSON does not have: leave it out, or quote it for the text", key, n.Value)
	default:
		return v, true
	}
	return 0, false
}

// Texts reads a list of texts; null is empty.
func (s Scope) Texts(key string, n *yaml.Node) ([]string, bool) {
	n, ok := s.Builtin(n)
	if !ok {
		return nil, false
	}
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Null:
		return nil, true
	case yamlvalue.List:
	default:
		s.Errorf(n, "%s: want a list, not %s", key, Show(n))
		return nil, false
	}
	list := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		text, fine := s.Text(key, item)
		ok = ok && fine
		list = append(list, text)
	}
	return list, ok
}

// TextKeys reports keys that are no text in YAML 1.1, and so none in Python either.
func (s Scope) TextKeys(n *yaml.Node) bool {
	ok := true
	for k := range yamlvalue.Pairs(n) {
		if is := yamlvalue.KindOf(k); is != yamlvalue.Text {
			s.Errorf(k, "the key %s is %s in YAML 1.1: quote it", yamlvalue.Excerpt(k.Value), is)
			ok = false
		}
	}
	return ok
}

// Mapping checks that a value is a plain mapping; null is an empty one.
func (s Scope) Mapping(key string, n *yaml.Node) bool {
	switch {
	case yamlvalue.KindOf(n) == yamlvalue.Null:
		return true
	case n.Kind == yaml.MappingNode && !Special(n):
		return true
	}
	s.Errorf(n, "%s: want a mapping, not %s", key, Show(n))
	return false
}

// Free turns a value of any shape into Go: nil, bool, int64, float64, string, []any
// and *Map.
func (s Scope) Free(key string, n *yaml.Node) (any, bool) {
	n, ok := s.Cast(n)
	if !ok {
		return nil, false
	}
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Null:
		return nil, true
	case yamlvalue.Bool:
		return s.Boolean(key, n)
	case yamlvalue.Int:
		v, err := yamlvalue.ParseInt(n.Value)
		if err != nil {
			s.Errorf(n, "%s: %v", key, err)
		}
		return v, err == nil
	case yamlvalue.Float:
		return s.Number(key, n)
	case yamlvalue.Date:
		s.Errorf(n, "%s: %s is a date in YAML, which JSON does not have: quote it", key, n.Value)
		return nil, false
	case yamlvalue.List:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, fine := s.Free(key, item)
			ok = ok && fine
			list = append(list, v)
		}
		return list, ok
	case yamlvalue.Map:
		return s.FreeMap(key, n)
	default:
		return n.Value, true
	}
}

// FreeMap is [Scope.Free] for a mapping.
func (s Scope) FreeMap(key string, n *yaml.Node) (*dag.Map, bool) {
	ok, m := s.TextKeys(n), &dag.Map{}
	for k, v := range yamlvalue.Pairs(n) {
		value, fine := s.Free(key, v)
		ok = ok && fine
		m.Set(k.Value, value)
	}
	return m, ok
}
