package pyval

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/dingdag/dingdag/template/internal/pytext"
)

// MaxBits bounds integers; the text of the largest has about 20,000 digits.
const MaxBits = 1 << 16

// Int returns v as a value: an int64 when it fits.
func Int(v *big.Int) any {
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}

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
		f, _ := new(big.Float).SetInt(i).Float64()
		return f, true
	}
	return 0, false
}

// ParseInt reads an integer as int() does: spaces around, underscores between digits.
func ParseInt(s string, base int) (any, bool) {
	s = asciiDigits(strings.TrimSpace(s))
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || len(digits) > MaxBits/4 || pytext.BadUnderscores(digits) {
		return nil, false
	}
	digits = strings.ReplaceAll(digits, "_", "")
	if prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]; prefix != "" {
		digits = strings.TrimPrefix(strings.ToLower(digits), prefix)
	}
	if strings.ContainsAny(digits, "+-") {
		return nil, false
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, false
	}
	if strings.HasPrefix(s, "-") {
		n.Neg(n)
	}
	return Int(n), true
}

// asciiDigits writes the digits of other scripts as 0 to 9.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.Is(unicode.Nd, r) {
			return r
		}
		return '0' + (r-zeroOf(r))%10
	}, s)
}

// zeroOf is the first digit of the run of digits that r stands in; runs hold whole tens.
func zeroOf(r rune) rune {
	for unicode.Is(unicode.Nd, r-1) {
		r--
	}
	return r
}

// ErrZero is what dividing by zero gives.
var ErrZero = errors.New("division by zero")

func intOp(op string, x, y *big.Int) (any, error) {
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
		fx, _ := ToFloat(x)
		fy, _ := ToFloat(y)
		return floatOp("**", fx, fy)
	}
	if x.BitLen() <= 1 && y.BitLen() > 2 { // for -1, 0 and 1 only the parity matters
		y = new(big.Int).SetBit(big.NewInt(2), 0, y.Bit(0))
	}
	if !y.IsInt64() || y.Int64() > MaxBits || int64(x.BitLen())*y.Int64() > 2*MaxBits {
		return nil, errBigInt()
	}
	return intResult(new(big.Int).Exp(x, y, nil))
}

func floatOp(op string, x, y float64) (any, error) {
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
		return Int(new(big.Int).Neg(i)), nil
	}
	return nil, fmt.Errorf("bad operand type for unary -: %q", TypeName(v))
}

// Posit is the unary +: a bool becomes a number.
func Posit(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		i, _ := ToInt(v)
		return Int(i), nil
	case int64, *big.Int, float64, Decimal:
		return v, nil
	}
	return nil, fmt.Errorf("bad operand type for unary +: %q", TypeName(v))
}

// Round rounds as round() does: half to even, on the exact value.
func Round(v any, digits int) (any, error) {
	switch f := v.(type) {
	case float64:
		return roundFloat(f, digits), nil
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
	if digits >= 0 {
		return Int(i), nil
	}
	if digits < -400 {
		return int64(0), nil
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q, r := new(big.Int).DivMod(i, unit, new(big.Int))
	if c := new(big.Int).Lsh(r, 1).Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return Int(q.Mul(q, unit)), nil
}

// ParseFloat reads a number as float() does.
func ParseFloat(s string) (float64, bool) {
	s = asciiDigits(strings.TrimSpace(s))
	if strings.ContainsAny(s, "xXpP") || pytext.BadUnderscores(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range is inf, as in Python
		return 0, false
	}
	return f, true
}

// Truncate cuts a number to an integer; ok is false for what is no number.
func Truncate(v any) (n any, ok bool) {
	if f, isFloat := v.(float64); isFloat {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, false
		}
		i, _ := big.NewFloat(f).Int(nil)
		return Int(i), true
	}
	if d, isDecimal := v.(Decimal); isDecimal {
		return Int(d.truncated()), true
	}
	i, ok := ToInt(v)
	if !ok {
		return nil, false
	}
	return Int(i), true
}
