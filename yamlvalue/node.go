package yamlvalue

import (
	"iter"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Resolve returns what an alias stands for, and any other node as it is.
func Resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// Pairs yields the keys and values of a mapping, aliases resolved, and nothing for any
// other node.
func Pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], Resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

// Lookup returns the nodes of a key of a mapping and its value, nil without it.
func Lookup(n *yaml.Node, name string) (key, value *yaml.Node) {
	for k, v := range Pairs(n) {
		if k.Value == name {
			return k, v
		}
	}
	return nil, nil
}

// With returns a mapping with further pairs, keys and values by turns, which win.
func With(mapping *yaml.Node, pairs []*yaml.Node) *yaml.Node {
	n := *mapping
	n.Content = nil
	given := map[string]bool{}
	for i := 0; i+1 < len(pairs); i += 2 {
		given[pairs[i].Value] = true
	}
	for k, v := range Pairs(mapping) {
		if !given[k.Value] {
			n.Content = append(n.Content, k, v)
		}
	}
	n.Content = append(n.Content, pairs...)
	return &n
}

// NewScalar returns a scalar that stands at the place of another node, or nowhere where
// that is nil. Text is quoted, so that no reader takes it for anything else.
func NewScalar(kind Kind, text string, at *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: kind.Tag(), Value: text}
	if kind == Text {
		n.Style = yaml.DoubleQuotedStyle
	}
	if at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	return n
}

// ResolveScalars gives the plain scalars of a tree the tags and spellings by which yaml.v3,
// which knows YAML 1.2, decodes what YAML 1.1 says. Dates become text, and so do whole
// numbers of more than 64 bits. Of the keys of mappings, only dates change.
func ResolveScalars(n *yaml.Node) {
	for i, child := range n.Content {
		switch isKey := n.Kind == yaml.MappingNode && i%2 == 0; {
		case !isKey:
			ResolveScalars(child)
		case child.Tag == Date.Tag():
			child.Tag = Text.Tag()
		}
	}
	if n.Kind == yaml.ScalarNode && n.Style == 0 {
		resolvePlain(n)
	}
}

func resolvePlain(n *yaml.Node) {
	kind := PlainKind(n.Value)
	switch kind {
	case Bool:
		value, _ := ParseBool(n.Value)
		n.Value = strconv.FormatBool(value)
	case Int:
		i, err := ParseInt(n.Value)
		if err != nil {
			kind = Text
			break
		}
		n.Value = strconv.FormatInt(i, 10)
	case Float:
		if f, err := ParseFloat(n.Value); err == nil {
			n.Value = FloatText(f)
		}
	case Date:
		kind = Text
	default:
	}
	n.Tag = kind.Tag()
}

// Excerpt shortens a text for a message, to 60 characters.
func Excerpt(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
