package filters

import (
	"fmt"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// mapping is the filter map, with the filters that it can apply.
func mapping(all map[string]lang.Filter) lang.Filter {
	return func(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
		apply, err := mapper(b, all, a)
		if err != nil {
			return nil, err
		}
		return mapEach(b, v, apply)
	}
}

func mapEach(b *pyval.Budget, v any, apply func(any) (any, error)) (any, error) {
	if !pyval.Truth(v) { // Jinja does not look at what is empty, None too
		return pyval.NewGenerator("map", nil), nil
	}
	items, err := pyval.Iterate(b, v)
	if err != nil {
		return nil, err
	}
	out := pyval.NewList()
	for _, it := range items {
		got, err := apply(it)
		if err != nil {
			return nil, err
		}
		if err := b.Charge(got); err != nil {
			return nil, err
		}
		out.Items = append(out.Items, got)
	}
	return pyval.NewGenerator("map", out.Items), nil
}

// mapper returns what map does to each element: a filter or an attribute.
func mapper(b *pyval.Budget, all map[string]lang.Filter, a *pyval.Args) (func(any) (any, error), error) {
	if !a.HasKeyword("attribute") {
		name := a.Text("filter")
		args, named := a.More(), a.Rest()
		if err := a.Done(); err != nil {
			return nil, err
		}
		f := all[name]
		if f == nil {
			return nil, fmt.Errorf("unknown filter %q", name)
		}
		return func(it any) (any, error) { return f(b, it, pyval.NewArgsOf(name, args, named)) }, nil
	}
	attr := a.AnyOr("attribute", nil)
	def := a.AnyOr("default", pyval.Undefined{})
	if err := a.Done(); err != nil {
		return nil, err
	}
	return func(it any) (any, error) {
		if pyval.IsUndefined(def) {
			return mustAttr(b, it, attr)
		}
		got, err := lookup(b, it, attr)
		if err == nil && pyval.IsUndefined(got) {
			got = def
		}
		return got, err
	}, nil
}

// selecting is select, reject, selectattr and rejectattr.
func selecting(filter string, byAttr, keep bool) lang.Filter {
	return func(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
		c := condition{filter: filter, byAttr: byAttr}
		if byAttr {
			c.attr = a.Any("attribute")
		}
		c.name = a.TextOr("test", "")
		c.args, c.named = a.More(), a.Rest()
		if !pyval.Truth(v) { // Jinja does not look at what is empty, None too
			return pyval.NewGenerator(filter, nil), a.Done()
		}
		items, err := elements(b, v, a)
		if err != nil {
			return nil, err
		}
		if c.test = tests[c.name]; c.test == nil && c.name != "" {
			return nil, fmt.Errorf("unknown test %q", c.name)
		}
		out := pyval.NewList()
		for _, it := range items {
			holds, err := c.holds(b, it)
			if err != nil {
				return nil, err
			}
			if holds == keep {
				out.Items = append(out.Items, it)
			}
		}
		return pyval.NewGenerator(filter, out.Items), nil
	}
}

// condition is what select and its like ask of an element, or with byAttr of an attribute of it:
// a test with its arguments, or none for its truth.
type condition struct {
	filter string
	byAttr bool
	attr   any
	test   lang.Test
	name   string
	args   []any
	named  *pyval.Dict
}

func (c *condition) holds(b *pyval.Budget, it any) (bool, error) {
	if c.byAttr {
		var err error
		if it, err = lookup(b, it, c.attr); err != nil {
			return false, err
		}
	}
	switch {
	case c.test != nil:
		return c.test(b, it, pyval.NewArgsOf(c.name, c.args, c.named))
	case pyval.IsUndefined(it):
		return false, fmt.Errorf("%s: an element has no attribute %v", c.filter, c.attr)
	}
	return pyval.Truth(it), nil
}
