package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api/browse"
)

// binding is how the input of a call is filled from a request.
type binding struct {
	params []param
	// body is the index of the field Body; nil for none.
	body []int
	// optional says that a body may be missing.
	optional bool
	schema   *shape
	bodyType reflect.Type
}

// param is one field of an input that comes from the path, the query or the header.
type param struct {
	in, name string
	index    []int
	typ      reflect.Type
	tag      reflect.StructTag
	rules    rules
	required bool
}

// bindingOf reads the tags of an input. The name * in the path is the last one that the path of the call has.
func bindingOf(t reflect.Type, path string) *binding {
	b := &binding{}
	b.add(t, nil)
	for i := range b.params {
		if p := &b.params[i]; p.in == "path" && p.name == "*" {
			p.name = strings.TrimSuffix(path[strings.LastIndex(path, "{")+1:strings.LastIndex(path, "}")], "...")
		}
	}
	return b
}

func (b *binding) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Anonymous {
			b.add(f.Type, index)
			continue
		}
		if f.Name == "Body" {
			b.body, b.optional, b.bodyType = index, f.Type.Kind() == reflect.Pointer, deref(f.Type)
			b.schema = shapeOf(b.bodyType)
			continue
		}
		for _, in := range []string{"path", "query", "header"} {
			if name := f.Tag.Get(in); name != "" {
				b.params = append(b.params, param{
					in: in, name: name, index: index, typ: f.Type, tag: f.Tag, rules: rulesOf(f.Tag),
					required: in == "path" || f.Tag.Get("required") == "true",
				})
			}
		}
	}
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// bind fills an input. All that is wrong with its shape is told at once; what breaks a rule of Airflow's own,
// which answers with a text, is told alone.
func (b *binding) bind(r *http.Request, into reflect.Value) *Error {
	var problems []Problem
	var late *Error
	query := r.URL.Query()
	for i := range b.params {
		p := &b.params[i]
		dst := into.FieldByIndex(p.index)
		switch p.in {
		case "header":
			dst.SetString(r.Header.Get(p.name))
			continue
		case "path":
			problems = append(problems, p.set(dst, []string{r.PathValue(p.name)})...)
			continue
		}
		switch p.typ {
		case timesType:
			v := dst.Addr().Interface().(*TimeRange) //nolint:forcetypeassert // the type above
			problems = append(problems, bounds(query, p.name, v, momentOf)...)
		case floatsType:
			v := dst.Addr().Interface().(*FloatRange) //nolint:forcetypeassert // the type above
			problems = append(problems, bounds(query, p.name, v, floatOf)...)
		case orderType:
			o, ps, fault := p.order(query[p.name])
			dst.Set(reflect.ValueOf(o))
			problems = append(problems, ps...)
			if fault != nil {
				late = fault
			}
		case filterType:
			if fault := p.filter(dst, query[p.name]); fault != nil {
				return fault
			}
		default:
			problems = append(problems, p.query(dst, query[p.name])...)
		}
	}
	if b.body != nil {
		ps, fault := b.readBody(r, into.FieldByIndex(b.body))
		if fault != nil {
			return fault
		}
		problems = append(problems, ps...)
	}
	if len(problems) > 0 {
		return Invalid(problems...)
	}
	return late
}

// query sets a field from the values of a parameter.
func (p *param) query(dst reflect.Value, values []string) []Problem {
	if len(values) == 0 {
		if p.required {
			return []Problem{{Type: "missing", Loc: []any{p.in, p.name}, Msg: "Field required"}}
		}
		if d, ok := p.tag.Lookup("default"); ok {
			return p.set(dst, []string{d})
		}
		return nil
	}
	return p.set(dst, values)
}

// set writes texts into a field: all into a list, the last one into anything else.
func (p *param) set(dst reflect.Value, values []string) (problems []Problem) {
	loc := []any{p.in, p.name}
	if dst.Kind() == reflect.Slice {
		out := reflect.MakeSlice(dst.Type(), len(values), len(values))
		for i, v := range values {
			problems = append(problems, p.rules.text(out.Index(i), v, append(slices.Clone(loc), i))...)
		}
		dst.Set(out)
		return problems
	}
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	return p.rules.text(dst, values[len(values)-1], loc)
}

