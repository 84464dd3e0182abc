package dag

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// EntrySchema describes one operator or notifier for [Schema].
type EntrySchema struct {
	// Names are the short name and every path it is known by.
	Names []string
	// Params is the JSON Schema of its own parameters, an object with properties.
	Params map[string]any
	// Sensor says that the common sensor parameters apply; not used for notifiers.
	Sensor bool
}

// Schema returns the JSON Schema (2020-12) of DAG files, for editors: every key with
// its description and default, and the parameters of each operator and notifier.
// Required parameters are not demanded, as they may come from defaults. inert are further
// keys of default_args, which have no effect.
func Schema(operators, notifiers []EntrySchema, inert ...string) map[string]any {
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "DAG file",
		"type":    "object",
		"properties": map[string]any{
			"default": describe(map[string]any{"$ref": "#/$defs/dag"}, "Settings merged into every DAG of the file."),
		},
		"patternProperties":    map[string]any{"^x-": map[string]any{}},
		"additionalProperties": map[string]any{"$ref": "#/$defs/dag"},
		"$defs":                definitions(operators, notifiers, inert),
	}
}

// durationPattern is what textDuration takes, and the names of environment variables.
const durationPattern = `^(([0-9]+(\.[0-9]+)?(w|d|h|ms|us|µs|ns|m|s))+|P[0-9WDTHMS.]+` +
	`|[0-9]+ +([Mm]icrosecond|[Mm]illisecond|[Ss]econd|[Mm]inute|[Hh]our|[Dd]ay|[Ww]eek)s?|.*\$.*)$`

func definitions(operators, notifiers []EntrySchema, inert []string) map[string]any {
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
		"properties": map[string]any{"__type__": map[string]any{"enum": anySlice(knownTypes)}},
	}
	timedelta := object(map[string]any{
		"__type__": map[string]any{"const": typeTimedelta},
		"__args__": list(schemaOf("number")),
	})
	timedelta["required"] = []any{"__type__"}
	for _, unit := range []string{"weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"} {
		timedelta["properties"].(map[string]any)[unit] = schemaOf("number")
	}
	return map[string]any{
		"dag":          object(properties(dagKeys)),
		"tasks":        anyOf(inList(ref("task"), "task_id"), mapOf(ref("task")), schemaOf("null")),
		"taskGroups":   anyOf(inList(ref("taskGroup"), "group_name"), mapOf(ref("taskGroup")), schemaOf("null")),
		"taskGroup":    object(properties(groupKeys)),
		"task":         taskSchema(operators),
		"operatorName": namesSchema(operators),
		"defaultArgs":  anyOf(object(defaultArgsProperties(operators, inert)), schemaOf("null")),
		"dependencies": anyOf(schemaOf("string"), list(schemaOf("string")), schemaOf("null")),
		"duration": anyOf(
			map[string]any{"type": "number", "minimum": 0, "description": "Seconds."},
			map[string]any{"type": "string", "pattern": durationPattern, "examples": []any{"90s", "5m", "1h30m", "1d", "PT5M"}},
			timedelta,
		),
		"date":     anyOf(schemaOf("string"), typed),
		"schedule": scheduleSchema(typed),
		"asset":    assetSchema(),
		"assets": anyOf(list(anyOf(ref("asset"), schemaOf("null"))), typedAssetSchema(), schemaOf("null"), map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"file", "datasets"},
			"properties": map[string]any{"file": schemaOf("string"), "datasets": list(schemaOf("string"))},
		}),
		"assetCondition": assetConditionSchema(),
		"deadline":       deadlineSchema(),
		"callback":       anyOf(ref("callbackItem"), list(ref("callbackItem"))),
		"callbackItem":   callbackSchema(notifiers),
	}
}

func scheduleSchema(typed map[string]any) map[string]any {
	cron := map[string]any{
		"type":     "string",
		"examples": []any{"0 9 * * 1-5", "@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"},
	}
	return map[string]any{"anyOf": []any{
		cron, schemaOf("null"), typed,
		map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{map[string]any{"$ref": "#/$defs/asset"}, schemaOf("null")}}, "minItems": 1},
		expressionSchema(),
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"datasets"},
			"properties": map[string]any{
				"datasets":  describe(map[string]any{"$ref": "#/$defs/assetCondition"}, "The assets that must be updated: a list, or a condition."),
				"file":      describe(schemaOf("string"), "The file that has the names of the assets."),
				"timetable": describe(map[string]any{"$ref": "#/$defs/schedule"}, "When the DAG runs besides, by time."),
			},
		},
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"every"},
			"properties": map[string]any{
				"every": map[string]any{"$ref": "#/$defs/duration"},
				"mode":  map[string]any{"enum": []any{"trigger", "interval"}},
			},
		},
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"cron"},
			"properties": map[string]any{
				"cron":     map[string]any{"anyOf": []any{cron, map[string]any{"type": "array", "items": cron, "minItems": 1}}},
				"timezone": schemaOf("string"),
				"mode":     map[string]any{"enum": []any{"trigger", "interval"}},
			},
		},
	}}
}

