package eval

import (
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// eval gives the value of an expression.
func (x *exec) eval(e lang.Expr) (any, error) {
	switch e := e.(type) {
	case *lang.NameExpr:
		if err := x.step(e.From); err != nil {
			return nil, err
		}
		return x.lookup(e)
	case *lang.ConstExpr:
		return e.Value, nil
	case *lang.AttrExpr:
		return x.attr(e)
	case *lang.CallExpr:
		return x.call(e)
	case *lang.FilterExpr:
		return x.filter(e)
	case *lang.TestExpr:
		return x.test(e)
	case *lang.ItemExpr:
		return x.item(e)
	case *lang.SliceExpr:
		return x.slice(e)
	case *lang.OpExpr:
		return x.op(e)
	case *lang.CompareExpr:
		return x.compare(e)
	case *lang.LogicExpr:
		return x.logic(e)
	case *lang.NotExpr:
		return x.not(e)
	case *lang.SignExpr:
		return x.sign(e)
	case *lang.CondExpr:
		return x.cond(e)
	case *lang.GroupExpr:
		return x.eval(e.X)
	case *lang.ListExpr:
		return x.list(e)
	case *lang.TupleExpr:
		return x.tuple(e)
	case *lang.DictExpr:
		return x.dict(e)
	}
	panic(fmt.Sprintf("nothing evaluates a %T", e))
}

// mustAll evaluates expressions that must be defined.
func (x *exec) mustAll(list []lang.Expr) ([]any, error) {
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

func (x *exec) list(e *lang.ListExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	items, err := x.mustAll(e.Items)
	if err != nil {
		return nil, err
	}
	return pyval.NewList(items...), nil
}

func (x *exec) tuple(e *lang.TupleExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	items, err := x.mustAll(e.Items)
	return pyval.Tuple(items), err
}

func (x *exec) dict(e *lang.DictExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	d := pyval.NewDict()
	for i := range e.Keys {
		k, err := x.must(e.Keys[i])
		if err != nil {
			return nil, err
		}
		v, err := x.must(e.Values[i])
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, x.fail(e.Span, err)
		}
	}
	return d, nil
}

func (x *exec) op(e *lang.OpExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	if e.Ops[0] == "~" {
		return x.concat(e)
	}
	v, err := x.must(e.Operands[0])
	if err != nil {
		return nil, err
	}
	for i, op := range e.Ops {
		y, err := x.must(e.Operands[i+1])
		if err != nil {
			return nil, err
		}
		if v, err = pyval.Binary(x.Budget, op, v, y); err != nil {
			return nil, x.fail(e.Span, err)
		}
	}
	return v, nil
}

// concat puts the texts of all operands together.
func (x *exec) concat(e *lang.OpExpr) (any, error) {
	var all strings.Builder
	for _, operand := range e.Operands {
		v, err := x.must(operand)
		if err != nil {
			return nil, err
		}
		s, err := pyval.Str(x.Budget, v)
		if err == nil {
			err = x.Budget.Fits(all.Len() + len(s))
		}
		if err != nil {
			return nil, x.fail(e.Span, err)
		}
		all.WriteString(s)
	}
	if err := x.Budget.Spend(all.Len()); err != nil {
		return nil, x.fail(e.Span, err)
	}
	return all.String(), nil
}

func (x *exec) compare(e *lang.CompareExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	left, err := x.must(e.Operands[0])
	if err != nil {
		return nil, err
	}
	for i, op := range e.Ops {
		right, err := x.must(e.Operands[i+1])
		if err != nil {
			return nil, err
		}
		ok, err := pyval.Compare(x.Budget, op, left, right)
		if err != nil {
			return nil, x.fail(e.Span, err)
		}
		if !ok {
			return false, nil
		}
		left = right
	}
	return true, nil
}

// logic gives one of the operands. The last one may be undefined: its truth is not asked for.
func (x *exec) logic(e *lang.LogicExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	last := len(e.Operands) - 1
	for _, operand := range e.Operands[:last] {
		v, err := x.must(operand)
		if err != nil || pyval.Truth(v) == e.Or {
			return v, err
		}
	}
	return x.eval(e.Operands[last])
}

func (x *exec) not(e *lang.NotExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	v, err := x.must(e.X)
	return !pyval.Truth(v), err
}

func (x *exec) sign(e *lang.SignExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	v, err := x.must(e.X)
	if err != nil {
		return nil, err
	}
	sign := pyval.Posit
	if e.Minus {
		sign = pyval.Negate
	}
	if v, err = sign(v); err != nil {
		return nil, x.fail(e.Span, err)
	}
	return v, nil
}

func (x *exec) cond(e *lang.CondExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	v, err := x.must(e.Cond)
	switch {
	case err != nil:
		return nil, err
	case pyval.Truth(v):
		return x.eval(e.Then)
	case e.Else == nil:
		return pyval.Undefined{Silent: true}, nil
	}
	return x.eval(e.Else)
}

func (x *exec) attr(e *lang.AttrExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	owner, err := x.must(e.X)
	if err != nil {
		return nil, err
	}
	v, err := pyval.Attr(owner, e.Name)
	if err != nil {
		return nil, x.fail(e.Span, err)
	}
	if pyval.IsUndefined(v) {
		x.lacks = lackedAttr{e, owner}
	}
	return v, nil
}

func (x *exec) item(e *lang.ItemExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	owner, err := x.must(e.X)
	if err != nil {
		return nil, err
	}
	key, err := x.must(e.Key)
	if err != nil {
		return nil, err
	}
	v, err := pyval.Item(x.Budget, owner, key)
	if err != nil {
		return nil, x.fail(e.Span, err)
	}
	return v, nil
}

func (x *exec) slice(e *lang.SliceExpr) (any, error) {
	if err := x.step(e.From); err != nil {
		return nil, err
	}
	v, err := x.must(e.X)
	if err != nil {
		return nil, err
	}
	var bounds [3]any
	for i, b := range []lang.Expr{e.Start, e.Stop, e.Step} {
		if b == nil {
			continue
		}
		if bounds[i], err = x.must(b); err != nil {
			return nil, err
		}
	}
	if v, err = pyval.Slice(x.Budget, v, bounds[0], bounds[1], bounds[2]); err != nil {
		return nil, x.fail(e.Span, err)
	}
	return v, nil
}
