package overview

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/phrase"
)

// Param is a param of a DAG, as a form asks for it.
type Param struct {
	Name string
	// Title and Description are those of its schema; Title is the name without one.
	Title, Description string
	// Type is the one of the schema: string, integer, number, boolean, array, object; or json where any value may be.
	Type string
	// Format is date, date-time, time, email or another one of the schema; Multiline asks for a large field.
	Format    string
	Multiline bool
	// Options are the values to choose from, as they are filled in.
	Options []string
	// Default is the default as it is filled in: a text as it is, anything else as JSON. HasDefault says that there is
	// one, Required that a value is needed, Null that null is allowed.
	Default                    string
	HasDefault, Required, Null bool
	// Min and Max bound a number, MinLength and MaxLength a text, Pattern is what it must match; empty where nothing does.
	Min, Max, MinLength, MaxLength, Pattern string
}

// Params are those of a DAG as its file says now, in its order.
func (o *Overview) Params(dagID string) ([]Param, error) {
	d, err := o.o.Folder.DAG(dagID)
	if err != nil {
		return nil, err
	}
	var names []string
	defaults := map[string]any{}
	if d.Params != nil {
		raw, err := json.Marshal(d.Params)
		if err != nil {
			return nil, fmt.Errorf("params of %s: %w", dagID, err)
		}
		if err := json.Unmarshal(raw, &defaults); err != nil {
			return nil, fmt.Errorf("params of %s: %w", dagID, err)
		}
		if names, err = keysOf(raw); err != nil {
			return nil, fmt.Errorf("params of %s: %w", dagID, err)
		}
	}
	var more []string
	for name := range d.ParamSchemas {
		if !slices.Contains(names, name) {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	out := []Param{}
	for _, name := range append(names, more...) {
		value, has := defaults[name]
		out = append(out, paramOf(name, d.ParamSchemas[name], value, has))
	}
	return out, nil
}

// keysOf are the keys of a JSON object in its order.
func keysOf(raw []byte) (keys []string, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, errors.New("a key is no text")
		}
		keys = append(keys, key)
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func paramOf(name string, schema map[string]any, value any, has bool) Param {
	p := Param{Name: name, Title: name, Type: "json", HasDefault: has, Required: !has}
	text := func(key string) string {
		switch v := schema[key].(type) {
		case nil:
			return ""
		case string:
			return v
		default:
			return encoded(v)
		}
	}
	if t := text("title"); t != "" {
		p.Title = t
	}
	p.Description, p.Format, p.Pattern = text("description"), text("format"), text("pattern")
	p.Min, p.Max, p.MinLength, p.MaxLength = text("minimum"), text("maximum"), text("minLength"), text("maxLength")
	p.Multiline = p.Format == "multiline"
	switch t := schema["type"].(type) {
	case string:
		p.Type = t
	case []any:
		var kinds []string
		for _, k := range t {
			if k == "null" {
				p.Null = true
			} else if s, ok := k.(string); ok {
				kinds = append(kinds, s)
			}
		}
		if len(kinds) == 1 {
			p.Type = kinds[0]
		}
	default:
		p.Type = kindOf(value, has)
	}
	if all, ok := schema["enum"].([]any); ok {
		for _, v := range all {
			p.Options = append(p.Options, p.fill(v))
		}
	}
	if has && value != nil {
		p.Default = p.fill(value)
	}
	p.Null = p.Null || has && value == nil
	if p.Null {
		p.Required = false
	}
	return p
}

// kindOf is the kind of field for a param without a schema, by its default.
func kindOf(value any, has bool) string {
	if !has {
		return "json"
	}
	switch value.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	default:
		return "json" // any other value may be given for it
	}
}

// fill is a value as it is filled in.
func (p *Param) fill(v any) string {
	if s, ok := v.(string); ok && p.Type == "string" {
		return s
	}
	return encoded(v)
}

func encoded(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// Conf is the conf of a run by what was filled in for each param. Those that have their default are left out. A mistake is
// an [*api.FieldError].
func Conf(params []Param, filled map[string]string) (json.RawMessage, error) {
	conf := &bytes.Buffer{}
	n := 0
	for _, p := range params {
		text, ok := filled[p.Name]
		if !ok || p.HasDefault && text == p.Default {
			continue
		}
		value, err := p.value(text)
		if err != nil {
			return nil, &api.FieldError{Field: p.Name, Err: err}
		}
		if n++; n > 1 {
			conf.WriteByte(',')
		}
		conf.WriteString(encoded(p.Name))
		conf.WriteByte(':')
		conf.Write(value)
	}
	if n == 0 {
		return nil, nil
	}
	return json.RawMessage("{" + conf.String() + "}"), nil
}

// value is the JSON of what was filled in.
func (p *Param) value(text string) (json.RawMessage, error) {
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "" && p.Null:
		return json.RawMessage("null"), nil
	case p.Type == "string":
		return json.RawMessage(encoded(text)), nil
	case trimmed == "" && p.Required:
		return nil, phrase.Err("param.fill")
	case !json.Valid([]byte(trimmed)):
		return nil, phrase.Err("param.json", text)
	default:
		return json.RawMessage(trimmed), nil
	}
}
