package pyval

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
)

// Dict is a Python dict: it keeps the order in which keys were added. Dicts are
// shared by reference, as in Python.
type Dict struct {
	keys  []any
	vals  []any
	index map[any]int
}

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{index: map[any]int{}} }

// Len returns the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Keys returns the keys in order. The caller must not change the result.
func (d *Dict) Keys() []any { return d.keys }

// Values returns the values in the order of the keys. The caller must not change the result.
func (d *Dict) Values() []any { return d.vals }

// Get returns the value of a key and whether there is one; [Undefined] if not.
// A key of a type that cannot be a key is not there.
func (d *Dict) Get(key any) (any, bool) {
	h, err := hashKey(key, 0)
	if err != nil {
		return Undefined{}, false
	}
	if i, ok := d.index[h]; ok {
		return d.vals[i], true
	}
	return Undefined{}, false
}

// Set adds or replaces a key. Only lists and dicts cannot be keys.
func (d *Dict) Set(key, val any) error {
	h, err := hashKey(key, 0)
	if err != nil {
		return err
	}
	if i, ok := d.index[h]; ok {
		d.vals[i] = val
		return nil
	}
	d.index[h] = len(d.keys)
	d.keys = append(d.keys, key)
	d.vals = append(d.vals, val)
	return nil
}

// SetText adds or replaces a text key.
func (d *Dict) SetText(key string, val any) {
	// A text is always a valid key.
	_ = d.Set(key, val)
}

func (d *Dict) remove(key any) (any, bool) {
	h, err := hashKey(key, 0)
	if err != nil {
		return nil, false
	}
	at, ok := d.index[h]
	if !ok {
		return nil, false
	}
	val := d.vals[at]
	d.keys = slices.Delete(d.keys, at, at+1)
	d.vals = slices.Delete(d.vals, at, at+1)
	delete(d.index, h)
	for k, i := range d.index {
		if i > at {
			d.index[k] = i - 1
		}
	}
	return val, true
}

func (d *Dict) clone() *Dict {
	return &Dict{keys: slices.Clone(d.keys), vals: slices.Clone(d.vals), index: maps.Clone(d.index)}
}

func (d *Dict) update(b *Budget, v any) error {
	pairs, err := pairsOf(b, v)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if err := d.Set(p[0], p[1]); err != nil {
			return err
		}
	}
	return nil
}

func pairsIn(d *Dict) [][2]any {
	pairs := make([][2]any, d.Len())
	for i, k := range d.keys {
		pairs[i] = [2]any{k, d.vals[i]}
	}
	return pairs
}

// pairsOf reads a dict or a sequence of pairs.
func pairsOf(b *Budget, v any) ([][2]any, error) {
	if d, ok := v.(*Dict); ok {
		return pairsIn(d), nil
	}
	items, err := Iterate(b, v)
	if err != nil {
		return nil, err
	}
	pairs := make([][2]any, len(items))
	for i, it := range items {
		kv, err := Iterate(b, it)
		if err != nil || len(kv) != 2 {
			return nil, fmt.Errorf("element %d is not a pair of key and value", i)
		}
		pairs[i] = [2]any{kv[0], kv[1]}
	}
	return pairs, nil
}

// Pairs returns the pairs of a dict or of a sequence of pairs.
func Pairs(b *Budget, v any) ([][2]any, error) { return pairsOf(b, v) }

// DictOf makes a dict of another dict or a sequence of pairs.
func DictOf(b *Budget, v any) (*Dict, error) {
	d := NewDict()
	return d, d.update(b, v)
}

// Items returns the pairs of the dict as tuples.
func (d *Dict) Items() []any {
	items := make([]any, len(d.keys))
	for i, k := range d.keys {
		items[i] = Tuple{k, d.vals[i]}
	}
	return items
}

type (
	bigKey   string
	tupleKey string
	noneKey  struct{}
)

