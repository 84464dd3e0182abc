// Package jsonschema checks values against JSON Schemas of draft 2020-12, as Airflow checks params.
//
// Schemas and values are what [Decode] makes of JSON. A reference leads to a place in the same
// schema ("#", "#/$defs/x", "#anchor"); dynamic references are refused. Lists in items, and
// dependencies, mean what they meant in older drafts. Formats are checked; an unknown one, like an
// unknown keyword, says nothing. Patterns are those of package regexp.
package jsonschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Schema is a schema that can be used.
type Schema struct {
	root any
	// anchors are the parts of it that have a name.
	anchors map[string]any
	formats map[string]Format
}

// Format says what is wrong with a text that shall have a format.
type Format func(text string) error

// Decode reads JSON: numbers keep all their digits, as [json.Number].
func Decode(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value")
	}
	return value, nil
}

// New returns a schema. The formats go before those that are known. The error names every mistake
// of the schema with its place.
func New(schema any, formats map[string]Format) (*Schema, error) {
	s := &Schema{root: schema, anchors: map[string]any{}, formats: maps.Clone(knownFormats)}
	maps.Copy(s.formats, formats)
	v := &verifier{schema: s, keywords: keywords()}
	v.schemaAt("", schema)
	v.followAll()
	if len(v.problems) > 0 {
		return nil, errors.New(strings.Join(v.problems, "; "))
	}
	return s, nil
}

// resolve returns what a reference leads to.
func (s *Schema) resolve(ref string) (any, error) {
	name, ok := strings.CutPrefix(ref, "#")
	switch {
	case !ok:
		return nil, fmt.Errorf("$ref %q leads out of the schema: only references that begin with # are followed", ref)
	case name == "":
		return s.root, nil
	case !strings.HasPrefix(name, "/"):
		if to, ok := s.anchors[name]; ok {
			return to, nil
		}
		return nil, fmt.Errorf("$ref %q: nothing has this $anchor", ref)
	}
	at := s.root
	for part := range strings.SplitSeq(name[1:], "/") {
		next, ok := member(at, unescape(part))
		if !ok {
			return nil, fmt.Errorf("$ref %q leads nowhere", ref)
		}
		at = next
	}
	if _, isMap := at.(map[string]any); !isMap && at != true && at != false {
		return nil, fmt.Errorf("$ref %q leads to something that is not a schema", ref)
	}
	return at, nil
}

// unescape reads one part of a JSON pointer in a reference.
func unescape(part string) string {
	if plain, err := unescapePercent(part); err == nil {
		part = plain
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
}

// member is the part of a value with a name or an index.
func member(of any, name string) (any, bool) {
	switch of := of.(type) {
	case map[string]any:
		v, ok := of[name]
		return v, ok
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(of) {
			return nil, false
		}
		return of[i], true
	default:
		return nil, false
	}
}

// typeOf is the name that a schema has for the type of a value. A whole number is a number too.
func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case json.Number:
		if number(v).IsInt() {
			return "integer"
		}
		return "number"
	default:
		return fmt.Sprintf("%T", v)
	}
}

// farExponent is where numbers end: what is beyond is taken for it, because the exact value of a
// number with a long exponent fills the memory.
const farExponent = 1000

// number is the exact value of a number.
func number(n json.Number) *big.Rat {
	text := string(n)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		e, err := strconv.Atoi(text[i+1:])
		switch {
		case err != nil && strings.Contains(text[i:], "-"):
			e = -farExponent
		case err != nil:
			e = farExponent
		}
		text = text[:i+1] + strconv.Itoa(max(-farExponent, min(e, farExponent)))
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// equal compares as JSON Schema does: numbers by value, objects in any order.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && number(a).Cmp(number(b)) == 0
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case nil, bool, string:
		return a == b
	default:
		return false
	}
}

// shown is a value for people: as JSON, cut when it is long.
func shown(v any) string {
	const longest = 80
	text := fmt.Sprint(v)
	if b, err := json.Marshal(v); err == nil {
		text = string(b)
	}
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return text
}
