package dag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Map is a mapping with the order of its keys, like a dict of Python: templates loop
// over it. A nil Map reads as an empty one. Values are nil, bool, int64, float64,
// string, []any and *Map.
type Map struct {
	keys   []string
	values map[string]any
}

// Len is the number of keys.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Get returns the value of a key.
func (m *Map) Get(key string) (value any, found bool) {
	if m == nil {
		return nil, false
	}
	value, found = m.values[key]
	return value, found
}

// Set gives a key a value. A new key comes last, another one stays where it is.
func (m *Map) Set(key string, value any) {
	if m.values == nil {
		m.values = map[string]any{}
	}
	if _, found := m.values[key]; !found {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// All yields the keys with their values, in order.
func (m *Map) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		if m == nil {
			return
		}
		for _, key := range m.keys {
			if !yield(key, m.values[key]) {
				return
			}
		}
	}
}

// Clone returns a copy whose keys can be changed on their own; never nil.
func (m *Map) Clone() *Map {
	if m == nil {
		return &Map{}
	}
	return &Map{slices.Clone(m.keys), maps.Clone(m.values)}
}

// MarshalJSON writes an object with the keys in order, and whole floats with a point, so
// that they stay floats.
func (m *Map) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	if err := writeJSON(&b, m); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case *Map:
		return writeObject(b, v)
	case []any:
		return writeList(b, v)
	case float64:
		b.WriteString(yamlvalue.FloatText(v))
		return nil
	default:
		text, err := json.Marshal(v)
		b.Write(text)
		return err
	}
}

func writeObject(b *bytes.Buffer, m *Map) error {
	b.WriteByte('{')
	separator := ""
	for key, value := range m.All() {
		b.WriteString(separator)
		separator = ","
		if err := writeJSON(b, key); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeJSON(b, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	b.WriteByte('}')
	return nil
}

func writeList(b *bytes.Buffer, list []any) error {
	b.WriteByte('[')
	for i, item := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(b, item); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}
