package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Check returns what is wrong with a value, a sentence each with the place inside the value
// before it; nothing when it fits.
func (s *Schema) Check(value any) []string {
	c := &checker{schema: s}
	c.check(s.root, place{value: value})
	return c.problems
}

// checker checks one value. Its parts are checked by others like it where it matters whether they fit.
type checker struct {
	schema   *Schema
	problems []string
}

// place is a value and where it is.
type place struct {
	value any
	at    string
	// refs are the references that were followed here.
	refs []string
}

// part is a place below.
func (p place) part(name string, value any) place { return place{value: value, at: below(p.at, name)} }

// seen is what schemas have looked at in a value that they take: unevaluatedItems and
// unevaluatedProperties are for the rest.
type seen struct {
	names map[string]bool
	items map[int]bool
}

func newSeen() *seen { return &seen{names: map[string]bool{}, items: map[int]bool{}} }

func (s *seen) add(other *seen) {
	maps.Copy(s.names, other.names)
	maps.Copy(s.items, other.items)
}

func (c *checker) problem(p place, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.at != "" {
		text = p.at + ": " + text
	}
	c.problems = append(c.problems, text)
}

// fits reports whether a value fits a schema, and what that has looked at.
func (c *checker) fits(schema any, p place) (bool, *seen, []string) {
	sub := &checker{schema: c.schema}
	s := sub.check(schema, p)
	return len(sub.problems) == 0, s, sub.problems
}

// check checks a value against a schema.
func (c *checker) check(schema any, p place) *seen {
	all := newSeen()
	k, ok := schema.(map[string]any)
	if !ok {
		if schema == false {
			c.problem(p, "nothing is allowed here")
		}
		return all
	}
	c.follow(k, p, all)
	c.any(k, p)
	switch v := p.value.(type) {
	case json.Number:
		c.number(k, p, v)
	case string:
		c.text(k, p, v)
	case []any:
		c.items(k, p, v, all)
	case map[string]any:
		c.properties(k, p, v, all)
	}
	c.combine(k, p, all)
	c.rest(k, p, all)
	return all
}

// follow checks against what a schema refers to.
func (c *checker) follow(k map[string]any, p place, all *seen) {
	ref, ok := k["$ref"].(string)
	if !ok {
		return
	}
	to, err := c.schema.resolve(ref)
	if err != nil { // not after New
		c.problem(p, "%v", err)
		return
	}
	if slices.Contains(p.refs, ref) {
		c.problem(p, "the schema refers to itself by %q without end", ref)
		return
	}
	p.refs = append(slices.Clone(p.refs), ref)
	all.add(c.check(to, p))
}

// any checks what is said of values of any type.
func (c *checker) any(k map[string]any, p place) {
	if want, ok := k["type"]; ok {
		c.typed(want, p)
	}
	if want, ok := k["const"]; ok && !equal(want, p.value) {
		c.problem(p, "value must be %s", shown(want))
	}
	if want, ok := k["enum"].([]any); ok && !slices.ContainsFunc(want, func(w any) bool { return equal(w, p.value) }) {
		texts := make([]string, len(want))
		for i, w := range want {
			texts[i] = shown(w)
		}
		c.problem(p, "value must be one of %s", strings.Join(texts, ", "))
	}
}

func (c *checker) typed(want any, p place) {
	names, list := want.([]any)
	if !list {
		names = []any{want}
	}
	got := typeOf(p.value)
	if slices.Contains(names, any(got)) || got == "integer" && slices.Contains(names, any("number")) {
		return
	}
	if got == "integer" {
		got = "number"
	}
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = n.(string) //nolint:forcetypeassert // New has looked
	}
	c.problem(p, "got %s, want %s", got, strings.Join(texts, " or "))
}

