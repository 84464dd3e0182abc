package pyval

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/yamlvalue"
)

func runeLen(s string) int { return utf8.RuneCountInString(s) }

// Str returns what str(v) gives.
func Str(b *Budget, v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case *Generator:
		return "", v.NoText()
	case Printer:
		return v.Str(), nil
	case Undefined:
		return "", nil
	}
	return Repr(b, v)
}

// Repr returns what repr(v) gives: texts in quotes.
func Repr(b *Budget, v any) (string, error) {
	if n, ok := v.(int64); ok {
		return reprInt(b, n)
	}
	p := Writer{Budget: b}
	p.Value(v, 0)
	return p.Out.String(), p.Err
}

// reprInt is what a [Writer] makes of a number, without its copy of the text.
func reprInt(b *Budget, n int64) (string, error) {
	if err := b.Step(0); err != nil {
		return "", err
	}
	s := strconv.FormatInt(n, 10)
	if err := b.Fits(len(s)); err != nil {
		return "", err
	}
	return s, nil
}

// ShortRepr is Repr for messages.
func ShortRepr(v any) string {
	s, err := Repr(&Budget{MaxText: 1 << 10, Left: 1 << 12}, v)
	if err != nil || len(s) > 80 {
		return "a " + TypeName(v)
	}
	return s
}

// Writer writes text and the repr of values, within a budget.
type Writer struct {
	Budget *Budget
	// SortKeys sorts the keys of dicts, as pprint does.
	SortKeys bool
	Out      strings.Builder
	// Err is the first error; nothing is written after it.
	Err error
}

// Text writes a text as it is.
func (p *Writer) Text(s string) {
	if p.Err == nil {
		p.Err = p.Budget.Fits(p.Out.Len() + len(s))
	}
	if p.Err == nil {
		p.Out.WriteString(s)
	}
}

// Value writes the repr of a value, which lies so deep in others.
func (p *Writer) Value(v any, depth int) {
	if p.Err == nil {
		p.Err = p.Budget.Step(depth)
	}
	if p.Err != nil {
		return
	}
	switch v := v.(type) {
	case nil:
		p.Text("None")
	case bool:
		p.Text(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		p.Text(strconv.FormatInt(v, 10))
	case *big.Int:
		p.Text(v.String())
	case float64:
		p.Text(yamlvalue.PythonFloat(v))
	case string:
		p.Text(yamlvalue.PythonText(v))
	case *List:
		p.items("[", v.Items, "]", depth)
	case Tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		p.items("(", v, end, depth)
	case Group:
		p.Value(v.pair(), depth)
	case *Dict:
		p.dict(v, depth)
	case Range:
		p.Text(v.String())
	case *Generator:
		p.Err = v.NoText()
	case View:
		p.Text(v.name + "(")
		p.items("[", v.Items, "])", depth)
	case Printer:
		p.Text(v.Repr())
	case Undefined:
		p.Text("Undefined")
	default:
		p.Text("<" + TypeName(v) + ">")
	}
}

func (p *Writer) items(open string, items []any, end string, depth int) {
	p.Text(open)
	for i, it := range items {
		if i > 0 {
			p.Text(", ")
		}
		p.Value(it, depth+1)
	}
	p.Text(end)
}

func (p *Writer) dict(d *Dict, depth int) {
	p.Text("{")
	pairs := pairsIn(d)
	if p.SortKeys {
		pairs = SortedPairs(p.Budget, d)
	}
	for i, kv := range pairs {
		if i > 0 {
			p.Text(", ")
		}
		p.Value(kv[0], depth+1)
		p.Text(": ")
		p.Value(kv[1], depth+1)
	}
	p.Text("}")
}

// SortedPairs are the pairs of a dict in the order of pprint: by key, keys that do not
// compare by their type.
func SortedPairs(b *Budget, d *Dict) [][2]any {
	pairs := make([][2]any, d.Len())
	for i, k := range d.keys {
		pairs[i] = [2]any{k, d.vals[i]}
	}
	slices.SortStableFunc(pairs, func(x, y [2]any) int {
		if c, ok, err := Order(b, x[0], y[0], 0); err == nil && ok {
			return c
		}
		return strings.Compare(TypeName(x[0]), TypeName(y[0]))
	})
	return pairs
}
