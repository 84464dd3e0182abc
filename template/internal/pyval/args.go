package pyval

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Args are the arguments of one call. A function takes its parameters in order,
// each from the next position or by its keyword, and then asks [Args.Done] for
// the first mistake.
type Args struct {
	fn    string
	pos   []any
	names []string // of the keywords that nobody took yet
	named []any
	next  int
	err   error
}

// NewArgs returns the arguments of a call of fn; names and named are the keywords and
// their values. They are left as they are.
func NewArgs(fn string, pos []any, names []string, named []any) *Args {
	return &Args{fn: fn, pos: pos, names: names, named: named}
}

// Func is the name of the function that is called.
func (a *Args) Func() string { return a.fn }

// Count is how many positional arguments there are.
func (a *Args) Count() int { return len(a.pos) }

// AddKeyword adds a keyword.
func (a *Args) AddKeyword(name string, v any) {
	a.names = append(slices.Clip(a.names), name)
	a.named = append(slices.Clip(a.named), v)
}

func (a *Args) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(a.fn+": "+format, args...)
	}
}

// Given reports whether the next parameter was passed.
func (a *Args) Given(name string) bool { return a.HasKeyword(name) || a.next < len(a.pos) }

// Take takes a parameter of any kind, and reports whether it was passed.
func (a *Args) Take(name string) (any, bool) {
	v, ok := a.takeKeyword(name)
	if a.next < len(a.pos) {
		if ok {
			a.fail("%s is given twice", name)
		}
		v, ok = a.pos[a.next], true
		a.next++
	}
	return v, ok
}

func (a *Args) takeKeyword(name string) (any, bool) {
	i := slices.Index(a.names, name)
	if i < 0 {
		return nil, false
	}
	v := a.named[i]
	if i == 0 { // in most calls they come in their order
		a.names, a.named = a.names[1:], a.named[1:]
		return v, true
	}
	a.names = slices.Delete(slices.Clone(a.names), i, i+1)
	a.named = slices.Delete(slices.Clone(a.named), i, i+1)
	return v, true
}

// Any takes a required parameter.
func (a *Args) Any(name string) any {
	v, ok := a.Take(name)
	if !ok {
		a.fail("the argument %s is missing", name)
	}
	return v
}

// AnyOr takes an optional parameter.
func (a *Args) AnyOr(name string, def any) any {
	if v, ok := a.Take(name); ok {
		return v
	}
	return def
}

// Text takes a required text.
func (a *Args) Text(name string) string {
	return typed[string](a, name, a.Any(name), "a text")
}

// TextOr takes an optional text; None counts as not given.
func (a *Args) TextOr(name, def string) string {
	v := a.AnyOr(name, nil)
	if v == nil {
		return def
	}
	return typed[string](a, name, v, "a text")
}

// Int takes a required integer.
func (a *Args) Int(name string) int { return a.asInt(name, a.Any(name)) }

// IntOr takes an optional integer; None counts as not given.
func (a *Args) IntOr(name string, def int) int {
	v := a.AnyOr(name, nil)
	if v == nil {
		return def
	}
	return a.asInt(name, v)
}

func (a *Args) asInt(name string, v any) int {
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
		return 0
	case int64:
		return int(v)
	case *big.Int:
		a.fail("%s is too large", name)
		return 0
	}
	a.wrong(name, v, "an integer")
	return 0
}

// FloatOr takes an optional number.
func (a *Args) FloatOr(name string, def float64) float64 {
	v := a.AnyOr(name, def)
	f, ok := ToFloat(v)
	if !ok {
		a.wrong(name, v, "a number")
	}
	return f
}

// BoolOr takes an optional flag; any value counts by its truth.
func (a *Args) BoolOr(name string, def bool) bool { return Truth(a.AnyOr(name, def)) }

func (a *Args) wrong(name string, v any, want string) {
	if a.err == nil {
		a.fail("%s must be %s, not %q", name, want, TypeName(v))
	}
}

func typed[T any](a *Args, name string, v any, want string) T {
	t, ok := Plain(v).(T)
	if !ok {
		a.wrong(name, v, want)
	}
	return t
}

// More takes all remaining positional arguments.
func (a *Args) More() []any {
	rest := a.pos[min(a.next, len(a.pos)):]
	a.next = len(a.pos)
	return rest
}

// Rest takes all remaining keyword arguments, in the order of the call.
func (a *Args) Rest() *Dict {
	d := NewDict()
	for i, n := range a.names {
		d.SetText(n, a.named[i])
	}
	a.names, a.named = nil, nil
	return d
}

// Done returns the first mistake, an argument that nobody took included.
func (a *Args) Done() error {
	if a.err == nil && a.next < len(a.pos) {
		a.fail("too many arguments: takes %d, got %d", a.next, len(a.pos))
	}
	if a.err == nil && len(a.names) > 0 {
		a.fail("unknown argument %s", strings.Join(a.names, ", "))
	}
	return a.err
}

// NewArgsOf returns arguments that can be read anew from positional and keyword ones.
func NewArgsOf(fn string, pos []any, named *Dict) *Args {
	var names []string
	var values []any
	for i, k := range named.keys {
		if s, ok := k.(string); ok {
			names, values = append(names, s), append(values, named.vals[i])
		}
	}
	return NewArgs(fn, pos, names, values)
}

// Prepend returns the arguments with one more positional one before them.
func Prepend(fn string, v any, a *Args) *Args {
	return NewArgsOf(fn, append([]any{v}, a.More()...), a.Rest())
}

// HasKeyword reports whether a keyword was passed.
func (a *Args) HasKeyword(name string) bool {
	return slices.Contains(a.names, name)
}

// KeywordOr takes an optional parameter that is passed by keyword only.
func (a *Args) KeywordOr(name string, def any) any {
	if v, ok := a.takeKeyword(name); ok {
		return v
	}
	return def
}

// KeywordTruth takes an optional flag that is passed by keyword only.
func (a *Args) KeywordTruth(name string, def bool) bool { return Truth(a.KeywordOr(name, def)) }
