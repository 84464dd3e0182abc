package pyval

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Decimal is Python's Decimal: a number with its digits. Arithmetic with whole numbers and
// other decimals keeps 28 digits. With a float it becomes a float, where Python refuses:
// the JSON that it comes from does not tell a NUMERIC from a float.
type Decimal struct{ d apd.Decimal }

// decimals is the context of Python's decimal module.
var decimals = apd.Context{
	Precision: 28, MaxExponent: 999999, MinExponent: -999999, Rounding: apd.RoundHalfEven,
	Traps: apd.InvalidOperation | apd.DivisionByZero | apd.Overflow | apd.DivisionImpossible | apd.DivisionUndefined,
}

// exactly is for operations that must not round.
var exactly = apd.Context{Precision: 5000, MaxExponent: 999999, MinExponent: -999999, Rounding: apd.RoundHalfEven}

// ParseDecimal reads the digits of a number as JSON writes it.
func ParseDecimal(text string) (Decimal, bool) {
	if len(text) > 4000 {
		return Decimal{}, false
	}
	var d apd.Decimal
	if _, _, err := d.SetString(text); err != nil || d.Form != apd.Finite || d.Exponent > 4000 || d.Exponent < -4000 {
		return Decimal{}, false
	}
	return Decimal{d}, true
}

// TypeName implements [Object].
func (d Decimal) TypeName() string { return "decimal.Decimal" }

// Str implements [Printer].
func (d Decimal) Str() string { return d.d.Text('G') }

// Repr implements [Printer].
func (d Decimal) Repr() string {
	if text := d.Str(); !d.IsFloat() {
		return "Decimal('" + text + "')"
	}
	return d.Str()
}

// IsFloat reports whether Python prints the float of this number in the same way, so that
// nothing tells the two apart.
func (d Decimal) IsFloat() bool { return yamlvalue.PythonFloat(d.float()) == d.Str() }

// Attr implements [Object].
func (d Decimal) Attr(string) (any, error) { return Undefined{}, nil }

// Method implements [Object]; of Python's there are those that people use to round.
func (d Decimal) Method(name string) Method {
	switch name {
	case "quantize":
		return func(_ *Budget, a *Args) (any, error) {
			exp, ok := toDecimal(a.Any("exp"))
			if err := a.Done(); err != nil {
				return nil, err
			}
			if !ok {
				return nil, errors.New("quantize: needs a decimal such as that of another number")
			}
			return d.round(exp.d.Exponent)
		}
	case "normalize":
		return func(_ *Budget, a *Args) (any, error) {
			var r apd.Decimal
			r.Reduce(&d.d)
			return Decimal{r}, a.Done()
		}
	}
	return nil
}

// Names implements [Object].
func (d Decimal) Names() []string { return []string{"quantize", "normalize"} }

// round returns the number with an exponent, half to even.
func (d Decimal) round(exponent int32) (any, error) {
	var r apd.Decimal
	if _, err := decimals.Quantize(&r, &d.d, exponent); err != nil {
		return nil, fmt.Errorf("round: the result has more than %d digits", decimals.Precision)
	}
	return Decimal{r}, nil
}

func (d Decimal) float() float64 {
	f, err := d.d.Float64()
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// truncated is the number cut to an integer.
func (d Decimal) truncated() *big.Int {
	n := d.d.Coeff.MathBigInt()
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(d.d.Exponent, -d.d.Exponent))), nil)
	if d.d.Exponent >= 0 {
		n = new(big.Int).Mul(n, unit)
	} else {
		n = new(big.Int).Quo(n, unit)
	}
	if d.d.Negative {
		n.Neg(n)
	}
	return n
}

// toDecimal returns a decimal or whole number as a decimal.
func toDecimal(v any) (Decimal, bool) {
	if d, ok := v.(Decimal); ok {
		return d, true
	}
	n, ok := ToInt(v)
	if !ok {
		return Decimal{}, false
	}
	var d apd.Decimal
	d.Coeff.SetMathBigInt(new(big.Int).Abs(n))
	d.Negative = n.Sign() < 0
	return Decimal{d}, true
}

// Operate implements the operators with whole numbers, decimals and floats.
func (d Decimal) Operate(op string, other any, reflected bool) (any, bool, error) {
	if f, ok := other.(float64); ok {
		x, y := d.float(), f
		if reflected {
			x, y = y, x
		}
		r, err := pynum.FloatOp(op, x, y)
		return r, r != nil || err != nil, err
	}
	o, ok := toDecimal(other)
	if !ok {
		return nil, false, nil
	}
	x, y := &d.d, &o.d
	if reflected {
		x, y = y, x
	}
	var r apd.Decimal
	var err error
	switch op {
	case "+":
		_, err = decimals.Add(&r, x, y)
	case "-":
		_, err = decimals.Sub(&r, x, y)
	case "*":
		_, err = decimals.Mul(&r, x, y)
	case "/", "//", "%":
		if y.IsZero() {
			return nil, true, pynum.ErrZero
		}
		err = divide(op, &r, x, y)
	case "**":
		_, err = decimals.Pow(&r, x, y)
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, true, fmt.Errorf("%s of decimals: %w", op, err)
	}
	return Decimal{r}, true, nil
}

// divide divides as Python's Decimal does: // and % cut towards zero, and / gives as few
// zeros at its end as it can.
func divide(op string, r, x, y *apd.Decimal) error {
	var err error
	switch op {
	case "//":
		_, err = decimals.QuoInteger(r, x, y)
		return err
	case "%":
		_, err = decimals.Rem(r, x, y)
		return err
	}
	condition, err := decimals.Quo(r, x, y)
	if err != nil || condition.Inexact() {
		return err
	}
	ideal := x.Exponent - y.Exponent
	var reduced apd.Decimal
	reduced.Reduce(r)
	if reduced.Exponent > ideal {
		_, err = decimals.Quantize(&reduced, &reduced, ideal)
	}
	r.Set(&reduced)
	return err
}

// CompareTo orders numbers exactly, floats too.
func (d Decimal) CompareTo(other any) (int, bool, error) {
	if f, ok := other.(float64); ok {
		if math.IsNaN(f) {
			return 0, false, nil
		}
		if math.IsInf(f, 0) {
			return -int(math.Copysign(1, f)), true, nil
		}
		return d.rat().Cmp(new(big.Rat).SetFloat64(f)), true, nil
	}
	o, ok := toDecimal(other)
	if !ok {
		return 0, false, nil
	}
	return d.d.Cmp(&o.d), true, nil
}

func (d Decimal) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(d.d.Text('f'))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// fixed writes the number with so many digits after the point, half to even.
func (d Decimal) fixed(digits int) string {
	var r apd.Decimal
	if _, err := exactly.Quantize(&r, &d.d, int32(-digits)); err != nil { //nolint:gosec // at most 1000
		return d.d.Text('f')
	}
	return strings.TrimPrefix(r.Text('f'), "-")
}

// HashKey implements [Hashable].
func (d Decimal) HashKey() (any, error) {
	if n := d.truncated(); d.d.Exponent >= 0 || d.rat().IsInt() {
		return hashKey(pynum.Int(n), 0)
	}
	if f := d.float(); new(big.Rat).SetFloat64(f) != nil && d.rat().Cmp(new(big.Rat).SetFloat64(f)) == 0 {
		return f, nil
	}
	var r apd.Decimal
	r.Reduce(&d.d)
	return bigKey(r.Text('G')), nil
}

// Truth implements [Truthful].
func (d Decimal) Truth() bool { return !d.d.IsZero() }
