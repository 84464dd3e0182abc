package pyval

import (
	"math"
	"math/big"
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
		return "", v.noText()
	case Printer:
		return v.Str(), nil
	case Undefined:
		return "", nil
	}
	return Repr(b, v)
}

// Repr returns what repr(v) gives: texts in quotes.
func Repr(b *Budget, v any) (string, error) {
	p := printer{budget: b}
	p.value(v, 0)
	return p.out.String(), p.err
}

// shortRepr is Repr for messages.
func shortRepr(v any) string {
	s, err := Repr(&Budget{MaxText: 1 << 10, Left: 1 << 12}, v)
	if err != nil || len(s) > 80 {
		return "a " + TypeName(v)
	}
	return s
}

type printer struct {
	budget *Budget
	// sortKeys sorts the keys of dicts, as pprint does.
	sortKeys bool
	out      strings.Builder
	err      error
}

func (p *printer) text(s string) {
	if p.err == nil {
		p.err = p.budget.Fits(p.out.Len() + len(s))
	}
	if p.err == nil {
		p.out.WriteString(s)
	}
}

func (p *printer) value(v any, depth int) {
	if p.err == nil {
		p.err = p.budget.step(depth)
	}
	if p.err != nil {
		return
	}
	switch v := v.(type) {
	case nil:
		p.text("None")
	case bool:
		p.text(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		p.text(strconv.FormatInt(v, 10))
	case *big.Int:
		p.text(v.String())
	case float64:
		p.text(yamlvalue.PythonFloat(v))
	case string:
		p.text(yamlvalue.PythonText(v))
	case *List:
		p.items("[", v.Items, "]", depth)
	case Tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		p.items("(", v, end, depth)
	case Group:
		p.value(v.pair(), depth)
	case *Dict:
		p.dict(v, depth)
	case Range:
		p.text(v.String())
	case *Generator:
		p.err = v.noText()
	case View:
		p.text(v.name + "(")
		p.items("[", v.Items, "])", depth)
	case Printer:
		p.text(v.Repr())
	case Undefined:
		p.text("Undefined")
	default:
		p.text("<" + TypeName(v) + ">")
	}
}

func (p *printer) items(open string, items []any, end string, depth int) {
	p.text(open)
	for i, it := range items {
		if i > 0 {
			p.text(", ")
		}
		p.value(it, depth+1)
	}
	p.text(end)
}

func (p *printer) dict(d *Dict, depth int) {
	p.text("{")
	pairs := pairsIn(d)
	if p.sortKeys {
		pairs = sortedPairs(p.budget, d)
	}
	for i, kv := range pairs {
		if i > 0 {
			p.text(", ")
		}
		p.value(kv[0], depth+1)
		p.text(": ")
		p.value(kv[1], depth+1)
	}
	p.text("}")
}

// ascii writes characters beyond ASCII as escapes, as ascii() does.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(yamlvalue.PythonEscape(r))
		}
	}
	return b.String()
}

func roundFloat(f float64, digits int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || digits > 308 {
		return f
	}
	if digits < 0 {
		unit := math.Pow(10, float64(-digits))
		return math.RoundToEven(f/unit) * unit
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	if err != nil {
		return f
	}
	return r
}
