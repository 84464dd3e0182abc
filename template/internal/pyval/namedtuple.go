package pyval

import (
	"slices"
	"strings"
)

// NamedTuple is a tuple whose elements also have names, such as time.struct_time.
type NamedTuple struct {
	Tuple
	class string
	names []string
}

// NewNamedTuple returns a tuple with names for its elements.
func NewNamedTuple(class string, names []string, items Tuple) NamedTuple {
	return NamedTuple{Tuple: items, class: class, names: names}
}

// TypeName implements [Object].
func (n NamedTuple) TypeName() string { return n.class }

// Str implements [Printer].
func (n NamedTuple) Str() string {
	parts := make([]string, len(n.Tuple))
	for i, it := range n.Tuple {
		parts[i] = n.names[i] + "=" + ShortRepr(it)
	}
	return n.class + "(" + strings.Join(parts, ", ") + ")"
}

// Repr implements [Printer].
func (n NamedTuple) Repr() string { return n.Str() }

// Attr implements [Object].
func (n NamedTuple) Attr(name string) (any, error) {
	if i := slices.Index(n.names, name); i >= 0 {
		return n.Tuple[i], nil
	}
	return Undefined{}, nil
}

// Method implements [Object].
func (n NamedTuple) Method(name string) Method { return Bind(tupleMethods[name], n.Tuple) }

// Names implements [Object].
func (n NamedTuple) Names() []string { return n.names }
