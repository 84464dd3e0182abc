package yamlvalue

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	yaml4 "go.yaml.in/yaml/v4"
	"gopkg.in/yaml.v3"
)

// Decode reads the only document of a text with the successor of yaml.v3, which knows the
// escape \/ as PyYAML does, and where a mistake is, and gives nodes of yaml.v3.
func Decode(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("yaml: the parser gave up: %v", p)
		}
	}()
	decoder := yaml4.NewDecoder(bytes.NewReader(data))
	var document, next yaml4.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("more than one document"), err)
	}
	nodes := map[*yaml4.Node]*yaml.Node{}
	return oldNode(document.Content[0], nodes), nil
}

// nodeKinds and nodeStyles are the names of both libraries for one thing.
var (
	nodeKinds = map[yaml4.Kind]yaml.Kind{
		yaml4.SequenceNode: yaml.SequenceNode, yaml4.MappingNode: yaml.MappingNode,
		yaml4.ScalarNode: yaml.ScalarNode, yaml4.AliasNode: yaml.AliasNode,
	}
	nodeStyles = map[yaml4.Style]yaml.Style{
		yaml4.TaggedStyle: yaml.TaggedStyle, yaml4.DoubleQuotedStyle: yaml.DoubleQuotedStyle,
		yaml4.SingleQuotedStyle: yaml.SingleQuotedStyle, yaml4.LiteralStyle: yaml.LiteralStyle,
		yaml4.FoldedStyle: yaml.FoldedStyle, yaml4.FlowStyle: yaml.FlowStyle,
	}
)

// oldNode makes a node of the library that the rest of the program works with.
func oldNode(n *yaml4.Node, nodes map[*yaml4.Node]*yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	if made := nodes[n]; made != nil {
		return made
	}
	made := &yaml.Node{
		Kind: nodeKinds[n.Kind], Tag: n.Tag, Value: n.Value, Anchor: n.Anchor, Line: n.Line, Column: n.Column,
		HeadComment: n.HeadComment, LineComment: n.LineComment, FootComment: n.FootComment,
	}
	nodes[n] = made
	for from, to := range nodeStyles {
		if n.Style&from != 0 {
			made.Style |= to
		}
	}
	made.Alias = oldNode(n.Alias, nodes)
	for _, child := range n.Content {
		made.Content = append(made.Content, oldNode(child, nodes))
	}
	return made
}
