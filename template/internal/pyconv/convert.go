// Package pyconv turns values into other forms and back: Go values, JSON, literals of Python and what
// pprint shows.
package pyconv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// FromJSON decodes one JSON document as Python's json does. Objects keep their order,
// whole numbers are exact and others are floats.
func FromJSON(data []byte) (any, error) { return fromJSON(data, fromNumber) }

// FromStore decodes the JSON of an XCom: every number keeps its digits, those of a NUMERIC
// column too.
func FromStore(data []byte) (any, error) { return fromJSON(data, fromDecimal) }

func fromJSON(data []byte, number func(json.Number) (any, error)) (any, error) {
	dec := jsonDecoder{json.NewDecoder(bytes.NewReader(data)), number}
	dec.UseNumber()
	v, err := dec.value(0)
	if err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode JSON: text after the value")
	}
	return v, nil
}

// jsonDecoder decodes values; number makes those of numbers.
type jsonDecoder struct {
	*json.Decoder
	number func(json.Number) (any, error)
}

func (dec jsonDecoder) value(depth int) (any, error) {
	if depth > pyval.MaxDepth {
		return nil, fmt.Errorf("more than %d levels deep: %w", pyval.MaxDepth, pyval.ErrLimit)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		return dec.number(tok)
	case json.Delim:
		if tok == '[' {
			return dec.array(depth)
		}
		return dec.object(depth)
	}
	return tok, nil // nil, bool or string
}

func (dec jsonDecoder) array(depth int) (any, error) {
	list := pyval.NewList()
	for dec.More() {
		v, err := dec.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, v)
	}
	_, err := dec.Token()
	return list, err
}

func (dec jsonDecoder) object(depth int) (any, error) {
	d := pyval.NewDict()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := dec.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := d.Set(key, v); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return d, err
}

func fromNumber(n json.Number) (any, error) {
	if !strings.ContainsAny(n.String(), ".eE") {
		i, ok := pynum.ParseInt(n.String(), 10)
		if !ok {
			return nil, fmt.Errorf("number %.20q...: %w", n, pyval.ErrLimit)
		}
		return i, nil
	}
	f, err := n.Float64()
	if err != nil && !math.IsInf(f, 0) { // out of range is inf, as in Python
		return nil, err
	}
	return f, nil
}

// fromDecimal keeps the digits of a number.
func fromDecimal(n json.Number) (any, error) {
	if d, ok := pyval.ParseDecimal(n.String()); ok && strings.ContainsAny(n.String(), ".eE") {
		return d, nil
	}
	return fromNumber(n)
}

// FromGo turns a Go value into a value. Go maps come out sorted by key; a
// [json.RawMessage] keeps its order. Types it does not know go through JSON.
func FromGo(v any) (any, error) { return fromGo(v, 0) }

func fromGo(v any, depth int) (any, error) {
	if depth > pyval.MaxDepth {
		return nil, fmt.Errorf("a value more than %d levels deep: %w", pyval.MaxDepth, pyval.ErrLimit)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *pyval.List, pyval.Tuple, *pyval.Dict, pyval.Range, pyval.Undefined, pyval.Object:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		return pynum.Int(new(big.Int).SetUint64(v)), nil
	case *big.Int:
		return pynum.Int(v), nil
	case json.Number:
		return fromDecimal(v)
	case json.RawMessage:
		if len(v) == 0 {
			return nil, nil
		}
		return FromJSON(v)
	case time.Time:
		return pytime.NewDateTime(v), nil
	case *time.Time:
		if v == nil {
			return nil, nil
		}
		return pytime.NewDateTime(*v), nil
	case time.Duration:
		return pytime.NewDelta(v), nil
	case []string:
		return pyval.Texts(v), nil
	case []any:
		list := pyval.NewList()
		for _, it := range v {
			c, err := fromGo(it, depth+1)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, c)
		}
		return list, nil
	case interface{ All() iter.Seq2[string, any] }:
		d := pyval.NewDict()
		for k, item := range v.All() {
			c, err := fromGo(item, depth+1)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			d.SetText(k, c)
		}
		return d, nil
	case map[string]any:
		d := pyval.NewDict()
		for _, k := range slices.Sorted(maps.Keys(v)) {
			c, err := fromGo(v[k], depth+1)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			d.SetText(k, c)
		}
		return d, nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("a template cannot see a %T: %w", v, err)
	}
	return FromJSON(data)
}

// ToGo turns a value into plain Go: nil, bool, int64, *big.Int, float64, string,
// []any, map[string]any, [time.Time], [time.Duration] and, for decimals, [json.Number]. Other objects become
// their text.
func ToGo(b *pyval.Budget, v any) (any, error) { return toGo(b, v, 0) }

func toGo(b *pyval.Budget, v any, depth int) (any, error) {
	if err := b.Step(depth); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *pyval.List:
		return toGoItems(b, v.Items, depth)
	case pyval.Tuple:
		return toGoItems(b, v, depth)
	case pyval.Range:
		return toGoItems(b, v.Items(), depth)
	case pyval.View:
		return toGoItems(b, v.Items, depth)
	case pyval.NamedTuple:
		return toGoItems(b, v.Tuple, depth)
	case *pyval.Generator:
		return nil, v.NoText()
	case *pyval.Dict:
		m := make(map[string]any, v.Len())
		for i, k := range v.Keys() {
			key, err := pyval.Str(b, k)
			if err != nil {
				return nil, err
			}
			if m[key], err = toGo(b, v.Values()[i], depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case pytime.DateTime:
		return v.Time(), nil
	case pytime.Delta:
		return v.Duration(), nil
	case pytime.Interval:
		return v.Duration(), nil
	case pyval.Decimal:
		return json.Number(v.Str()), nil
	case pyval.Object:
		return pyval.Str(b, v)
	case pyval.Undefined: // an if without else
		return nil, nil
	}
	return v, nil
}

func toGoItems(b *pyval.Budget, items []any, depth int) (any, error) {
	out := make([]any, len(items))
	for i, it := range items {
		c, err := toGo(b, it, depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}
