package eval

import (
	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// binding is a name with its value.
type binding struct {
	name  string
	value any
}

// scope holds the names that one block gives values to. They are few, so they are looked
// for one by one.
type scope struct {
	names  []binding
	around *scope
	// kept says that a macro sees the scope, so that it lives on.
	kept bool
	// root says that it is the outermost one of a template or block.
	root bool
	// global is the outermost scope of a file that sees no context.
	global bool
}

func (s *scope) set(name string, v any) {
	for i := range s.names {
		if s.names[i].name == name {
			s.names[i].value = v
			return
		}
	}
	s.names = append(s.names, binding{name, v})
}

func find(list []binding, name string) (any, bool) {
	for i := range list {
		if list[i].name == name {
			return list[i].value, true
		}
	}
	return nil, false
}

// within runs something in a scope of its own.
func (x *exec) within(run func() error) error {
	x.scope = &scope{around: x.scope}
	err := run()
	x.scope = x.scope.around
	return err
}

// lookup returns the value of a name.
func (x *exec) lookup(n *lang.NameExpr) (any, error) {
	global := false
	for s := x.scope; s != nil; s = s.around {
		if v, ok := find(s.names, n.Name); ok {
			return v, nil
		}
		if s.root && n.Local {
			return pyval.Undefined{}, nil
		}
		global = s.global
	}
	if n.Name == "self" {
		return &selfRef{x, x.frame}, nil
	}
	known, ask := &x.names, x.Name
	if global {
		known, ask = &x.globs, x.Global
	}
	if v, ok := find(*known, n.Name); ok {
		return v, nil
	}
	v, err := ask(n.Name)
	if err != nil {
		return nil, x.fail(n.Span, err)
	}
	*known = append(*known, binding{n.Name, v})
	return v, nil
}

// assign gives values to a target in the scope at hand.
func (x *exec) assign(t *lang.Target, v any) error {
	switch {
	case t.Attr != "":
		return x.assignAttr(t, v)
	case t.Parts == nil:
		x.scope.set(t.Name, v)
		return nil
	}
	items, err := pyval.Iterate(x.Budget, v)
	if err != nil {
		return err
	}
	if len(items) != len(t.Parts) {
		return &countError{len(items), len(t.Parts)}
	}
	for i := range t.Parts {
		if err := x.assign(&t.Parts[i], items[i]); err != nil {
			return err
		}
	}
	return nil
}
