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
	names []string
	named map[string]any
	next  int
	err   error
}

// NewArgs returns the arguments of a call of fn. names gives the order of named;
// names missing from it come last, sorted.
func NewArgs(fn string, pos []any, named map[string]any, names []string) *Args {
	a := &Args{fn: fn, pos: pos, named: named}
	for _, n := range names {
		if _, ok := named[n]; ok {
			a.names = append(a.names, n)
		}
	}
	var rest []string
	for n := range named {
		if !slices.Contains(a.names, n) {
			rest = append(rest, n)
		}
	}
	slices.Sort(rest)
	a.names = append(a.names, rest...)
	return a
}

func (a *Args) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(a.fn+": "+format, args...)
	}
}

// Given reports whether the next parameter was passed.
func (a *Args) Given(name string) bool {
	_, ok := a.named[name]
	return ok || a.next < len(a.pos)
}

func (a *Args) take(name string) (any, bool) {
	v, ok := a.named[name]
	if ok {
		delete(a.named, name)
		a.names = slices.DeleteFunc(a.names, func(n string) bool { return n == name })
	}
	if a.next < len(a.pos) {
		if ok {
			a.fail("%s is given twice", name)
		}
		v, ok = a.pos[a.next], true
		a.next++
	}
	return v, ok
}

// Any takes a required parameter.
func (a *Args) Any(name string) any {
	v, ok := a.take(name)
	if !ok {
		a.fail("the argument %s is missing", name)
	}
	return v
}

// AnyOr takes an optional parameter.
func (a *Args) AnyOr(name string, def any) any {
	if v, ok := a.take(name); ok {
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
	f, ok := toFloat(v)
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
	for _, n := range a.names {
		d.SetText(n, a.named[n])
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
	kw := make(map[string]any, named.Len())
	var names []string
	for i, k := range named.keys {
		if s, ok := k.(string); ok {
			kw[s] = named.vals[i]
			names = append(names, s)
		}
	}
	return NewArgs(fn, pos, kw, names)
}

// Prepend returns the arguments with one more positional one before them.
func Prepend(fn string, v any, a *Args) *Args {
	return NewArgsOf(fn, append([]any{v}, a.More()...), a.Rest())
}

// HasKeyword reports whether a keyword was passed.
func (a *Args) HasKeyword(name string) bool {
	_, ok := a.named[name]
	return ok
}

// KeywordOr takes an optional parameter that is passed by keyword only.
func (a *Args) KeywordOr(name string, def any) any {
	if !a.HasKeyword(name) {
		return def
	}
	pos := a.pos
	a.pos = nil
	defer func() { a.pos = pos }()
	return a.AnyOr(name, def)
}

// KeywordTruth takes an optional flag that is passed by keyword only.
func (a *Args) KeywordTruth(name string, def bool) bool { return Truth(a.KeywordOr(name, def)) }
