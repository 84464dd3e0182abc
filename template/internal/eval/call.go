package eval

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

func (x *exec) filter(e *lang.FilterExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	v, err := x.eval(e.X)
	if err != nil {
		return nil, err
	}
	if isMissing(v) && !e.TakesUndefined() {
		return nil, x.undefined(e.X)
	}
	return x.apply(e, v)
}

// apply gives what the filter makes of a value.
func (x *exec) apply(e *lang.FilterExpr, v any) (any, error) {
	args, err := x.arguments(e.Name, &e.Args, e.TakesUndefined())
	if err != nil {
		return nil, err
	}
	v, err = e.Filter(x.Budget, v, args)
	if err == nil {
		err = x.Budget.Charge(v)
	}
	if err != nil {
		return nil, x.fail(e.Span, err)
	}
	return v, nil
}

func (x *exec) test(e *lang.TestExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	lax := e.TakesUndefined()
	v, err := x.eval(e.X)
	if err != nil {
		return nil, err
	}
	if isMissing(v) && !lax {
		return nil, x.undefined(e.X)
	}
	args, err := x.arguments(e.Name, &e.Args, lax)
	if err != nil {
		return nil, err
	}
	ok, err := e.Test(x.Budget, v, args)
	if err != nil {
		return nil, x.fail(e.Span, err)
	}
	return ok != e.Not, nil
}

// arguments evaluates the arguments of a call of fn. With lax they may be undefined.
func (x *exec) arguments(fn string, a *lang.Arguments, lax bool) (*pyval.Args, error) {
	if len(a.Positional) == 0 && len(a.Named) == 0 && len(a.More) == 0 {
		return pyval.NewArgs(fn, nil, nil, nil), nil
	}
	get := x.must
	if lax {
		get = x.eval
	}
	var pos []any
	if n := len(a.Positional); n > 0 {
		pos = make([]any, 0, n)
	}
	for _, p := range a.Positional {
		v, err := get(p.X)
		if err != nil {
			return nil, err
		}
		if !p.Spread {
			pos = append(pos, v)
			continue
		}
		items, err := pyval.Iterate(x.Budget, v)
		if err != nil {
			return nil, x.fail(p.X.At(), err)
		}
		pos = append(pos, items...)
	}
	names := a.Names
	var values []any
	for _, e := range a.Named {
		v, err := get(e)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	for _, e := range a.More {
		var err error
		if names, values, err = x.spread(e, names, values); err != nil {
			return nil, err
		}
	}
	return pyval.NewArgs(fn, pos, names, values), nil
}

// spread adds the keywords of **e.
func (x *exec) spread(e lang.Expr, names []string, values []any) ([]string, []any, error) {
	v, err := x.must(e)
	if err != nil {
		return nil, nil, err
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, nil, x.fail(e.At(), fmt.Errorf("only a dict may follow **, not %q", pyval.TypeName(v)))
	}
	names = slices.Clip(names)
	for i, k := range d.Keys() {
		name, ok := pyval.Plain(k).(string)
		if !ok {
			return nil, nil, x.fail(e.At(), errors.New("the keys after ** are texts"))
		}
		if slices.Contains(names, name) {
			return nil, nil, x.fail(e.At(), fmt.Errorf("the argument %s is given twice", name))
		}
		names, values = append(names, name), append(values, d.Values()[i])
	}
	return names, values, nil
}

func (x *exec) call(e *lang.CallExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	return x.invoke(e, nil)
}

// invoke calls what e.Func is, with caller as one more argument unless it is nil.
func (x *exec) invoke(e *lang.CallExpr, caller *macro) (any, error) {
	if method, ok := e.Func.(*lang.AttrExpr); ok {
		return x.callMethod(e, method, caller)
	}
	fn, err := x.must(e.Func)
	if err != nil {
		return nil, err
	}
	return x.callValue(e, fn, caller)
}

func (x *exec) callMethod(e *lang.CallExpr, method *lang.AttrExpr, caller *macro) (any, error) {
	owner, err := x.must(method.X)
	if err != nil {
		return nil, err
	}
	if o, ok := owner.(members); ok { // what the language itself makes
		fn, err := o.Attr(method.Name)
		if err != nil {
			return nil, x.fail(method.Span, err)
		}
		if pyval.IsUndefined(fn) && owner.(pyval.Object).Method(method.Name) == nil {
			x.lacks = lackedAttr{method, owner}
			return nil, x.undefined(method)
		}
		if !pyval.IsUndefined(fn) {
			return x.callValue(e, fn, caller)
		}
	}
	args, err := x.arguments(method.Name, &e.Args, false)
	if err != nil {
		return nil, err
	}
	if caller != nil {
		args.AddKeyword("caller", caller)
	}
	v, err := pyval.CallMethod(x.Budget, owner, method.Name, args)
	if _, unknown := err.(*pyval.NoMethodError); unknown { //nolint:errorlint // it is made a moment before
		err = fmt.Errorf("%w%s", err, x.DidYouMean(method.Name, pyval.Names(owner)))
	}
	return x.result(e, v, err)
}

func (x *exec) callValue(e *lang.CallExpr, fn any, caller *macro) (any, error) {
	name := e.Func.At().Written(x.src)
	if n, ok := e.Func.(*lang.NameExpr); ok {
		name = n.Name
	}
	_, lax := fn.(*macro) // its parameters may be undefined
	args, err := x.arguments(name, &e.Args, lax)
	if err != nil {
		return nil, err
	}
	if caller != nil {
		args.AddKeyword("caller", caller)
	}
	if err := x.enter(e.Span); err != nil {
		return nil, err
	}
	v, err := pyval.Invoke(x.Budget, fn, args)
	x.leave()
	return x.result(e, v, err)
}

func (x *exec) result(e *lang.CallExpr, v any, err error) (any, error) {
	if err == nil {
		err = x.Budget.Charge(v)
	}
	if err != nil {
		return nil, x.fail(e.Span, err)
	}
	return v, nil
}
