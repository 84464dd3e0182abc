package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// shape is how a struct is read from a JSON object.
type shape struct {
	fields []field
	sent   []int
}

// field is one field of it.
type field struct {
	name     string
	index    []int
	required bool
	standard string
	hasDef   bool
	nullable bool
	rules    rules
	shape    *shape // of a struct, or of the structs of a list
}

// fromJSON is a type that reads itself from a value of a body.
type fromJSON interface {
	FromJSON(value any, loc []any) []Problem
}

var fromJSONType = reflect.TypeFor[fromJSON]() //nolint:gochecknoglobals // a constant

// shapeOf reads the tags of a body.
func shapeOf(t reflect.Type) *shape {
	s := &shape{}
	if t.Kind() == reflect.Struct {
		s.add(t, nil)
	}
	return s
}

func (s *shape) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Type == sentType {
			s.sent = index
			continue
		}
		if f.Anonymous {
			s.add(f.Type, index)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fd := field{name: name, index: index, required: f.Tag.Get("required") == "true", rules: rulesOf(f.Tag), nullable: f.Type.Kind() == reflect.Pointer || f.Tag.Get("nullable") == "true"}
		fd.standard, fd.hasDef = f.Tag.Lookup("default")
		elem := deref(f.Type)
		if elem.Kind() == reflect.Slice && elem != anyType {
			elem = deref(elem.Elem())
		}
		if elem.Kind() == reflect.Struct && elem != timeType && !reflect.PointerTo(elem).Implements(fromJSONType) {
			fd.shape = shapeOf(elem)
		}
		s.fields = append(s.fields, fd)
	}
}

// readBody reads the body of a request.
func (b *binding) readBody(r *http.Request, dst reflect.Value) ([]Problem, *Error) {
	text, err := io.ReadAll(r.Body)
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, Errorf(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes", long.Limit)
	}
	if err != nil {
		return nil, BadRequest("the body cannot be read: %v", err)
	}
	return b.decode(text, dst), nil
}

// decode reads the text of a body.
func (b *binding) decode(text []byte, dst reflect.Value) []Problem {
	loc := []any{"body"}
	if len(bytes.TrimSpace(text)) == 0 || strings.TrimSpace(string(text)) == "null" {
		if b.optional {
			return nil
		}
		return []Problem{{Type: "missing", Loc: loc, Msg: "Field required"}}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			err = nil
		} else {
			err = errors.New("Extra data") //nolint:staticcheck // Python's words
		}
	}
	if err != nil {
		return []Problem{{Type: "json_invalid", Loc: []any{"body", d.InputOffset()}, Msg: "JSON decode error", Input: map[string]any{}, Ctx: map[string]any{"error": err.Error()}}}
	}
	if b.optional {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	return b.schema.read(dst, value, loc)
}

// read fills a struct from a value.
func (s *shape) read(dst reflect.Value, value any, loc []any) (problems []Problem) {
	object, ok := value.(map[string]any)
	if !ok {
		return []Problem{{Type: "model_attributes_type", Loc: loc, Msg: "Input should be a valid dictionary or object to extract fields from", Input: value}}
	}
	known, sent := map[string]bool{}, Sent{}
	for i := range s.fields {
		f := &s.fields[i]
		known[f.name] = true
		at := append(slices.Clone(loc), f.name)
		v, there := object[f.name]
		sent[f.name] = there
		switch {
		case there:
			problems = append(problems, f.read(dst.FieldByIndex(f.index), v, at)...)
		case f.required:
			problems = append(problems, Problem{Type: "missing", Loc: at, Msg: "Field required", Input: value})
		case f.hasDef:
			problems = append(problems, f.rules.value(dst.FieldByIndex(f.index), f.standardValue(dst.FieldByIndex(f.index).Type()), at, f.shape)...)
		}
	}
	for _, name := range slices.Sorted(keysOf(object)) {
		if !known[name] {
			problems = append(problems, Problem{Type: "extra_forbidden", Loc: append(slices.Clone(loc), name), Msg: "Extra inputs are not permitted", Input: object[name]})
		}
	}
	if s.sent != nil {
		dst.FieldByIndex(s.sent).Set(reflect.ValueOf(sent))
	}
	return problems
}

