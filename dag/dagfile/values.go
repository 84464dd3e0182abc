package dagfile

import (
	"math"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// text reads a text value.
func (s scope) text(key string, n *yaml.Node) (string, bool) {
	n, ok := s.builtin(n)
	if !ok {
		return "", false
	}
	switch k := yamlvalue.KindOf(n); k {
	case yamlvalue.Text:
		return n.Value, true
	case yamlvalue.Bool, yamlvalue.Int, yamlvalue.Float, yamlvalue.Date:
		s.errorf(n, "%s: %s is %s in YAML 1.1: quote it", key, yamlvalue.Excerpt(n.Value), k)
	default:
		s.errorf(n, "%s: want text, not %s", key, show(n))
	}
	return "", false
}

// boolean reads true or false, the words of YAML 1.1 included.
func (s scope) boolean(key string, n *yaml.Node) (value, ok bool) {
	if n, ok = s.builtin(n); !ok {
		return false, false
	}
	if yamlvalue.KindOf(n) == yamlvalue.Bool {
		if value, ok = yamlvalue.ParseBool(n.Value); ok {
			return value, true
		}
	}
	s.errorf(n, "%s: want true or false, not %s", key, show(n))
	return false, false
}

// integer reads a whole number between two bounds.
func (s scope) integer(key string, n *yaml.Node, lowest, highest int64) (int, bool) {
	n, ok := s.builtin(n)
	if !ok {
		return 0, false
	}
	if yamlvalue.KindOf(n) != yamlvalue.Int {
		s.errorf(n, "%s: want a whole number, not %s", key, show(n))
		return 0, false
	}
	v, err := yamlvalue.ParseInt(n.Value)
	switch {
	case err != nil:
		s.errorf(n, "%s: %v", key, err)
		return 0, false
	case v < lowest:
		s.errorf(n, "%s: %s is less than %d", key, n.Value, lowest)
		return 0, false
	case v > highest:
		s.errorf(n, "%s: %s is more than %d", key, n.Value, highest)
		return 0, false
	}
	return int(v), true
}

// number reads a whole or broken number.
func (s scope) number(key string, n *yaml.Node) (float64, bool) {
	n, ok := s.builtin(n)
	if !ok {
		return 0, false
	}
	if k := yamlvalue.KindOf(n); k != yamlvalue.Int && k != yamlvalue.Float {
		s.errorf(n, "%s: want a number, not %s", key, show(n))
		return 0, false
	}
	switch v, err := yamlvalue.ParseNumber(n); {
	case err != nil:
		s.errorf(n, "%s: %v", key, err)
	case math.IsNaN(v) || math.IsInf(v, 0):
		s.errorf(n, "%s: %s is infinite or no number, which JSON does not have: leave it out, or quote it for the text", key, n.Value)
	default:
		return v, true
	}
	return 0, false
}

// texts reads a list of texts; null is empty.
func (s scope) texts(key string, n *yaml.Node) ([]string, bool) {
	n, ok := s.builtin(n)
	if !ok {
		return nil, false
	}
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Null:
		return nil, true
	case yamlvalue.List:
	default:
		s.errorf(n, "%s: want a list, not %s", key, show(n))
		return nil, false
	}
	list := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		text, fine := s.text(key, item)
		ok = ok && fine
		list = append(list, text)
	}
	return list, ok
}

// textKeys reports keys that are no text in YAML 1.1, and so none in Python either.
func (s scope) textKeys(n *yaml.Node) bool {
	ok := true
	for k := range yamlvalue.Pairs(n) {
		if is := yamlvalue.KindOf(k); is != yamlvalue.Text {
			s.errorf(k, "the key %s is %s in YAML 1.1: quote it", yamlvalue.Excerpt(k.Value), is)
			ok = false
		}
	}
	return ok
}

// mapping checks that a value is a plain mapping; null is an empty one.
func (s scope) mapping(key string, n *yaml.Node) bool {
	switch {
	case yamlvalue.KindOf(n) == yamlvalue.Null:
		return true
	case n.Kind == yaml.MappingNode && !special(n):
		return true
	}
	s.errorf(n, "%s: want a mapping, not %s", key, show(n))
	return false
}

// free turns a value of any shape into Go: nil, bool, int64, float64, string, []any
// and *Map.
func (s scope) free(key string, n *yaml.Node) (any, bool) {
	n, ok := s.cast(n)
	if !ok {
		return nil, false
	}
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Null:
		return nil, true
	case yamlvalue.Bool:
		return s.boolean(key, n)
	case yamlvalue.Int:
		v, err := yamlvalue.ParseInt(n.Value)
		if err != nil {
			s.errorf(n, "%s: %v", key, err)
		}
		return v, err == nil
	case yamlvalue.Float:
		return s.number(key, n)
	case yamlvalue.Date:
		s.errorf(n, "%s: %s is a date in YAML, which JSON does not have: quote it", key, n.Value)
		return nil, false
	case yamlvalue.List:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, fine := s.free(key, item)
			ok = ok && fine
			list = append(list, v)
		}
		return list, ok
	case yamlvalue.Map:
		return s.freeMap(key, n)
	default:
		return n.Value, true
	}
}

func (s scope) freeMap(key string, n *yaml.Node) (*dag.Map, bool) {
	ok, m := s.textKeys(n), &dag.Map{}
	for k, v := range yamlvalue.Pairs(n) {
		value, fine := s.free(key, v)
		ok = ok && fine
		m.Set(k.Value, value)
	}
	return m, ok
}
