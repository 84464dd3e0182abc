package connections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ExtraMap returns the extra as Go values, an empty map when it is null or
// empty. Numbers are [json.Number], so that no digit is lost. The error says
// where the text stops being a JSON object and shows nothing of it.
func (c *Connection) ExtraMap() (map[string]any, error) {
	extra := c.GetExtra().Reveal()
	if extra == "" {
		return map[string]any{}, nil
	}
	return decodeExtra(extra)
}

func decodeExtra(text string) (map[string]any, error) {
	var object map[string]any
	if err := decodeJSON([]byte(text), &object); err != nil {
		return nil, fmt.Errorf(`extra: %w; want an object such as {"key": "value"}`, err)
	}
	if object == nil {
		return nil, errors.New(`extra: want an object such as {"key": "value"}, got null`)
	}
	return object, nil
}

// decodeJSON decodes one JSON value and nothing after it. Its errors give a
// place but no text, which may be a secret.
func decodeJSON(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err := dec.Decode(into)
	if err == nil {
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("text after the end of the JSON value, at byte %d", dec.InputOffset())
		}
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("JSON syntax error at byte %d", syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// Value may be "number 123"; only the kind is shown.
		got, _, _ := strings.Cut(kind.Value, " ")
		return fmt.Errorf("not a JSON object but a JSON %s", got)
	}
	return errors.New("the JSON text is empty or ends too early")
}

// pair is one member of form data or of a JSON object.
type pair struct{ key, value string }

func parseQuery(query string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		key, err := unquoteForm(key)
		if err != nil {
			return nil, err
		}
		if value, err = unquoteForm(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, nil
}

// objectOf writes pairs as a JSON object in order; a later pair replaces an
// earlier one of the same key.
func objectOf(pairs []pair) string {
	last := make(map[string]string, len(pairs))
	for _, p := range pairs {
		last[p.key] = p.value
	}
	var members []string
	for _, p := range pairs {
		if value, ok := last[p.key]; ok {
			members = append(members, jsonText(p.key)+":"+jsonText(value))
			delete(last, p.key)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func jsonText(s string) string {
	return string(bytes.TrimSuffix(encodeJSON(s), []byte("\n")))
}

// encodeJSON encodes v followed by a newline, without escaping < > and & as
// json.Marshal does. It is only for values that always encode.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("connections: encode %T: %v", v, err))
	}
	return b.Bytes()
}
