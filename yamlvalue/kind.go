package yamlvalue

import (
	"gopkg.in/yaml.v3"
)

// Kind is the type that YAML 1.1 gives a value, in words for people.
type Kind string

// The kinds.
const (
	Null  Kind = "null"
	Bool  Kind = "a boolean"
	Int   Kind = "a whole number"
	Float Kind = "a number"
	Text  Kind = "text"
	Date  Kind = "a date" // or a date with a time
	List  Kind = "a list"
	Map   Kind = "a mapping"
)

// Tag returns the short tag of the kind, for instance !!int.
func (k Kind) Tag() string { return kindTags[k] }

var kindTags = map[Kind]string{
	Null: "!!null", Bool: "!!bool", Int: "!!int", Float: "!!float", Text: "!!str", Date: "!!timestamp", List: "!!seq", Map: "!!map",
}

// KindOf returns the kind of a node. A tag that is written out counts when it is one of the
// scalars of JSON, and makes text otherwise. An alias has the kind of what it stands for.
func KindOf(n *yaml.Node) Kind {
	n = Resolve(n)
	switch {
	case n.Kind == yaml.MappingNode:
		return Map
	case n.Kind == yaml.SequenceNode:
		return List
	case n.Style&yaml.TaggedStyle != 0:
		return taggedKind(n.Tag)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return Text
	default:
		return PlainKind(n.Value)
	}
}

func taggedKind(tag string) Kind {
	switch tag {
	case "!!null":
		return Null
	case "!!bool":
		return Bool
	case "!!int":
		return Int
	case "!!float":
		return Float
	default:
		return Text
	}
}

// The scalars of YAML 1.1, by the expressions of PyYAML.
var (
	intPattern   = Pattern(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*|[1-9][0-9_]*(:[0-5]?[0-9])+)$`)
	floatPattern = Pattern(`^(([-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?|` +
		`[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
	dayPattern  = Pattern(`^([0-9]{4})-([0-9]{2})-([0-9]{2})$`)
	timePattern = Pattern(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?` +
		`(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?$`)
)

// PlainKind returns the kind of a scalar without quotes and tag: yes, no, on and off are
// booleans, a leading zero is octal, colons mean base 60, and a float needs a point.
func PlainKind(text string) Kind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return Null
	}
	if _, ok := ParseBool(text); ok {
		return Bool
	}
	if c := text[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return Text
	}
	switch {
	case intPattern().MatchString(text):
		return Int
	case floatPattern().MatchString(text):
		return Float
	case dayPattern().MatchString(text), timePattern().MatchString(text):
		return Date
	}
	return Text
}
