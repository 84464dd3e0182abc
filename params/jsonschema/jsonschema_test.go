package jsonschema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	oracle "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/params/jsonschema"
)

func decode(t require.TestingT, text string) any {
	v, err := jsonschema.Decode([]byte(text))
	require.NoError(t, err, text)
	return v
}

// check returns what is wrong with a value, joined.
func check(t *testing.T, schema, value string) string {
	t.Helper()
	s, err := jsonschema.New(decode(t, schema), nil)
	require.NoError(t, err, schema)
	return strings.Join(s.Check(decode(t, value)), "; ")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schema, value, want string }{
		{`true`, `1`, ``},
		{`false`, `1`, `nothing is allowed here`},
		{`{"type": "integer"}`, `true`, `got boolean, want integer`},
		{`{"type": "integer"}`, `1.5`, `got number, want integer`},
		{`{"type": "integer"}`, `1.0`, ``},
		{`{"type": ["string", "null"]}`, `2`, `got number, want string or null`},
		{`{"type": "number"}`, `2`, ``},
		{`{"const": 1}`, `1.0`, ``},
		{`{"const": {"a": [1]}}`, `{"a": [2]}`, `value must be {"a":[1]}`},
		{`{"const": 9007199254740993}`, `9007199254740992`, `value must be 9007199254740993`},
		{`{"enum": ["a", 1, null]}`, `"b"`, `value must be one of "a", 1, null`},
		{`{"minimum": 3, "maximum": 1}`, `2`, `minimum: got 2, want 3; maximum: got 2, want 1`},
		{`{"exclusiveMinimum": 2, "exclusiveMaximum": 2}`, `2`, `exclusiveMinimum: got 2, want 2; exclusiveMaximum: got 2, want 2`},
		{`{"multipleOf": 0.1}`, `0.3`, ``},
		{`{"multipleOf": 0.2}`, `0.3`, `multipleOf: got 0.3, want a multiple of 0.2`},
		{`{"maximum": 10}`, `1e999999999`, `maximum: got 1e999999999, want 10`},
		{`{"minimum": 0}`, `-1e99999999999999999999`, `minimum: got -1e99999999999999999999, want 0`},
		{`{"exclusiveMinimum": 0}`, `1e-99999999999999999999`, ``},
		{`{"minLength": 3, "maxLength": 1}`, `"日报"`, `minLength: got 2, want 3; maxLength: got 2, want 1`},
		{`{"pattern": "^x"}`, `"y"`, `"y" does not match pattern "^x"`},
		{`{"format": "date"}`, `"2026-02-30"`, `"2026-02-30" is not a valid date: want a day, for instance 2026-01-31`},
		{`{"format": "nothing-known"}`, `"x"`, ``},
		{`{"items": {"type": "string"}}`, `["a", 1]`, `1: got number, want string`},
		{`{"prefixItems": [true, {"type": "null"}], "items": false}`, `[1, 2, 3]`, `1: got number, want null; 2: nothing is allowed here`},
		{`{"items": [{"type": "null"}], "additionalItems": {"type": "string"}}`, `[1, 2]`, `0: got number, want null; 1: got number, want string`},
		{`{"minItems": 2, "uniqueItems": true}`, `[1]`, `minItems: got 1, want 2`},
		{`{"maxItems": 2, "uniqueItems": true}`, `[1, 2, 1.0]`, `maxItems: got 3, want 2; items 0 and 2 are equal`},
		{`{"contains": {"type": "null"}}`, `[1]`, `0 items are as contains says, want at least 1`},
		{`{"contains": {"type": "null"}, "minContains": 0, "maxContains": 1}`, `[null, null]`, `2 items are as contains says, want at most 1`},
		{`{"required": ["a"]}`, `{}`, `missing property "a"`},
		{`{"required": ["a", "b"]}`, `{}`, `missing properties "a", "b"`},
		{`{"properties": {"a": {"properties": {"b": {"type": "null"}}}}}`, `{"a": {"b": 1}}`, `a.b: got number, want null`},
		{`{"patternProperties": {"^a": {"type": "null"}}, "additionalProperties": false}`, `{"ab": 1, "c": 2}`, `ab: got number, want null; property "c" is not allowed`},
		{`{"additionalProperties": {"type": "null"}}`, `{"a": 1}`, `a: got number, want null`},
		{`{"minProperties": 2, "propertyNames": {"maxLength": 1}}`, `{"ab": 1}`, `minProperties: got 1, want 2; property name "ab": maxLength: got 2, want 1`},
		{`{"dependentRequired": {"a": ["b"]}}`, `{"a": 1}`, `missing property "b", which goes with "a"`},
		{`{"dependentSchemas": {"a": {"maxProperties": 1}}}`, `{"a": 1, "b": 2}`, `maxProperties: got 2, want 1`},
		{`{"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}`, `{"a": 1, "c": 2}`, `missing property "b", which goes with "a"; missing property "d"`},
		{`{"allOf": [{"type": "null"}, {"minimum": 2}]}`, `1`, `got number, want null; minimum: got 1, want 2`},
		{`{"anyOf": [{"type": "null"}, {"minimum": 2}]}`, `1`, `got number, want null; minimum: got 1, want 2`},
		{`{"anyOf": [{"type": "null"}, {"minimum": 1}]}`, `1`, ``},
		{`{"oneOf": [{"type": "null"}, {"minimum": 2}]}`, `1`, `got number, want null; minimum: got 1, want 2`},
		{`{"oneOf": [{"minimum": 0}, false, {"minimum": 1}]}`, `1`, `oneOf: schemas 0 and 2 fit, want one`},
		{`{"not": {"type": "null"}}`, `null`, `value must not be as not says`},
		{`{"if": {"type": "null"}, "else": {"minimum": 2}}`, `1`, `minimum: got 1, want 2`},
		{`{"if": {"type": "integer"}, "then": {"minimum": 2}, "else": false}`, `1`, `minimum: got 1, want 2`},
		{`{"$defs": {"n": {"type": "null"}}, "items": {"$ref": "#/$defs/n"}}`, `[1]`, `0: got number, want null`},
		{`{"$defs": {"n": {"$anchor": "x", "type": "null"}}, "items": {"$ref": "#x"}}`, `[1]`, `0: got number, want null`},
		{`{"$defs": {"a/b~c d": {"type": "null"}}, "$ref": "#/$defs/a~1b~0c%20d"}`, `1`, `got number, want null`},
		{`{"properties": {"next": {"$ref": "#"}}, "additionalProperties": false}`, `{"next": {"next": {"x": 1}}}`, `next.next: property "x" is not allowed`},
		{`{"$ref": "#"}`, `1`, `the schema refers to itself by "#" without end`},
		{`{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}`, `{"a": 1, "b": 2}`, `property "b" is not allowed`},
		{`{"anyOf": [{"prefixItems": [true]}, false], "unevaluatedItems": {"type": "null"}}`, `[1, 2]`, `1: got number, want null`},
		{`{"if": {"properties": {"a": {"const": 1}}}, "then": {"properties": {"b": true}}, "unevaluatedProperties": false}`, `{"a": 1, "b": 2}`, ``},
		{`{"not": {"properties": {"a": {"type": "null"}}}, "unevaluatedProperties": false}`, `{"a": 1}`, `property "a" is not allowed`},
		{`{"dependentSchemas": {"a": {"properties": {"a": true, "b": true}}}, "unevaluatedProperties": false}`, `{"a": 1, "b": 2}`, ``},
		{`{"allOf": [{"unevaluatedItems": true}], "unevaluatedItems": false}`, `[1]`, ``},
		{`{"allOf": [{"unevaluatedProperties": true}], "unevaluatedProperties": false}`, `{"a": 1}`, ``},
		{`{"contains": {"type": "null"}, "unevaluatedItems": false}`, `[null, 1]`, `1: nothing is allowed here`},
	} {
		assert.Equal(t, c.want, check(t, c.schema, c.value), "%s with %s", c.schema, c.value)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`1`:                                     `got integer, want a schema: an object, true or false`,
		`{"type": "strng"}`:                     `type: "strng" is not a type: want string, number, integer, boolean, array, object, null`,
		`{"type": []}`:                          `type: it is empty, so that nothing fits`,
		`{"minimum": "3"}`:                      `minimum: got string, want a number`,
		`{"multipleOf": 0}`:                     `multipleOf: want a number above 0`,
		`{"maxLength": -1}`:                     `maxLength: want a whole number from 0`,
		`{"minItems": 1.5}`:                     `minItems: want a whole number from 0`,
		`{"required": "a"}`:                     `required: want a list of property names`,
		`{"required": [1]}`:                     `required: want a list of property names`,
		`{"enum": 1}`:                           `enum: got integer, want a list`,
		`{"format": 1}`:                         `format: got integer, want a string`,
		`{"uniqueItems": 1}`:                    `uniqueItems: got integer, want true or false`,
		`{"allOf": []}`:                         `allOf: want a list of schemas with at least one`,
		`{"pattern": 1}`:                        `pattern: got integer, want a regular expression`,
		`{"pattern": "("}`:                      "pattern: error parsing regexp: missing closing ): `(`",
		`{"properties": []}`:                    `properties: got array, want an object`,
		`{"$ref": 1}`:                           `$ref: got integer, want a string`,
		`{"$ref": "#/x"}`:                       `$ref: $ref "#/x" leads nowhere`,
		`{"$ref": "#x"}`:                        `$ref: $ref "#x": nothing has this $anchor`,
		`{"$ref": "http://a/b"}`:                `$ref: $ref "http://a/b" leads out of the schema: only references that begin with # are followed`,
		`{"$ref": "#/enum", "enum": [1]}`:       `$ref: $ref "#/enum" leads to something that is not a schema`,
		`{"$ref": "#/x/0", "x": [{"type": 1}]}`: `#/x/0.type: 1 is not a type: want string, number, integer, boolean, array, object, null`,
		`{"$dynamicRef": "#x"}`:                 `$dynamicRef: this keyword is not supported: use $ref`,
		`{"properties": {"a": {"items": [{"not": 1}]}}}`:          `properties.a.items.0.not: got integer, want a schema: an object, true or false`,
		`{"dependencies": {"a": [1]}, "dependentRequired": true}`: `dependencies.a: want a list of property names; dependentRequired: got boolean, want an object`,
		`{"patternProperties": {"(": 1}}`:                         "patternProperties.(: error parsing regexp: missing closing ): `(`; patternProperties.(: got integer, want a schema: an object, true or false",
	} {
		_, err := jsonschema.New(decode(t, schema), nil)
		assert.EqualError(t, err, want, schema)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `1 2`} {
		_, err := jsonschema.Decode([]byte(text))
		assert.Error(t, err, text)
	}
	assert.Equal(t, json.Number("1.50"), decode(t, ` 1.50 `))
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for format, c := range map[string]struct{ good, bad []string }{
		"date":          {[]string{"2026-02-28"}, []string{"2026-2-28", "2026-02-29", ""}},
		"time":          {[]string{"08:30:00Z", "08:30:00.5+08:00", "23:59:60Z", "07:59:60+08:00"}, []string{"08:30:00", "24:00:00Z", "08:30:60Z", "8:30:00Z"}},
		"date-time":     {[]string{"2026-02-01T00:00:00Z", "2026-02-01t00:00:00.123z", "2016-12-31T23:59:60Z"}, []string{"2026-02-01 00:00:00Z", "2026-02-01T00:00:00", "2026-02-01T00:00:60Z"}},
		"duration":      {[]string{"P1D", "PT90M", "P2W", "P1Y2M3DT4H5M6S"}, []string{"P", "PT", "P1DT", "1D", "P1S", "P1W1D"}},
		"email":         {[]string{"ops@example.com"}, []string{"ops", "Ops <ops@example.com>", "@example.com"}},
		"idn-email":     {[]string{"ops@example.com"}, []string{"ops"}},
		"hostname":      {[]string{"a", "db-1.example.com."}, []string{"", "-a", "a-", "a..b", "a_b", strings.Repeat("a.", 127) + "a", strings.Repeat("a", 64)}},
		"ipv4":          {[]string{"10.0.0.1"}, []string{"10.0.0", "010.0.0.1", "256.0.0.1", "::1"}},
		"ipv6":          {[]string{"::1", "2001:db8::1"}, []string{"10.0.0.1", "fe80::1%eth0", "1::2::3"}},
		"uri":           {[]string{"https://example.com/x?y#z", "urn:a:b"}, []string{"/x", "%", ""}},
		"iri":           {[]string{"https://example.com/日报"}, []string{"/x"}},
		"uri-reference": {[]string{"/x?y=1", "https://example.com", ""}, []string{`\x`, "%"}},
		"iri-reference": {[]string{"/日报"}, []string{`\x`}},
		"uuid":          {[]string{"123e4567-e89b-12d3-a456-426614174000"}, []string{"123e4567e89b12d3a456426614174000", "x"}},
		"regex":         {[]string{"^a+$"}, []string{"("}},
		"json-pointer":  {[]string{"", "/a/0", "/a~1b~0"}, []string{"a", "/~2"}},
	} {
		schema := `{"format": "` + format + `"}`
		for _, text := range c.good {
			b, _ := json.Marshal(text)
			assert.Empty(t, check(t, schema, string(b)), "%s %q", format, text)
		}
		for _, text := range c.bad {
			b, _ := json.Marshal(text)
			assert.Contains(t, check(t, schema, string(b)), "is not a valid "+format+": want", "%s %q", format, text)
		}
		assert.Empty(t, check(t, schema, `1`), "a format is of texts")
	}
	s, err := jsonschema.New(decode(t, `{"format": "date"}`), map[string]jsonschema.Format{"date": func(string) error { return errors.New("never") }})
	require.NoError(t, err)
	assert.Equal(t, []string{`"2026-01-31" is not a valid date: never`}, s.Check("2026-01-31"))
}