// taskSchema has the common keys, and those of each operator where it is named. A
// task without operator gets it from the default block: its keys cannot be checked.
func taskSchema(operators []EntrySchema) map[string]any {
	all := properties(taskKeys)
	maps.Copy(all, properties(commonKeys))
	hasOperator := map[string]any{"required": []any{"operator"}}
	rules := []any{map[string]any{
		"if": hasOperator, "then": map[string]any{}, "else": map[string]any{"additionalProperties": true},
	}}
	for _, op := range operators {
		own := ownProperties(op)
		if op.Sensor {
			sensor := properties(sensorKeys)
			maps.Copy(sensor, own)
			own = sensor
		}
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

func callbackSchema(notifiers []EntrySchema) map[string]any {
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

// oneOfNames asks for one of the names. It is a pattern because a language server that
// completes takes a value of an enum for another that begins with it.
func oneOfNames(list []string) map[string]any {
	quoted := make([]string, len(list))
	for i, name := range list {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return map[string]any{"pattern": "^(" + strings.Join(quoted, "|") + ")$"}
}

// defaultArgsProperties are the common and sensor keys, and the names of the
// operators' parameters, whose types may differ from one operator to the next.
func defaultArgsProperties(operators []EntrySchema, inert []string) map[string]any {
	all := map[string]any{"timezone": schemaOf("string")}
	for _, name := range inert {
		all[name] = map[string]any{}
	}
	for _, op := range operators {
		for name := range ownProperties(op) {
			all[name] = map[string]any{}
		}
	}
	maps.Copy(all, properties(sensorKeys))
	maps.Copy(all, properties(commonKeys))
	return all
}

// properties returns the schemas of a table of keys. Null stands for the default.
func properties[T any](t table[T]) map[string]any {
	all := make(map[string]any, len(t.keys))
	for _, k := range t.keys {
		schema := maps.Clone(k.schema)
		if k.reset != nil {
			schema = map[string]any{"anyOf": []any{schema, schemaOf("null")}}
		}
		if k.def != nil {
			schema["default"] = k.def
		}
		all[k.name] = describe(schema, k.doc)
	}
	return all
}

func describe(schema map[string]any, doc string) map[string]any {
	schema["description"] = doc
	return schema
}

func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

func ownProperties(e EntrySchema) map[string]any {
	own, ok := e.Params["properties"].(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return maps.Clone(own)
}

// namesSchema is one of the names of all entries, the short ones first. Each has a word
// on what it does, which editors show beside it.
func namesSchema(entries []EntrySchema) map[string]any {
	docs := map[string]string{}
	for _, e := range entries {
		doc, _ := e.Params["description"].(string)
		paragraph, _, _ := strings.Cut(doc, "\n\n")
		for _, name := range e.Names {
			docs[name] = strings.ReplaceAll(paragraph, "\n", " ")
		}
	}
	all := slices.SortedFunc(maps.Keys(docs), func(a, b string) int {
		return cmp.Or(cmp.Compare(min(strings.Count(a, "."), 1), min(strings.Count(b, "."), 1)), cmp.Compare(a, b))
	})
	words := make([]any, len(all))
	for i, name := range all {
		words[i] = docs[name]
	}
	return map[string]any{"type": "string", "enum": anySlice(all), "enumDescriptions": words}
}

func anySlice(list []string) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// KeyDoc describes one key, for documentation.
type KeyDoc struct {
	Name string `json:"name"`
	// Default is the default as a file would have it, nil for none.
	Default any    `json:"default,omitempty"`
	Doc     string `json:"doc"`
}

// Keys describes the keys of a DAG.
func Keys() []KeyDoc { return docs(dagKeys) }

// GroupKeys describes the keys of a task group.
func GroupKeys() []KeyDoc { return docs(groupKeys) }

// TaskKeys describes the keys of every task.
func TaskKeys() []KeyDoc { return slices.Concat(docs(taskKeys), docs(commonKeys)) }

// SensorKeys describes the further keys of every sensor.
func SensorKeys() []KeyDoc { return docs(sensorKeys) }

func docs[T any](t table[T]) []KeyDoc {
	list := make([]KeyDoc, len(t.keys))
	for i, k := range t.keys {
		list[i] = KeyDoc{k.name, k.def, k.doc}
	}
	return list
}
