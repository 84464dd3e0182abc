package eval

import (
	"fmt"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// countError says that a value has not as many elements as it is assigned to names.
type countError struct{ values, names int }

func (e *countError) Error() string {
	return fmt.Sprintf("has %d values for %d names", e.values, e.names)
}

func (x *exec) body(body []lang.Stmt) error {
	for _, s := range body {
		if err := x.stmt(s); err != nil {
			return err
		}
	}
	return nil
}

// stmt does what a statement says.
func (x *exec) stmt(s lang.Stmt) error {
	switch s := s.(type) {
	case *lang.TextStmt:
		return x.literal(s)
	case *lang.OutputStmt:
		return x.output(s)
	case *lang.IfStmt:
		return x.branches(s)
	case *lang.ForStmt:
		return x.loop(s)
	case *lang.SetStmt:
		return x.set(s)
	case *lang.SetBlockStmt:
		return x.setBlock(s)
	case *lang.WithStmt:
		return x.with(s)
	case *lang.DoStmt:
		_, err := x.eval(s.X)
		return err
	case *lang.MacroStmt:
		x.scope.set(s.Name, x.macro(s))
		return nil
	case *lang.CallStmt:
		return x.callBlock(s)
	case *lang.BlockStmt:
		return x.placeBlock(s)
	case *lang.ExtendsStmt:
		x.frame.parent = s.Parent
		return nil
	case *lang.IncludeStmt:
		return x.include(s)
	case *lang.ImportStmt:
		return x.imports(s)
	}
	panic(fmt.Sprintf("nothing executes a %T", s))
}

func (x *exec) literal(s *lang.TextStmt) error {
	if x.frame.silent(x) {
		return nil
	}
	if err := x.step(s.From); err != nil {
		return err
	}
	if err := x.text(s.Text); err != nil {
		return x.src.ErrorAt(s.From, err.Error(), err)
	}
	return nil
}

func (x *exec) output(s *lang.OutputStmt) error {
	if x.frame.silent(x) {
		return nil
	}
	if err := x.step(s.X.At().From); err != nil {
		return err
	}
	v, err := x.must(s.X)
	if err != nil {
		return err
	}
	return x.write(s.X.At(), v)
}

// write writes a value.
func (x *exec) write(n lang.Span, v any) error {
	if err := x.step(n.From); err != nil {
		return err
	}
	if x.values {
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

func (x *exec) branches(s *lang.IfStmt) error {
	for i := range s.Branches {
		b := &s.Branches[i]
		v, err := x.must(b.Cond)
		if err != nil {
			return err
		}
		if pyval.Truth(v) {
			return x.body(b.Body)
		}
	}
	return x.body(s.Else)
}

func (x *exec) with(s *lang.WithStmt) error {
	inner := &scope{around: x.scope}
	for i := range s.Targets {
		v, err := x.eval(s.Values[i]) // in the scope around
		if err != nil {
			return err
		}
		x.scope, inner = inner, x.scope
		err = x.assign(&s.Targets[i], v)
		x.scope, inner = inner, x.scope
		if err != nil {
			return x.fail(s.Values[i].At(), err)
		}
	}
	outer := x.scope
	x.scope = inner
	err := x.body(s.Body)
	x.scope = outer
	return err
}

func (x *exec) set(s *lang.SetStmt) error {
	var v any
	var err error
	if s.Target.Parts != nil || s.Target.Attr != "" {
		v, err = x.must(s.Value)
	} else {
		v, err = x.eval(s.Value)
	}
	if err != nil {
		return err
	}
	if err := x.assign(&s.Target, v); err != nil {
		n := s.Value.At()
		if s.Target.Attr != "" {
			n = lang.Span{From: s.Target.From, To: n.To}
		}
		return x.fail(n, err)
	}
	return nil
}

// Attributes is a value whose attributes a set statement can change: a namespace.
type Attributes interface {
	SetAttr(name string, v any)
}

func (x *exec) assignAttr(t *lang.Target, v any) error {
	owner, err := x.lookup(&lang.NameExpr{Span: t.Span, Name: t.Name, Local: t.Local})
	if err != nil {
		return err
	}
	if isMissing(owner) {
		return x.src.ErrorAt(t.From, t.Name+" is undefined"+x.WhyUndefined(t.Name), nil)
	}
	ns, ok := owner.(Attributes)
	if !ok {
		return fmt.Errorf("cannot set %s: only a namespace() takes attributes", t.Attr)
	}
	ns.SetAttr(t.Attr, v)
	return nil
}

func (x *exec) setBlock(s *lang.SetBlockStmt) error {
	v, err := x.capture(func() error {
		return x.within(func() error { return x.body(s.Body) })
	})
	if err != nil {
		return err
	}
	for _, f := range s.Filters {
		if err := x.step(f.From); err != nil {
			return err
		}
		if v, err = x.apply(f, v); err != nil {
			return err
		}
	}
	if s.Target != nil {
		return x.assign(s.Target, v)
	}
	if x.frame.silent(x) {
		return nil
	}
	return x.write(s.Span, v)
}
