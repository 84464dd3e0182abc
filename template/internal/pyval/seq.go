package pyval

import (
	"errors"
	"fmt"
	"slices"
)

// Range is the result of range().
type Range struct{ Start, Stop, Step int64 }

// maxRange is the length that Jinja's sandbox allows as well.
const maxRange = 100_000

// NewRange returns the range, or an error for a zero step or more than 100,000 elements.
func NewRange(start, stop, step int64) (Range, error) {
	if step == 0 {
		return Range{}, errors.New("range: the step must not be zero")
	}
	r := Range{start, stop, step}
	if stop > start && stop-start < 0 || stop < start && start-stop < 0 || step == -1<<63 || r.Len() > maxRange {
		return Range{}, fmt.Errorf("range: more than %d elements: %w", maxRange, ErrLimit)
	}
	return r, nil
}

// Len returns the number of elements.
func (r Range) Len() int {
	if r.Step > 0 && r.Start < r.Stop {
		return int((r.Stop-r.Start-1)/r.Step) + 1
	}
	if r.Step < 0 && r.Start > r.Stop {
		return int((r.Start-r.Stop-1)/-r.Step) + 1
	}
	return 0
}

// Items returns the elements.
func (r Range) Items() []any {
	items := make([]any, r.Len())
	for i := range items {
		items[i] = r.Start + int64(i)*r.Step
	}
	return items
}

// String implements fmt.Stringer as Python prints a range.
func (r Range) String() string {
	if r.Step != 1 {
		return fmt.Sprintf("range(%d, %d, %d)", r.Start, r.Stop, r.Step)
	}
	return fmt.Sprintf("range(%d, %d)", r.Start, r.Stop)
}

// Item returns v[key], or [Undefined] when there is no such element. As in
// Jinja, v['name'] falls back to the attribute.
func Item(b *Budget, v, key any) (any, error) {
	if g, ok := v.(Group); ok {
		if name, ok := key.(string); ok {
			return g.Attr(name)
		}
		v = g.pair()
	}
	if n, ok := v.(NamedTuple); ok {
		if name, ok := key.(string); ok {
			return n.Attr(name)
		}
		v = n.Tuple
	}
	key = Plain(key)
	switch v := Plain(v).(type) {
	case *Generator, View:
		return nil, fmt.Errorf("%q cannot be indexed: add | list", TypeName(v))
	case *Dict:
		got, _ := v.Get(key)
		return got, nil
	case string, *List, Tuple, Range:
		i, ok := key.(int64)
		if !ok {
			if _, named := key.(string); named {
				return Undefined{}, nil
			}
			return nil, fmt.Errorf("%q is indexed by integers, not %q", TypeName(v), TypeName(key))
		}
		items, err := Iterate(b, v)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			i += int64(len(items))
		}
		if i < 0 || i >= int64(len(items)) {
			return Undefined{}, nil
		}
		return items[i], nil
	case Object:
		if name, ok := key.(string); ok {
			return v.Attr(name)
		}
	case nil:
		return Undefined{}, nil
	}
	return nil, fmt.Errorf("%q cannot be indexed", TypeName(v))
}

// Slice returns v[start:stop:step]; nil bounds are open.
func Slice(b *Budget, v, start, stop, step any) (any, error) {
	if n, ok := v.(NamedTuple); ok {
		v = n.Tuple
	}
	v = Plain(v)
	at, err := sliceIndexes(b, v, start, stop, step)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		runes := []rune(v)
		out := make([]rune, len(at))
		for i, j := range at {
			out[i] = runes[j]
		}
		return string(out), nil
	case Tuple:
		return Tuple(pick(v, at)), nil
	case Range:
		return v.slice(start, stop, step)
	case *List:
		return NewList(pick(v.Items, at)...), nil
	}
	return nil, fmt.Errorf("%q cannot be sliced", TypeName(v))
}

