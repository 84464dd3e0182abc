package pyval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pynum"
)

// Binary applies one of + - * / // % ** ~.
func Binary(b *Budget, op string, x, y any) (any, error) {
	r, err := binary(b, op, x, y)
	if err != nil {
		return nil, err
	}
	return r, b.Charge(r)
}

func binary(b *Budget, op string, x, y any) (any, error) {
	if op == "~" {
		return concat(b, x, y)
	}
	if s, ok := x.(string); ok && op == "%" {
		return Percent(b, s, y)
	}
	if r, ok := smallIntOp(op, x, y); ok {
		return r, nil
	}
	xi, xok := ToInt(x)
	yi, yok := ToInt(y)
	if xok && yok {
		return pynum.IntOp(op, xi, yi)
	}
	if r, ok, err := decimalOp(op, x, y); ok {
		return r, err
	}
	xf, xok := ToFloat(x)
	yf, yok := ToFloat(y)
	if xok && yok {
		return pynum.FloatOp(op, xf, yf)
	}
	if o, ok := x.(operand); ok {
		if r, ok, err := o.Operate(op, y, false); ok || err != nil {
			return r, err
		}
	}
	if o, ok := y.(operand); ok {
		if r, ok, err := o.Operate(op, x, true); ok || err != nil {
			return r, err
		}
	}
	return containerOp(b, op, x, y)
}

// decimalOp applies an operator with a decimal on one side and a number on the other.
func decimalOp(op string, x, y any) (any, bool, error) {
	if d, ok := x.(Decimal); ok {
		return d.Operate(op, y, false)
	}
	if d, ok := y.(Decimal); ok {
		return d.Operate(op, x, true)
	}
	return nil, false, nil
}

// smallIntOp is the short way for what cannot overflow.
func smallIntOp(op string, x, y any) (any, bool) {
	const bound = 1 << 31
	i, ok := x.(int64)
	if !ok || i <= -bound || i >= bound {
		return nil, false
	}
	j, ok := y.(int64)
	if !ok || j <= -bound || j >= bound {
		return nil, false
	}
	switch op {
	case "+":
		return i + j, true
	case "-":
		return i - j, true
	case "*":
		return i * j, true
	case "//", "%":
		return smallFloorDiv(op, i, j)
	}
	return nil, false
}

// smallFloorDiv rounds down, as Python does: the rest has the sign of j.
func smallFloorDiv(op string, i, j int64) (any, bool) {
	if j == 0 {
		return nil, false
	}
	q, r := i/j, i%j
	if r != 0 && (r < 0) != (j < 0) {
		q, r = q-1, r+j
	}
	if op == "%" {
		return r, true
	}
	return q, true
}

func concat(b *Budget, x, y any) (any, error) {
	s, err := Str(b, x)
	if err != nil {
		return nil, err
	}
	t, err := Str(b, y)
	if err != nil {
		return nil, err
	}
	if err := b.Fits(len(s) + len(t)); err != nil {
		return nil, err
	}
	return s + t, nil
}

func containerOp(b *Budget, op string, x, y any) (any, error) {
	switch op {
	case "+":
		if r, ok, err := join2(b, x, y); ok || err != nil {
			return r, err
		}
	case "*":
		x, y = Plain(x), Plain(y)
		if n, ok := smallInt(y); ok {
			if r, ok, err := repeat(b, x, n); ok || err != nil {
				return r, err
			}
		}
		if n, ok := smallInt(x); ok {
			if r, ok, err := repeat(b, y, n); ok || err != nil {
				return r, err
			}
		}
	}
	return nil, fmt.Errorf("unsupported operand types for %s: %q and %q", op, TypeName(x), TypeName(y))
}

func join2(b *Budget, x, y any) (any, bool, error) {
	switch x := x.(type) {
	case string:
		if y, ok := y.(string); ok {
			return x + y, true, b.Fits(len(x) + len(y))
		}
	case *List:
		if y, ok := y.(*List); ok {
			return NewList(slices.Concat(x.Items, y.Items)...), true, nil
		}
	case Tuple:
		if y, ok := y.(Tuple); ok {
			return slices.Concat(x, y), true, nil
		}
	}
	return nil, false, nil
}

func repeat(b *Budget, v any, n int64) (any, bool, error) {
	n = max(n, 0)
	switch v := v.(type) {
	case string:
		if len(v) > 0 && n > int64(b.MaxText/len(v)) {
			return nil, false, b.Fits(b.MaxText + 1)
		}
		return strings.Repeat(v, int(n)), true, nil
	case *List:
		items, err := repeatItems(b, v.Items, n)
		return NewList(items...), err == nil, err
	case Tuple:
		items, err := repeatItems(b, v, n)
		return Tuple(items), err == nil, err
	}
	return nil, false, nil
}

func repeatItems(b *Budget, items []any, n int64) ([]any, error) {
	if len(items) > 0 && n > int64(b.MaxText/ElementCost/len(items)) {
		return nil, fmt.Errorf("a list of more than %d elements: %w", b.MaxText/ElementCost, ErrLimit)
	}
	return slices.Repeat(items, int(n)), nil
}

