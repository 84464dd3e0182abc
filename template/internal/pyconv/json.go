package pyconv

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

// JSONOptions are the options of json.dumps.
type JSONOptions struct {
	// SortKeys sorts the keys of dicts.
	SortKeys bool
	// ASCII writes other characters as \u escapes, as Python does unless told otherwise.
	ASCII bool
	// Lines puts each element on a line of its own, indented by Indent, which may be empty.
	Lines  bool
	Indent string
	// ItemSep and KeySep default to ", " and ": "; with Lines ItemSep is ",".
	ItemSep, KeySep string
}

// ToJSON encodes a value as json.dumps does.
func ToJSON(b *pyval.Budget, v any, o JSONOptions) (string, error) {
	if o.KeySep == "" {
		o.KeySep = ": "
	}
	if o.ItemSep == "" {
		o.ItemSep = ", "
		if o.Lines {
			o.ItemSep = ","
		}
	}
	w := &jsonWriter{Writer: pyval.Writer{Budget: b}, options: o}
	w.write(v, 0)
	return w.Out.String(), w.Err
}

type jsonWriter struct {
	pyval.Writer
	options JSONOptions
}

func (w *jsonWriter) fail(err error) {
	if w.Err == nil {
		w.Err = err
	}
}

func (w *jsonWriter) write(v any, depth int) {
	if err := w.Budget.Step(depth); err != nil {
		w.fail(err)
	}
	if w.Err != nil {
		return
	}
	switch v := v.(type) {
	case nil:
		w.Text("null")
	case bool:
		w.Text(map[bool]string{true: "true", false: "false"}[v])
	case string:
		w.quoted(v)
	case pyval.Markup:
		w.quoted(string(v))
	case float64:
		w.float(v)
	case *pyval.List:
		w.array(v.Items, depth)
	case pyval.Tuple:
		w.array(v, depth)
	case pyval.Range:
		w.array(v.Items(), depth)
	case *pyval.Dict:
		w.object(v, depth)
	case pyval.JSONText:
		w.quoted(v.JSON())
	case pyval.NamedTuple:
		w.array(v.Tuple, depth)
	case pyval.Decimal:
		w.Text(v.Str())
	default:
		if _, ok := pyval.ToInt(v); !ok {
			w.fail(fmt.Errorf("%q cannot be written as JSON", pyval.TypeName(v)))
			return
		}
		w.Value(v, depth)
	}
}

func (w *jsonWriter) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.fail(errors.New("JSON has no infinity and no NaN"))
		return
	}
	w.Text(yamlvalue.PythonFloat(f))
}

func (w *jsonWriter) newline(depth int) {
	if w.options.Lines {
		w.Text("\n" + strings.Repeat(w.options.Indent, depth))
	}
}

func (w *jsonWriter) array(items []any, depth int) {
	w.Text("[")
	for i, it := range items {
		if i > 0 {
			w.Text(w.options.ItemSep)
		}
		w.newline(depth + 1)
		w.write(it, depth+1)
	}
	if len(items) > 0 {
		w.newline(depth)
	}
	w.Text("]")
}

func (w *jsonWriter) object(d *pyval.Dict, depth int) {
	pairs := make([][2]any, d.Len())
	for i, k := range d.Keys() {
		pairs[i] = [2]any{w.key(k), d.Values()[i]}
	}
	if w.options.SortKeys {
		slices.SortStableFunc(pairs, func(x, y [2]any) int {
			return strings.Compare(x[0].(string), y[0].(string))
		})
	}
	w.Text("{")
	for i, p := range pairs {
		if i > 0 {
			w.Text(w.options.ItemSep)
		}
		w.newline(depth + 1)
		w.write(p[0], depth+1)
		w.Text(w.options.KeySep)
		w.write(p[1], depth+1)
	}
	if len(pairs) > 0 {
		w.newline(depth)
	}
	w.Text("}")
}

func (w *jsonWriter) key(k any) string {
	switch k := k.(type) {
	case string:
		return k
	case nil:
		return "null"
	case bool:
		return map[bool]string{true: "true", false: "false"}[k]
	}
	if _, ok := pyval.ToFloat(k); !ok {
		w.fail(fmt.Errorf("%q cannot be a key in JSON", pyval.TypeName(k)))
		return ""
	}
	return pyval.ShortRepr(k)
}

func (w *jsonWriter) quoted(s string) {
	if err := w.Budget.Fits(len(s)); err != nil {
		w.fail(err)
		return
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < ' ' || r > '~' && w.options.ASCII && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > '~' && w.options.ASCII:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	w.Text(b.String())
}
