package params

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Decode reads a mapping node into dst, a pointer to a zero value of the struct, and
// fills in defaults. It reports every problem it finds: unknown, repeated and missing
// parameters, wrong types and values, and, when nothing else is wrong, what the
// struct's own [Validator] says. A nil node is an empty mapping. After an error dst
// must not be used.
func (t *Type) Decode(node *yaml.Node, dst any) []Problem {
	v := reflect.ValueOf(dst)
	if v.Type() != reflect.PointerTo(t.rt) {
		panic(fmt.Sprintf("params: decode into %s, want *%s", v.Type(), t.rt))
	}
	var d decoder
	if node == nil {
		node = &yaml.Node{Kind: yaml.MappingNode}
	}
	node = yamlvalue.Resolve(node)
	d.record(t, "", node, v.Elem())
	return d.problems
}

// decoder collects the problems of one Decode.
type decoder struct{ problems []Problem }

func (d *decoder) errorf(at *yaml.Node, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		Line: at.Line, Column: at.Column, Field: path, Text: fmt.Sprintf(format, args...),
	})
}

// wrong reports that a value is not what the parameter takes.
func (d *decoder) wrong(f *field, path string, n *yaml.Node, want string) {
	hint := ""
	switch k := kindOf(n); {
	case f.digits && k == yamlvalue.Int && strings.HasPrefix(n.Value, "0"):
		hint = ": quote it, since YAML reads a number that begins with 0 as octal"
	case want == "text" && (k == yamlvalue.Bool || k == yamlvalue.Int || k == yamlvalue.Float):
		hint = ": quote it"
	case k == yamlvalue.Text && yamlvalue.HoldsTemplate(n.Value) && !f.template:
		hint = ": it takes no template"
	}
	got := describe(n, f.secret)
	if f.digits && n.Kind == yaml.ScalarNode { // it may be somebody's mobile number
		got = HideNumber(got)
	}
	d.errorf(n, path, "parameter %q must be %s, not %s%s", path, want, got, hint)
}

// HideNumber hides all but the last four digits of a text that has as many as a telephone number.
func HideNumber(text string) string {
	const phone, left = 7, 4
	digits := 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if digits < phone {
		return text
	}
	seen := 0
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return r
		}
		if seen++; seen <= digits-left {
			return '*'
		}
		return r
	}, text)
}

// record decodes a mapping into a struct. The prefix is the path of the struct.
func (d *decoder) record(t *Type, prefix string, node *yaml.Node, v reflect.Value) {
	if kindOf(node) != yamlvalue.Map {
		d.errorf(node, prefix, "%s must be a mapping, not %s", subject(t.owner), describe(node, false))
		return
	}
	before := len(d.problems)
	t.setDefaults(v)
	given := make(map[string]*yaml.Node, len(node.Content)/2)
	for key, value := range yamlvalue.Pairs(node) {
		name := key.Value
		f := t.byName[name]
		switch {
		case f == nil:
			d.unknown(t, prefix, key)
		case given[name] != nil:
			d.errorf(key, prefix+name, "parameter %q appears twice", prefix+name)
		default:
			given[name] = value
			d.field(f, prefix+name, value, v.FieldByIndex(f.index))
			if f.listed != nil {
				v.FieldByIndex(f.listed).SetBool(kindOf(value) == yamlvalue.List)
			}
		}
	}
	d.missing(t, prefix, node, given)
	d.alone(t, prefix, given)
	if !Failed(d.problems[before:]) {
		d.validate(prefix, node, given, v)
	}
}

func subject(owner string) string {
	if owner == "" {
		return "the parameters"
	}
	return "the value of " + owner
}

func (t *Type) setDefaults(v reflect.Value) {
	for _, f := range t.fields {
		if f.hasDefault {
			v.FieldByIndex(f.index).Set(f.defaultValue)
		}
	}
}

func (d *decoder) unknown(t *Type, prefix string, key *yaml.Node) {
	d.errorf(key, prefix+key.Value, "unknown parameter %s%s%s",
		quote(key.Value), of(t.owner), yamlvalue.DidYouMean(key.Value, slices.Values(t.Names())))
}

func of(owner string) string {
	if owner == "" {
		return ""
	}
	return " for " + owner
}

func (d *decoder) missing(t *Type, prefix string, node *yaml.Node, given map[string]*yaml.Node) {
	at := node
	if prefix == "" {
		at = &yaml.Node{} // the parameters as a whole
	}
	for _, f := range t.fields {
		if f.required && given[f.name] == nil {
			d.errorf(at, prefix+f.name, "missing parameter %q%s", f.name, of(t.owner))
		}
	}
}

