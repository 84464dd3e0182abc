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

// FromJSON decodes one JSON document. Objects keep their order and numbers are exact.
func FromJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := decodeJSON(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode JSON: text after the value")
	}
	return v, nil
}

func decodeJSON(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d levels deep: %w", maxDepth, ErrLimit)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		return fromNumber(tok)
	case json.Delim:
		if tok == '[' {
			return decodeArray(dec, depth)
		}
		return decodeObject(dec, depth)
	}
	return tok, nil // nil, bool or string
}

func decodeArray(dec *json.Decoder, depth int) (any, error) {
	list := NewList()
	for dec.More() {
		v, err := decodeJSON(dec, depth+1)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, v)
	}
	_, err := dec.Token()
	return list, err
}

func decodeObject(dec *json.Decoder, depth int) (any, error) {
	d := NewDict()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeJSON(dec, depth+1)
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
		return fromNumber(v)
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
// []any, map[string]any, [time.Time] and [time.Duration]. Other objects become
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