func keysOf(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// standardValue is the default of a field as a value of JSON.
func (f *field) standardValue(t reflect.Type) any {
	switch deref(t).Kind() {
	case reflect.Bool:
		return f.standard == "true"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return json.Number(f.standard)
	default:
		return f.standard
	}
}

// read fills a field.
func (f *field) read(dst reflect.Value, value any, loc []any) []Problem {
	if value == nil && f.nullable {
		dst.SetZero()
		return nil
	}
	return f.rules.value(dst, value, loc, f.shape)
}

// value writes a value of JSON into a field.
func (ru *rules) value(dst reflect.Value, value any, loc []any, s *shape) []Problem {
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	if reader, ok := reflect.TypeAssert[fromJSON](dst.Addr()); ok {
		return reader.FromJSON(value, loc)
	}
	switch dst.Type() {
	case timeType:
		t, ps := ru.moment(value, loc)
		dst.Set(reflect.ValueOf(t))
		return ps
	case anyType:
		b, err := encode(value)
		if err != nil {
			return []Problem{ValueError(err.Error(), value, loc...)}
		}
		dst.SetBytes(b)
		return nil
	case objectType:
		object, ok := value.(map[string]any)
		if !ok {
			return []Problem{{Type: "dict_type", Loc: loc, Msg: "Input should be a valid dictionary", Input: value}}
		}
		dst.Set(reflect.ValueOf(Object(object)))
		return nil
	}
	switch dst.Kind() {
	case reflect.String:
		return ru.str(dst, value, loc)
	case reflect.Bool:
		return setBool(dst, value, loc)
	case reflect.Int, reflect.Int64:
		return ru.integer(dst, value, loc)
	case reflect.Float64:
		return ru.float(dst, value, loc)
	case reflect.Slice:
		return ru.items(dst, value, loc, s)
	case reflect.Struct:
		return s.read(dst, value, loc)
	default:
		panic(fmt.Sprintf("rest: a field of a body cannot be a %s", dst.Type()))
	}
}

func (ru *rules) moment(value any, loc []any) (Time, []Problem) {
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	default:
		return Time{}, []Problem{{Type: "datetime_type", Loc: loc, Msg: "Input should be a valid datetime", Input: value}}
	}
	t, aware, err := ParseTime(text)
	if err != nil {
		return Time{}, []Problem{timeProblem(err, value, loc)}
	}
	if ru.zone && !aware {
		return Time{}, []Problem{{Type: "timezone_aware", Loc: loc, Msg: "Input should have timezone info", Input: value}}
	}
	return Time{t}, nil
}

func (ru *rules) str(dst reflect.Value, value any, loc []any) []Problem {
	v, ok := value.(string)
	if !ok {
		if len(ru.enum) > 0 {
			want := expected(ru.enum)
			return []Problem{{Type: "enum", Loc: loc, Msg: "Input should be " + want, Input: value, Ctx: map[string]any{"expected": want}}}
		}
		return []Problem{{Type: "string_type", Loc: loc, Msg: "Input should be a valid string", Input: value}}
	}
	if ps := ru.checkText(v, value, loc); len(ps) > 0 {
		return ps
	}
	if ru.folded {
		v = strings.ToLower(v)
	}
	dst.SetString(v)
	return nil
}

func setBool(dst reflect.Value, value any, loc []any) []Problem {
	switch v := value.(type) {
	case bool:
		dst.SetBool(v)
		return nil
	case string:
		if on, ok := boolOf(v); ok {
			dst.SetBool(on)
			return nil
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && (f == 0 || f == 1) {
			dst.SetBool(f == 1)
			return nil
		}
	default:
		return []Problem{{Type: "bool_type", Loc: loc, Msg: "Input should be a valid boolean", Input: value}}
	}
	return []Problem{{Type: "bool_parsing", Loc: loc, Msg: "Input should be a valid boolean, unable to interpret input", Input: value}}
}

// integer takes a whole number, also as a text or with zeros behind the point.
func (ru *rules) integer(dst reflect.Value, value any, loc []any) []Problem {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	default:
		return []Problem{{Type: "int_type", Loc: loc, Msg: "Input should be a valid integer", Input: value}}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64)
		_, isText := value.(string)
		switch {
		case ferr != nil && isText:
			return []Problem{{Type: "int_parsing", Loc: loc, Msg: "Input should be a valid integer, unable to parse string as an integer", Input: value}}
		case ferr != nil || math.Abs(f) >= math.MaxInt64:
			return []Problem{{Type: "int_parsing_size", Loc: loc, Msg: "Unable to parse input string as an integer, exceeded maximum size", Input: value}}
		case f != math.Trunc(f):
			return []Problem{{Type: "int_from_float", Loc: loc, Msg: "Input should be a valid integer, got a number with a fractional part", Input: value}}
		}
		n = int64(f)
	}
	dst.SetInt(n)
	return ru.checkNumber(float64(n), value, loc)
}

func (ru *rules) float(dst reflect.Value, value any, loc []any) []Problem {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return []Problem{{Type: "float_type", Loc: loc, Msg: "Input should be a valid number", Input: value}}
	}
	f, ps := floatOf(text, loc)
	if len(ps) > 0 {
		return ps
	}
	dst.SetFloat(f)
	return ru.checkNumber(f, value, loc)
}

// mostProblems is how many of the items of a list are told.
const mostProblems = 100

func (ru *rules) items(dst reflect.Value, value any, loc []any, s *shape) (problems []Problem) {
	items, ok := value.([]any)
	if !ok {
		return []Problem{{Type: "list_type", Loc: loc, Msg: "Input should be a valid list", Input: value}}
	}
	if ru.minLen != nil && len(items) < *ru.minLen {
		return []Problem{{
			Type: "too_short", Loc: loc, Input: value, Ctx: map[string]any{"field_type": "List", "min_length": *ru.minLen, "actual_length": len(items)},
			Msg: fmt.Sprintf("List should have at least %d item%s after validation, not %d", *ru.minLen, plural(*ru.minLen), len(items)),
		}}
	}
	of := *ru
	of.minLen = nil
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, v := range items {
		at := append(slices.Clone(loc), i)
		if v == nil && out.Index(i).Kind() == reflect.Pointer {
			continue
		}
		if problems = append(problems, of.value(out.Index(i), v, at, s)...); len(problems) >= mostProblems {
			break
		}
	}
	dst.Set(out)
	return problems
}
