package lang

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

func (e *constExpr) eval(*exec) (any, error)   { return e.value, nil }
func (e *groupExpr) eval(x *exec) (any, error) { return e.x.eval(x) }

func (e *nameExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	return x.lookup(e)
}

// mustAll evaluates expressions that must be defined.
func (x *exec) mustAll(list []expr) ([]any, error) {
	out := make([]any, len(list))
	for i, e := range list {
		v, err := x.must(e)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (e *listExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	items, err := x.mustAll(e.items)
	if err != nil {
		return nil, err
	}
	return pyval.NewList(items...), nil
}

func (e *tupleExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	items, err := x.mustAll(e.items)
	return pyval.Tuple(items), err
}

func (e *dictExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	d := pyval.NewDict()
	for i := range e.keys {
		k, err := x.must(e.keys[i])
		if err != nil {
			return nil, err
		}
		v, err := x.must(e.values[i])
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, x.fail(e.span, err)
		}
	}
	return d, nil
}

func (e *opExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	if e.ops[0] == "~" {
		return e.concat(x)
	}
	v, err := x.must(e.operands[0])
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		y, err := x.must(e.operands[i+1])
		if err != nil {
			return nil, err
		}
		if v, err = pyval.Binary(x.Budget, op, v, y); err != nil {
			return nil, x.fail(e.span, err)
		}
	}
	return v, nil
}

// concat puts the texts of all operands together.
func (e *opExpr) concat(x *exec) (any, error) {
	var all strings.Builder
	for _, operand := range e.operands {
		v, err := x.must(operand)
		if err != nil {
			return nil, err
		}
		s, err := pyval.Str(x.Budget, v)
		if err == nil {
			err = x.Budget.Fits(all.Len() + len(s))
		}
		if err != nil {
			return nil, x.fail(e.span, err)
		}
		all.WriteString(s)
	}
	if err := x.Budget.Spend(all.Len()); err != nil {
		return nil, x.fail(e.span, err)
	}
	return all.String(), nil
}

func (e *compareExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	left, err := x.must(e.operands[0])
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		right, err := x.must(e.operands[i+1])
		if err != nil {
			return nil, err
		}
		ok, err := pyval.Compare(x.Budget, op, left, right)
		if err != nil {
			return nil, x.fail(e.span, err)
		}
		if !ok {
			return false, nil
		}
		left = right
	}
	return true, nil
}

// eval gives one of the operands. The last one may be undefined: its truth is not asked for.
func (e *logicExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	last := len(e.operands) - 1
	for _, operand := range e.operands[:last] {
		v, err := x.must(operand)
		if err != nil || pyval.Truth(v) == e.or {
			return v, err
		}
	}
	return e.operands[last].eval(x)
}

func (e *notExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	v, err := x.must(e.x)
	return !pyval.Truth(v), err
}

func (e *signExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	v, err := x.must(e.x)
	if err != nil {
		return nil, err
	}
	sign := pyval.Posit
	if e.minus {
		sign = pyval.Negate
	}
	if v, err = sign(v); err != nil {
		return nil, x.fail(e.span, err)
	}
	return v, nil
}

func (e *condExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	v, err := x.must(e.cond)
	switch {
	case err != nil:
		return nil, err
	case pyval.Truth(v):
		return e.then.eval(x)
	case e.other == nil:
		return pyval.Undefined{Silent: true}, nil
	}
	return e.other.eval(x)
}

func (e *attrExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	owner, err := x.must(e.x)
	if err != nil {
		return nil, err
	}
	v, err := pyval.Attr(owner, e.name)
	if err != nil {
		return nil, x.fail(e.span, err)
	}
	if pyval.IsUndefined(v) {
		x.lacks = lackedAttr{e, owner}
	}
	return v, nil
}

func (e *itemExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	owner, err := x.must(e.x)
	if err != nil {
		return nil, err
	}
	key, err := x.must(e.key)
	if err != nil {
		return nil, err
	}
	v, err := pyval.Item(x.Budget, owner, key)
	if err != nil {
		return nil, x.fail(e.span, err)
	}
	return v, nil
}

func (e *sliceExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	v, err := x.must(e.x)
	if err != nil {
		return nil, err
	}
	var bounds [3]any
	for i, b := range []expr{e.start, e.stop, e.by} {
		if b == nil {
			continue
		}
		if bounds[i], err = x.must(b); err != nil {
			return nil, err
		}
	}
	if v, err = pyval.Slice(x.Budget, v, bounds[0], bounds[1], bounds[2]); err != nil {
		return nil, x.fail(e.span, err)
	}
	return v, nil
}

func (e *filterExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	v, err := e.x.eval(x)
	if err != nil {
		return nil, err
	}
	if isMissing(v) && !e.takesUndefined() {
		return nil, x.undefined(e.x)
	}
	return e.apply(x, v)
}

// takesUndefined reports whether the filter is for what may be undefined.
func (e *filterExpr) takesUndefined() bool { return e.name == "default" || e.name == "d" }

// apply gives what the filter makes of a value.
func (e *filterExpr) apply(x *exec, v any) (any, error) {
	args, err := x.arguments(e.name, &e.args, e.takesUndefined())
	if err != nil {
		return nil, err
	}
	v, err = e.f(x.Budget, v, args)
	if err == nil {
		err = x.Budget.Charge(v)
	}
	if err != nil {
		return nil, x.fail(e.span, err)
	}
	return v, nil
}