// slice is a range of a range.
func (r Range) slice(start, stop, step any) (any, error) {
	n := r.Len()
	by, err := sliceBound(step, 1)
	if err != nil {
		return nil, err
	}
	low, high, from, to := 0, n, 0, n
	if by < 0 {
		low, high, from, to = -1, n-1, n-1, -1
	}
	if from, err = sliceEnd(start, from, n, low, high); err != nil {
		return nil, err
	}
	if to, err = sliceEnd(stop, to, n, low, high); err != nil {
		return nil, err
	}
	return Range{r.Start + int64(from)*r.Step, r.Start + int64(to)*r.Step, r.Step * int64(by)}, nil
}

func pick(items []any, at []int) []any {
	out := make([]any, len(at))
	for i, j := range at {
		out[i] = items[j]
	}
	return out
}

func sliceIndexes(b *Budget, v, start, stop, step any) ([]int, error) {
	if _, ok := v.(*Dict); ok {
		return nil, fmt.Errorf("%q cannot be sliced", TypeName(v))
	}
	n, err := Len(v)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be sliced", TypeName(v))
	}
	by, err := sliceBound(step, 1)
	if err != nil {
		return nil, err
	}
	if by == 0 {
		return nil, errors.New("the step of a slice must not be zero")
	}
	low, high, from, to := 0, n, 0, n
	if by < 0 {
		low, high, from, to = -1, n-1, n-1, -1
	}
	if from, err = sliceEnd(start, from, n, low, high); err != nil {
		return nil, err
	}
	if to, err = sliceEnd(stop, to, n, low, high); err != nil {
		return nil, err
	}
	by = min(max(by, -n-1), n+1) // larger steps pick the same elements
	if err := b.Spend(n * ElementCost); err != nil {
		return nil, err
	}
	var at []int
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		at = append(at, i)
	}
	return at, nil
}

func sliceBound(v any, def int) (int, error) {
	if v == nil {
		return def, nil
	}
	i, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("the bounds of a slice are integers, not %q", TypeName(v))
	}
	return int(i), nil
}

func sliceEnd(v any, def, n, low, high int) (int, error) {
	i, err := sliceBound(v, def)
	if err != nil || v == nil {
		return i, err
	}
	if i < 0 {
		i += n
	}
	return min(max(i, low), high), nil
}

var listMethods = map[string]func(*Budget, *List, *Args) (any, error){
	"append": func(b *Budget, l *List, a *Args) (any, error) {
		v := a.Any("object")
		if err := a.Done(); err != nil {
			return nil, err
		}
		l.Items = append(l.Items, v)
		return nil, b.Spend(ElementCost)
	},
	"extend": func(b *Budget, l *List, a *Args) (any, error) {
		more := a.Any("iterable")
		if err := a.Done(); err != nil {
			return nil, err
		}
		items, err := Iterate(b, more)
		if err != nil {
			return nil, err
		}
		l.Items = append(l.Items, items...)
		return nil, b.Spend(len(items) * ElementCost)
	},
	"insert": func(b *Budget, l *List, a *Args) (any, error) {
		at, v := a.Int("index"), a.Any("object")
		if err := a.Done(); err != nil {
			return nil, err
		}
		if at < 0 {
			at += len(l.Items)
		}
		l.Items = slices.Insert(l.Items, min(max(at, 0), len(l.Items)), v)
		return nil, b.Spend(ElementCost)
	},
	"remove": func(b *Budget, l *List, a *Args) (any, error) {
		at, err := indexOf(b, l.Items, a)
		if i, ok := at.(int64); ok && err == nil {
			l.Items = slices.Delete(l.Items, int(i), int(i)+1)
		}
		return nil, err
	},
	"pop":     listPop,
	"index":   func(b *Budget, l *List, a *Args) (any, error) { return indexOf(b, l.Items, a) },
	"count":   func(b *Budget, l *List, a *Args) (any, error) { return countOf(b, l.Items, a) },
	"copy":    func(_ *Budget, l *List, a *Args) (any, error) { return NewList(slices.Clone(l.Items)...), a.Done() },
	"clear":   func(_ *Budget, l *List, a *Args) (any, error) { l.Items = nil; return nil, a.Done() },
	"reverse": func(_ *Budget, l *List, a *Args) (any, error) { slices.Reverse(l.Items); return nil, a.Done() },
	"sort": func(b *Budget, l *List, a *Args) (any, error) {
		reverse := a.BoolOr("reverse", false)
		if err := a.Done(); err != nil {
			return nil, err
		}
		return nil, Sort(b, l.Items, nil, reverse)
	},
}

