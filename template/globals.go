package template

import (
	"errors"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// globals are the functions that Jinja has everywhere.
var globals = map[string]pyval.Method{
	"range":     globalRange,
	"dict":      globalDict,
	"namespace": globalNamespace,
	"cycler":    globalCycler,
	"joiner":    globalJoiner,
}

func globalRange(_ *pyval.Budget, a *pyval.Args) (any, error) {
	start, stop, step := a.Int("start"), a.AnyOr("stop", nil), a.IntOr("step", 1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if stop == nil {
		return pyval.NewRange(0, int64(start), 1)
	}
	end, ok := stop.(int64)
	if !ok {
		return nil, errors.New("range: stop must be an integer")
	}
	return pyval.NewRange(int64(start), end, int64(step))
}

func globalDict(b *pyval.Budget, a *pyval.Args) (any, error) {
	from, named := a.AnyOr("mapping", pyval.NewDict()), a.Rest()
	if err := a.Done(); err != nil {
		return nil, err
	}
	d, err := pyval.DictOf(b, from)
	if err != nil {
		return nil, err
	}
	for i, k := range named.Keys() {
		if err := d.Set(k, named.Values()[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// namespace is what {% set ns.x = … %} can change from inside a loop.
type namespace struct{ values *pyval.Dict }

func globalNamespace(b *pyval.Budget, a *pyval.Args) (any, error) {
	v, err := globalDict(b, a)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, errors.New("namespace: needs keywords or a dict")
	}
	return &namespace{d}, nil
}

func (n *namespace) TypeName() string { return "namespace" }

func (n *namespace) Attr(name string) (any, error) {
	v, _ := n.values.Get(name)
	return v, nil
}

// SetAttr implements eval.Attributes.
func (n *namespace) SetAttr(name string, v any) { n.values.SetText(name, v) }

func (n *namespace) Method(string) pyval.Method { return nil }

func (n *namespace) Names() []string { return pyval.Names(n.values) }

// cycler gives its items in turn.
type cycler struct {
	items []any
	at    int
}

func globalCycler(_ *pyval.Budget, a *pyval.Args) (any, error) {
	items := a.More()
	if err := a.Done(); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errors.New("cycler: needs at least one item")
	}
	return &cycler{items: items}, nil
}

func (c *cycler) TypeName() string { return "cycler" }

func (c *cycler) Attr(name string) (any, error) {
	if name == "current" {
		return c.items[c.at], nil
	}
	return pyval.Undefined{}, nil
}

func (c *cycler) Method(name string) pyval.Method {
	switch name {
	case "next":
		return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v, a.Done()
		}
	case "reset":
		return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
			c.at = 0
			return nil, a.Done()
		}
	}
	return nil
}

func (c *cycler) Names() []string { return []string{"current", "next", "reset"} }

// globalJoiner returns a function that gives nothing at first, then the separator.
func globalJoiner(_ *pyval.Budget, a *pyval.Args) (any, error) {
	sep, used := a.TextOr("sep", ", "), false
	if err := a.Done(); err != nil {
		return nil, err
	}
	return &pyval.Module{Name: "joiner", Call: func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		if used {
			return sep, a.Done()
		}
		used = true
		return "", a.Done()
	}}, nil
}
