package phrase

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// kept is a text as the store keeps it.
type kept struct {
	Code Code              `json:"code"`
	Args []json.RawMessage `json:"args,omitempty"`
}

// moment and period are arguments as the store keeps them; strings, numbers and texts are themselves.
type (
	moment struct {
		UnixMilli int64 `json:"at"`
	}
	period struct {
		Nanoseconds int64 `json:"ns"`
	}
)

// MarshalJSON writes the code with its arguments, so that it can be put into words later: {"code": …, "args": […]}, and null
// for nothing.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	k := kept{Code: t.code}
	for _, a := range t.args {
		switch v := a.(type) {
		case time.Time:
			a = moment{v.UnixMilli()}
		case time.Duration:
			a = period{int64(v)}
		}
		raw, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		k.Args = append(k.Args, raw)
	}
	return json.Marshal(k)
}

// UnmarshalJSON reads what [Text.MarshalJSON] has written. A code that is not in the table, of a newer version, is no error.
func (t *Text) UnmarshalJSON(data []byte) error {
	var k *kept
	if err := json.Unmarshal(data, &k); err != nil {
		return err
	}
	*t = Text{}
	if k == nil {
		return nil
	}
	if k.Code == "" {
		return errors.New("a text has no code")
	}
	out := Text{code: k.Code}
	for _, raw := range k.Args {
		a, err := argument(raw)
		if err != nil {
			return fmt.Errorf("the text %q: %w", k.Code, err)
		}
		out.args = append(out.args, a)
	}
	if w, ok := table[k.Code]; ok && len(out.args) != verbs(w.EN) {
		return fmt.Errorf("the text %q has %d arguments, want %d", k.Code, len(out.args), verbs(w.EN))
	}
	*t = out
	return nil
}

// argument reads one.
func argument(raw json.RawMessage) (any, error) {
	if len(raw) > 0 && raw[0] == '{' {
		var m struct {
			At  *int64 `json:"at"`
			For *int64 `json:"ns"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
		switch {
		case m.At != nil:
			return time.UnixMilli(*m.At).UTC(), nil
		case m.For != nil:
			return time.Duration(*m.For), nil
		}
		var t Text
		err := json.Unmarshal(raw, &t)
		return t, err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		return s, nil
	}
	var n int
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, fmt.Errorf("%s is no text, number, moment or period", raw)
	}
	return n, nil
}

// verbs is how many arguments the words of a code take: the table has only %s and %q in English, in their order.
func verbs(format string) (n int) {
	for i := 0; i+1 < len(format); i++ {
		if format[i] == '%' {
			if i++; format[i] != '%' {
				n++
			}
		}
	}
	return n
}
