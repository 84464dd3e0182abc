package params

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Type is what is known about one parameter struct. It is made once, at start-up, and
// is safe for concurrent use.
type Type struct {
	// owner is whose parameters these are, for messages: "operator bash".
	owner  string
	rt     reflect.Type
	docs   Docs
	fields []*field
	byName map[string]*field
	// templated says that some field, at any depth, is a template.
	templated bool
}

// Field describes one parameter for people and programs.
type Field struct {
	Name string
	// Type is a word for people: text, boolean, whole number, number, duration, any,
	// mapping, list of …, mapping of ….
	Type string
	// Default is the default as text, empty when there is none.
	Default  string
	Required bool
	Enum     []string
	Template bool
	// Late tells a template that is rendered by the operator itself, when it knows more.
	Late bool
	// Files are the endings by which a text names a template file.
	Files  []string
	Secret bool
	Doc    string
	// Fields are the parameters of a nested struct.
	Fields []Field
}

// Rendered reports whether the parameter, or a part of it, is a template that is rendered before it is used.
func (f *Field) Rendered() bool {
	return f.Template || slices.ContainsFunc(f.Fields, func(part Field) bool { return part.Rendered() })
}

// field is one parameter: its place in the struct and the facts of its tag.
type field struct {
	name string
	// docs holds its comment, with the struct that declares it.
	docs     Docs
	declared string
	index    []int
	typ      reflect.Type
	// nested describes the struct that typ is, points to, or is a list of.
	nested *Type

	required, template, secret    bool
	late                          bool
	single, commas, digits, off   bool
	minutes                       bool
	hasDefault, hasMin, hasMax    bool
	defaultText, minText, maxText string
	defaultValue                  reflect.Value
	min, max                      float64 // durations in seconds
	enum, files                   []string
	needs                         string
	// listedName is the bool beside it that tells that it was given as a list; empty for none.
	listedName string
	listed     []int
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[connections.Secret]()
	anyType      = reflect.TypeFor[any]()
)

// Of describes the parameter struct T. The owner names whose parameters they are in
// messages, for instance "operator bash", and may be empty. Of panics when a tag is
// wrong: that is a mistake in the program.
func Of[T any](owner string, docs Docs) *Type {
	return typeOf(reflect.TypeFor[T](), owner, docs)
}

func typeOf(rt reflect.Type, owner string, docs Docs) *Type {
	if rt.Kind() != reflect.Struct {
		panic(fmt.Sprintf("params: %s is not a struct", rt))
	}
	t := &Type{owner: owner, rt: rt, docs: docs, byName: map[string]*field{}}
	for _, sf := range reflect.VisibleFields(rt) {
		name := sf.Tag.Get("yaml")
		if !sf.IsExported() || name == "" {
			continue
		}
		f := newField(rt, sf, docs)
		if t.byName[name] != nil {
			panic(fmt.Sprintf("params: %s has two fields named %s", rt, name))
		}
		t.fields = append(t.fields, f)
		t.byName[name] = f
		t.templated = t.templated || f.template || f.late || f.nested != nil && f.nested.templated
	}
	for _, f := range t.fields {
		if f.needs != "" && t.byName[f.needs] == nil {
			panic(fmt.Sprintf("params: parameter %s of %s needs %s, which there is not", f.name, rt, f.needs))
		}
	}
	return t
}

func newField(rt reflect.Type, sf reflect.StructField, docs Docs) *field {
	f := &field{name: sf.Tag.Get("yaml"), index: sf.Index, typ: sf.Type, secret: holdsSecret(sf.Type), docs: docs, declared: declaring(rt, sf.Index).Name()}
	fail := func(err error) {
		if err != nil {
			panic(fmt.Sprintf("params: field %s of %s: %v", sf.Name, rt, err))
		}
	}
	fail(f.parseTag(sf.Tag.Get("param")))
	if st := structIn(sf.Type); st != nil {
		f.nested = typeOf(st, "parameter "+f.name, docs)
	}
	fail(supported(sf.Type))
	fail(f.check())
	fail(f.findListed(rt))
	fail(f.readRange())
	fail(f.readDefault())
	return f
}

// declaring returns the struct that declares the field at index: rt or one embedded in it.
func declaring(rt reflect.Type, index []int) reflect.Type {
	for _, i := range index[:len(index)-1] {
		rt = rt.Field(i).Type
	}
	return rt
}

// structIn returns the struct that t is, points to, or is a list of, or nil.
func structIn(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		return t
	}
	return nil
}

func holdsSecret(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t == secretType
}

// supported reports whether values of t can be decoded.
func supported(t reflect.Type) error {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Struct, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Pointer, reflect.Slice:
		return supported(t.Elem())
	case reflect.Map:
		if t.Key().Kind() == reflect.String && structIn(t.Elem()) == nil {
			return supported(t.Elem())
		}
	case reflect.Interface:
		if t == anyType {
			return nil
		}
	default:
	}
	return fmt.Errorf("type %s cannot be a parameter", t)
}

// Doc returns the text about the parameters as a whole.
func (t *Type) Doc() string { return t.docs.of()[t.rt.Name()].Text }

func (f *field) doc() string { return f.docs.of()[f.declared].Fields[f.name] }

// Names lists the parameters in the order of the struct.
func (t *Type) Names() []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.name
	}
	return names
}

// Fields describes the parameters in the order of the struct.
func (t *Type) Fields() []Field {
	fields := make([]Field, len(t.fields))
	for i, f := range t.fields {
		fields[i] = Field{
			Name: f.name, Type: typeName(f.typ), Default: strings.ReplaceAll(f.defaultText, "|", ", "),
			Required: f.required, Enum: slices.Clone(f.enum), Template: f.template, Late: f.late, Files: slices.Clone(f.files), Secret: f.secret, Doc: f.doc(),
		}
		if f.nested != nil {
			fields[i].Fields = f.nested.Fields()
		}
	}
	return fields
}

func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Slice:
		return "list of " + plural(typeName(t.Elem()))
	case t.Kind() == reflect.Map && t.Elem() == anyType, t.Kind() == reflect.Struct:
		return "mapping"
	case t.Kind() == reflect.Map:
		return "mapping of " + plural(typeName(t.Elem()))
	case t.Kind() == reflect.Interface:
		return "any"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "number"
	default:
		return "whole number"
	}
}

// plural is "lists of text" for "list of text".
func plural(word string) string {
	head, of, isCollection := strings.Cut(word, " of ")
	switch {
	case isCollection:
		return head + "s of " + of
	case word == "text" || word == "any":
		return word
	}
	return word + "s"
}
