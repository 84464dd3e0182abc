package sqlcopy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// value makes the one form of a value that was read: nil, int64, string, bool or []byte. It counts the texts in which something had to be
// replaced.
func (c *column) value(v any, replaced *int64) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case int64:
		switch c.kind {
		case integer, moment:
			return v, nil
		case truth:
			if v == 0 || v == 1 {
				return v == 1, nil
			}
		default: // not of a number
		}
	case bool:
		if c.kind == truth {
			return v, nil
		}
	case string:
		return c.ofText(v, replaced)
	case []byte:
		if c.kind == bytes {
			return v, nil
		}
		return c.ofText(string(v), replaced)
	}
	return nil, fmt.Errorf("column %s has the value %v, which does not fit it", c.name, v)
}

func (c *column) ofText(v string, replaced *int64) (any, error) {
	switch c.kind {
	case text:
		clean := sqlrow.Clean(v)
		if clean != v {
			*replaced++
		}
		return clean, nil
	case bytes:
		return []byte(v), nil
	case jsonText:
		return canonical(v, replaced)
	case moment:
		return micros(v)
	default:
		return nil, fmt.Errorf("column %s has the text %.40q where a number is expected", c.name, v)
	}
}

// canonical writes JSON in one way, with the keys of objects in order.
func canonical(s string, replaced *int64) (any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read JSON: something follows the value")
	}
	if list, ok := v.([]any); v == nil || ok && len(list) == 0 {
		return nil, nil
	}
	out, err := json.Marshal(storable(v, replaced))
	return string(out), err
}

// storable is a value of JSON whose texts PostgreSQL takes.
func storable(v any, replaced *int64) any {
	switch v := v.(type) {
	case string:
		clean := sqlrow.Clean(v)
		if clean != v {
			*replaced++
		}
		return clean
	case []any:
		for i := range v {
			v[i] = storable(v[i], replaced)
		}
	case map[string]any:
		for key, value := range v {
			v[key] = storable(value, replaced)
		}
	}
	return v
}

// micros is a time of SQLite in microseconds since 1970.
func micros(s string) (any, error) {
	for _, layout := range []string{"2006-01-02 15:04:05", time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700 MST"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return nil, fmt.Errorf("%q is no time", s)
}

// Sum is the number of the rows of a table, and a checksum over them in any order.
type Sum struct {
	Rows  int64
	lanes [4]uint64
}

// Checksum is 32 hexadecimal digits.
func (s Sum) Checksum() string {
	return fmt.Sprintf("%016x%016x", s.lanes[0]^s.lanes[2], s.lanes[1]^s.lanes[3])
}

// plus is the sum with a row of values of one form: the hashes of all rows are added up, so that a row twice is not a row never.
func (s Sum) plus(row []any) Sum {
	h := sha256.New()
	number := func(tag byte, n int64) {
		var b [9]byte
		b[0] = tag
		binary.BigEndian.PutUint64(b[1:], uint64(n)) //nolint:gosec // bits
		_, _ = h.Write(b[:])
	}
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			number('0', 0)
		case int64:
			number('i', v)
		case bool:
			n := int64(0)
			if v {
				n = 1
			}
			number('b', n)
		case string:
			number('t', int64(len(v)))
			_, _ = io.WriteString(h, v)
		case []byte:
			number('x', int64(len(v)))
			_, _ = h.Write(v)
		}
	}
	sum := h.Sum(nil)
	for i := range s.lanes {
		s.lanes[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
	s.Rows++
	return s
}

// key is a place in a table, as the progress keeps it: texts may hold what JSON cannot.
type key []any

type keyPart struct {
	Number *int64 `json:"n,omitempty"`
	Text   []byte `json:"t,omitempty"`
}

func (k key) encode() (string, error) {
	parts := make([]keyPart, len(k))
	for i, v := range k {
		switch v := v.(type) {
		case int64:
			parts[i].Number = &v
		case string:
			parts[i].Text = []byte(v)
		default:
			return "", fmt.Errorf("a key has the value %v", v)
		}
	}
	out, err := json.Marshal(parts)
	return string(out), err
}

func decodeKey(s string) (key, error) {
	if s == "" {
		return nil, nil
	}
	var parts []keyPart
	if err := json.Unmarshal([]byte(s), &parts); err != nil {
		return nil, fmt.Errorf("read how far the copy is: %w", err)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	k := make(key, len(parts))
	for i, p := range parts {
		k[i] = string(p.Text)
		if p.Number != nil {
			k[i] = *p.Number
		}
	}
	return k, nil
}
