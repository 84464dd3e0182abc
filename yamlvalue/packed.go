package yamlvalue

import (
	"encoding/binary"
	"slices"

	"gopkg.in/yaml.v3"
)

// Packed is a tree of YAML nodes as one string, which takes a tenth of their memory: kinds,
// styles, tags and values, without places, comments and anchors. Equal trees are equal
// strings. It is made by [Pack] only; the zero value is no tree.
type Packed string

// A packed tree is the number of its nodes, and then each node before its children: a byte for
// the kind, one for the style, the tag, and the value of a scalar or the number of children.
// Numbers are varints. A tag is its place in tags, from 1, or 0 and the text; a text is its
// length and its bytes.
var tags = []string{"!!map", "!!seq", "!!str", "!!int", "!!float", "!!bool", "!!null", ""}

// Pack packs a tree. Aliases become what they stand for.
func Pack(n *yaml.Node) Packed {
	n = Resolve(n)
	return Packed(appendNode(binary.AppendUvarint(make([]byte, 0, 128), uint64(count(n))), n)) //nolint:gosec // not negative
}

func count(n *yaml.Node) int {
	sum := 1
	for _, child := range n.Content {
		sum += count(Resolve(child))
	}
	return sum
}

func appendNode(b []byte, n *yaml.Node) []byte {
	b = append(b, byte(n.Kind), byte(n.Style)) //nolint:gosec // both are sets of less than eight bits
	if i := slices.Index(tags, n.Tag); i >= 0 {
		b = append(b, byte(i+1)) //nolint:gosec // there are few
	} else {
		b = appendText(append(b, 0), n.Tag)
	}
	if n.Kind == yaml.ScalarNode {
		return appendText(b, n.Value)
	}
	b = binary.AppendUvarint(b, uint64(len(n.Content)))
	for _, child := range n.Content {
		b = appendNode(b, Resolve(child))
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// Node returns the tree, made anew on each call, and nil for no tree. Its texts are parts of
// the packed string.
func (p Packed) Node() *yaml.Node {
	if p == "" {
		return nil
	}
	u := unpacker{rest: string(p)}
	u.nodes = make([]yaml.Node, u.number())
	u.links = make([]*yaml.Node, len(u.nodes)-1) // to all but the root
	return u.node()
}

// unpacker reads what is left of a packed tree. It cuts nodes, and the lists of children, out
// of one array each.
type unpacker struct {
	rest  string
	nodes []yaml.Node
	links []*yaml.Node
}

func (u *unpacker) node() *yaml.Node {
	n := &u.nodes[0]
	u.nodes = u.nodes[1:]
	n.Kind, n.Style = yaml.Kind(u.byte()), yaml.Style(u.byte())
	if i := u.byte(); i > 0 {
		n.Tag = tags[i-1]
	} else {
		n.Tag = u.text()
	}
	if n.Kind == yaml.ScalarNode {
		n.Value = u.text()
		return n
	}
	if children := u.number(); children > 0 {
		n.Content, u.links = u.links[:children:children], u.links[children:]
		for i := range n.Content {
			n.Content[i] = u.node()
		}
	}
	return n
}

func (u *unpacker) byte() byte {
	b := u.rest[0]
	u.rest = u.rest[1:]
	return b
}

func (u *unpacker) number() int {
	n := 0
	for shift := 0; ; shift += 7 {
		b := u.byte()
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (u *unpacker) text() string {
	length := u.number()
	text := u.rest[:length]
	u.rest = u.rest[length:]
	return text
}