var tupleMethods = map[string]func(*Budget, Tuple, *Args) (any, error){
	"index": func(b *Budget, t Tuple, a *Args) (any, error) { return indexOf(b, t, a) },
	"count": func(b *Budget, t Tuple, a *Args) (any, error) { return countOf(b, t, a) },
}

func listPop(_ *Budget, l *List, a *Args) (any, error) {
	at := a.IntOr("index", -1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if at < 0 {
		at += len(l.Items)
	}
	if at < 0 || at >= len(l.Items) {
		return nil, errors.New("pop: the list has no such element")
	}
	v := l.Items[at]
	l.Items = slices.Delete(l.Items, at, at+1)
	return v, nil
}

func indexOf(b *Budget, items []any, a *Args) (any, error) {
	v, start, stop := a.Any("value"), a.AnyOr("start", nil), a.AnyOr("stop", nil)
	if err := a.Done(); err != nil {
		return nil, err
	}
	n := len(items)
	from, err := sliceEnd(start, 0, n, 0, n)
	if err != nil {
		return nil, err
	}
	to, err := sliceEnd(stop, n, n, 0, n)
	if err != nil {
		return nil, err
	}
	for i := from; i < to; i++ {
		if eq, err := Equal(b, items[i], v); err != nil || eq {
			return int64(i), err
		}
	}
	return nil, fmt.Errorf("index: %s is not in the list", ShortRepr(v))
}

func countOf(b *Budget, items []any, a *Args) (any, error) {
	v := a.Any("value")
	if err := a.Done(); err != nil {
		return nil, err
	}
	n := int64(0)
	for _, it := range items {
		eq, err := Equal(b, it, v)
		if err != nil {
			return nil, err
		}
		if eq {
			n++
		}
	}
	return n, nil
}

// Sort sorts items in place, stably, by key (nil: by the items themselves).
// Values that do not compare are an error.
func Sort(b *Budget, items []any, key func(any) (any, error), reverse bool) error {
	type pair struct{ item, key any }
	pairs := make([]pair, len(items))
	for i, it := range items {
		k := it
		if key != nil {
			var err error
			if k, err = key(it); err != nil {
				return err
			}
		}
		pairs[i] = pair{it, k}
	}
	var failed error
	slices.SortStableFunc(pairs, func(x, y pair) int {
		if failed != nil {
			return 0
		}
		c, err := sortOrder(b, x.key, y.key)
		if err != nil {
			failed = err
		}
		if reverse {
			return -c
		}
		return c
	})
	for i, p := range pairs {
		items[i] = p.item
	}
	return failed
}

func sortOrder(b *Budget, x, y any) (int, error) {
	c, ok, err := Order(b, x, y, 0)
	if err == nil && !ok {
		err = fmt.Errorf("%q and %q do not sort together", TypeName(x), TypeName(y))
	}
	return c, err
}

// Group is one element of groupby: a pair whose parts also have names.
type Group struct {
	Key  any
	List *List
}

// TypeName implements [Object].
func (g Group) TypeName() string { return "group" }

// Attr implements [Object].
func (g Group) Attr(name string) (any, error) {
	switch name {
	case "grouper":
		return g.Key, nil
	case "list":
		return g.List, nil
	}
	return Undefined{}, nil
}

// Method implements [Object]; there is none.
func (g Group) Method(string) Method { return nil }

// Names implements [Object].
func (g Group) Names() []string { return []string{"grouper", "list"} }

func (g Group) pair() Tuple { return Tuple{g.Key, g.List} }