func (c *checker) number(k map[string]any, p place, v json.Number) {
	got := number(v)
	for _, l := range []struct {
		name string
		bad  func(compared int) bool
	}{
		{"minimum", func(n int) bool { return n < 0 }},
		{"maximum", func(n int) bool { return n > 0 }},
		{"exclusiveMinimum", func(n int) bool { return n <= 0 }},
		{"exclusiveMaximum", func(n int) bool { return n >= 0 }},
	} {
		if want, ok := k[l.name].(json.Number); ok && l.bad(got.Cmp(number(want))) {
			c.problem(p, "%s: got %s, want %s", l.name, v, want)
		}
	}
	if of, ok := k["multipleOf"].(json.Number); ok {
		if got.Quo(got, number(of)); !got.IsInt() {
			c.problem(p, "multipleOf: got %s, want a multiple of %s", v, of)
		}
	}
}

func (c *checker) text(k map[string]any, p place, v string) {
	c.count(k, p, "Length", utf8.RuneCountInString(v))
	if want, ok := k["pattern"].(string); ok && !regexp.MustCompile(want).MatchString(v) {
		c.problem(p, "%s does not match pattern %s", shown(v), shown(want))
	}
	name, _ := k["format"].(string)
	if format, ok := c.schema.formats[name]; ok {
		if err := format(v); err != nil {
			c.problem(p, "%s is not a valid %s: %v", shown(v), name, err)
		}
	}
}

// count checks the keywords min… and max….
func (c *checker) count(k map[string]any, p place, of string, n int) {
	if want, ok := limit(k["min"+of]); ok && n < want {
		c.problem(p, "min%s: got %d, want %d", of, n, want)
	}
	if want, ok := limit(k["max"+of]); ok && n > want {
		c.problem(p, "max%s: got %d, want %d", of, n, want)
	}
}

// limit is a count of a schema.
func limit(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	whole := number(n).Num()
	if !whole.IsInt64() {
		return int(^uint(0) >> 1), true
	}
	return int(whole.Int64()), true
}

func (c *checker) items(k map[string]any, p place, v []any, all *seen) {
	c.count(k, p, "Items", len(v))
	if k["uniqueItems"] == true {
		c.unique(p, v)
	}
	first, _ := k["prefixItems"].([]any)
	rest, has := k["items"]
	if list, old := rest.([]any); old {
		first = list
		rest, has = k["additionalItems"]
	}
	for i, item := range v {
		switch {
		case i < len(first):
			c.check(first[i], p.part(strconv.Itoa(i), item))
		case has:
			c.check(rest, p.part(strconv.Itoa(i), item))
		default:
			continue
		}
		all.items[i] = true
	}
	c.contains(k, p, v, all)
}

func (c *checker) unique(p place, v []any) {
	for i, item := range v {
		if j := slices.IndexFunc(v[:i], func(other any) bool { return equal(item, other) }); j >= 0 {
			c.problem(p, "items %d and %d are equal", j, i)
			return
		}
	}
}

func (c *checker) contains(k map[string]any, p place, v []any, all *seen) {
	want, ok := k["contains"]
	if !ok {
		return
	}
	n := 0
	for i, item := range v {
		if fits, _, _ := c.fits(want, p.part(strconv.Itoa(i), item)); fits {
			n++
			all.items[i] = true
		}
	}
	least, said := limit(k["minContains"])
	if !said {
		least = 1
	}
	if n < least {
		c.problem(p, "%d items are as contains says, want at least %d", n, least)
	}
	if most, ok := limit(k["maxContains"]); ok && n > most {
		c.problem(p, "%d items are as contains says, want at most %d", n, most)
	}
}

func (c *checker) properties(k map[string]any, p place, v map[string]any, all *seen) {
	c.count(k, p, "Properties", len(v))
	c.required(k["required"], p, v, "")
	own, _ := k["properties"].(map[string]any)
	patterns, _ := k["patternProperties"].(map[string]any)
	others, has := k["additionalProperties"]
	for _, name := range slices.Sorted(maps.Keys(v)) {
		known := false
		if schema, ok := own[name]; ok {
			c.check(schema, p.part(name, v[name]))
			known = true
		}
		for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
			if regexp.MustCompile(pattern).MatchString(name) {
				c.check(patterns[pattern], p.part(name, v[name]))
				known = true
			}
		}
		if !known && has {
			c.other(others, p, name, v[name])
			known = true
		}
		if known {
			all.names[name] = true
		}
		if names, ok := k["propertyNames"]; ok {
			if fits, _, why := c.fits(names, place{value: name}); !fits {
				c.problem(p, "property name %s: %s", shown(name), strings.Join(why, "; "))
			}
		}
	}
	c.dependent(k, p, v, all)
}

