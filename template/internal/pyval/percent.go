package pyval

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytext"
)

// Percent is the % operator of texts.
func Percent(b *Budget, format string, arg any) (string, error) {
	p := &percent{budget: b, rest: format, arg: arg}
	if t, ok := arg.(Tuple); ok {
		p.args = t
	} else {
		p.args = []any{arg}
	}
	if err := p.run(); err != nil {
		return "", err
	}
	mapping := false
	switch arg.(type) {
	case *Dict, *List, Range:
		mapping = true // Python takes them for mappings, whose values need not all be used
	}
	if p.next < len(p.args) && !mapping {
		return "", errors.New("% has more values than the text has places")
	}
	return p.out.String(), nil
}

type percent struct {
	budget *Budget
	rest   string
	arg    any
	args   []any
	next   int
	out    strings.Builder
}

func (p *percent) run() error {
	for {
		before, after, found := strings.Cut(p.rest, "%")
		if err := p.budget.Fits(p.out.Len() + len(before)); err != nil {
			return err
		}
		p.out.WriteString(before)
		if !found {
			return nil
		}
		p.rest = after
		s, err := p.place()
		if err != nil {
			return err
		}
		if err := p.budget.Fits(p.out.Len() + len(s)); err != nil {
			return err
		}
		p.out.WriteString(s)
	}
}

func (p *percent) take() (any, error) {
	if p.next >= len(p.args) {
		return nil, errors.New("% has fewer values than the text has places")
	}
	p.next++
	return p.args[p.next-1], nil
}

func (p *percent) place() (string, error) {
	f := pynum.Format{Precision: -1, Percent: true}
	key, keyed := "", strings.HasPrefix(p.rest, "(")
	if keyed {
		var found bool
		if key, p.rest, found = strings.Cut(p.rest[1:], ")"); !found {
			return "", errors.New("% format: missing )")
		}
	}
	p.flags(&f)
	if err := p.sizes(&f); err != nil {
		return "", err
	}
	if p.rest == "" {
		return "", errors.New("% format: the text ends in the middle of a place")
	}
	f.Verb, p.rest = p.rest[0], p.rest[1:]
	if f.Verb == '%' {
		return "%", nil
	}
	v, err := p.value(key, keyed)
	if err != nil {
		return "", err
	}
	return p.format(&f, v)
}

func (p *percent) value(key string, keyed bool) (any, error) {
	if !keyed {
		return p.take()
	}
	d, ok := p.arg.(*Dict)
	if !ok {
		return nil, errors.New("% format: named places need a dict")
	}
	v, ok := d.Get(key)
	if !ok {
		return nil, fmt.Errorf("%% format: the dict has no key %q", key)
	}
	return v, nil
}

func (p *percent) flags(f *pynum.Format) {
	for ; p.rest != ""; p.rest = p.rest[1:] {
		switch p.rest[0] {
		case '-':
			f.Align, f.Fill = '<', " "
		case '0':
			if f.Align == 0 {
				f.Align, f.Fill = '=', "0"
			}
		case '+':
			f.Sign = '+'
		case ' ':
			if f.Sign == 0 {
				f.Sign = ' '
			}
		case '#':
			f.Alternate = true
		default:
			return
		}
	}
}

func (p *percent) sizes(f *pynum.Format) error {
	var err error
	if f.Width, err = p.size(); err != nil {
		return err
	}
	if f.Width < 0 {
		f.Width, f.Align = -f.Width, '<'
	}
	if strings.HasPrefix(p.rest, ".") {
		p.rest = p.rest[1:]
		f.Precision, err = p.size()
	}
	return err
}

func (p *percent) size() (int, error) {
	if strings.HasPrefix(p.rest, "*") {
		p.rest = p.rest[1:]
		v, err := p.take()
		if err != nil {
			return 0, err
		}
		n, ok := v.(int64)
		if !ok || n > math.MaxInt32 || n < -math.MaxInt32 {
			return 0, errors.New("% format: * needs an integer")
		}
		return int(n), nil
	}
	return pynum.Digits(&p.rest), nil
}

func (p *percent) format(f *pynum.Format, v any) (string, error) {
	var s string
	var err error
	switch f.Verb {
	case 's':
		s, err = Str(p.budget, v)
	case 'r':
		s, err = Repr(p.budget, v)
	case 'a':
		s, err = Repr(p.budget, v)
		s = pytext.ASCII(s)
	case 'c':
		s, err = character(v)
	case 'd', 'i', 'u', 'x', 'X', 'o', 'e', 'E', 'f', 'F', 'g', 'G':
		sign, digits, err := formatted(p.budget, f, v)
		if err != nil {
			return "", err
		}
		return padded(p.budget, f, sign, digits, '>')
	default:
		return "", fmt.Errorf("%% format: unknown letter %q", f.Verb)
	}
	if err != nil {
		return "", err
	}
	if f.Precision >= 0 {
		s = firstRunes(s, f.Precision)
	}
	if f.Align == '=' {
		f.Align, f.Fill = '>', " "
	}
	return padded(p.budget, f, "", s, '>')
}

func character(v any) (string, error) {
	if s, ok := v.(string); ok && runeLen(s) == 1 {
		return s, nil
	}
	if n, ok := smallInt(v); ok && n >= 0 && n < 0x110000 {
		return string(rune(n)), nil
	}
	return "", errors.New("% format: %c needs one character")
}

func smallInt(v any) (int64, bool) {
	if n, ok := ToInt(v); ok && n.IsInt64() {
		return n.Int64(), true
	}
	return 0, false
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
