package core

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
)

// Kind is the type of a parameter.
type Kind int

// The types of parameters.
const (
	AText Kind = iota
	AnInt
	ABool
	Texts    // a list of texts
	AnObject // a JSON object
	AList    // a list of anything
	// AnExtension is a JSON object or the text of one. It reads as the text.
	AnExtension
)

// Param is a parameter that a call knows.
type Param struct {
	name     string
	kind     Kind
	required bool
}

// Need declares a parameter that must be there.
func Need(name string, k Kind) Param { return Param{name: name, kind: k, required: true} }

// May declares a parameter that may be absent.
func May(name string, k Kind) Param { return Param{name: name, kind: k} }

// Params are the parameters that a call knows.
type Params []Param

// And adds further parameters.
func (p Params) And(more ...Params) Params {
	return slices.Concat(append([]Params{p}, more...)...)
}

// unknown lists names that are not declared, in order.
func (p Params) unknown(in Object) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !slices.ContainsFunc(p, func(q Param) bool { return q.name == name }) {
			out = append(out, name)
		}
	}
	return out
}

// read puts the parameters into out. With lenient, text may stand for other types, as
// it must in a form and may in all legacy calls.
func (p Params) read(in Object, out Args, lenient bool, g Generation, invalid *Refusal) *Refusal {
	for _, q := range p {
		value := in[q.name]
		if value == nil || g != Modern && value == "" {
			if q.required {
				return MissingFor(g, q.name)
			}
			continue
		}
		v, ok := q.kind.convert(value, lenient)
		if !ok {
			return InvalidFor(g, q.name, invalid)
		}
		out[q.name] = v
	}
	return nil
}

// MissingFor names a parameter that is not there.
func MissingFor(g Generation, name string) *Refusal {
	if g == Modern {
		return missingParameter(name)
	}
	return &Refusal{Code: 40035, Text: "缺少参数 " + name}
}

// InvalidFor names the parameter in the refusal of the call.
func InvalidFor(g Generation, name string, invalid *Refusal) *Refusal {
	if g != Modern {
		return &Refusal{Code: 40035, Text: "不合法的参数 " + name}
	}
	r := *invalid
	r.Text = "the parameter " + name + " is invalid."
	return &r
}

func (k Kind) convert(value any, lenient bool) (any, bool) {
	if k == AnExtension {
		return objectText(value)
	}
	if text, ok := value.(string); ok && k != AText {
		if !lenient {
			return nil, false
		}
		if json.Unmarshal([]byte(text), &value) != nil {
			return nil, false
		}
	}
	switch k {
	case AText:
		v, ok := value.(string)
		return v, ok
	case AnInt:
		v, ok := value.(float64)
		return int64(v), ok && v == math.Trunc(v)
	case ABool:
		v, ok := value.(bool)
		return v, ok
	case Texts:
		return TextList(value)
	case AnObject:
		v, ok := value.(Object)
		return v, ok
	default:
		v, ok := value.([]any)
		return v, ok
	}
}

func objectText(value any) (any, bool) {
	text, ok := value.(string)
	if !ok {
		text = string(Encode(value))
	}
	var o Object
	return text, json.Unmarshal([]byte(text), &o) == nil
}

// TextList reads a list that must hold texts alone.
func TextList(value any) ([]string, bool) {
	items, ok := value.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return out, true
}

// Args are the parameters of a request, each of the type that the call declares. A
// parameter that is absent reads as the zero value.
type Args map[string]any

// Has tells whether the parameter is there.
func (a Args) Has(name string) bool { _, ok := a[name]; return ok }

// Text reads a text.
func (a Args) Text(name string) string {
	v, _ := a[name].(string)
	return v
}

// Int reads a whole number.
func (a Args) Int(name string) int {
	v, _ := a[name].(int64)
	return int(v)
}

// IntOr is for parameters that have a default.
func (a Args) IntOr(name string, other int) int {
	if !a.Has(name) {
		return other
	}
	return a.Int(name)
}

// Bool reads true or false.
func (a Args) Bool(name string) bool {
	v, _ := a[name].(bool)
	return v
}

// Texts reads a list of texts.
func (a Args) Texts(name string) []string {
	v, _ := a[name].([]string)
	return v
}

// Object reads a JSON object.
func (a Args) Object(name string) Object {
	v, _ := a[name].(Object)
	return v
}

// List reads a list of anything.
func (a Args) List(name string) []any {
	v, _ := a[name].([]any)
	return v
}
