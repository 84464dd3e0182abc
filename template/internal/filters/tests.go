package filters

import (
	"fmt"
	"math/big"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pytext"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

var tests = map[string]lang.Test{
	"defined":     is(func(v any) bool { return !pyval.IsUndefined(v) }),
	"undefined":   is(pyval.IsUndefined),
	"none":        is(func(v any) bool { return v == nil }),
	"true":        is(func(v any) bool { return v == any(true) }),
	"false":       is(func(v any) bool { return v == any(false) }),
	"boolean":     is(func(v any) bool { return pyval.TypeName(v) == "bool" }),
	"integer":     is(func(v any) bool { return pyval.TypeName(v) == "int" }),
	"float":       is(isFloat),
	"number":      is(isNumber),
	"string":      is(func(v any) bool { return pyval.TypeName(v) == "str" }),
	"mapping":     is(func(v any) bool { return pyval.TypeName(v) == "dict" }),
	"sequence":    is(isSequence),
	"iterable":    is(isIterable),
	"escaped":     is(func(v any) bool { _, ok := v.(pyval.Markup); return ok }),
	"callable":    is(func(v any) bool { _, ok := v.(pyval.Callable); return ok }),
	"lower":       isCase(pytext.IsLower),
	"upper":       isCase(pytext.IsUpper),
	"odd":         modulo(2, 1),
	"even":        modulo(2, 0),
	"divisibleby": divisibleBy,
	"sameas":      sameAs,
	"in":          comparing("in"),
	"eq":          comparing("=="), "equalto": comparing("=="), "==": comparing("=="),
	"ne": comparing("!="), "!=": comparing("!="),
	"lt": comparing("<"), "lessthan": comparing("<"), "<": comparing("<"),
	"le": comparing("<="), "<=": comparing("<="),
	"gt": comparing(">"), "greaterthan": comparing(">"), ">": comparing(">"),
	"ge": comparing(">="), ">=": comparing(">="),
}

func is(f func(any) bool) lang.Test {
	return func(_ *pyval.Budget, v any, a *pyval.Args) (bool, error) { return f(v), a.Done() }
}

// isCase looks at the text of a value, whatever it is.
func isCase(f func(string) bool) lang.Test {
	return func(b *pyval.Budget, v any, a *pyval.Args) (bool, error) {
		s, err := pyval.Str(b, v)
		if err == nil {
			err = a.Done()
		}
		return f(s), err
	}
}

func isNumber(v any) bool {
	switch v.(type) {
	case bool, int64, float64, *big.Int, pyval.Decimal:
		return true
	}
	return false
}

// isFloat takes a number of an XCom for a float where nothing tells that it is none.
func isFloat(v any) bool {
	if d, ok := v.(pyval.Decimal); ok {
		return d.IsFloat()
	}
	return pyval.TypeName(v) == "float"
}

func isIterable(v any) bool {
	switch v.(type) {
	case *pyval.Generator, pytime.Interval:
		return true
	}
	return isSequence(v)
}

func isSequence(v any) bool {
	_, err := pyval.Len(v)
	return err == nil
}

func comparing(op string) lang.Test {
	return func(b *pyval.Budget, v any, a *pyval.Args) (bool, error) {
		other := a.Any("other")
		if err := a.Done(); err != nil {
			return false, err
		}
		return pyval.Compare(b, op, v, other)
	}
}

func modulo(by, want int64) lang.Test {
	return func(b *pyval.Budget, v any, a *pyval.Args) (bool, error) {
		if err := a.Done(); err != nil {
			return false, err
		}
		return remainderIs(b, v, by, want)
	}
}

func divisibleBy(b *pyval.Budget, v any, a *pyval.Args) (bool, error) {
	by := a.Any("num")
	if err := a.Done(); err != nil {
		return false, err
	}
	return remainderIs(b, v, by, 0)
}

func remainderIs(b *pyval.Budget, v, by any, want int64) (bool, error) {
	if !isNumber(v) {
		return false, fmt.Errorf("needs a number, not %q", pyval.TypeName(v))
	}
	rest, err := pyval.Binary(b, "%", v, by)
	if err != nil {
		return false, err
	}
	return pyval.Equal(b, rest, want)
}

// sameAs compares constants and shared lists and dicts; numbers and texts by value.
func sameAs(b *pyval.Budget, v any, a *pyval.Args) (bool, error) {
	other := a.Any("other")
	if err := a.Done(); err != nil {
		return false, err
	}
	if pyval.TypeName(v) != pyval.TypeName(other) {
		return false, nil
	}
	switch v := v.(type) {
	case *pyval.List:
		return any(v) == other, nil
	case *pyval.Dict:
		return any(v) == other, nil
	}
	return pyval.Equal(b, v, other)
}

// isNameOf reports whether a text is a name in a table.
func isNameOf[F any](table map[string]F) lang.Test {
	return func(_ *pyval.Budget, v any, a *pyval.Args) (bool, error) {
		name, _ := v.(string)
		_, ok := table[name]
		return ok, a.Done()
	}
}
