package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// verifier looks for mistakes in a schema, so that checking values meets none.
type verifier struct {
	schema     *Schema
	keywords   map[string]keyword
	problems   []string
	references []reference
}

type reference struct{ at, to string }

// keyword says what is wrong with the value of one keyword.
type keyword func(v *verifier, at string, value any)

// keywords are those that say anything. The others are remarks.
func keywords() map[string]keyword {
	return map[string]keyword{
		"type": (*verifier).typeNames, "enum": (*verifier).list, "const": func(*verifier, string, any) {},
		"multipleOf": (*verifier).multiple,
		"maximum":    (*verifier).limit, "minimum": (*verifier).limit, "exclusiveMaximum": (*verifier).limit, "exclusiveMinimum": (*verifier).limit,
		"maxLength": (*verifier).count, "minLength": (*verifier).count, "maxItems": (*verifier).count, "minItems": (*verifier).count,
		"maxProperties": (*verifier).count, "minProperties": (*verifier).count, "maxContains": (*verifier).count, "minContains": (*verifier).count,
		"pattern": (*verifier).pattern, "format": (*verifier).text, "$anchor": (*verifier).text, "$ref": (*verifier).reference,
		"uniqueItems": (*verifier).boolean, "required": (*verifier).names, "dependentRequired": (*verifier).mapOfNames,
		"properties": (*verifier).schemas, "$defs": (*verifier).schemas, "definitions": (*verifier).schemas, "dependentSchemas": (*verifier).schemas,
		"patternProperties": (*verifier).patterns, "dependencies": (*verifier).dependencies,
		"prefixItems": (*verifier).schemaList, "allOf": (*verifier).schemaList, "anyOf": (*verifier).schemaList, "oneOf": (*verifier).schemaList,
		"items": (*verifier).items, "additionalItems": (*verifier).schemaAt, "unevaluatedItems": (*verifier).schemaAt, "contains": (*verifier).schemaAt,
		"additionalProperties": (*verifier).schemaAt, "unevaluatedProperties": (*verifier).schemaAt, "propertyNames": (*verifier).schemaAt,
		"not": (*verifier).schemaAt, "if": (*verifier).schemaAt, "then": (*verifier).schemaAt, "else": (*verifier).schemaAt,
		"$dynamicRef": (*verifier).unsupported, "$recursiveRef": (*verifier).unsupported,
	}
}

func (v *verifier) problem(at, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if at != "" {
		text = at + ": " + text
	}
	v.problems = append(v.problems, text)
}

// below is the place of a part.
func below(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func (v *verifier) schemaAt(at string, schema any) {
	switch s := schema.(type) {
	case bool:
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(s)) {
			if check, ok := v.keywords[name]; ok {
				check(v, below(at, name), s[name])
			}
		}
		if name, ok := s["$anchor"].(string); ok {
			v.schema.anchors[name] = s
		}
	default:
		v.problem(at, "got %s, want a schema: an object, true or false", typeOf(schema))
	}
}

func (v *verifier) schemaList(at string, value any) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		v.problem(at, "want a list of schemas with at least one")
		return
	}
	for i, s := range list {
		v.schemaAt(below(at, strconv.Itoa(i)), s)
	}
}

func (v *verifier) items(at string, value any) {
	if _, list := value.([]any); list {
		v.schemaList(at, value)
		return
	}
	v.schemaAt(at, value)
}

// object calls f for each part of an object.
func (v *verifier) object(at string, value any, f func(at, name string, part any)) {
	m, ok := value.(map[string]any)
	if !ok {
		v.problem(at, "got %s, want an object", typeOf(value))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f(below(at, name), name, m[name])
	}
}

func (v *verifier) schemas(at string, value any) {
	v.object(at, value, func(at, _ string, s any) { v.schemaAt(at, s) })
}

func (v *verifier) patterns(at string, value any) {
	v.object(at, value, func(at, name string, s any) {
		v.pattern(at, name)
		v.schemaAt(at, s)
	})
}

func (v *verifier) mapOfNames(at string, value any) {
	v.object(at, value, func(at, _ string, names any) { v.names(at, names) })
}

func (v *verifier) dependencies(at string, value any) {
	v.object(at, value, func(at, _ string, part any) {
		if _, list := part.([]any); list {
			v.names(at, part)
			return
		}
		v.schemaAt(at, part)
	})
}

func (v *verifier) names(at string, value any) {
	list, ok := value.([]any)
	for _, name := range list {
		_, text := name.(string)
		ok = ok && text
	}
	if !ok {
		v.problem(at, "want a list of property names")
	}
}

func (v *verifier) list(at string, value any) {
	if _, ok := value.([]any); !ok {
		v.problem(at, "got %s, want a list", typeOf(value))
	}
}

func (v *verifier) text(at string, value any) {
	if _, ok := value.(string); !ok {
		v.problem(at, "got %s, want a string", typeOf(value))
	}
}

func (v *verifier) boolean(at string, value any) {
	if _, ok := value.(bool); !ok {
		v.problem(at, "got %s, want true or false", typeOf(value))
	}
}

func (v *verifier) limit(at string, value any) {
	if _, ok := value.(json.Number); !ok {
		v.problem(at, "got %s, want a number", typeOf(value))
	}
}

func (v *verifier) multiple(at string, value any) {
	if n, ok := value.(json.Number); !ok || number(n).Sign() <= 0 {
		v.problem(at, "want a number above 0")
	}
}

func (v *verifier) count(at string, value any) {
	if n, ok := value.(json.Number); !ok || number(n).Sign() < 0 || !number(n).IsInt() {
		v.problem(at, "want a whole number from 0")
	}
}

func (v *verifier) pattern(at string, value any) {
	text, ok := value.(string)
	if !ok {
		v.problem(at, "got %s, want a regular expression", typeOf(value))
		return
	}
	if _, err := regexp.Compile(text); err != nil {
		v.problem(at, "%v", err)
	}
}

func (v *verifier) typeNames(at string, value any) {
	names, list := value.([]any)
	if !list {
		names = []any{value}
	}
	types := []string{"string", "number", "integer", "boolean", "array", "object", "null"}
	for _, name := range names {
		if text, ok := name.(string); !ok || !slices.Contains(types, text) {
			v.problem(at, "%s is not a type: want %s", shown(name), strings.Join(types, ", "))
		}
	}
	if len(names) == 0 {
		v.problem(at, "it is empty, so that nothing fits")
	}
}

func (v *verifier) reference(at string, value any) {
	text, ok := value.(string)
	if !ok {
		v.text(at, value)
		return
	}
	v.references = append(v.references, reference{at, text})
}

// followAll looks at what references lead to, which need not be where a schema usually is.
func (v *verifier) followAll() {
	followed := map[string]bool{}
	for i := 0; i < len(v.references) && len(v.problems) == 0; i++ { // there may come more
		r := v.references[i]
		if followed[r.to] {
			continue
		}
		followed[r.to] = true
		to, err := v.schema.resolve(r.to)
		if err != nil {
			v.problem(r.at, "%v", err)
			continue
		}
		v.schemaAt(r.to, to)
	}
}

func (v *verifier) unsupported(at string, _ any) {
	v.problem(at, "this keyword is not supported: use $ref")
}
