package pyval

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// spec is one parsed format specification: of % or of str.format.
type spec struct {
	fill      string
	align     rune // '<', '>', '^', '=' or 0
	sign      rune // '+', ' ' or 0
	alternate bool
	width     int
	group     string // "," or "_"
	precision int    // -1 is none
	verb      byte   // 0 is none
	percent   bool   // of the % operator, which is laxer about numbers
}

// number formats an integer or float by the verb. The result has no padding.
func (f *spec) number(b *Budget, v any) (sign, digits string, err error) {
	if f.precision > b.MaxText || f.precision > 1000 {
		return "", "", fmt.Errorf("a precision of %d: %w", f.precision, ErrLimit)
	}
	switch f.verb {
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b':
		n, ok := toInt(v)
		if fl, isFloat := v.(float64); isFloat && f.percent && !math.IsNaN(fl) && !math.IsInf(fl, 0) {
			n, _ = big.NewFloat(fl).Int(nil)
			ok = true
		}
		if !ok {
			return "", "", fmt.Errorf("format %c needs an integer, not %q", f.verb, TypeName(v))
		}
		digits = f.integer(n)
		if n.Sign() < 0 {
			sign = "-"
		}
	default:
		x, ok := toFloat(v)
		if !ok {
			return "", "", fmt.Errorf("format %c needs a number, not %q", f.verb, TypeName(v))
		}
		digits = f.float(math.Abs(x))
		if math.Signbit(x) && !math.IsNaN(x) {
			sign = "-"
		}
	}
	if sign == "" && f.sign != 0 {
		sign = string(f.sign)
	}
	return sign, f.grouped(digits), nil
}

func (f *spec) integer(n *big.Int) string {
	base, prefix := 10, ""
	switch f.verb {
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	s := new(big.Int).Abs(n).Text(base)
	if f.percent && len(s) < f.precision { // '%.3d'
		s = strings.Repeat("0", f.precision-len(s)) + s
	}
	if f.alternate {
		s = prefix + s
	}
	if f.verb == 'X' {
		s = strings.ToUpper(s)
	}
	return s
}

func (f *spec) float(x float64) string {
	percent := ""
	if f.verb == '%' {
		x, percent = x*100, "%"
	}
	var s string
	switch prec := f.precision; {
	case math.IsNaN(x) || math.IsInf(x, 0):
		s = reprFloat(x)
	case f.verb == 'g' || f.verb == 'G' || f.verb == 'n':
		if prec < 0 {
			prec = 6
		}
		s = f.general(x, max(prec, 1))
	default:
		if prec < 0 {
			prec = 6
		}
		verb := byte('f')
		if f.verb == 'e' || f.verb == 'E' {
			verb = 'e'
		}
		s = strconv.FormatFloat(x, verb, prec, 64)
	}
	if strings.IndexByte("EFG", f.verb) >= 0 {
		s = strings.ToUpper(s)
	}
	return s + percent
}

// general is %g: the shorter of fixed and scientific, without trailing zeros.
func (f *spec) general(x float64, prec int) string {
	s := strconv.FormatFloat(x, 'e', prec-1, 64)
	mantissa, expText, _ := strings.Cut(s, "e")
	exp, err := strconv.Atoi(expText)
	if err == nil && exp >= -4 && exp < prec {
		mantissa, expText = strconv.FormatFloat(x, 'f', prec-1-exp, 64), ""
	}
	if strings.Contains(mantissa, ".") && !f.alternate {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if expText != "" {
		mantissa += "e" + expText
	}
	return mantissa
}

func (f *spec) grouped(s string) string {
	if f.group == "" {
		return s
	}
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	whole := s[:end]
	var parts []string
	for len(whole) > 3 {
		parts = append([]string{whole[len(whole)-3:]}, parts...)
		whole = whole[:len(whole)-3]
	}
	return strings.Join(append([]string{whole}, parts...), f.group) + s[end:]
}

// pad puts a formatted value into the width.
func (f *spec) pad(b *Budget, sign, body string, def rune) (string, error) {
	align, fill := f.align, f.fill
	if align == 0 {
		align = def
	}
	if fill == "" {
		fill = " "
	}
	if align == '=' {
		s, err := pad(b, body, f.width-runeLen(sign), fill, '>')
		return sign + s, err
	}
	return pad(b, sign+body, f.width, fill, align)
}

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
	_, mapping := arg.(*Dict)
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
	f := spec{precision: -1, percent: true}
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
	f.verb, p.rest = p.rest[0], p.rest[1:]
	if f.verb == '%' {
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

func (p *percent) flags(f *spec) {
	for ; p.rest != ""; p.rest = p.rest[1:] {
		switch p.rest[0] {
		case '-':
			f.align, f.fill = '<', " "
		case '0':
			if f.align == 0 {
				f.align, f.fill = '=', "0"
			}
		case '+':
			f.sign = '+'
		case ' ':
			if f.sign == 0 {
				f.sign = ' '
			}
		case '#':
			f.alternate = true
		default:
			return
		}
	}
}

func (p *percent) sizes(f *spec) error {
	var err error
	if f.width, err = p.size(); err != nil {
		return err
	}
	if f.width < 0 {
		f.width, f.align = -f.width, '<'
	}
	if strings.HasPrefix(p.rest, ".") {
		p.rest = p.rest[1:]
		f.precision, err = p.size()
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
	return number(&p.rest), nil
}

// number cuts leading digits off s; what is beyond 31 bits is as good as endless.
func number(s *string) int {
	n := 0
	for *s != "" && (*s)[0] >= '0' && (*s)[0] <= '9' {
		n = min(n*10+int((*s)[0]-'0'), math.MaxInt32)
		*s = (*s)[1:]
	}
	return n
}

func (p *percent) format(f *spec, v any) (string, error) {
	var s string
	var err error
	switch f.verb {
	case 's':
		s, err = Str(p.budget, v)
	case 'r', 'a':
		s, err = Repr(p.budget, v)
	case 'c':
		s, err = character(v)
	case 'd', 'i', 'u', 'x', 'X', 'o', 'e', 'E', 'f', 'F', 'g', 'G':
		sign, digits, err := f.number(p.budget, v)
		if err != nil {
			return "", err
		}
		return f.pad(p.budget, sign, digits, '>')
	default:
		return "", fmt.Errorf("%% format: unknown letter %q", f.verb)
	}
	if err != nil {
		return "", err
	}
	if f.precision >= 0 {
		s = firstRunes(s, f.precision)
	}
	if f.align == '=' {
		f.align, f.fill = '>', " "
	}
	return f.pad(p.budget, "", s, '>')
}

func character(v any) (string, error) {
	if s, ok := v.(string); ok && runeLen(s) == 1 {
		return s, nil
	}
	if n, ok := v.(int64); ok && n >= 0 && n < 0x110000 {
		return string(rune(n)), nil
	}
	return "", errors.New("% format: %c needs one character")
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
