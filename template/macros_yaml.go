package template

import (
	"fmt"
	"iter"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

func yamlModule() any {
	load := func(b *pyval.Budget, a *pyval.Args) (any, error) {
		text := a.Text("stream")
		if err := a.Done(); err != nil {
			return nil, err
		}
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			return nil, fmt.Errorf("safe_load: %w", err)
		}
		return fromYAML(b, &n, 0)
	}
	return &pyval.Module{Name: "yaml", Funcs: map[string]pyval.Method{"safe_load": load}}
}

// fromYAML reads a node as PyYAML does; mappings keep their order. Aliases are followed
// and charged each time.
func fromYAML(b *pyval.Budget, n *yaml.Node, depth int) (any, error) {
	if depth > 50 {
		return nil, fmt.Errorf("safe_load: more than 50 levels deep: %w", pyval.ErrLimit)
	}
	if err := b.Spend(64); err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return fromYAML(b, n.Content[0], depth)
	case yaml.AliasNode:
		return fromYAML(b, n.Alias, depth+1)
	case yaml.SequenceNode:
		list := pyval.NewList()
		for _, c := range n.Content {
			v, err := fromYAML(b, c, depth+1)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, v)
		}
		return list, nil
	case yaml.MappingNode:
		return yamlMapping(b, n, depth)
	case yaml.ScalarNode:
		return yamlScalar(n)
	}
	return nil, nil // an empty document
}

// yamlMapping reads a mapping; what << merges comes first and gives way.
func yamlMapping(b *pyval.Budget, n *yaml.Node, depth int) (any, error) {
	d := pyval.NewDict()
	for key, value := range yamlPairs(n) {
		if key.Tag == mergeTag {
			if err := yamlMerge(b, d, key, value, depth); err != nil {
				return nil, err
			}
		}
	}
	for key, value := range yamlPairs(n) {
		if key.Tag == mergeTag {
			continue
		}
		k, err := fromYAML(b, key, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := fromYAML(b, value, depth+1)
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// mergeTag is the tag of a key <<.
const mergeTag = "!!merge"

// yamlPairs are the keys and values of a mapping.
func yamlPairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// yamlMerge adds to d what << takes from a mapping, or from several of which the first wins.
func yamlMerge(b *pyval.Budget, d *pyval.Dict, key, value *yaml.Node, depth int) error {
	merged, err := fromYAML(b, value, depth+1)
	if err != nil {
		return err
	}
	list, ok := merged.(*pyval.List)
	if !ok {
		list = pyval.NewList(merged)
	}
	for _, item := range slices.Backward(list.Items) {
		from, ok := item.(*pyval.Dict)
		if !ok {
			return fmt.Errorf("safe_load: line %d: << needs a mapping", key.Line)
		}
		for i, k := range from.Keys() {
			if err := d.Set(k, from.Values()[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func yamlScalar(n *yaml.Node) (any, error) {
	text := n.Value
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 || n.Style&yaml.TaggedStyle != 0 && n.Tag == "!!str" {
		return text, nil
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return nil, fmt.Errorf("safe_load: line %d: the tag %s is not supported", n.Line, n.Tag)
	}
	switch yamlvalue.PlainKind(text) {
	case yamlvalue.Null:
		return nil, nil
	case yamlvalue.Bool:
		value, _ := yamlvalue.ParseBool(text)
		return value, nil
	case yamlvalue.Int:
		i, err := yamlvalue.ParseBigInt(text)
		if err != nil {
			return nil, fmt.Errorf("safe_load: %w", err)
		}
		return pynum.Int(i), nil
	case yamlvalue.Float:
		f, err := yamlvalue.ParseFloat(text)
		if err != nil {
			return nil, fmt.Errorf("safe_load: %w", err)
		}
		return f, nil
	case yamlvalue.Date:
		return yamlMoment(text)
	default:
		return text, nil
	}
}

// yamlMoment is a date, or a datetime with or without an offset.
func yamlMoment(text string) (any, error) {
	at, err := yamlvalue.ParseTime(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("safe_load: %w", err)
	case !at.HasClock:
		return pytime.NewDate(at.Time), nil
	case !at.HasOffset:
		return pytime.NewNaiveDateTime(at.Time), nil
	default:
		_, offset := at.Zone()
		return pytime.NewPlainDateTime(at.In(pytime.FixedZone(offset))), nil
	}
}
