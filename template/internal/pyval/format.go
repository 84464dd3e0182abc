package pyval

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pynum"
)

// formatted writes an integer or float by the verb. The result has no padding.
func formatted(b *Budget, f *pynum.Format, v any) (sign, digits string, err error) {
	if f.Precision > b.MaxText || f.Precision > 1000 {
		return "", "", fmt.Errorf("a precision of %d: %w", f.Precision, ErrLimit)
	}
	switch f.Verb {
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b':
		n, ok := ToInt(v)
		if fl, isFloat := v.(float64); isFloat && f.Percent && strings.IndexByte("diu", f.Verb) >= 0 && !math.IsNaN(fl) && !math.IsInf(fl, 0) {
			n, _ = big.NewFloat(fl).Int(nil)
			ok = true
		}
		if d, isDecimal := v.(Decimal); isDecimal && f.Percent && strings.IndexByte("diu", f.Verb) >= 0 {
			n, ok = d.truncated(), true
		}
		if !ok {
			return "", "", fmt.Errorf("format %c needs an integer, not %q", f.Verb, TypeName(v))
		}
		digits = f.Integer(n)
		if n.Sign() < 0 {
			sign = "-"
		}
	default:
		if d, isDecimal := v.(Decimal); isDecimal && (f.Verb == 'f' || f.Verb == 'F' || f.Verb == '%') {
			return fixedDecimal(f, d)
		}
		x, ok := ToFloat(v)
		if !ok {
			return "", "", fmt.Errorf("format %c needs a number, not %q", f.Verb, TypeName(v))
		}
		digits = f.Float(math.Abs(x))
		if math.Signbit(x) && !math.IsNaN(x) {
			sign = "-"
		}
	}
	if sign == "" && f.Sign != 0 {
		sign = string(f.Sign)
	}
	if f.Alternate {
		for _, prefix := range []string{"0x", "0X", "0o", "0b"} {
			if rest, ok := strings.CutPrefix(digits, prefix); ok && strings.IndexByte("xXob", f.Verb) >= 0 {
				sign, digits = sign+prefix, rest
				break
			}
		}
	}
	f.Before = len(sign)
	return sign, f.Grouped(digits), nil
}

// fixedDecimal writes a decimal in fixed notation, digit by digit.
func fixedDecimal(f *pynum.Format, d Decimal) (sign, digits string, err error) {
	prec, percent := f.Precision, ""
	if prec < 0 {
		prec = max(0, int(-d.d.Exponent))
		if f.Percent {
			prec = 6
		}
	}
	if f.Verb == '%' {
		percent = "%"
		d.d.Exponent += 2
		if f.Precision < 0 {
			prec = max(0, int(-d.d.Exponent))
		}
	}
	f.Before = 0
	if sign = ""; d.d.Negative {
		sign = "-"
	} else if f.Sign != 0 {
		sign = string(f.Sign)
	}
	f.Before = len(sign) + len(percent)
	return sign, f.Grouped(d.fixed(prec)) + percent, nil
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
