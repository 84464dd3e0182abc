package keys

import "maps"

// SchemaOf returns a JSON Schema with one type.
func SchemaOf(name string) map[string]any { return map[string]any{"type": name} }

// Describe adds a sentence for people to a schema.
func Describe(schema map[string]any, doc string) map[string]any {
	schema["description"] = doc
	return schema
}

// Object is the schema of a mapping with these keys and no others.
func Object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

// Words are texts as the values of a schema.
func Words(list []string) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// Properties returns the schemas of the keys. Null stands for the default.
func (t Table[T]) Properties() map[string]any {
	all := make(map[string]any, len(t.keys))
	for _, k := range t.keys {
		schema := maps.Clone(k.schema)
		if k.reset != nil {
			schema = map[string]any{"anyOf": []any{schema, SchemaOf("null")}}
		}
		if k.def != nil {
			schema["default"] = k.def
		}
		all[k.name] = Describe(schema, k.doc)
	}
	return all
}