// other checks a property that the schema does not name.
func (c *checker) other(schema any, p place, name string, value any) {
	if schema == false {
		c.problem(p, "property %s is not allowed", shown(name))
		return
	}
	c.check(schema, p.part(name, value))
}

// required looks for properties that are missing.
func (c *checker) required(names any, p place, v map[string]any, because string) {
	list, _ := names.([]any)
	var missing []string
	for _, name := range list {
		if _, has := v[name.(string)]; !has { //nolint:forcetypeassert // New has looked
			missing = append(missing, shown(name))
		}
	}
	switch {
	case len(missing) == 1:
		c.problem(p, "missing property %s%s", missing[0], because)
	case len(missing) > 1:
		c.problem(p, "missing properties %s%s", strings.Join(missing, ", "), because)
	}
}

// dependent checks what is said of values that have a property.
func (c *checker) dependent(k map[string]any, p place, v map[string]any, all *seen) {
	for _, keyword := range []string{"dependentRequired", "dependentSchemas", "dependencies"} {
		of, _ := k[keyword].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if _, has := v[name]; !has {
				continue
			}
			if _, list := of[name].([]any); list {
				c.required(of[name], p, v, ", which goes with "+shown(name))
				continue
			}
			all.add(c.check(of[name], p))
		}
	}
}

// combine checks the keywords that put schemas together.
func (c *checker) combine(k map[string]any, p place, all *seen) {
	list, _ := k["allOf"].([]any)
	for _, schema := range list {
		all.add(c.check(schema, p))
	}
	c.alternatives(k, p, all)
	if schema, ok := k["not"]; ok {
		if fits, _, _ := c.fits(schema, p); fits {
			c.problem(p, "value must not be as not says")
		}
	}
	if schema, ok := k["if"]; ok {
		branch := "else"
		if fits, s, _ := c.fits(schema, p); fits {
			branch = "then"
			all.add(s)
		}
		if schema, ok := k[branch]; ok {
			all.add(c.check(schema, p))
		}
	}
}

// alternatives checks anyOf and oneOf. When nothing fits, what each of them says is said.
func (c *checker) alternatives(k map[string]any, p place, all *seen) {
	for _, keyword := range []string{"anyOf", "oneOf"} {
		list, ok := k[keyword].([]any)
		if !ok {
			continue
		}
		var fitting []string
		var why []string
		for i, schema := range list {
			fits, s, problems := c.fits(schema, p)
			if fits {
				fitting = append(fitting, strconv.Itoa(i))
				all.add(s)
			}
			why = append(why, problems...)
		}
		if len(fitting) == 0 {
			c.problems = append(c.problems, why...)
		}
		if keyword == "oneOf" && len(fitting) > 1 {
			c.problem(p, "oneOf: schemas %s fit, want one", strings.Join(fitting, " and "))
		}
	}
}

// rest checks what no other keyword has looked at.
func (c *checker) rest(k map[string]any, p place, all *seen) {
	if schema, ok := k["unevaluatedItems"]; ok {
		v, _ := p.value.([]any)
		for i, item := range v {
			if !all.items[i] {
				c.check(schema, p.part(strconv.Itoa(i), item))
				all.items[i] = true
			}
		}
	}
	if schema, ok := k["unevaluatedProperties"]; ok {
		v, _ := p.value.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !all.names[name] {
				c.other(schema, p, name, v[name])
				all.names[name] = true
			}
		}
	}
}