func (e *testExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	lax := e.name == "defined" || e.name == "undefined"
	v, err := e.x.eval(x)
	if err != nil {
		return nil, err
	}
	if isMissing(v) && !lax {
		return nil, x.undefined(e.x)
	}
	args, err := x.arguments(e.name, &e.args, lax)
	if err != nil {
		return nil, err
	}
	ok, err := e.t(x.Budget, v, args)
	if err != nil {
		return nil, x.fail(e.span, err)
	}
	return ok != e.not, nil
}

// arguments evaluates the arguments of a call of fn. With lax they may be undefined.
func (x *exec) arguments(fn string, a *arguments, lax bool) (*pyval.Args, error) {
	if len(a.positional) == 0 && len(a.named) == 0 && len(a.more) == 0 {
		return pyval.NewArgs(fn, nil, nil, nil), nil
	}
	get := x.must
	if lax {
		get = x.may
	}
	var pos []any
	if n := len(a.positional); n > 0 {
		pos = make([]any, 0, n)
	}
	for _, p := range a.positional {
		v, err := get(p.x)
		if err != nil {
			return nil, err
		}
		if !p.spread {
			pos = append(pos, v)
			continue
		}
		items, err := pyval.Iterate(x.Budget, v)
		if err != nil {
			return nil, x.fail(p.x.at(), err)
		}
		pos = append(pos, items...)
	}
	names := a.names
	var values []any
	for _, e := range a.named {
		v, err := get(e)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	for _, e := range a.more {
		var err error
		if names, values, err = x.spread(e, names, values); err != nil {
			return nil, err
		}
	}
	return pyval.NewArgs(fn, pos, names, values), nil
}

func (x *exec) may(e expr) (any, error) { return e.eval(x) }

// spread adds the keywords of **e.
func (x *exec) spread(e expr, names []string, values []any) ([]string, []any, error) {
	v, err := x.must(e)
	if err != nil {
		return nil, nil, err
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, nil, x.fail(e.at(), fmt.Errorf("only a dict stands after **, not %q", pyval.TypeName(v)))
	}
	names = slices.Clip(names)
	for i, k := range d.Keys() {
		name, ok := pyval.Plain(k).(string)
		if !ok {
			return nil, nil, x.fail(e.at(), errors.New("the keys after ** are texts"))
		}
		if slices.Contains(names, name) {
			return nil, nil, x.fail(e.at(), fmt.Errorf("the argument %s is given twice", name))
		}
		names, values = append(names, name), append(values, d.Values()[i])
	}
	return names, values, nil
}

func (e *callExpr) eval(x *exec) (any, error) {
	if err := x.step(e.from); err != nil {
		return nil, err
	}
	return e.call(x, nil)
}

// call calls what e.fn is, with caller as one more argument unless it is nil.
func (e *callExpr) call(x *exec, caller *macro) (any, error) {
	if method, ok := e.fn.(*attrExpr); ok {
		return e.callMethod(x, method, caller)
	}
	fn, err := x.must(e.fn)
	if err != nil {
		return nil, err
	}
	return e.callValue(x, fn, caller)
}

func (e *callExpr) callMethod(x *exec, method *attrExpr, caller *macro) (any, error) {
	owner, err := x.must(method.x)
	if err != nil {
		return nil, err
	}
	if o, ok := owner.(members); ok { // what the language itself makes
		fn, err := o.Attr(method.name)
		if err != nil {
			return nil, x.fail(method.span, err)
		}
		if pyval.IsUndefined(fn) && owner.(pyval.Object).Method(method.name) == nil {
			x.lacks = lackedAttr{method, owner}
			return nil, x.undefined(method)
		}
		if !pyval.IsUndefined(fn) {
			return e.callValue(x, fn, caller)
		}
	}
	args, err := x.arguments(method.name, &e.args, false)
	if err != nil {
		return nil, err
	}
	if caller != nil {
		args.AddKeyword("caller", caller)
	}
	v, err := pyval.CallMethod(x.Budget, owner, method.name, args)
	if _, unknown := err.(*pyval.NoMethodError); unknown { //nolint:errorlint // it is made a moment before
		err = fmt.Errorf("%w%s", err, x.DidYouMean(method.name, pyval.Names(owner)))
	}
	return e.result(x, v, err)
}

func (e *callExpr) callValue(x *exec, fn any, caller *macro) (any, error) {
	name := e.fn.at().written(x.src)
	if n, ok := e.fn.(*nameExpr); ok {
		name = n.name
	}
	_, lax := fn.(*macro) // its parameters may be undefined
	args, err := x.arguments(name, &e.args, lax)
	if err != nil {
		return nil, err
	}
	if caller != nil {
		args.AddKeyword("caller", caller)
	}
	if err := x.enter(e.span); err != nil {
		return nil, err
	}
	v, err := pyval.Invoke(x.Budget, fn, args)
	x.leave()
	return e.result(x, v, err)
}

func (e *callExpr) result(x *exec, v any, err error) (any, error) {
	if err == nil {
		err = x.Budget.Charge(v)
	}
	if err != nil {
		return nil, x.fail(e.span, err)
	}
	return v, nil
}
