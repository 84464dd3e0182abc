// Package markup writes HTML in which nothing that arrives from outside becomes markup.
//
// Markup stands in the program as constants with {} where values go; Go itself refuses
// anything else there. Values are escaped for text and for quoted attributes, so every
// attribute that holds a value has quotes, and none holds a script. Whether an address may
// be a link is for the caller to say.
//
// It does what little the pages of the sandbox need of html/template, and unlike that it
// finds no method by its name at run time: a program in which something does keeps all
// methods of all its types, a tenth of its size.
package markup

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// HTML is finished markup. Only this package makes it.
type HTML struct{ text string }

// String returns the markup.
func (h HTML) String() string { return h.text }

// constant is markup of the program: other packages can give constants only.
type constant string

// Format puts values into markup, each in place of a {}. A string is escaped, a whole number
// written, [HTML] goes in as it is. Another type, or another number of values than
// of places, is a mistake in the program: it panics.
func Format(markup constant, values ...any) HTML {
	parts := strings.Split(string(markup), "{}")
	if len(parts) != len(values)+1 {
		panic(fmt.Sprintf("markup: %d values for %d places in %q", len(values), len(parts)-1, markup))
	}
	var b strings.Builder
	for i, v := range values {
		b.WriteString(parts[i])
		switch v := v.(type) {
		case string:
			b.WriteString(html.EscapeString(v))
		case int:
			b.WriteString(strconv.Itoa(v))
		case HTML:
			b.WriteString(v.text)
		default:
			panic(fmt.Sprintf("markup: a value of type %T in %q", v, markup))
		}
	}
	b.WriteString(parts[len(values)])
	return HTML{b.String()}
}

// If is markup with values, or nothing.
func If(holds bool, markup constant, values ...any) HTML {
	if !holds {
		return HTML{}
	}
	return Format(markup, values...)
}

// With is markup with one text, or nothing when that is empty.
func With(text string, markup constant) HTML { return If(text != "", markup, text) }

// Each is the markup of all items, one after another.
func Each[T any](items []T, draw func(T) HTML) HTML {
	var b strings.Builder
	for _, item := range items {
		b.WriteString(draw(item).text)
	}
	return HTML{b.String()}
}
