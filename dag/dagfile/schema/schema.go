// Package schema writes the JSON Schema of DAG files, for editors.
package schema

import (
	"maps"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// Entry describes one operator or notifier for [Of].
type Entry struct {
	// Names are the short name and every path it is known by.
	Names []string
	// Params is the JSON Schema of its own parameters, an object with properties.
	Params map[string]any
	// Sensor says that the common sensor parameters apply; not used for notifiers.
	Sensor bool
}

// Of returns the JSON Schema (2020-12) of DAG files, for editors: every key with
// its description and default, and the parameters of each operator and notifier.
// Required parameters are not demanded, as they may come from defaults. inert are further
// keys of default_args, which have no effect.
func Of(operators, notifiers []Entry, inert ...string) map[string]any {
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type":    "object",
		"propertyNames": map[string]any{
			"pattern":             dagIDPattern,
			"patternErrorMessage": "A DAG id has only letters, digits, underscores, dots and dashes, and at most 248 of them.",
		},
		"properties": map[string]any{
			"default": keys.Describe(map[string]any{"$ref": "#/$defs/dag"}, "Settings merged into every DAG of the file."),
		},
		"patternProperties":    map[string]any{"^x-": map[string]any{}},
		"additionalProperties": map[string]any{"$ref": "#/$defs/dag"},
		"$defs":                definitions(operators, notifiers, inert),
	}
}

// dagIDPattern is what isIDRune takes, and the keys that are no DAGs.
const dagIDPattern = `^([\p{L}\p{N}_.-]{1,248}|x-.*)$`

func definitions(operators, notifiers []Entry, inert []string) map[string]any {
	ref := func(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }
	list := func(items map[string]any) map[string]any { return map[string]any{"type": "array", "items": items} }
	anyOf := func(schemas ...any) map[string]any { return map[string]any{"anyOf": schemas} }
	mapOf := func(values map[string]any) map[string]any {
		return map[string]any{"type": "object", "additionalProperties": values}
	}
	inList := func(item map[string]any, id string) map[string]any {
		return list(map[string]any{"allOf": []any{item}, "required": []any{id}})
	}
	typed := map[string]any{
		"type": "object", "required": []any{"__type__"},
		"properties": map[string]any{"__type__": map[string]any{"enum": keys.Words(reading.KnownTypes)}},
	}
	return map[string]any{
		"dag":              keys.Object(keys.DAGs.Properties()),
		"tasks":            anyOf(inList(ref("task"), "task_id"), mapOf(ref("task")), keys.SchemaOf("null")),
		"taskGroups":       anyOf(inList(ref("taskGroup"), "group_name"), mapOf(ref("taskGroup")), keys.SchemaOf("null")),
		"taskGroup":        keys.Object(keys.Groups.Properties()),
		"task":             taskSchema(operators),
		"operatorName":     namesSchema(operators),
		"defaultArgs":      anyOf(keys.Object(defaultArgsProperties(operators, inert)), keys.SchemaOf("null")),
		"dependencies":     anyOf(keys.SchemaOf("string"), list(keys.SchemaOf("string")), keys.SchemaOf("null")),
		"duration":         durationSchema(true),
		"positiveDuration": durationSchema(false),
		"mappable":         keys.Mappable,
		"macro":            macroSchema(),
		"date":             anyOf(keys.SchemaOf("string"), typed),
		"schedule":         scheduleSchema(),
		"asset":            assetSchema(),
		"assets": anyOf(list(anyOf(ref("asset"), keys.SchemaOf("null"))), typedAssetSchema(), keys.SchemaOf("null"), map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"file", "datasets"},
			"properties": map[string]any{"file": keys.SchemaOf("string"), "datasets": list(keys.SchemaOf("string"))},
		}),
		"assetCondition": assetConditionSchema(),
		"deadline":       keys.DeadlineSchema(),
		"callback":       anyOf(ref("callbackItem"), list(ref("callbackItem"))),
		"callbackItem":   callbackSchema(notifiers),
	}
}

// taskSchema has the common keys, and those of each operator where it is named. A
// task without operator gets it from the default block: its keys cannot be checked.
func taskSchema(operators []Entry) map[string]any {
	all := keys.Tasks.Properties()
	maps.Copy(all, keys.Common.Properties())
	hasOperator := map[string]any{"required": []any{"operator"}}
	rules := []any{map[string]any{
		"if": hasOperator, "then": map[string]any{}, "else": map[string]any{"additionalProperties": true},
	}}
	for _, op := range operators {
		own := ownProperties(op)
		maps.DeleteFunc(own, func(name string, _ any) bool { return all[name] != nil })
		mapped := mappedKeysSchema(own)
		if op.Sensor {
			sensor := keys.Sensors.Properties()
			maps.Copy(sensor, own)
			own = sensor
		}
		maps.Copy(own, mapped)
		rules = append(rules, map[string]any{
			"if": map[string]any{
				"required":   []any{"operator"},
				"properties": map[string]any{"operator": oneOfNames(op.Names)},
			},
			"then": map[string]any{"properties": own},
		})
	}
	return map[string]any{"type": "object", "properties": all, "allOf": rules, "unevaluatedProperties": false}
}

func callbackSchema(notifiers []Entry) map[string]any {
	var rules []any
	for _, n := range notifiers {
		rules = append(rules, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"callback": oneOfNames(n.Names)}},
			"then": map[string]any{"properties": ownProperties(n)},
		})
	}
	name := namesSchema(notifiers)
	mapped := map[string]any{
		"type": "object", "required": []any{"callback"},
		"properties": map[string]any{"callback": name}, "unevaluatedProperties": false,
	}
	if len(rules) > 0 {
		mapped["allOf"] = rules
	}
	return map[string]any{"anyOf": []any{name, mapped}}
}

// defaultArgsProperties are the common and sensor keys, and the names of the
// operators' parameters, whose types may differ from one operator to the next.
func defaultArgsProperties(operators []Entry, inert []string) map[string]any {
	all := map[string]any{"timezone": keys.SchemaOf("string")}
	for _, name := range inert {
		all[name] = map[string]any{}
	}
	for _, op := range operators {
		for name := range ownProperties(op) {
			all[name] = map[string]any{}
		}
	}
	maps.Copy(all, keys.Sensors.Properties())
	maps.Copy(all, keys.Common.Properties())
	return all
}

func ownProperties(e Entry) map[string]any {
	own, ok := e.Params["properties"].(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return maps.Clone(own)
}