// alone finds parameters that say nothing without others.
func (d *decoder) alone(t *Type, prefix string, given map[string]*yaml.Node) {
	isGiven := func(name string) bool { return given[name] != nil && kindOf(given[name]) != yamlvalue.Null }
	for _, f := range t.fields {
		if f.needs != "" && isGiven(f.name) && !isGiven(f.needs) {
			d.errorf(given[f.name], prefix+f.name, "parameter %q has no effect without %q: give both, or neither", prefix+f.name, prefix+f.needs)
		}
	}
}

func (d *decoder) validate(prefix string, node *yaml.Node, given map[string]*yaml.Node, v reflect.Value) {
	validator, ok := reflect.TypeAssert[Validator](v.Addr())
	if !ok {
		return
	}
	for _, p := range findings(validator.Validate()) {
		at := given[p.Field]
		if at == nil && prefix != "" {
			at = node
		}
		if at != nil {
			p.Line, p.Column = at.Line, at.Column
		}
		p.Field = strings.TrimSuffix(prefix+p.Field, ".")
		d.problems = append(d.problems, p)
	}
}

// field decodes a parameter that was given, perhaps as null.
func (d *decoder) field(f *field, path string, n *yaml.Node, v reflect.Value) {
	if kindOf(n) != yamlvalue.Null {
		d.value(f, path, n, v)
		return
	}
	if f.required {
		d.errorf(n, path, "parameter %q must not be null", path)
		return
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		v.SetZero()
	default: // the default stays
	}
}

func (d *decoder) value(f *field, path string, n *yaml.Node, v reflect.Value) {
	n = yamlvalue.Resolve(n)
	if v.Type() == durationType {
		d.duration(f, path, n, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(f, path, n, v.Elem())
	case reflect.Struct:
		d.record(f.nested, path+".", n, v)
	case reflect.Slice:
		d.list(f, path, n, v)
	case reflect.Map:
		d.mapping(f, path, n, v)
	case reflect.Interface:
		if x := d.free(f, path, n); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.String:
		d.text(f, path, n, v)
	case reflect.Bool:
		if b, ok := yamlvalue.ParseBool(n.Value); ok && kindOf(n) == yamlvalue.Bool {
			v.SetBool(b)
		} else {
			d.wrong(f, path, n, "true or false")
		}
	default:
		d.number(f, path, n, v)
	}
}

func (d *decoder) list(f *field, path string, n *yaml.Node, v reflect.Value) {
	elements := n.Content
	if b, ok := yamlvalue.ParseBool(n.Value); f.off && ok && !b && kindOf(n) == yamlvalue.Bool {
		v.SetZero()
		return
	}
	if kindOf(n) != yamlvalue.List {
		if !f.single {
			d.wrong(f, path, n, "a list")
			return
		}
		elements = []*yaml.Node{n}
		if f.commas && kindOf(n) == yamlvalue.Text {
			elements = splitCommas(n)
		}
	}
	v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
	for i, element := range elements {
		d.value(f, fmt.Sprintf("%s[%d]", path, i), element, v.Index(i))
	}
}

// splitCommas takes a text with commas apart. A template is left whole: what it
// renders to is not known yet.
func splitCommas(n *yaml.Node) []*yaml.Node {
	if yamlvalue.HoldsTemplate(n.Value) {
		return []*yaml.Node{n}
	}
	var parts []*yaml.Node
	for part := range strings.SplitSeq(n.Value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, &yaml.Node{
				Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: part, Line: n.Line, Column: n.Column,
			})
		}
	}
	return parts
}

func (d *decoder) mapping(f *field, path string, n *yaml.Node, v reflect.Value) {
	if kindOf(n) != yamlvalue.Map {
		d.wrong(f, path, n, "a mapping")
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for key, value := range yamlvalue.Pairs(n) {
		at := path + "." + key.Value
		if !d.mapKey(path, key) {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(f, at, value, element)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), element)
	}
}

// mapKey reports whether a key is text in YAML 1.1 and 1.2 alike.
func (d *decoder) mapKey(path string, key *yaml.Node) bool {
	switch kindOf(key) {
	case yamlvalue.Bool, yamlvalue.Null, yamlvalue.List, yamlvalue.Map:
		d.errorf(key, path, "a key of parameter %q must be text, not %s: quote it", path, describe(key, false))
		return false
	default:
		return true
	}
}

func (d *decoder) text(f *field, path string, n *yaml.Node, v reflect.Value) {
	k := kindOf(n)
	plainDigits := k == yamlvalue.Int && strings.Trim(n.Value, "0123456789") == "" && (n.Value == "0" || n.Value[0] != '0')
	if k != yamlvalue.Text && (!f.digits || !plainDigits) {
		d.wrong(f, path, n, "text")
		return
	}
	if err := f.checkEnum(n.Value); err != nil && (!f.template || !yamlvalue.HoldsTemplate(n.Value)) {
		d.errorf(n, path, "parameter %q %v", path, err)
		return
	}
	v.SetString(n.Value)
}

