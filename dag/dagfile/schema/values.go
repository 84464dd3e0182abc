package schema

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// durationSchema is that of a length of time.
func durationSchema(zeroAllowed bool) map[string]any {
	schema := yamlvalue.DurationSchema()
	schema["description"], schema["examples"] = "Seconds, or a text such as 5m.", []any{"90s", "5m", "1h30m", "1d", "PT5M"}
	if !zeroAllowed {
		delete(schema, "minimum")
		schema["exclusiveMinimum"] = 0
	}
	return schema
}

// cronPattern is a preset, five fields, none, or the name of an environment variable.
const cronPattern = `^\s*(@[A-Za-z]+|[Nn][Oo][Nn][Ee]|\S+(\s+\S+){4}|.*\$.*)\s*$`

func cronSchema() map[string]any {
	return map[string]any{
		"type": "string", "pattern": cronPattern,
		"patternErrorMessage": "This is not a valid schedule: write a cron expression of five fields, such as 0 9 * * 1-5, or a preset such as @daily.",
		"examples":            []any{"0 9 * * 1-5", "@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"},
	}
}

func scheduleSchema() map[string]any {
	cron := cronSchema()
	return map[string]any{"anyOf": []any{
		cron, keys.SchemaOf("null"), typedScheduleSchema(),
		map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{map[string]any{"$ref": "#/$defs/asset"}, keys.SchemaOf("null")}}, "minItems": 1},
		expressionSchema(),
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"datasets"},
			"properties": map[string]any{
				"datasets":  keys.Describe(map[string]any{"$ref": "#/$defs/assetCondition"}, "The assets that must be updated: a list, or a condition."),
				"file":      keys.Describe(keys.SchemaOf("string"), "The file that has the names of the assets."),
				"timetable": keys.Describe(map[string]any{"$ref": "#/$defs/schedule"}, "When the DAG runs besides, by time."),
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
				"timezone": keys.SchemaOf("string"),
				"mode":     map[string]any{"enum": []any{"trigger", "interval"}},
			},
		},
	}}
}

// typedScheduleSchema is that of a timedelta, an asset or a class of timetable, each with
// its arguments.
func typedScheduleSchema() map[string]any {
	text, list := keys.SchemaOf("string"), keys.SchemaOf("array")
	duration := map[string]any{"$ref": "#/$defs/duration"}
	off := map[string]any{"enum": []any{false, nil}, "description": "Only false: set start_date and catchup."}
	none := map[string]any{"enum": []any{0, nil}, "description": "Only none: use " + reading.TypeCronInterval + "."}
	classes := []struct {
		name      string
		arguments map[string]any
	}{
		{reading.TypeCron, map[string]any{"cron": text, "timezone": text, "run_immediately": off, "interval": none}},
		{reading.TypeCrons, map[string]any{"timezone": text, "run_immediately": off, "interval": none}},
		{reading.TypeCronInterval, map[string]any{"cron": text, "timezone": text}},
		{reading.TypeDelta, map[string]any{"delta": duration, "interval": none}},
		{reading.TypeDeltaInterval, map[string]any{"delta": duration}},
		{reading.TypeTimedelta, nil},
		{reading.TypeAsset, typedAssetSchema()["properties"].(map[string]any)},
		{reading.TypeDataset, typedAssetSchema()["properties"].(map[string]any)},
	}
	names := make([]any, len(classes))
	rules := make([]any, len(classes))
	for i, c := range classes {
		names[i] = c.name
		arguments := maps.Clone(c.arguments)
		if c.name == reading.TypeTimedelta {
			arguments = maps.Clone(durationSchema(true)["properties"].(map[string]any))
		}
		arguments["__args__"] = list
		rules[i] = map[string]any{
			"if":   map[string]any{"required": []any{"__type__"}, "properties": map[string]any{"__type__": map[string]any{"const": c.name}}},
			"then": map[string]any{"properties": arguments},
		}
	}
	return map[string]any{
		"type": "object", "required": []any{"__type__"},
		"properties": map[string]any{"__type__": map[string]any{"enum": names}},
		"allOf":      rules, "unevaluatedProperties": false,
	}
}

// macroSchema is that of a value in user_defined_macros.
func macroSchema() map[string]any {
	return map[string]any{
		"type":                 []any{"boolean", "number", "object", "array", "null"},
		"additionalProperties": map[string]any{"$ref": "#/$defs/macro"},
	}
}

// mappedKeysSchema is what expand and expand_kwargs of one operator take.
func mappedKeysSchema(own map[string]any) map[string]any {
	over, each := make(map[string]any, len(own)), make(map[string]any, len(own))
	for name := range own {
		over[name] = map[string]any{"$ref": "#/$defs/mappable"}
		each[name] = map[string]any{}
	}
	return map[string]any{
		"expand":        map[string]any{"properties": over, "additionalProperties": false, "minProperties": 1},
		"expand_kwargs": map[string]any{"items": map[string]any{"properties": each, "additionalProperties": false}},
	}
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

// namesSchema is one of the names of all entries, the short ones first. Each has a word
// on what it does, which editors show beside it.
func namesSchema(entries []Entry) map[string]any {
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
	return map[string]any{"type": "string", "enum": keys.Words(all), "enumDescriptions": words}
}
