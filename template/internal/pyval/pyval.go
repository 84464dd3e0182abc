// Package pyval gives Go values the meaning that Python gives them: operators,
// methods, indexing, formatting and printing, so that a template written for
// Airflow prints what Airflow prints.
//
// A value is one of: nil (None), bool, int64, [*big.Int] (only beyond 64 bits),
// float64, string, [*List], [Tuple], [*Dict], [Range], [Undefined] or an [Object], such as the
// dates of pytime.
// Operations never change their operands, except the methods of lists and dicts
// that do so in Python, and never panic. What they make is charged to a [Budget].
package pyval

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/dingdag/dingdag/template/internal/pynum"
)

// Undefined is a name, key or attribute that does not exist.
type Undefined struct {
	// Silent is the value of an if without else: it prints as nothing.
	Silent bool
}

// IsUndefined reports whether v is [Undefined].
func IsUndefined(v any) bool {
	_, ok := v.(Undefined)
	return ok
}

// List is a Python list. Lists are shared by reference, as in Python.
type List struct{ Items []any }

// NewList returns a list that owns items.
func NewList(items ...any) *List { return &List{Items: items} }

// Tuple is a Python tuple. Nobody changes it after it was made.
type Tuple []any

// Object is a value with attributes and methods of its own.
type Object interface {
	// TypeName is the name of the type in error messages.
	TypeName() string
	// Attr returns an attribute, or [Undefined] when there is none.
	Attr(name string) (any, error)
	// Method returns a method, or nil when there is none.
	Method(name string) Method
	// Names lists attributes and methods, to suggest one when a name is wrong.
	Names() []string
}

// Method is a function of a template: the receiver is bound.
type Method func(b *Budget, a *Args) (any, error)

// Callable is an [Object] that can be called itself, as a class can.
type Callable interface {
	// Invoke calls the object.
	Invoke(b *Budget, a *Args) (any, error)
}

// Printer is an [Object] with a text form. Others print as "<type>".
type Printer interface {
	// Str is what str() gives, Repr what repr() gives.
	Str() string
	Repr() string
}

// Truthful is an [Object] that can count as false.
type Truthful interface{ Truth() bool }

// Elements is an [Object] that can be gone through.
type Elements interface {
	Elements(b *Budget) ([]any, error)
}

// Hashable is an [Object] that can be a key of a dict: HashKey is a comparable Go value, equal
// for keys that are equal in Python.
type Hashable interface{ HashKey() (any, error) }

// Signed is an [Object] with a unary minus.
type Signed interface{ Negated() any }

// JSONText is an [Object] that JSON has as a text.
type JSONText interface{ JSON() string }

// Formatted is an [Object] with format specifications of its own.
type Formatted interface {
	FormatSpec(spec string) (string, error)
}

// operand is an Object that takes part in operators. ok is false when it does
// not know the combination. reflected says that the object is on the right.
type operand interface {
	Operate(op string, other any, reflected bool) (result any, ok bool, err error)
}

// ordered is an Object that compares. ok is false when the two do not compare.
type ordered interface {
	CompareTo(other any) (order int, ok bool, err error)
}

// Module is an [Object] made of fixed attributes and functions.
type Module struct {
	// Name is the type name in messages.
	Name string
	// Values are its attributes, Funcs its methods. Call, when set, makes the
	// module itself callable.
	Values map[string]any
	Funcs  map[string]Method
	Call   Method
}

// TypeName implements [Object].
func (m *Module) TypeName() string { return m.Name }

// Attr implements [Object].
func (m *Module) Attr(name string) (any, error) {
	if v, ok := m.Values[name]; ok {
		return v, nil
	}
	return Undefined{}, nil
}

// Method implements [Object].
func (m *Module) Method(name string) Method { return m.Funcs[name] }

// Names implements [Object].
func (m *Module) Names() []string {
	names := make([]string, 0, len(m.Values)+len(m.Funcs))
	for n := range m.Values {
		names = append(names, n)
	}
	for n := range m.Funcs {
		names = append(names, n)
	}
	return names
}

