package params

import (
	"reflect"
	"strconv"

	"github.com/dingdag/dingdag/yamlvalue"
)

// JSONSchema describes the parameters as a JSON Schema (draft 2020-12) of an object
// without further properties. The result is fresh; the caller may change it.
func (t *Type) JSONSchema() map[string]any {
	properties := make(map[string]any, len(t.fields))
	required := []any{}
	needs := []any{}
	for _, f := range t.fields {
		properties[f.name] = f.schema()
		if f.required {
			required = append(required, f.name)
		}
		if f.needs != "" {
			needs = append(needs, map[string]any{"if": hasProperty(f.name), "then": hasProperty(f.needs)})
		}
	}
	schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	if len(needs) > 0 {
		schema["allOf"] = needs
	}
	if doc := t.Doc(); doc != "" {
		schema["description"] = doc
	}
	return schema
}

// hasProperty describes an object in which a property is and is not null.
func hasProperty(name string) map[string]any {
	return map[string]any{
		"required": []any{name}, "properties": map[string]any{name: map[string]any{"not": map[string]any{"type": "null"}}},
	}
}

func (f *field) schema() map[string]any {
	schema := f.valueSchema(f.typ)
	if !f.required && len(schema) > 0 {
		schema = map[string]any{"anyOf": append(alternatives(schema), map[string]any{"type": "null"})}
	}
	if doc := f.doc(); doc != "" {
		schema["description"] = doc
	}
	if f.hasDefault {
		schema["default"] = f.show(f.defaultValue)
	}
	return schema
}

// alternatives takes an anyOf apart, so that they do not nest.
func alternatives(schema map[string]any) []any {
	if list, ok := schema["anyOf"].([]any); ok && len(schema) == 1 {
		return list
	}
	return []any{schema}
}

func (f *field) valueSchema(t reflect.Type) map[string]any {
	if t == durationType {
		return f.durationSchema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return f.valueSchema(t.Elem())
	case reflect.Struct:
		return f.nested.JSONSchema()
	case reflect.Slice:
		element := f.valueSchema(t.Elem())
		list := map[string]any{"type": "array", "items": element}
		all := []any{list}
		if f.single {
			all = append(all, alternatives(element)...)
		}
		if f.off {
			all = append(all, map[string]any{"const": false})
		}
		if len(all) > 1 {
			return map[string]any{"anyOf": all}
		}
		return list
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": f.valueSchema(t.Elem())}
	case reflect.Interface:
		return map[string]any{}
	case reflect.String:
		return f.textSchema()
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return f.rangeSchema("number")
	default:
		return f.rangeSchema("integer")
	}
}

func (f *field) textSchema() map[string]any {
	text := map[string]any{"type": "string"}
	if len(f.enum) == 0 {
		if f.digits {
			return map[string]any{"anyOf": []any{text, map[string]any{"type": "integer", "minimum": 0.0}}}
		}
		return text
	}
	values := make([]any, len(f.enum))
	for i, value := range f.enum {
		values[i] = value
	}
	text["enum"] = values
	if f.template {
		return map[string]any{"anyOf": []any{text, map[string]any{"type": "string", "pattern": `\{[{%#]`}}}
	}
	return text
}

func (f *field) rangeSchema(typ string) map[string]any {
	schema := map[string]any{"type": typ}
	if n, err := strconv.ParseFloat(f.minText, 64); err == nil {
		schema["minimum"] = n
	}
	if n, err := strconv.ParseFloat(f.maxText, 64); err == nil {
		schema["maximum"] = n
	}
	return schema
}

// durationSchema is that of a duration within the bounds of the parameter.
func (f *field) durationSchema() map[string]any {
	schema := yamlvalue.DurationSchema()
	if f.minutes {
		schema["patternErrorMessage"] = "This is not a valid duration: write it like 90s, 5m, 1h30m, 1d or PT5M."
	}
	if f.minText != "" {
		schema["minimum"] = f.min
	}
	if f.maxText != "" {
		schema["maximum"] = f.max
	}
	return schema
}
