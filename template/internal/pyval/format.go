package pyval

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/yamlvalue"
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
	before    int    // the length of sign and prefix
	zero      bool   // a 0 before the width
}

// number formats an integer or float by the verb. The result has no padding.
func (f *spec) number(b *Budget, v any) (sign, digits string, err error) {
	if f.precision > b.MaxText || f.precision > 1000 {
		return "", "", fmt.Errorf("a precision of %d: %w", f.precision, ErrLimit)
	}
	switch f.verb {
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b':
		n, ok := ToInt(v)
		if fl, isFloat := v.(float64); isFloat && f.percent && strings.IndexByte("diu", f.verb) >= 0 && !math.IsNaN(fl) && !math.IsInf(fl, 0) {
			n, _ = big.NewFloat(fl).Int(nil)
			ok = true
		}
		if d, isDecimal := v.(Decimal); isDecimal && f.percent && strings.IndexByte("diu", f.verb) >= 0 {
			n, ok = d.truncated(), true
		}
		if !ok {
			return "", "", fmt.Errorf("format %c needs an integer, not %q", f.verb, TypeName(v))
		}
		digits = f.integer(n)
		if n.Sign() < 0 {
			sign = "-"
		}
	default:
		if d, isDecimal := v.(Decimal); isDecimal && (f.verb == 'f' || f.verb == 'F' || f.verb == '%') {
			return f.decimal(d)
		}
		x, ok := ToFloat(v)
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
	if f.alternate {
		for _, prefix := range []string{"0x", "0X", "0o", "0b"} {
			if rest, ok := strings.CutPrefix(digits, prefix); ok && strings.IndexByte("xXob", f.verb) >= 0 {
				sign, digits = sign+prefix, rest
				break
			}
		}
	}
	f.before = len(sign)
	return sign, f.grouped(digits), nil
}

// decimal formats a decimal in fixed notation, digit by digit.
func (f *spec) decimal(d Decimal) (sign, digits string, err error) {
	prec, percent := f.precision, ""
	if prec < 0 {
		prec = max(0, int(-d.d.Exponent))
		if f.percent {
			prec = 6
		}
	}
	if f.verb == '%' {
		percent = "%"
		d.d.Exponent += 2
		if f.precision < 0 {
			prec = max(0, int(-d.d.Exponent))
		}
	}
	f.before = 0
	if sign = ""; d.d.Negative {
		sign = "-"
	} else if f.sign != 0 {
		sign = string(f.sign)
	}
	f.before = len(sign) + len(percent)
	return sign, f.grouped(d.fixed(prec)) + percent, nil
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
		s = yamlvalue.PythonFloat(x)
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
		if f.alternate && !strings.Contains(s, ".") {
			mantissa, exp, isExp := strings.Cut(s, "e")
			if s = mantissa + "."; isExp {
				s += "e" + exp
			}
		}
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
	size := 3
	if strings.IndexByte("xXob", f.verb) >= 0 && f.verb != 0 {
		size = 4
	}
	end := len(s)
	if size == 3 {
		if end = strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); end < 0 {
			end = len(s)
		}
	}
	whole := s[:end]
	if f.align == '=' && f.fill == "0" { // zeros are grouped, too, and never begin with the separator
		for missing := f.width - f.before - len(s[end:]); grouped(len(whole), size) < missing; {
			whole = "0" + whole
		}
	}
	var parts []string
	for len(whole) > size {
		parts = append([]string{whole[len(whole)-size:]}, parts...)
		whole = whole[:len(whole)-size]
	}
	return strings.Join(append([]string{whole}, parts...), f.group) + s[end:]
}

// grouped is the length of so many digits with a separator between groups.
func grouped(digits, size int) int { return digits + (digits-1)/size }

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
