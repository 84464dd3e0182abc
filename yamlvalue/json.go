package yamlvalue

import (
	"math"

	"gopkg.in/yaml.v3"
)

// JSON is the tree as values that encoding/json writes: nil for no tree. What JSON does not have, such as dates and
// infinity, is a text as it is written. Every text is what text makes of it.
func (p Packed) JSON(text func(string) string) any {
	if p == "" {
		return nil
	}
	return jsonOf(p.Node(), text)
}

func jsonOf(n *yaml.Node, text func(string) string) any {
	switch KindOf(n) {
	case Null:
		return nil
	case Bool:
		if v, ok := ParseBool(n.Value); ok {
			return v
		}
	case Int:
		if v, err := ParseBigInt(n.Value); err == nil {
			return v
		}
	case Float:
		if v, err := ParseFloat(n.Value); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	case List:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = jsonOf(item, text)
		}
		return list
	case Map:
		out := map[string]any{}
		for k, v := range Pairs(n) {
			out[k.Value] = jsonOf(v, text)
		}
		return out
	case Text, Date:
	}
	return text(n.Value)
}
