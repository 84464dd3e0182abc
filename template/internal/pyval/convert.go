package pyval

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
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d levels deep: %w", maxDepth, ErrLimit)
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
	list := NewList()
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
	d := NewDict()
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
		i, ok := ParseInt(n.String(), 10)
		if !ok {
			return nil, fmt.Errorf("number %.20q...: %w", n, ErrLimit)
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
	if d, ok := ParseDecimal(n.String()); ok && strings.ContainsAny(n.String(), ".eE") {
		return d, nil
	}
	return fromNumber(n)
}

// FromGo turns a Go value into a value. Go maps come out sorted by key; a
// [json.RawMessage] keeps its order. Types it does not know go through JSON.
func FromGo(v any) (any, error) { return fromGo(v, 0) }

func fromGo(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a value more than %d levels deep: %w", maxDepth, ErrLimit)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *List, Tuple, *Dict, Range, Undefined, Object:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		return Int(new(big.Int).SetUint64(v)), nil
	case *big.Int:
		return Int(v), nil
	case json.Number:
		return fromDecimal(v)
	case json.RawMessage:
		if len(v) == 0 {
			return nil, nil
		}
		return FromJSON(v)
	case time.Time:
		return NewDateTime(v), nil
	case *time.Time:
		if v == nil {
			return nil, nil
		}
		return NewDateTime(*v), nil
	case time.Duration:
		return NewDelta(v), nil
	case []string:
		return texts(v), nil
	case []any:
		list := NewList()
		for _, it := range v {
			c, err := fromGo(it, depth+1)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, c)
		}
		return list, nil
	case interface{ All() iter.Seq2[string, any] }:
		d := NewDict()
		for k, item := range v.All() {
			c, err := fromGo(item, depth+1)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			d.SetText(k, c)
		}
		return d, nil
	case map[string]any:
		d := NewDict()
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
func ToGo(b *Budget, v any) (any, error) { return toGo(b, v, 0) }

func toGo(b *Budget, v any, depth int) (any, error) {
	if err := b.step(depth); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *List:
		return toGoItems(b, v.Items, depth)
	case Tuple:
		return toGoItems(b, v, depth)
	case Range:
		return toGoItems(b, v.Items(), depth)
	case View:
		return toGoItems(b, v.Items, depth)
	case NamedTuple:
		return toGoItems(b, v.Tuple, depth)
	case *Generator:
		return nil, v.noText()
	case *Dict:
		m := make(map[string]any, v.Len())
		for i, k := range v.keys {
			key, err := Str(b, k)
			if err != nil {
				return nil, err
			}
			if m[key], err = toGo(b, v.vals[i], depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case DateTime:
		return v.t, nil
	case Delta:
		return v.d, nil
	case Interval:
		return v.d, nil
	case Decimal:
		return json.Number(v.Str()), nil
	case Object:
		return Str(b, v)
	case Undefined: // an if without else
		return nil, nil
	}
	return v, nil
}

func toGoItems(b *Budget, items []any, depth int) (any, error) {
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
