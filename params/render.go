package params

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Render returns a copy of src, a pointer to the struct, in which every text in a
// templated field is replaced by what render makes of it. Text is found at any depth
// in lists, mappings and any; keys of mappings stay. Where the Go type is any, render
// may return any value, elsewhere it must return a string or a [Native]. Fields that are no
// templates are shared with src, which is never changed. The field given to render is
// the path of the text, such as "message.title".
func (t *Type) Render(src any, render func(field, text string) (any, error)) (any, error) {
	r := renderer{render: render}
	dst := reflect.New(t.rt)
	if err := r.record(t, "", reflect.ValueOf(src).Elem(), dst.Elem()); err != nil {
		return nil, err
	}
	return dst.Interface(), nil
}

// Native is what a render function may return for a template in native mode: parameters
// that take any value get Value, those that take text get Text.
type Native struct {
	Value any
	Text  string
}

var numberType = reflect.TypeFor[json.Number]()

type renderer struct {
	render func(field, text string) (any, error)
}

func (r *renderer) record(t *Type, prefix string, src, dst reflect.Value) error {
	dst.Set(src)
	if !t.templated {
		return nil
	}
	for _, f := range t.fields {
		if !f.template && (f.nested == nil || !f.nested.templated) {
			continue
		}
		place := dst.FieldByIndex(f.index)
		rendered, err := r.value(f, prefix+f.name, place)
		if err != nil {
			return err
		}
		place.Set(rendered)
	}
	return nil
}

// value returns v with its text rendered, as a value of the same type.
func (r *renderer) value(f *field, path string, v reflect.Value) (reflect.Value, error) {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		text, err := r.text(f, path, v.String())
		out.SetString(text)
		return out, err
	case reflect.Interface:
		return out, r.dynamic(f, path, v, out)
	case reflect.Struct:
		return out, r.record(f.nested, path+".", v, out)
	case reflect.Pointer:
		if v.IsNil() {
			return v, nil
		}
		element, err := r.value(f, path, v.Elem())
		if err != nil {
			return v, err
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(element)
		return out, nil
	case reflect.Slice:
		return r.list(f, path, v)
	case reflect.Map:
		return r.mapping(f, path, v)
	default:
		return v, nil
	}
}

func (r *renderer) text(f *field, path, text string) (string, error) {
	x, err := r.render(path, text)
	if err != nil {
		return "", fmt.Errorf("render %s: %w", path, err)
	}
	if native, ok := x.(Native); ok {
		x = native.Text
	}
	rendered, ok := x.(string)
	if !ok {
		return "", fmt.Errorf("render %s: the template gives a value of type %T, but the parameter takes text", path, x)
	}
	if err := f.checkEnum(rendered); err != nil {
		return "", fmt.Errorf("render %s: the value %w", path, err)
	}
	return rendered, nil
}

// dynamic renders what an any holds into out.
func (r *renderer) dynamic(f *field, path string, v, out reflect.Value) error {
	if v.IsNil() {
		return nil
	}
	inner := v.Elem()
	if inner.Type() == numberType { // a number with its digits, no text
		out.Set(inner)
		return nil
	}
	if inner.Kind() != reflect.String {
		rendered, err := r.value(f, path, inner)
		if err == nil {
			out.Set(rendered)
		}
		return err
	}
	x, err := r.render(path, inner.String())
	if err != nil {
		return fmt.Errorf("render %s: %w", path, err)
	}
	if native, ok := x.(Native); ok {
		x = native.Value
	}
	if x != nil {
		out.Set(reflect.ValueOf(x))
	}
	return nil
}

func (r *renderer) list(f *field, path string, v reflect.Value) (reflect.Value, error) {
	if v.IsNil() {
		return v, nil
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		element, err := r.value(f, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		if err != nil {
			return v, err
		}
		out.Index(i).Set(element)
	}
	if f.commas {
		return splitRendered(out), nil
	}
	return out, nil
}

// splitRendered takes the elements that a template gave as "a, b" apart.
func splitRendered(list reflect.Value) reflect.Value {
	out := reflect.MakeSlice(list.Type(), 0, list.Len())
	for i := range list.Len() {
		for part := range strings.SplitSeq(list.Index(i).String(), ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = reflect.Append(out, reflect.ValueOf(part).Convert(list.Type().Elem()))
			}
		}
	}
	return out
}

func (r *renderer) mapping(f *field, path string, v reflect.Value) (reflect.Value, error) {
	if v.IsNil() {
		return v, nil
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for _, key := range sortedKeys(v) {
		element, err := r.value(f, path+"."+key.String(), v.MapIndex(key))
		if err != nil {
			return v, err
		}
		out.SetMapIndex(key, element)
	}
	return out, nil
}

// sortedKeys gives the same error for the same mapping every time.
func sortedKeys(v reflect.Value) []reflect.Value {
	byName := make(map[string]reflect.Value, v.Len())
	for _, key := range v.MapKeys() {
		byName[key.String()] = key
	}
	keys := make([]reflect.Value, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		keys = append(keys, byName[name])
	}
	return keys
}

// Templates calls visit for each text in a templated parameter of a mapping node, with
// the path of the parameter, so that template syntax can be checked at its place.
func (t *Type) Templates(node *yaml.Node, visit func(field string, text *yaml.Node)) {
	if node != nil && t.templated {
		t.templates("", yamlvalue.Resolve(node), visit)
	}
}

func (t *Type) templates(prefix string, node *yaml.Node, visit func(string, *yaml.Node)) {
	for key, value := range yamlvalue.Pairs(node) {
		f := t.byName[key.Value]
		switch {
		case f == nil:
		case f.template || f.late:
			visitText(prefix+f.name, value, visit)
		case f.nested != nil && value.Kind == yaml.SequenceNode:
			for i, element := range value.Content {
				f.nested.templates(fmt.Sprintf("%s%s[%d].", prefix, f.name, i), yamlvalue.Resolve(element), visit)
			}
		case f.nested != nil:
			f.nested.templates(prefix+f.name+".", value, visit)
		}
	}
}

func visitText(path string, node *yaml.Node, visit func(string, *yaml.Node)) {
	switch node = yamlvalue.Resolve(node); kindOf(node) {
	case yamlvalue.Text:
		visit(path, node)
	case yamlvalue.Map:
		for key, value := range yamlvalue.Pairs(node) {
			visitText(path+"."+key.Value, value, visit)
		}
	case yamlvalue.List:
		for i, element := range node.Content {
			visitText(fmt.Sprintf("%s[%d]", path, i), element, visit)
		}
	default:
	}
}

// Values returns the parameters of src, a pointer to the struct, by name, for showing
// them: a secret that is set is "***", a duration is text, a nested struct is a map.
func (t *Type) Values(src any) map[string]any {
	return t.values(reflect.ValueOf(src).Elem())
}

func (t *Type) values(v reflect.Value) map[string]any {
	m := make(map[string]any, len(t.fields))
	for _, f := range t.fields {
		m[f.name] = f.show(v.FieldByIndex(f.index))
	}
	return m
}

func (f *field) show(v reflect.Value) any {
	switch {
	case f.secret && !v.IsZero():
		return "***"
	case v.Type() == durationType:
		return fmt.Sprint(v.Interface())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return f.show(v.Elem())
	case reflect.Struct:
		return f.nested.values(v)
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = f.show(v.Index(i))
		}
		return list
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		m := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			m[key.String()] = f.show(v.MapIndex(key))
		}
		return m
	default:
		return v.Interface()
	}
}
