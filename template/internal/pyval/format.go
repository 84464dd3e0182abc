package pyval

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pynum"
)

// formatted writes a number by the verb: its sign, with the prefix of its base, and its digits.
// They have no padding.
func formatted(b *Budget, f *pynum.Format, v any) (sign, digits string, err error) {
	if f.Precision > b.MaxText || f.Precision > 1000 {
		return "", "", fmt.Errorf("a precision of %d: %w", f.Precision, ErrLimit)
	}
	if strings.IndexByte("diuxXob", f.Verb) >= 0 {
		return formattedInteger(f, v)
	}
	if d, isDecimal := v.(Decimal); isDecimal && strings.IndexByte("fF%", f.Verb) >= 0 {
		sign, digits = fixedDecimal(f, d)
		return sign, digits, nil
	}
	x, ok := ToFloat(v)
	if !ok {
		return "", "", fmt.Errorf("format %c needs a number, not %q", f.Verb, TypeName(v))
	}
	sign = signOf(f, math.Signbit(x) && !math.IsNaN(x))
	f.Before = len(sign)
	return sign, f.Grouped(f.Float(math.Abs(x))), nil
}

func formattedInteger(f *pynum.Format, v any) (sign, digits string, err error) {
	n, ok := integerOf(f, v)
	if !ok {
		return "", "", fmt.Errorf("format %c needs an integer, not %q", f.Verb, TypeName(v))
	}
	prefix, digits := f.Integer(n)
	sign = signOf(f, n.Sign() < 0) + prefix
	f.Before = len(sign)
	return sign, f.Grouped(digits), nil
}

// integerOf is a number as an integer: the % operator cuts off what is behind the point, if the
// base is ten.
func integerOf(f *pynum.Format, v any) (*big.Int, bool) {
	if f.Percent && strings.IndexByte("diu", f.Verb) >= 0 {
		switch v := v.(type) {
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, false
			}
			n, _ := big.NewFloat(v).Int(nil)
			return n, true
		case Decimal:
			return v.truncated(), true
		}
	}
	return ToInt(v)
}

// fixedDecimal writes a decimal in fixed notation, digit by digit.
func fixedDecimal(f *pynum.Format, d Decimal) (sign, digits string) {
	percent := ""
	if f.Verb == '%' {
		percent = "%"
		d.d.Exponent += 2
	}
	prec := f.Precision
	switch {
	case prec >= 0:
	case f.Percent:
		prec = 6
	default:
		prec = max(0, int(-d.d.Exponent))
	}
	sign = signOf(f, d.d.Negative)
	f.Before = len(sign) + len(percent)
	return sign, f.Grouped(d.fixed(prec)) + percent
}

// signOf is what stands before the digits of a number.
func signOf(f *pynum.Format, negative bool) string {
	switch {
	case negative:
		return "-"
	case f.Sign != 0:
		return string(f.Sign)
	}
	return ""
}

// paddedNumber puts the text of a number into the width.
func paddedNumber(b *Budget, f *pynum.Format, s string) (string, error) {
	digits, negative := strings.CutPrefix(s, "-")
	sign := signOf(f, negative)
	f.Before = len(sign)
	return padded(b, f, sign, f.Grouped(digits), '>')
}

// padded puts a formatted value into the width.
func padded(b *Budget, f *pynum.Format, sign, body string, def rune) (string, error) {
	align, fill := f.Align, f.Fill
	if align == 0 {
		align = def
	}
	if fill == "" {
		fill = " "
	}
	if align == '=' {
		s, err := pad(b, body, f.Width-runeLen(sign), fill, '>')
		return sign + s, err
	}
	return pad(b, sign+body, f.Width, fill, align)
}