// text writes one text into a field that is no list.
func (ru *rules) text(dst reflect.Value, v string, loc []any) []Problem {
	switch dst.Interface().(type) {
	case Time, time.Time:
		t, ps := momentOf(v, loc)
		if dst.Type() == timeType {
			dst.Set(reflect.ValueOf(Time{t}))
		} else {
			dst.Set(reflect.ValueOf(t))
		}
		return ps
	}
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(v)
		return ru.checkText(v, v, loc)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil {
			return []Problem{{Type: "int_parsing", Loc: loc, Msg: "Input should be a valid integer, unable to parse string as an integer", Input: v}}
		}
		dst.SetInt(n)
		return ru.checkNumber(float64(n), v, loc)
	case reflect.Float64:
		f, ps := floatOf(v, loc)
		dst.SetFloat(f)
		if len(ps) > 0 {
			return ps
		}
		return ru.checkNumber(f, v, loc)
	case reflect.Bool:
		on, ok := boolOf(v)
		if !ok {
			return []Problem{{Type: "bool_parsing", Loc: loc, Msg: "Input should be a valid boolean, unable to interpret input", Input: v}}
		}
		dst.SetBool(on)
		return nil
	default:
		panic(fmt.Sprintf("rest: a parameter cannot be a %s", dst.Type()))
	}
}

// boolOf reads a boolean in the words of pydantic.
func boolOf(v string) (on, ok bool) {
	switch strings.ToLower(v) {
	case "1", "true", "t", "yes", "y", "on":
		return true, true
	case "0", "false", "f", "no", "n", "off":
		return false, true
	default:
		return false, false
	}
}

func momentOf(v string, loc []any) (time.Time, []Problem) {
	t, _, err := ParseTime(v)
	if err != nil {
		return t, []Problem{timeProblem(err, v, loc)}
	}
	return t, nil
}

func floatOf(v string, loc []any) (float64, []Problem) {
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil {
		return 0, []Problem{{Type: "float_parsing", Loc: loc, Msg: "Input should be a valid number, unable to parse string as a number", Input: v}}
	}
	return f, nil
}

// bounds fills a range from its four parameters.
func bounds[T any](query url.Values, name string, r *browse.Range[T], parse func(string, []any) (T, []Problem)) (problems []Problem) {
	for _, b := range []struct {
		suffix string
		to     **T
	}{{"_gte", &r.GTE}, {"_gt", &r.GT}, {"_lte", &r.LTE}, {"_lt", &r.LT}} {
		values := query[name+b.suffix]
		if len(values) == 0 {
			continue
		}
		v, ps := parse(values[len(values)-1], []any{"query", name + b.suffix})
		problems = append(problems, ps...)
		*b.to = &v
	}
	return problems
}

// order reads an order.
func (p *param) order(values []string) (Order, []Problem, *Error) {
	if len(values) > maxOrder {
		return nil, []Problem{{
			Type: "too_long", Loc: []any{p.in, p.name}, Input: values, Ctx: map[string]any{"field_type": "List", "max_length": maxOrder, "actual_length": len(values)},
			Msg: fmt.Sprintf("List should have at most %d items after validation, not %d", maxOrder, len(values)),
		}}, nil
	}
	if len(values) == 0 {
		values = list(p.tag.Get("default"))
	}
	o, fault := OrderBy(list(p.tag.Get("order")), values...)
	return o, nil, fault
}

// OrderBy reads the names of an order, each with a minus sign in front to turn it round.
func OrderBy(known []string, names ...string) (Order, *Error) {
	var o Order
	for _, v := range names {
		name, desc := strings.CutPrefix(v, "-")
		if !slices.Contains(known, name) {
			return nil, BadRequest("Ordering with '%s' is disallowed or the attribute does not exist on the model", name)
		}
		o = append(o, browse.Key{Name: name, Desc: desc})
	}
	return o, nil
}

// filter reads a list of values that are known.
func (p *param) filter(dst reflect.Value, values []string) *Error {
	for _, v := range values {
		if !slices.Contains(p.rules.enum, v) {
			return Errorf(http.StatusUnprocessableEntity, "Invalid value for %s. Valid values are %s", p.name, strings.Join(p.rules.enum, ", "))
		}
	}
	dst.Set(reflect.ValueOf(Filter(values)))
	return nil
}
