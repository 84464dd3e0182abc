// Package pynum is what Python does with numbers: whole numbers of any size and floats, their
// operators, and how they are read and written.
package pynum

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// ErrLimit is wrapped by every error that says that a template asked for more
// than it may have.
var ErrLimit = errors.New("over the limit")

// MaxBits bounds integers; the text of the largest has about 20,000 digits.
const MaxBits = 1 << 16

// Int returns v as a value: an int64 when it fits.
func Int(v *big.Int) any {
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}

// Float is a whole number as a float.
func Float(v *big.Int) float64 {
	f, _ := new(big.Float).SetInt(v).Float64()
	return f
}

// ErrZero is what dividing by zero gives.
var ErrZero = errors.New("division by zero")

// IntOp is an operator between whole numbers; nil stands for one that they do not have.
func IntOp(op string, x, y *big.Int) (any, error) {
	switch op {
	case "+":
		return intResult(new(big.Int).Add(x, y))
	case "-":
		return intResult(new(big.Int).Sub(x, y))
	case "*":
		if x.BitLen()+y.BitLen() > MaxBits {
			return nil, errBigInt()
		}
		return intResult(new(big.Int).Mul(x, y))
	case "/":
		return trueDiv(x, y)
	case "//", "%":
		return FloorDiv(op, x, y)
	case "**":
		return intPow(x, y)
	}
	return nil, nil
}

func errBigInt() error { return fmt.Errorf("an integer of more than %d bits: %w", MaxBits, ErrLimit) }

func intResult(n *big.Int) (any, error) {
	if n.BitLen() > MaxBits {
		return nil, errBigInt()
	}
	return Int(n), nil
}

func trueDiv(x, y *big.Int) (any, error) {
	if y.Sign() == 0 {
		return nil, ErrZero
	}
	f, _ := new(big.Rat).SetFrac(x, y).Float64()
	if math.IsInf(f, 0) {
		return nil, errors.New("the result of / is too large for a float")
	}
	return f, nil
}

// FloorDiv is // and % of integers: both round down.
func FloorDiv(op string, x, y *big.Int) (any, error) {
	if y.Sign() == 0 {
		return nil, ErrZero
	}
	q, r := new(big.Int).QuoRem(x, y, new(big.Int))
	if r.Sign() != 0 && r.Sign() != y.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, y)
	}
	if op == "%" {
		return Int(r), nil
	}
	return Int(q), nil
}

func intPow(x, y *big.Int) (any, error) {
	if y.Sign() < 0 {
		return FloatOp("**", Float(x), Float(y))
	}
	if x.BitLen() <= 1 && y.BitLen() > 2 { // for -1, 0 and 1 only the parity matters
		y = new(big.Int).SetBit(big.NewInt(2), 0, y.Bit(0))
	}
	if !y.IsInt64() || y.Int64() > MaxBits || int64(x.BitLen())*y.Int64() > 2*MaxBits {
		return nil, errBigInt()
	}
	return intResult(new(big.Int).Exp(x, y, nil))
}

// FloatOp is an operator between floats; nil stands for one that they do not have.
func FloatOp(op string, x, y float64) (any, error) {
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		if y == 0 {
			return nil, ErrZero
		}
		return x / y, nil
	case "//", "%":
		if y == 0 {
			return nil, ErrZero
		}
		r := math.Mod(x, y)
		if r != 0 && (r < 0) != (y < 0) {
			r += y
		}
		if op == "%" {
			return r, nil
		}
		return math.Round((x - r) / y), nil
	case "**":
		if x == 0 && y < 0 {
			return nil, ErrZero
		}
		r := preciseFloat(x, y)
		if math.IsNaN(r) && !math.IsNaN(x) && !math.IsNaN(y) {
			return nil, errors.New("a negative number to a broken power")
		}
		if math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
			return nil, errors.New("the result of ** is too large for a float")
		}
		return r, nil
	}
	return nil, nil
}

// RoundInt rounds as round() does: half to even.
func RoundInt(i *big.Int, digits int) any {
	if digits >= 0 {
		return Int(i)
	}
	if digits < -400 {
		return int64(0)
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q, r := new(big.Int).DivMod(i, unit, new(big.Int))
	if c := new(big.Int).Lsh(r, 1).Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return Int(q.Mul(q, unit))
}

// RoundFloat rounds as round() does: half to even, on the exact value.
func RoundFloat(f float64, digits int) float64 {
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

// preciseFloat rounds x**y as the C library does: to the nearest float but for rare cases.
func preciseFloat(x, y float64) float64 {
	rough := math.Pow(x, y)
	if rough == 0 || math.IsInf(rough, 0) || math.IsNaN(rough) || x == 1 || y == 0 || y == 1 {
		return rough
	}
	c := apd.Context{Precision: 50, MaxExponent: 5000, MinExponent: -5000, Rounding: apd.RoundHalfEven}
	var base, power, r apd.Decimal
	for d, f := range map[*apd.Decimal]float64{&base: math.Abs(x), &power: y} { // with the digits of the binary value
		if _, _, err := d.SetString(strconv.FormatFloat(f, 'e', 60, 64)); err != nil {
			return rough
		}
	}
	if _, err := c.Ln(&r, &base); err != nil {
		return rough
	}
	if _, err := c.Mul(&r, &r, &power); err != nil {
		return rough
	}
	if _, err := c.Exp(&r, &r); err != nil {
		return rough
	}
	f, err := r.Float64()
	if err != nil || f == 0 || math.IsInf(f, 0) {
		return rough
	}
	return math.Copysign(f, rough)
}
