package rest

import (
	"cmp"
	"slices"
)

// Sort puts a list that is at hand into an order. keys are what things are ordered by: texts, whole numbers, or nil, which
// comes last. Ties stay in the order in which they are, or the other way round if the first key goes down.
func Sort[T any](all []T, o Order, keys map[string]func(T) any) {
	if len(o) > 0 && o[0].Desc {
		slices.Reverse(all)
	}
	slices.SortStableFunc(all, func(a, b T) int {
		for _, k := range o {
			if c := compare(keys[k.Name](a), keys[k.Name](b), k.Desc); c != 0 {
				return c
			}
		}
		return 0
	})
}

// Find is the page of what is at hand that has a name which a pattern matches, in an order of [Sort], and how many there
// are on all pages. All is changed.
func Find[T any](all []T, name func(T) string, like Pattern, o Order, keys map[string]func(T) any, p Page) ([]T, int) {
	l := like.Like()
	found := slices.DeleteFunc(all, func(v T) bool { return !l.Match(name(v)) })
	Sort(found, o, keys)
	return Cut(p, found), len(found)
}

func compare(a, b any, desc bool) int {
	c := 0
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	switch v := a.(type) {
	case string:
		c = cmp.Compare(v, b.(string)) //nolint:forcetypeassert // values of one key
	case int:
		c = cmp.Compare(v, b.(int)) //nolint:forcetypeassert // values of one key
	}
	if desc {
		return -c
	}
	return c
}

// Nullable is a value that may be null, as what a [Sort] goes by.
func Nullable[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}
