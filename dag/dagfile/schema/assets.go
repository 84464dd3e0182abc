package schema

import (
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// typedAssetSchema is the JSON Schema of a typed asset.
func typedAssetSchema() map[string]any {
	return map[string]any{
		"type": "object", "additionalProperties": false, "required": []any{"__type__"},
		"properties": map[string]any{
			"__type__": map[string]any{"enum": []any{reading.TypeAsset, reading.TypeDataset}},
			"__args__": keys.SchemaOf("array"),
			"name":     keys.SchemaOf("string"),
			"uri":      keys.SchemaOf("string"),
			"group":    keys.SchemaOf("string"),
			"extra":    map[string]any{"type": []any{"object", "null"}},
			"watchers": map[string]any{"type": []any{"array", "null"}, "items": watcherSchema()},
		},
	}
}

// watcherSchema is that of a watcher of an asset.
func watcherSchema() map[string]any {
	return map[string]any{
		"type": "object", "additionalProperties": false,
		"properties": map[string]any{
			"__type__": map[string]any{"const": reading.TypeWatcher},
			"__args__": keys.SchemaOf("array"),
			"name":     keys.SchemaOf("string"),
			"trigger":  keys.Describe(map[string]any{"type": []any{"string", "object"}}, "The name of a trigger, or a mapping with the name under trigger and its parameters."),
		},
	}
}

// assetSchema is that of one asset.
func assetSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "examples": []any{"s3://bucket/orders"}}, typedAssetSchema(),
	}}
}

// expressionSchema is that of {__and__: […]} and {__or__: […]}.
func expressionSchema() map[string]any {
	parts := map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"$ref": "#/$defs/assetCondition"}}
	return map[string]any{
		"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
		"properties": map[string]any{
			"__and__": keys.Describe(parts, "All of them."),
			"__or__":  map[string]any{"type": "array", "minItems": 1, "items": parts["items"], "description": "One of them."},
		},
	}
}

// assetConditionSchema is that of a list, an expression, or a condition as text.
func assetConditionSchema() map[string]any {
	one := map[string]any{"$ref": "#/$defs/asset"}
	return map[string]any{"anyOf": []any{
		one, map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"anyOf": []any{one, keys.SchemaOf("null")}}}, expressionSchema(),
	}}
}