// Compare applies one of == != < <= > >= in "not in".
func Compare(b *Budget, op string, x, y any) (bool, error) {
	x, y = Plain(x), Plain(y)
	switch op {
	case "==", "!=":
		eq, err := Equal(b, x, y)
		return eq == (op == "=="), err
	case "in", "not in":
		in, err := Contains(b, y, x)
		return in == (op == "in"), err
	}
	c, ok, err := Order(b, x, y, 0)
	if err != nil {
		return false, err
	}
	if !ok {
		if isNaN(x) || isNaN(y) {
			return false, nil
		}
		return false, fmt.Errorf("%s is not supported between %q and %q", op, TypeName(x), TypeName(y))
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

func isNaN(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}

// Order compares two values that lie so deep in others; ok is false when the two do not compare.
func Order(b *Budget, x, y any, depth int) (int, bool, error) {
	if err := b.Step(depth); err != nil {
		return 0, false, err
	}
	if c, ok := orderNumbers(x, y); ok {
		return c, true, nil
	}
	switch x := x.(type) {
	case string:
		if y, ok := y.(string); ok {
			return strings.Compare(x, y), true, nil
		}
	case *List:
		if y, ok := y.(*List); ok {
			return orderItems(b, x.Items, y.Items, depth)
		}
	case Tuple:
		if y, ok := y.(Tuple); ok {
			return orderItems(b, x, y, depth)
		}
	case ordered:
		return x.CompareTo(y)
	}
	return 0, false, nil
}

func orderNumbers(x, y any) (int, bool) {
	if i, ok := x.(int64); ok {
		if j, ok := y.(int64); ok {
			return cmp.Compare(i, j), true
		}
	}
	xi, xok := ToInt(x)
	yi, yok := ToInt(y)
	if xok && yok {
		return xi.Cmp(yi), true
	}
	if d, ok := x.(Decimal); ok {
		c, ok, _ := d.CompareTo(y)
		return c, ok
	}
	if d, ok := y.(Decimal); ok {
		c, ok, _ := d.CompareTo(x)
		return -c, ok
	}
	xf, xok := ToFloat(x)
	yf, yok := ToFloat(y)
	if !xok || !yok || isNaN(x) || isNaN(y) {
		return 0, false
	}
	switch {
	case xf < yf:
		return -1, true
	case xf > yf:
		return 1, true
	}
	return 0, true
}

func orderItems(b *Budget, x, y []any, depth int) (int, bool, error) {
	for i := range min(len(x), len(y)) {
		eq, err := equal(b, x[i], y[i], depth+1)
		if err != nil {
			return 0, false, err
		}
		if !eq {
			return Order(b, x[i], y[i], depth+1)
		}
	}
	return len(x) - len(y), true, nil
}

// Equal reports whether x == y. Values of different types are not equal, numbers aside.
func Equal(b *Budget, x, y any) (bool, error) { return equal(b, x, y, 0) }

func equal(b *Budget, x, y any, depth int) (bool, error) {
	if err := b.Step(depth); err != nil {
		return false, err
	}
	x, y = Plain(x), Plain(y)
	if c, ok := orderNumbers(x, y); ok {
		return c == 0, nil
	}
	switch x := x.(type) {
	case nil:
		return y == nil, nil
	case string:
		return x == y, nil
	case *List:
		y, ok := y.(*List)
		if !ok {
			return false, nil
		}
		return equalItems(b, x.Items, y.Items, depth)
	case Tuple:
		y, ok := y.(Tuple)
		if !ok {
			return false, nil
		}
		return equalItems(b, x, y, depth)
	case *Dict:
		y, ok := y.(*Dict)
		if !ok || x.Len() != y.Len() {
			return false, nil
		}
		return equalDicts(b, x, y, depth)
	case Range:
		return any(x) == y, nil
	case View:
		y, ok := y.(View)
		if !ok {
			return false, nil
		}
		return equalItems(b, x.Items, y.Items, depth)
	case NamedTuple:
		if y, ok := y.(NamedTuple); ok {
			return equalItems(b, x.Tuple, y.Tuple, depth)
		}
		y, ok := y.(Tuple)
		if !ok {
			return false, nil
		}
		return equalItems(b, x.Tuple, y, depth)
	case ordered:
		c, ok, err := x.CompareTo(y)
		if err != nil { // naive and aware datetimes are never equal, but do not fail
			return false, nil //nolint:nilerr // Python answers False here
		}
		return ok && c == 0, nil
	case *Module:
		return any(x) == y, nil
	}
	return false, nil
}

func equalItems(b *Budget, x, y []any, depth int) (bool, error) {
	if len(x) != len(y) {
		return false, nil
	}
	for i := range x {
		if eq, err := equal(b, x[i], y[i], depth+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

func equalDicts(b *Budget, x, y *Dict, depth int) (bool, error) {
	for i, k := range x.keys {
		v, ok := y.Get(k)
		if !ok {
			return false, nil
		}
		if eq, err := equal(b, x.vals[i], v, depth+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

// Contains reports whether container holds v: a part of a text, a key of a dict,
// an element of a sequence.
func Contains(b *Budget, container, v any) (bool, error) {
	switch c := container.(type) {
	case string:
		part, ok := v.(string)
		if !ok {
			return false, fmt.Errorf("in needs a text on the left of a text, not %q", TypeName(v))
		}
		return strings.Contains(c, part), nil
	case *Dict:
		if _, err := hashKey(v, 0); err != nil {
			return false, err
		}
		_, ok := c.Get(v)
		return ok, nil
	}
	items, err := Iterate(b, container)
	if err != nil {
		return false, err
	}
	for _, it := range items {
		if eq, err := Equal(b, it, v); err != nil || eq {
			return eq, err
		}
	}
	return false, nil
}
