package pyval

import (
	"errors"
	"fmt"
)

// Generator is what map, select and their like give: elements that can be gone through
// once. It has no length, no index and, in Python, no text that anybody wants.
type Generator struct {
	// Name is what made it.
	Name  string
	items []any
	spent bool
}

// NewGenerator returns the elements as what the filter called name gives.
func NewGenerator(name string, items []any) *Generator { return &Generator{Name: name, items: items} }

// TypeName implements [Object].
func (g *Generator) TypeName() string { return "generator" }

// Attr implements [Object].
func (g *Generator) Attr(string) (any, error) { return Undefined{}, nil }

// Method implements [Object]; there is none.
func (g *Generator) Method(string) Method { return nil }

// Names implements [Object].
func (g *Generator) Names() []string { return nil }

// take returns the elements, the second time none.
func (g *Generator) take() []any {
	if g.spent {
		return nil
	}
	g.spent = true
	return g.items
}

// ErrGenerator is wrapped by the error of printing a generator.
var ErrGenerator = errors.New("gives its elements one by one and has no text: add | list or | join")

// NoText is the error of printing the generator.
func (g *Generator) NoText() error { return fmt.Errorf("%s %w", g.Name, ErrGenerator) }

// View is what keys(), values() and items() of a dict give.
type View struct {
	*List
	name string
}

// TypeName implements [Object].
func (v View) TypeName() string { return v.name }

// Attr implements [Object].
func (v View) Attr(string) (any, error) { return Undefined{}, nil }

// Method implements [Object]; there is none.
func (v View) Method(string) Method { return nil }

// Names implements [Object].
func (v View) Names() []string { return nil }
