package sandbox

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// kind is the type of a parameter.
type kind int

const (
	aText kind = iota
	anInt
	aBool
	texts    // a list of texts
	anObject // a JSON object
	aList    // a list of anything
	// anExtension is a JSON object or the text of one. It reads as the text.
	anExtension
)

// param is a parameter that a call knows.
type param struct {
	name     string
	kind     kind
	required bool
}

func need(name string, k kind) param { return param{name: name, kind: k, required: true} }
func may(name string, k kind) param  { return param{name: name, kind: k} }

// params are the parameters that a call knows.
type params []param

// and adds further parameters.
func (p params) and(more ...params) params {
	return slices.Concat(append([]params{p}, more...)...)
}

// unknown lists names that are not declared, in order.
func (p params) unknown(in object) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !slices.ContainsFunc(p, func(q param) bool { return q.name == name }) {
			out = append(out, name)
		}
	}
	return out
}

// read puts the parameters into out. With lenient, text may stand for other types, as
// it must in a form and may in all legacy calls.
func (p params) read(in object, out args, lenient bool, g generation, invalid *refusal) *refusal {
	for _, q := range p {
		value := in[q.name]
		if value == nil || g != modern && value == "" {
			if q.required {
				return missingFor(g, q.name)
			}
			continue
		}
		v, ok := q.kind.convert(value, lenient)
		if !ok {
			return invalidFor(g, q.name, invalid)
		}
		out[q.name] = v
	}
	return nil
}

func missingFor(g generation, name string) *refusal {
	if g == modern {
		return missingParameter(name)
	}
	return &refusal{code: 40035, text: "缺少参数 " + name}
}

// invalidFor names the parameter in the refusal of the call.
func invalidFor(g generation, name string, invalid *refusal) *refusal {
	if g != modern {
		return &refusal{code: 40035, text: "不合法的参数 " + name}
	}
	r := *invalid
	r.text = "the parameter " + name + " is invalid."
	return &r
}

func (k kind) convert(value any, lenient bool) (any, bool) {
	if k == anExtension {
		return objectText(value)
	}
	if text, ok := value.(string); ok && k != aText {
		if !lenient {
			return nil, false
		}
		if json.Unmarshal([]byte(text), &value) != nil {
			return nil, false
		}
	}
	switch k {
	case aText:
		v, ok := value.(string)
		return v, ok
	case anInt:
		v, ok := value.(float64)
		return int64(v), ok && v == math.Trunc(v)
	case aBool:
		v, ok := value.(bool)
		return v, ok
	case texts:
		return textList(value)
	case anObject:
		v, ok := value.(object)
		return v, ok
	default:
		v, ok := value.([]any)
		return v, ok
	}
}

func objectText(value any) (any, bool) {
	text, ok := value.(string)
	if !ok {
		text = string(encode(value))
	}
	var o object
	return text, json.Unmarshal([]byte(text), &o) == nil
}

func textList(value any) ([]string, bool) {
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

// args are the parameters of a request, each of the type that the call declares. A
// parameter that is absent reads as the zero value.
type args map[string]any

func (a args) has(name string) bool { _, ok := a[name]; return ok }

func (a args) text(name string) string {
	v, _ := a[name].(string)
	return v
}

func (a args) int(name string) int {
	v, _ := a[name].(int64)
	return int(v)
}

// intOr is for parameters that have a default.
func (a args) intOr(name string, other int) int {
	if !a.has(name) {
		return other
	}
	return a.int(name)
}

func (a args) bool(name string) bool {
	v, _ := a[name].(bool)
	return v
}

func (a args) texts(name string) []string {
	v, _ := a[name].([]string)
	return v
}

func (a args) object(name string) object {
	v, _ := a[name].(object)
	return v
}

func (a args) list(name string) []any {
	v, _ := a[name].([]any)
	return v
}

// offsetToken is where the next page begins, written as the opaque text that clients hand back.
func offsetToken(offset int) string { return "nt" + strconv.Itoa(offset) }

// page cuts one page out of a list. The token is empty on the last page; ok is false
// when the token is none of ours.
func page[T any](all []T, token string, size int) (items []T, next string, ok bool) {
	offset := 0
	if token != "" {
		n, err := strconv.Atoi(token[min(2, len(token)):])
		if err != nil || offsetToken(n) != token || n < 0 || n > len(all) {
			return nil, "", false
		}
		offset = n
	}
	end := min(len(all), offset+size)
	if end < len(all) {
		next = offsetToken(end)
	}
	return all[offset:end], next, true
}
