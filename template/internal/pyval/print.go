package pyval

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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
		p.text(reprFloat(v))
	case string:
		p.text(Quote(v))
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
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// reprFloat writes the shortest text that reads back as f, with Python's choice
// of notation.
func reprFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	exp, err := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	if err != nil || exp < -4 || exp >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
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

// isPrintable is str.isprintable for one character.
func isPrintable(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// Quote is repr of a text: single quotes unless only they occur in it.
func Quote(s string) string {
	q := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		q = '"'
	}
	var b strings.Builder
	b.WriteRune(q)
	for _, r := range s {
		switch {
		case r == q || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case isPrintable(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(q)
	return b.String()
}