func (f *field) checkEnum(text string) error {
	if len(f.enum) == 0 || slices.Contains(f.enum, text) {
		return nil
	}
	given := quote(text)
	if f.secret {
		given = "this"
	}
	return fmt.Errorf("must be one of %s, not %s%s", strings.Join(f.enum, ", "), given, yamlvalue.DidYouMean(text, slices.Values(f.enum)))
}

func (d *decoder) duration(f *field, path string, n *yaml.Node, v reflect.Value) {
	unit := time.Second
	if k := kindOf(n); f.minutes && (k == yamlvalue.Int || k == yamlvalue.Float) {
		unit = time.Minute
		d.problems = append(d.problems, Problem{
			Line: n.Line, Column: n.Column, Field: path, Warning: true,
			Text: fmt.Sprintf("parameter %q: a bare number is minutes here: write %sm", path, excerpt(n.Value)),
		})
	}
	value, err := durationOf(n, unit)
	if err != nil {
		d.errorf(n, path, "parameter %q: %v", path, err)
		return
	}
	if d.inRange(f, path, n, value.Seconds()) {
		v.SetInt(int64(value))
	}
}

func (d *decoder) inRange(f *field, path string, n *yaml.Node, x float64) bool {
	switch {
	case f.hasMin && x < f.min:
		d.errorf(n, path, "parameter %q must be at least %s, not %s", path, f.minText, excerpt(n.Value))
	case f.hasMax && x > f.max:
		d.errorf(n, path, "parameter %q must be at most %s, not %s", path, f.maxText, excerpt(n.Value))
	default:
		return true
	}
	return false
}

func (d *decoder) number(f *field, path string, n *yaml.Node, v reflect.Value) {
	k := kindOf(n)
	if v.CanFloat() {
		if k != yamlvalue.Int && k != yamlvalue.Float {
			d.wrong(f, path, n, "a number")
			return
		}
		x, err := finite(yamlvalue.ParseNumber(n))
		if err != nil {
			d.errorf(n, path, "parameter %q: %v", path, err)
		} else if d.inRange(f, path, n, x) {
			v.SetFloat(x)
		}
		return
	}
	if k != yamlvalue.Int {
		d.wrong(f, path, n, "a whole number")
		return
	}
	i, err := yamlvalue.ParseInt(n.Value)
	if err == nil && (v.CanInt() && v.OverflowInt(i) || v.CanUint() && (i < 0 || v.OverflowUint(uint64(i)))) {
		err = fmt.Errorf("%s is out of range", excerpt(n.Value))
	}
	switch {
	case err != nil:
		d.errorf(n, path, "parameter %q: %v", path, err)
	case !d.inRange(f, path, n, float64(i)):
	case v.CanInt():
		v.SetInt(i)
	default:
		v.SetUint(uint64(i)) //nolint:gosec // not negative: checked above
	}
}

// free decodes a value of any kind: nil, bool, int64, float64, string, []any or
// map[string]any. A number that has its tag written, as those of results that a task is
// mapped over have, and digits that a float does not print, is a [json.Number].
func (d *decoder) free(f *field, path string, n *yaml.Node) any {
	n = yamlvalue.Resolve(n)
	switch kindOf(n) {
	case yamlvalue.Null:
		return nil
	case yamlvalue.Bool:
		b, _ := yamlvalue.ParseBool(n.Value)
		return b
	case yamlvalue.Int:
		i, err := yamlvalue.ParseInt(n.Value)
		if err != nil {
			d.errorf(n, path, "parameter %q: %v", path, err)
		}
		return i
	case yamlvalue.Float:
		x, err := finite(yamlvalue.ParseFloat(n.Value))
		if err != nil {
			d.errorf(n, path, "parameter %q: %v", path, err)
		}
		if n.Style&yaml.TaggedStyle != 0 && json.Valid([]byte(n.Value)) && strconv.FormatFloat(x, 'f', -1, 64) != n.Value {
			return json.Number(n.Value)
		}
		return x
	case yamlvalue.List:
		list := make([]any, len(n.Content))
		for i, element := range n.Content {
			list[i] = d.free(f, fmt.Sprintf("%s[%d]", path, i), element)
		}
		return list
	case yamlvalue.Map:
		return d.freeMap(f, path, n)
	default:
		return n.Value
	}
}

func (d *decoder) freeMap(f *field, path string, n *yaml.Node) any {
	if key, typ := yamlvalue.Lookup(n, "__type__"); key != nil {
		d.errorf(key, path, "typed value %s is not taken in parameter %q: write it as plain text, number, list or mapping",
			quote(typ.Value), path)
		return nil
	}
	m := make(map[string]any, len(n.Content)/2)
	for key, value := range yamlvalue.Pairs(n) {
		if d.mapKey(path, key) {
			m[key.Value] = d.free(f, path+"."+key.Value, value)
		}
	}
	return m
}
