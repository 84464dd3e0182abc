package keys

import (
	"slices"
	"strings"
)

// Description describes one key, for documentation.
type Description struct {
	Name string `json:"name"`
	// Type says for people what a value is, for instance "duration" or "text or list of texts".
	Type string `json:"type"`
	// Enum are the words that may stand there, nil when there is no such list.
	Enum []string `json:"enum,omitempty"`
	// Default is the default as a file would have it, nil for none.
	Default any `json:"default"`
	// InDefaultArgs says that default_args may hold it for many tasks.
	InDefaultArgs bool   `json:"in_default_args"`
	Doc           string `json:"doc"`
}

// OfDAGs describes the keys of a DAG.
func OfDAGs() []Description { return docs(DAGs, false) }

// OfGroups describes the keys of a task group.
func OfGroups() []Description { return docs(Groups, false) }

// OfTasks describes the keys of every task.
func OfTasks() []Description { return slices.Concat(docs(Tasks, false), docs(Common, true)) }

// OfSensors describes the further keys of every sensor.
func OfSensors() []Description { return docs(Sensors, true) }

func docs[T any](t Table[T], inDefaultArgs bool) []Description {
	list := make([]Description, len(t.keys))
	for i, k := range t.keys {
		words, enum := typeWords(k.schema)
		list[i] = Description{Name: k.name, Type: words, Enum: enum, Default: k.def, InDefaultArgs: inDefaultArgs, Doc: k.doc}
	}
	return list
}

// refWords are the parts of the schema that have a name.
var refWords = map[string]string{
	"duration": "duration", "positiveDuration": "duration", "date": "date", "schedule": "schedule", "tasks": "tasks",
	"taskGroups": "task groups", "defaultArgs": "mapping", "dependencies": "text or list of texts", "callback": "notifiers",
	"assets": "assets", "operatorName": "operator", "deadline": "deadline", "mappable": "list, mapping or result", "macro": "value",
}

var typeNames = map[string]string{
	"boolean": "boolean", "integer": "whole number", "number": "number", "string": "text", "object": "mapping", "array": "list",
}

// typeWords says what a schema takes, null aside, and which words if these are listed.
func typeWords(schema map[string]any) (words string, enum []string) {
	listed, _ := schema["enum"].([]any)
	for _, v := range listed {
		if word, ok := v.(string); ok {
			enum = append(enum, word)
		}
	}
	return typeName(schema), enum
}

// typeName is the word for what a schema takes, null aside.
func typeName(schema map[string]any) string {
	switch {
	case refOf(schema) != "":
		return refOf(schema)
	case schema["enum"] != nil:
		return "text"
	case schema["const"] == false:
		return "false"
	}
	var names []string
	for _, one := range alternatives(schema) {
		names = append(names, typeName(one))
	}
	for _, name := range types(schema) {
		names = append(names, namedType(name, schema))
	}
	if len(names) == 0 {
		return "any"
	}
	var once []string
	for _, name := range names {
		if name != "" && !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return strings.Join(once, " or ")
}

// alternatives are those of anyOf, null aside.
func alternatives(schema map[string]any) (list []map[string]any) {
	all, _ := schema["anyOf"].([]any)
	for _, one := range all {
		if s, ok := one.(map[string]any); ok && s["type"] != "null" {
			list = append(list, s)
		}
	}
	return list
}

// types are the names under type: one, or a list of them.
func types(schema map[string]any) (names []string) {
	list, isList := schema["type"].([]any)
	if !isList {
		list = []any{schema["type"]}
	}
	for _, one := range list {
		if name, ok := one.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// namedType is the word for one type. A list of texts says so.
func namedType(name string, schema map[string]any) string {
	items, _ := schema["items"].(map[string]any)
	if name == "array" && items["type"] == "string" {
		return "list of texts"
	}
	if of := refOf(items); name == "array" && of != "" {
		return "list of " + of + "s"
	}
	return typeNames[name]
}

// refOf is the word for the part of the schema that another one refers to, "" for none.
func refOf(items map[string]any) string {
	ref, _ := items["$ref"].(string)
	return refWords[ref[strings.LastIndexByte(ref, '/')+1:]]
}
