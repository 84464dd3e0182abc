package pyval

import (
	"strings"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Markup is text that was escaped or is declared to be safe: escaping it again changes
// nothing, and what is added to it is escaped first.
type Markup string

// TypeName implements [Object].
func (m Markup) TypeName() string { return "str" }

// Str implements [Printer].
func (m Markup) Str() string { return string(m) }

// Repr implements [Printer].
func (m Markup) Repr() string { return "Markup(" + yamlvalue.PythonText(string(m)) + ")" }

// Attr implements [Object].
func (m Markup) Attr(string) (any, error) { return Undefined{}, nil }

// Names implements [Object].
func (m Markup) Names() []string { return nil }

// markupKept are the methods of texts whose result is markup again.
var markupKept = map[string]bool{
	"upper": true, "lower": true, "capitalize": true, "title": true, "swapcase": true, "casefold": true, "strip": true,
	"lstrip": true, "rstrip": true, "zfill": true, "center": true, "ljust": true, "rjust": true, "expandtabs": true,
	"replace": true, "join": true, "removeprefix": true, "removesuffix": true,
}

// Method implements [Object]: the methods of texts. Texts among the arguments of replace
// and join are escaped.
func (m Markup) Method(name string) Method {
	f := method(string(m), name)
	if f == nil || name == "format" {
		return nil
	}
	return func(b *Budget, a *Args) (any, error) {
		if name == "replace" || name == "join" {
			for i := range a.pos {
				a.pos[i] = EscapeAll(a.pos[i])
			}
		}
		r, err := f(b, a)
		if s, ok := r.(string); ok && markupKept[name] {
			return Markup(s), err
		}
		return r, err
	}
}

// Operate implements + and %: what is added to markup is escaped.
func (m Markup) Operate(op string, other any, reflected bool) (any, bool, error) {
	s, ok := other.(string)
	if o, is := other.(Markup); is {
		s, ok = string(o), true
	} else {
		s = EscapeHTML(s)
	}
	switch {
	case op != "+" || !ok:
		return nil, false, nil
	case reflected:
		return Markup(s + string(m)), true, nil
	}
	return Markup(string(m) + s), true, nil
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

// EscapeHTML escapes as markupsafe does.
func EscapeHTML(s string) string { return htmlEscapes.Replace(s) }

// EscapeAll escapes a text, or the texts of a list or tuple.
func EscapeAll(v any) any {
	each := func(items []any) []any {
		out := make([]any, len(items))
		for i, it := range items {
			out[i] = EscapeAll(it)
		}
		return out
	}
	switch v := v.(type) {
	case string:
		return EscapeHTML(v)
	case Markup:
		return string(v)
	case *List:
		return NewList(each(v.Items)...)
	case Tuple:
		return Tuple(each(v))
	}
	return v
}

// Plain is v, as a text where it is markup.
func Plain(v any) any {
	if m, ok := v.(Markup); ok {
		return string(m)
	}
	return v
}
