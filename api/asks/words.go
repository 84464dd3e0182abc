package asks

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Word is a word of an answer: an option, or key=value for a param.
type Word struct {
	Text string
	// Quoted says that the value stood in quotes, which are not part of Text: it is text, whatever it looks like.
	Quoted bool
}

// Words are words without quotes of their own, as a shell passes them on.
func Words(texts []string) []Word {
	words := make([]Word, len(texts))
	for i, text := range texts {
		words[i].Text = text
	}
	return words
}

// Read reads the words of an answer. Values that were not quoted are YAML unless the param wants text. A mistake is a
// [*api.FieldError].
func (a *Ask) Read(words ...Word) (chosen []string, input json.RawMessage, err error) {
	values := map[string]json.RawMessage{}
	for _, w := range words {
		name, text, isParam := strings.Cut(w.Text, "=")
		if !isParam || slices.Contains(a.Options, w.Text) {
			chosen = append(chosen, w.Text)
			continue
		}
		name = strings.TrimSpace(name)
		if _, twice := values[name]; twice {
			return nil, nil, &api.FieldError{Field: "params_input", Err: phrase.Err("param.twice", name)}
		}
		if w.Quoted {
			if values[name], err = encode(text); err != nil {
				return nil, nil, err
			}
			continue
		}
		i := slices.IndexFunc(a.Params, func(p store.AskParam) bool { return p.Name == name })
		var p store.AskParam // an unknown one is refused with the answer
		if i >= 0 {
			p = a.Params[i]
		}
		if values[name], err = readValue(p, text); err != nil {
			return nil, nil, &api.FieldError{Field: "params_input", Err: phrase.Err("param.is", name, err)}
		}
	}
	if len(values) == 0 {
		return chosen, nil, nil
	}
	input, err = encode(values)
	return chosen, input, err
}

// Default is the default of a param as people read it, empty for none.
func Default(p store.AskParam) string {
	var text string
	if json.Unmarshal(p.Value, &text) == nil {
		return text
	}
	return string(p.Value)
}

// Fill reads the fields of a form for the params, by their names; those that are not there, empty, or as [Default] says
// have their defaults. A mistake is a [*api.FieldError].
func (a *Ask) Fill(form map[string]string) (input json.RawMessage, err error) {
	values := map[string]json.RawMessage{}
	for _, p := range a.Params {
		text := form[p.Name]
		if text == "" || text == Default(p) {
			continue
		}
		if values[p.Name], err = readValue(p, text); err != nil {
			return nil, &api.FieldError{Field: "params_input", Err: phrase.Err("param.is", p.Name, err)}
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	return encode(values)
}

// readValue reads the value of a param as people write it.
func readValue(p store.AskParam, text string) (json.RawMessage, error) {
	var schema map[string]any
	if p.Schema != nil {
		if err := json.Unmarshal(p.Schema, &schema); err != nil {
			return nil, phrase.Err("param.schema", err)
		}
	}
	v, err := params.FromText(schema, text)
	if err != nil {
		return nil, phrase.Err("param.no_value", text, err)
	}
	if b, err := encode(v); err == nil {
		return b, nil
	}
	return encode(text) // a mapping with keys that JSON does not have, for instance
}

// encode encodes a value, with the texts in it as they are.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