// Invoke implements [Callable].
func (m *Module) Invoke(b *Budget, a *Args) (any, error) {
	if m.Call == nil {
		return nil, fmt.Errorf("%s is not callable", m.Name)
	}
	return m.Call(b, a)
}

// TypeName returns Python's name for the type of v.
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case Undefined:
		return "undefined"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case Range:
		return "range"
	case Object:
		return v.TypeName()
	}
	return fmt.Sprintf("%T", v)
}

// Truth reports whether v counts as true.
func Truth(v any) bool {
	switch v := v.(type) {
	case nil, Undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case Tuple:
		return len(v) > 0
	case *Dict:
		return v.Len() > 0
	case Range:
		return v.Len() > 0
	case View:
		return len(v.Items) > 0
	case Markup:
		return v != ""
	case Truthful:
		return v.Truth()
	}
	return true
}

// Len returns the length of a text or container.
func Len(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return runeLen(v), nil
	case *List:
		return len(v.Items), nil
	case Tuple:
		return len(v), nil
	case View:
		return len(v.Items), nil
	case Markup:
		return runeLen(string(v)), nil
	case Group:
		return 2, nil
	case NamedTuple:
		return len(v.Tuple), nil
	case *Dict:
		return v.Len(), nil
	case Range:
		return v.Len(), nil
	}
	return 0, fmt.Errorf("%q has no length", TypeName(v))
}

// Iterate returns the elements of v: characters of a text, keys of a dict. The
// result must not be changed.
func Iterate(b *Budget, v any) ([]any, error) {
	switch v := v.(type) {
	case *List:
		return v.Items, nil
	case Tuple:
		return v, nil
	case *Generator:
		return v.take(), nil
	case View:
		return v.Items, nil
	case Markup:
		return Iterate(b, string(v))
	case Group:
		return v.pair(), nil
	case NamedTuple:
		return v.Tuple, nil
	case Undefined:
		return nil, nil
	case *Dict:
		return v.Keys(), nil
	case Range:
		if err := b.Spend(v.Len() * ElementCost); err != nil {
			return nil, err
		}
		return v.Items(), nil
	case string:
		if err := b.Spend(len(v) * ElementCost); err != nil {
			return nil, err
		}
		items := make([]any, 0, len(v))
		for _, r := range v {
			items = append(items, string(r))
		}
		return items, nil
	}
	if it, ok := v.(Elements); ok {
		return it.Elements(b)
	}
	return nil, fmt.Errorf("%q is not iterable", TypeName(v))
}

// Invoke calls v.
func Invoke(b *Budget, v any, a *Args) (any, error) {
	if c, ok := v.(Callable); ok {
		return c.Invoke(b, a)
	}
	return nil, fmt.Errorf("%q is not callable", TypeName(v))
}

// Attr returns an attribute of v, or [Undefined]. For a dict it is the value of
// the key, as templates expect. A method that is not called is an error.
func Attr(v any, name string) (any, error) {
	if g, ok := v.(*Generator); ok {
		return nil, fmt.Errorf("%s gives a generator, which has no attributes: add | list", g.Name)
	}
	if d, ok := v.(*Dict); ok && dictMethods[name] == nil {
		got, _ := d.Get(name)
		return got, nil
	}
	if o, ok := v.(Object); ok {
		if got, err := o.Attr(name); err != nil || !IsUndefined(got) {
			return got, err
		}
	}
	if method(v, name) == nil {
		return Undefined{}, nil
	}
	if _, ok := v.(*Dict); ok {
		return nil, fmt.Errorf("%s is a method of dicts: write ['%s'] for the key or %s() for the method", name, name, name)
	}
	return nil, fmt.Errorf("%s is a method: write %s()", name, name)
}

// CallMethod calls a method of v.
func CallMethod(b *Budget, v any, name string, a *Args) (any, error) {
	if m := method(v, name); m != nil {
		return m(b, a)
	}
	got, err := Attr(v, name)
	if err != nil {
		return nil, err
	}
	if IsUndefined(got) {
		return nil, &NoMethodError{Type: TypeName(v), Name: name}
	}
	return Invoke(b, got, a)
}