// hashKey returns a comparable Go value that is equal for keys that are equal in
// Python: 1, 1.0 and True are one key.
func hashKey(v any, depth int) (any, error) {
	switch v := v.(type) {
	case nil:
		return noneKey{}, nil
	case Markup:
		return string(v), nil
	case string, int64:
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case *big.Int:
		return bigKey(v.String()), nil
	case Tuple:
		if depth > MaxDepth {
			break
		}
		var b strings.Builder
		for _, it := range v {
			h, err := hashKey(it, depth+1)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%T:%v\x00", h, h)
		}
		return tupleKey(b.String()), nil
	case Hashable:
		return v.HashKey()
	}
	return nil, fmt.Errorf("%q cannot be a key of a dict", TypeName(v))
}

var dictMethods = map[string]func(*Budget, *Dict, *Args) (any, error){
	"get": dictGet,
	"items": func(_ *Budget, d *Dict, a *Args) (any, error) {
		return View{NewList(d.Items()...), "dict_items"}, a.Done()
	},
	"keys": func(_ *Budget, d *Dict, a *Args) (any, error) {
		return View{NewList(slices.Clone(d.keys)...), "dict_keys"}, a.Done()
	},
	"values": func(_ *Budget, d *Dict, a *Args) (any, error) {
		return View{NewList(slices.Clone(d.vals)...), "dict_values"}, a.Done()
	},
	"copy":   func(_ *Budget, d *Dict, a *Args) (any, error) { return d.clone(), a.Done() },
	"update": dictUpdate,
	"pop":    dictPop,
	"setdefault": func(_ *Budget, d *Dict, a *Args) (any, error) {
		key, def := a.Any("key"), a.AnyOr("default", nil)
		if err := a.Done(); err != nil {
			return nil, err
		}
		if v, ok := d.Get(key); ok {
			return v, nil
		}
		return def, d.Set(key, def)
	},
	"popitem": func(_ *Budget, d *Dict, a *Args) (any, error) {
		if err := a.Done(); err != nil {
			return nil, err
		}
		if d.Len() == 0 {
			return nil, errors.New("popitem: the dict is empty")
		}
		key := d.keys[d.Len()-1]
		val, _ := d.remove(key)
		return Tuple{key, val}, nil
	},
	"fromkeys": func(b *Budget, _ *Dict, a *Args) (any, error) {
		keys, val := a.Any("iterable"), a.AnyOr("value", nil)
		if err := a.Done(); err != nil {
			return nil, err
		}
		items, err := Iterate(b, keys)
		if err != nil {
			return nil, err
		}
		made := NewDict()
		for _, k := range items {
			if err := made.Set(k, val); err != nil {
				return nil, err
			}
		}
		return made, nil
	},
	"clear": func(_ *Budget, d *Dict, a *Args) (any, error) {
		if err := a.Done(); err != nil {
			return nil, err
		}
		*d = *NewDict()
		return nil, nil
	},
}

func dictGet(_ *Budget, d *Dict, a *Args) (any, error) {
	key, def := a.Any("key"), a.AnyOr("default", nil)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if v, ok := d.Get(key); ok {
		return v, nil
	}
	return def, nil
}

func dictUpdate(b *Budget, d *Dict, a *Args) (any, error) {
	other, named := a.AnyOr("other", nil), a.Rest()
	if err := a.Done(); err != nil {
		return nil, err
	}
	if other != nil {
		if err := d.update(b, other); err != nil {
			return nil, err
		}
	}
	if err := d.update(b, named); err != nil {
		return nil, err
	}
	return nil, b.Charge(d)
}

func dictPop(_ *Budget, d *Dict, a *Args) (any, error) {
	key, def := a.Any("key"), a.AnyOr("default", Undefined{})
	if err := a.Done(); err != nil {
		return nil, err
	}
	if v, ok := d.remove(key); ok {
		return v, nil
	}
	if _, none := def.(Undefined); none {
		return nil, fmt.Errorf("pop: the dict has no key %s", ShortRepr(key))
	}
	return def, nil
}