// values draws values among which schemas tell a difference.
func values(depth int) *rapid.Generator[any] {
	scalars := rapid.SampledFrom([]any{
		nil, true, false, "", "a", "ab", "abc", "日报", json.Number("0"), json.Number("1"), json.Number("1.0"), json.Number("1.5"), json.Number("2"), json.Number("-3"), json.Number("1e2"),
	})
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(
		scalars,
		rapid.Map(rapid.SliceOfN(values(depth-1), 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "ab", "c"}), values(depth-1), 0, 3), func(m map[string]any) any { return m }),
	)
}

// schemas draws schemas without mistakes.
func schemas(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if rapid.IntRange(0, 9).Draw(t, "trivial") == 0 {
			return rapid.Bool().Draw(t, "bool")
		}
		s := map[string]any{}
		count := func(label string) any {
			return rapid.SampledFrom([]any{json.Number("0"), json.Number("1"), json.Number("2"), json.Number("2.0")}).Draw(t, label)
		}
		limit := func(label string) any {
			return rapid.SampledFrom([]any{json.Number("1"), json.Number("1.5"), json.Number("-3"), json.Number("100")}).Draw(t, label)
		}
		names := func(label string) any {
			return rapid.Map(rapid.SliceOfNDistinct(rapid.SampledFrom([]any{"a", "b", "c"}), 0, 2, func(v any) any { return v }), func(l []any) any { return l }).Draw(t, label)
		}
		sub := func(label string) any {
			if depth == 0 {
				return rapid.SampledFrom([]any{true, false, map[string]any{"type": "string"}, map[string]any{"const": json.Number("1")}}).Draw(t, label)
			}
			return schemas(depth-1).Draw(t, label)
		}
		list := func(label string) any {
			l := make([]any, rapid.IntRange(1, 3).Draw(t, label+"s"))
			for i := range l {
				l[i] = sub(label)
			}
			return l
		}
		mapOf := func(label string, keys ...string) any {
			m := map[string]any{}
			for _, k := range keys {
				if rapid.Bool().Draw(t, label+k) {
					m[k] = sub(label)
				}
			}
			return m
		}
		draws := []struct {
			name string
			draw func(string) any
		}{
			{"type", func(l string) any {
				return rapid.SampledFrom([]any{"string", "integer", "number", "object", "array", "null", "boolean", []any{"string", "integer"}, []any{"array", "object"}}).Draw(t, l)
			}},
			{"enum", func(l string) any {
				return rapid.Map(rapid.SliceOfN(values(1), 1, 3), func(l []any) any { return l }).Draw(t, l)
			}},
			{"const", func(l string) any { return values(1).Draw(t, l) }},
			{"minimum", limit},
			{"maximum", limit},
			{"exclusiveMinimum", limit},
			{"exclusiveMaximum", limit},
			{"multipleOf", func(l string) any { return rapid.SampledFrom([]any{json.Number("0.5"), json.Number("2")}).Draw(t, l) }},
			{"minLength", count},
			{"maxLength", count},
			{"minItems", count},
			{"maxItems", count},
			{"minProperties", count},
			{"maxProperties", count},
			{"pattern", func(l string) any { return rapid.SampledFrom([]any{"^a", "b$"}).Draw(t, l) }},
			{"uniqueItems", func(l string) any { return rapid.Bool().Draw(t, l) }},
			{"prefixItems", list},
			{"items", sub},
			{"contains", sub},
			{"minContains", count},
			{"maxContains", count},
			{"unevaluatedItems", sub},
			{"required", names},
			{"properties", func(l string) any { return mapOf(l, "a", "b") }},
			{"patternProperties", func(l string) any { return mapOf(l, "^a", "b$") }},
			{"additionalProperties", sub},
			{"propertyNames", sub},
			{"unevaluatedProperties", sub},
			{"dependentRequired", func(l string) any { return map[string]any{"a": names(l)} }},
			{"dependentSchemas", func(l string) any { return mapOf(l, "a", "b") }},
			{"allOf", list},
			{"anyOf", list},
			{"oneOf", list},
			{"not", sub},
			{"if", sub},
			{"then", sub},
			{"else", sub},
			{"$ref", func(l string) any { return rapid.SampledFrom([]any{"#/$defs/x", "#/$defs/y"}).Draw(t, l) }},
		}
		for range rapid.IntRange(1, 3).Draw(t, "keywords") {
			d := draws[rapid.IntRange(0, len(draws)-1).Draw(t, "keyword")]
			s[d.name] = d.draw(d.name)
		}
		return s
	})
}

// What fits and what does not is as another implementation has it.
func TestAgrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// What is referred to refers to nothing, so that nothing goes round.
		root := map[string]any{
			"$defs": map[string]any{"x": map[string]any{"type": "integer"}, "y": map[string]any{"properties": map[string]any{"a": true}, "prefixItems": []any{true}}},
			"allOf": []any{schemas(2).Draw(t, "schema")},
		}
		if rapid.Bool().Draw(t, "rest") {
			root["unevaluatedProperties"], root["unevaluatedItems"] = false, false
		}
		c := oracle.NewCompiler()
		require.NoError(t, c.AddResource("s.json", root))
		theirs, err := c.Compile("s.json")
		require.NoError(t, err)
		ours, err := jsonschema.New(root, nil)
		require.NoError(t, err)
		for range 5 {
			v := values(2).Draw(t, "value")
			wrong := ours.Check(v)
			if verr := theirs.Validate(v); (verr == nil) != (len(wrong) == 0) {
				text, _ := json.Marshal(root)
				value, _ := json.Marshal(v)
				t.Fatalf("%s with %s: they say %v, we say %q", text, value, verr, wrong)
			}
		}
	})
}
