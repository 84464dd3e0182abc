// Package variable makes the value of a parameter from the text of a variable.
package variable

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/yamlvalue"
)

// schemaTypes says which JSON types a schema allows. text is set when any text is fine.
type schemaTypes struct {
	text, limitedText, boolean, whole, number, list, mapping, free bool
}

func typesOf(schema map[string]any) schemaTypes {
	return schemaTypes{}.with(schema)
}

// with adds what another schema allows.
func (t schemaTypes) with(schema map[string]any) schemaTypes {
	alternatives, isChoice := schema["anyOf"].([]any)
	for _, one := range alternatives {
		if s, ok := one.(map[string]any); ok {
			t = t.with(s)
		}
	}
	_, limited := schema["pattern"]
	_, enum := schema["enum"]
	switch ref, _ := schema["$ref"].(string); {
	case ref == "#/$defs/duration", ref == "#/$defs/positiveDuration":
		t.number, t.limitedText = true, true
		return t
	case ref != "":
		t.text = true
		return t
	}
	var names []any
	switch typ := schema["type"].(type) {
	case string:
		names = []any{typ}
	case []any:
		names = typ
	case nil:
		t.text = t.text || enum
		t.free = t.free || !enum && !isChoice
	}
	for _, name := range names {
		switch name {
		case "string":
			t.text, t.limitedText = t.text || !limited, t.limitedText || limited
		case "boolean":
			t.boolean = true
		case "integer":
			t.whole = true
		case "number":
			t.number = true
		case "array":
			t.list = true
		case "object":
			t.mapping = true
		}
	}
	return t
}

// Node makes the value of a parameter from the text of a variable: a number or
// a boolean where only those fit, a list or mapping from JSON where the parameter takes
// one, else the text. Errors never show the text.
func Node(text string, schema map[string]any) (*yaml.Node, error) {
	t := typesOf(schema)
	if n, err := t.fromJSON(text); n != nil || err != nil {
		return n, err
	}
	if n := t.fromScalar(strings.TrimSpace(text)); n != nil {
		return n, nil
	}
	if !t.takesText() {
		return nil, fmt.Errorf("want %s", t.wanted())
	}
	return yamlvalue.NewScalar(yamlvalue.Text, text, nil), nil
}

// takesText reports whether some text fits.
func (t schemaTypes) takesText() bool { return t.text || t.limitedText || t.free }

// fromJSON returns the list or mapping of a text, nil when something else may fit.
func (t schemaTypes) fromJSON(text string) (*yaml.Node, error) {
	if !t.list && !t.mapping {
		return nil, nil
	}
	v, err := jsonValue(text)
	_, isList := v.([]any)
	_, isMapping := v.(*dag.Map)
	switch {
	case isList && t.list, isMapping && t.mapping:
		return canonical.Node(v), nil
	case t.takesText():
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("want JSON: %w", err)
	default:
		return nil, fmt.Errorf("want JSON of %s", t.wanted())
	}
}

// fromScalar returns the number or boolean of a text, nil where there is none, or any text
// fits.
func (t schemaTypes) fromScalar(text string) *yaml.Node {
	k := yamlvalue.PlainKind(text)
	fits := k == yamlvalue.Int && (t.whole || t.number) || k == yamlvalue.Float && t.number || k == yamlvalue.Bool && t.boolean
	if !fits || t.text || t.free {
		return nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: k.Tag(), Value: text}
}

func (t schemaTypes) wanted() string {
	var words []string
	for _, w := range []struct {
		allowed bool
		kind    yamlvalue.Kind
	}{{t.boolean, yamlvalue.Bool}, {t.whole, yamlvalue.Int}, {t.number, yamlvalue.Float}, {t.list, yamlvalue.List}, {t.mapping, yamlvalue.Map}} {
		if w.allowed {
			words = append(words, string(w.kind))
		}
	}
	return strings.Join(words, " or ")
}