// NoMethodError says that a value has no such method.
type NoMethodError struct{ Type, Name string }

// Error implements error.
func (e *NoMethodError) Error() string { return fmt.Sprintf("%q has no method %q", e.Type, e.Name) }

func method(v any, name string) Method {
	switch v := v.(type) {
	case string:
		if name == "format" { // not in the table, which it uses itself
			return Bind(Format, v)
		}
		return Bind(strMethods[name], v)
	case *List:
		return Bind(listMethods[name], v)
	case Tuple:
		return Bind(tupleMethods[name], v)
	case *Dict:
		return Bind(dictMethods[name], v)
	case Object:
		return v.Method(name)
	}
	return nil
}

// Has reports whether v has an attribute or method of that name; a text, list or dict has methods.
func Has(v any, name string) bool { return HasAttr(v, name, true) || HasAttr(v, name, false) }

// HasAttr reports whether v.name, or v.name() when it is called, can be evaluated. A key of a
// dict is no attribute.
func HasAttr(v any, name string, called bool) bool {
	if called && method(v, name) != nil {
		return true
	}
	if m, ok := v.(*Module); ok { // also where the value is not known yet
		_, has := m.Values[name]
		return has
	}
	o, ok := v.(Object)
	if !ok {
		return false
	}
	got, err := o.Attr(name)
	return err == nil && !IsUndefined(got)
}

// Bind is a method of a table with its receiver; nil if there is none.
func Bind[T any](f func(*Budget, T, *Args) (any, error), recv T) Method {
	if f == nil {
		return nil
	}
	return func(b *Budget, a *Args) (any, error) { return f(b, recv, a) }
}

// Names lists what can be asked of v by name, for suggestions.
func Names(v any) []string {
	switch v := v.(type) {
	case *Dict:
		var names []string
		for _, k := range v.Keys() {
			if s, ok := k.(string); ok {
				names = append(names, s)
			}
		}
		return names
	case string:
		return slices.Sorted(maps.Keys(strMethods))
	case *List:
		return slices.Sorted(maps.Keys(listMethods))
	case Object:
		return v.Names()
	}
	return nil
}

// Budget units are bytes: ElementCost is the rough memory of one element, stepCost that of one step of work.
const (
	ElementCost = 16
	stepCost    = 16
	MaxDepth    = 100
)

// ErrLimit is wrapped by every error that says that a template asked for more than it may have.
var ErrLimit = pynum.ErrLimit

// Budget bounds what one rendering may make. It is not safe for concurrent use.
type Budget struct {
	// MaxText is the greatest length of one text in bytes.
	MaxText int
	// Left is how many bytes all results together may still take.
	Left int64
}

// Spend charges n bytes.
func (b *Budget) Spend(n int) error {
	b.Left -= int64(n)
	if b.Left < 0 {
		return fmt.Errorf("the template produces too much data: %w", ErrLimit)
	}
	return nil
}

// Fits reports an error when a text of n bytes would be too long. It charges nothing.
func (b *Budget) Fits(n int) error {
	if n < 0 || n > b.MaxText {
		return fmt.Errorf("a text of more than %d bytes: %w", b.MaxText, ErrLimit)
	}
	return nil
}

// Charge checks and charges a result.
func (b *Budget) Charge(v any) error {
	switch v := v.(type) {
	case string:
		if err := b.Fits(len(v)); err != nil {
			return err
		}
		return b.Spend(len(v))
	case *List:
		return b.Spend(len(v.Items) * ElementCost)
	case Tuple:
		return b.Spend(len(v) * ElementCost)
	case *Dict:
		return b.Spend(v.Len() * 4 * ElementCost)
	case *big.Int:
		return b.Spend(v.BitLen() / 8)
	}
	return nil
}

// Step charges one step of work in a value, which lies so deep in others.
func (b *Budget) Step(depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("a value nested more than %d levels deep: %w", MaxDepth, ErrLimit)
	}
	return b.Spend(stepCost)
}
