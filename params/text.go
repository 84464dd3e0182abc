package params

import (
	"errors"
	"io"
	"slices"

	"github.com/dingdag/dingdag/yamlvalue"
)

// FromText is the value that somebody means who writes it without quotes for a param with a JSON schema, which may be nil:
// text as it is where the schema takes text and not what YAML would make of it, else as in YAML 1.1 with the dates as text.
// Nothing at all is an empty text.
func FromText(schema map[string]any, text string) (any, error) {
	if text == "" || wantsText(schema, text) {
		return text, nil
	}
	explain := func(err error) error {
		_, why := yamlvalue.Explain([]byte(text), err)
		return errors.New(why)
	}
	n, err := yamlvalue.Decode([]byte(text))
	if errors.Is(err, io.EOF) {
		return text, nil // a comment
	}
	if err != nil {
		return nil, explain(err)
	}
	yamlvalue.ResolveScalars(n)
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, explain(err)
	}
	return v, nil
}

// wantsText reports whether a schema takes text, and nothing that YAML would make of a value without quotes.
func wantsText(schema map[string]any, value string) bool {
	var types []string
	switch t := schema["type"].(type) {
	case string:
		types = []string{t}
	case []any:
		for _, x := range t {
			if s, ok := x.(string); ok {
				types = append(types, s)
			}
		}
	}
	others := map[yamlvalue.Kind][]string{
		yamlvalue.Null: {"null"}, yamlvalue.Bool: {"boolean"}, yamlvalue.Int: {"integer", "number"}, yamlvalue.Float: {"number"},
	}[yamlvalue.PlainKind(value)]
	switch value[0] {
	case '[':
		others = []string{"array"}
	case '{':
		others = []string{"object"}
	}
	return slices.Contains(types, "string") && !slices.ContainsFunc(others, func(o string) bool { return slices.Contains(types, o) })
}
