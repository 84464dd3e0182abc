package lang

import (
	"fmt"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// countError says that a value has not as many elements as it is assigned to names.
type countError struct{ values, names int }

func (e *countError) Error() string {
	return fmt.Sprintf("has %d values for %d names", e.values, e.names)
}

func (x *exec) body(body []stmt) error {
	for _, s := range body {
		if err := s.exec(x); err != nil {
			return err
		}
	}
	return nil
}

func (s *textStmt) exec(x *exec) error {
	if x.frame.silent(x) {
		return nil
	}
	if err := x.step(s.at); err != nil {
		return err
	}
	if err := x.text(s.text); err != nil {
		return x.src.errorAt(s.at, err.Error(), err)
	}
	return nil
}

func (s *outputStmt) exec(x *exec) error {
	if x.frame.silent(x) {
		return nil
	}
	if err := x.step(s.x.at().from); err != nil {
		return err
	}
	v, err := x.must(s.x)
	if err != nil {
		return err
	}
	return x.write(s.x.at(), v)
}

// write writes a value.
func (x *exec) write(n span, v any) error {
	if err := x.step(n.from); err != nil {
		return err
	}
	if x.Native {
		if err := x.value(v); err != nil {
			return x.fail(n, err)
		}
		return nil
	}
	text, ok := v.(string)
	if !ok {
		var err error
		if text, err = pyval.Str(x.Budget, v); err != nil {
			return x.fail(n, err)
		}
	}
	if err := x.text(text); err != nil {
		return x.fail(n, err)
	}
	return nil
}

func (s *doStmt) exec(x *exec) error {
	_, err := s.x.eval(x)
	return err
}

func (s *ifStmt) exec(x *exec) error {
	for i := range s.branches {
		b := &s.branches[i]
		v, err := x.must(b.cond)
		if err != nil {
			return err
		}
		if pyval.Truth(v) {
			return x.body(b.body)
		}
	}
	return x.body(s.other)
}

func (s *withStmt) exec(x *exec) error {
	inner := &scope{around: x.scope}
	for i := range s.targets {
		v, err := s.values[i].eval(x) // in the scope around
		if err != nil {
			return err
		}
		x.scope, inner = inner, x.scope
		err = x.assign(&s.targets[i], v)
		x.scope, inner = inner, x.scope
		if err != nil {
			return x.fail(s.values[i].at(), err)
		}
	}
	outer := x.scope
	x.scope = inner
	err := x.body(s.body)
	x.scope = outer
	return err
}

func (s *setStmt) exec(x *exec) error {
	var v any
	var err error
	if s.target.parts != nil || s.target.attr != "" {
		v, err = x.must(s.value)
	} else {
		v, err = s.value.eval(x)
	}
	if err != nil {
		return err
	}
	if err := x.assign(&s.target, v); err != nil {
		n := s.value.at()
		if s.target.attr != "" {
			n = span{s.target.from, n.to}
		}
		return x.fail(n, err)
	}
	return nil
}

// Attributes is a value whose attributes a set statement can change: a namespace.
type Attributes interface {
	SetAttr(name string, v any)
}

func (x *exec) assignAttr(t *target, v any) error {
	owner, err := x.lookup(&nameExpr{t.span, t.name, t.local})
	if err != nil {
		return err
	}
	if isMissing(owner) {
		return x.src.errorAt(t.from, t.name+" is undefined"+x.WhyUndefined(t.name), nil)
	}
	ns, ok := owner.(Attributes)
	if !ok {
		return fmt.Errorf("cannot set %s: only a namespace() takes attributes", t.attr)
	}
	ns.SetAttr(t.attr, v)
	return nil
}

func (s *setBlockStmt) exec(x *exec) error {
	v, err := x.capture(func() error {
		return x.within(func() error { return x.body(s.body) })
	})
	if err != nil {
		return err
	}
	for _, f := range s.filters {
		if err := x.step(f.from); err != nil {
			return err
		}
		if v, err = f.apply(x, v); err != nil {
			return err
		}
	}
	if s.target != nil {
		return x.assign(s.target, v)
	}
	if x.frame.silent(x) {
		return nil
	}
	return x.write(s.span, v)
}
