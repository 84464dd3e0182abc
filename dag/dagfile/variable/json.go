package variable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
)

// jsonValue reads JSON: objects as *Map, numbers as int64 or float64. Its errors tell the
// place in the text and not what stands there.
func jsonValue(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := readJSON(d, document.MaxDepth)
	var bad *numberError
	switch {
	case errors.As(err, &bad):
		return nil, fmt.Errorf("the number before byte %d does not fit 64 bits", d.InputOffset()+1)
	case errors.Is(err, errTooDeep):
		return nil, err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it ends too early")
	case err != nil:
		return nil, fmt.Errorf("a mistake at byte %d", d.InputOffset()+1)
	}
	if rest := strings.TrimSpace(text[d.InputOffset():]); rest != "" {
		return nil, fmt.Errorf("more after its end at byte %d", d.InputOffset()+1)
	}
	return v, nil
}

var errTooDeep = fmt.Errorf("it is nested more than %d levels deep", document.MaxDepth)

// numberError says that a number is none of 64 bits.
type numberError struct{ err error }

func (e *numberError) Error() string { return e.err.Error() }
func (e *numberError) Unwrap() error { return e.err }

// readJSON reads one value.
func readJSON(d *json.Decoder, levels int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if levels == 0 {
		return nil, errTooDeep
	}
	switch token := token.(type) {
	case json.Number:
		return jsonNumber(token)
	case json.Delim:
		if token == '[' {
			return readJSONList(d, levels)
		}
		return readJSONObject(d, levels)
	default:
		return token, nil // null, a boolean or text
	}
}

func readJSONList(d *json.Decoder, levels int) (any, error) {
	list := []any{}
	for d.More() {
		item, err := readJSON(d, levels-1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := d.Token()
	return list, err
}

func readJSONObject(d *json.Decoder, levels int) (any, error) {
	m := &dag.Map{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := readJSON(d, levels-1)
		if err != nil {
			return nil, err
		}
		m.Set(key.(string), value) //nolint:forcetypeassert // the decoder gives no other keys
	}
	_, err := d.Token()
	return m, err
}

// jsonNumber returns an int64 for a whole number, else a float64.
func jsonNumber(n json.Number) (any, error) {
	if strings.ContainsAny(n.String(), ".eE") {
		f, err := n.Float64()
		if err != nil {
			return nil, &numberError{err}
		}
		return f, nil
	}
	i, err := n.Int64()
	if err != nil {
		return nil, &numberError{err}
	}
	return i, nil
}
