package pyval

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/dingdag/dingdag/template/internal/pynum"
)

// ToInt returns an integer value (bools are integers in Python).
func ToInt(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

// ToFloat returns a number as a float.
func ToFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	if d, ok := v.(Decimal); ok {
		return d.float(), true
	}
	if i, ok := ToInt(v); ok {
		return pynum.Float(i), true
	}
	return 0, false
}

// Negate returns -v.
func Negate(v any) (any, error) {
	switch n := v.(type) {
	case float64:
		return -n, nil
	case Signed:
		return n.Negated(), nil
	case Decimal:
		r, _, err := n.Operate("-", int64(0), true)
		return r, err
	}
	if i, ok := ToInt(v); ok {
		return pynum.Int(new(big.Int).Neg(i)), nil
	}
	return nil, fmt.Errorf("bad operand type for unary -: %q", TypeName(v))
}

// Posit is the unary +: a bool becomes a number.
func Posit(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		i, _ := ToInt(v)
		return pynum.Int(i), nil
	case int64, *big.Int, float64, Decimal:
		return v, nil
	}
	return nil, fmt.Errorf("bad operand type for unary +: %q", TypeName(v))
}

// Round rounds as round() does: half to even, on the exact value.
func Round(v any, digits int) (any, error) {
	switch f := v.(type) {
	case float64:
		return pynum.RoundFloat(f, digits), nil
	case Decimal:
		if digits > 1000 || digits < -1000 {
			return nil, errors.New("round: so many digits are not allowed")
		}
		return f.round(int32(-digits))
	}
	i, ok := ToInt(v)
	if !ok {
		return v, nil
	}
	return pynum.RoundInt(i, digits), nil
}

// Truncate cuts a number to an integer; ok is false for what is no number.
func Truncate(v any) (n any, ok bool) {
	if f, isFloat := v.(float64); isFloat {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, false
		}
		i, _ := big.NewFloat(f).Int(nil)
		return pynum.Int(i), true
	}
	if d, isDecimal := v.(Decimal); isDecimal {
		return pynum.Int(d.truncated()), true
	}
	i, ok := ToInt(v)
	if !ok {
		return nil, false
	}
	return pynum.Int(i), true
}
