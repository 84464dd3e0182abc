package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	mj "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"

	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/template/internal/rewrite"
)

// hostFunc is one of the functions that rewritten templates call.
type hostFunc func(r *render, s *rewrite.Site, args []any, kw map[string]any) (any, error)

// lax are the host functions that take undefined arguments.
var lax = map[string]hostFunc{
	rewrite.Const: func(_ *render, s *rewrite.Site, _ []any, _ map[string]any) (any, error) { return s.Const, nil },
	rewrite.Absent: func(*render, *rewrite.Site, []any, map[string]any) (any, error) {
		return pyval.Undefined{Silent: true}, nil
	},
	rewrite.Text:   hostText,
	rewrite.Memory: func(*render, *rewrite.Site, []any, map[string]any) (any, error) { return &memory{}, nil },
	rewrite.Test:   hostTest,
}

// strict are the host functions whose arguments must be defined.
var strict = map[string]hostFunc{
	rewrite.List: func(_ *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) {
		return pyval.NewList(a...), nil
	},
	rewrite.Tuple: func(_ *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) { return pyval.Tuple(a), nil },
	rewrite.Dict:  hostDict,
	rewrite.Op:    hostOp,
	rewrite.Cmp:   hostCmp,
	rewrite.Neg:   func(_ *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) { return pyval.Negate(a[0]) },
	rewrite.Attr:  hostAttr,
	rewrite.Item: func(r *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) {
		return pyval.Item(r.budget, a[0], a[1])
	},
	rewrite.Slice: func(r *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) {
		return pyval.Slice(r.budget, a[0], a[1], a[2], a[3])
	},
	rewrite.Method:  hostMethod,
	rewrite.Changed: hostChanged,
	rewrite.Call:    hostCall,
	rewrite.Global:  hostGlobal,
	rewrite.Use:     func(_ *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) { return a[0], nil },
	rewrite.Out:     hostOut,
	rewrite.Iter:    hostIter,
	rewrite.Unpack:  hostUnpack,
	rewrite.Assign:  hostAssign,
}

func (e *Env) addHost() {
	for name, f := range lax {
		e.addFunction(name, f, false)
	}
	for name, f := range strict {
		e.addFunction(name, f, true)
	}
	for name := range e.filters {
		e.addFilter(name)
	}
}

func (e *Env) addFunction(name string, f hostFunc, isStrict bool) {
	e.engine.AddFunction(name, func(st *mj.State, args []value.Value, kw map[string]value.Value) (value.Value, error) {
		r, err := renderOf(st.Context())
		if err != nil {
			return value.Undefined(), err
		}
		s, plain, err := r.enter(args)
		if err != nil {
			return value.Undefined(), err
		}
		named := unwrapMap(kw)
		if isStrict {
			if err := r.checkDefined(s, plain, named); err != nil {
				return value.Undefined(), err
			}
		}
		v, err := f(r, s, plain, named)
		if err != nil {
			return value.Undefined(), r.fail(s, err)
		}
		return wrap(v), nil
	})
}

func unwrapMap(kw map[string]value.Value) map[string]any {
	if len(kw) == 0 {
		return nil
	}
	named := make(map[string]any, len(kw))
	for k, v := range kw {
		named[rewrite.Name(k)] = unwrap(v)
	}
	return named
}

func (e *Env) addFilter(name string) {
	e.engine.AddFilter(name, func(st mj.FilterState, v value.Value, args []value.Value, kw map[string]value.Value) (value.Value, error) {
		r, err := renderOf(st.Context())
		if err != nil {
			return value.Undefined(), err
		}
		s, plain, err := r.enter(args)
		if err != nil {
			return value.Undefined(), err
		}
		subject, named := unwrap(v), unwrapMap(kw)
		if name != "default" && name != "d" {
			if err := r.checkDefined(s, append([]any{subject}, plain...), named); err != nil {
				return value.Undefined(), err
			}
		}
		out, err := r.filter(name, subject, pyval.NewArgs(name, plain, named, s.Keywords))
		if err == nil {
			err = r.budget.Charge(out)
		}
		if err != nil {
			return value.Undefined(), r.fail(s, err)
		}
		return wrap(out), nil
	})
}

// known tells the rewriter which names there are.
func (e *Env) known() rewrite.Known {
	return rewrite.Known{
		Filter: func(n string) bool { return e.filters[n] != nil },
		Test:   func(n string) bool { return tests[n] != nil },
		Function: func(n string) bool {
			_, added := e.added[n].(Func)
			return added || globals[n] != nil
		},
		Attr: func(module, name string) (exists, ok bool) {
			if module != "macros" {
				return false, false
			}
			return e.macros.Funcs[name] != nil || e.macros.Values[name] != nil, true
		},
	}
}

// namesOf lists the names of a kind, for suggestions.
func (e *Env) namesOf(kind string) []string {
	switch kind {
	case "filter":
		return slices.Collect(maps.Keys(e.filters))
	case "test":
		return slices.Collect(maps.Keys(tests))
	case "function":
		return append(slices.Collect(maps.Keys(globals)), slices.Collect(maps.Keys(e.added))...)
	}
	return e.macros.Names()
}

func hostText(r *render, s *rewrite.Site, _ []any, _ map[string]any) (any, error) {
	text, ok := s.Const.(string)
	if !ok {
		return nil, errors.New("text is missing")
	}
	return text, r.emit(text)
}

func hostDict(_ *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) {
	d := pyval.NewDict()
	for i := 0; i+1 < len(a); i += 2 {
		if err := d.Set(a[i], a[i+1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func hostOp(r *render, s *rewrite.Site, a []any, _ map[string]any) (any, error) {
	v := a[0]
	for i, op := range s.Ops {
		var err error
		if v, err = pyval.Binary(r.budget, op, v, a[i+1]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func hostCmp(r *render, s *rewrite.Site, a []any, _ map[string]any) (any, error) {
	for i, op := range s.Ops {
		if ok, err := pyval.Compare(r.budget, op, a[i], a[i+1]); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func hostAttr(r *render, s *rewrite.Site, a []any, _ map[string]any) (any, error) {
	v, err := pyval.Attr(a[0], s.Name)
	if err == nil && pyval.IsUndefined(v) {
		if r.missing == nil {
			r.missing = map[string]any{}
		}
		r.missing[s.Text] = a[0]
	}
	return v, err
}

func hostMethod(r *render, s *rewrite.Site, a []any, kw map[string]any) (any, error) {
	v, err := pyval.CallMethod(r.budget, a[0], s.Name, pyval.NewArgs(s.Name, a[1:], kw, s.Keywords))
	if _, ok := errors.AsType[*pyval.NoMethodError](err); ok {
		return nil, fmt.Errorf("%w%s", err, didYouMean(s.Name, pyval.Names(a[0])))
	}
	if err != nil {
		return nil, err
	}
	return v, r.budget.Charge(v)
}

// memory is what loop.changed saw last, nil at first.
type memory struct{ last pyval.Tuple }

// hostChanged is loop.changed: whether the arguments are others than the last time.
func hostChanged(r *render, _ *rewrite.Site, a []any, kw map[string]any) (any, error) {
	m, ok := a[0].(*memory)
	if !ok || len(kw) > 0 {
		return nil, errors.New("loop.changed takes values")
	}
	now := pyval.Tuple(a[1:])
	if m.last != nil {
		same, err := pyval.Equal(r.budget, m.last, now)
		if err != nil || same {
			return false, err
		}
	}
	m.last = now
	return true, nil
}

func hostCall(r *render, s *rewrite.Site, a []any, kw map[string]any) (any, error) {
	v, err := pyval.Invoke(r.budget, a[0], pyval.NewArgs(s.Name, a[1:], kw, s.Keywords))
	if err != nil {
		return nil, err
	}
	return v, r.budget.Charge(v)
}

func hostGlobal(r *render, s *rewrite.Site, a []any, kw map[string]any) (any, error) {
	args := pyval.NewArgs(s.Name, a, kw, s.Keywords)
	if f, ok := r.env.added[s.Name].(Func); ok {
		return callFunc(f, r.budget, args)
	}
	v, err := globals[s.Name](r.budget, args)
	if err != nil {
		return nil, err
	}
	return v, r.budget.Charge(v)
}

func hostOut(r *render, s *rewrite.Site, a []any, _ map[string]any) (any, error) {
	if _, ok := a[0].(foreign); ok {
		return nil, errors.New("a loop or macro has no text")
	}
	if r.native && s.Direct {
		return r.mark(a[0])
	}
	text, err := pyval.Str(r.budget, a[0])
	if err != nil {
		return nil, err
	}
	return text, r.emit(text)
}

func hostIter(r *render, _ *rewrite.Site, a []any, _ map[string]any) (any, error) {
	items, err := pyval.Iterate(r.budget, a[0])
	if err != nil {
		return nil, err
	}
	if err := r.budget.Spend(16 * len(items)); err != nil {
		return nil, err
	}
	return pyval.Tuple(items), nil
}

func hostUnpack(r *render, s *rewrite.Site, a []any, _ map[string]any) (any, error) {
	items, err := pyval.Iterate(r.budget, a[0])
	if err != nil {
		return nil, err
	}
	if len(items) != s.Count {
		return nil, fmt.Errorf("has %d values for %d names", len(items), s.Count)
	}
	return pyval.Tuple(items), nil
}

func hostAssign(_ *render, s *rewrite.Site, a []any, _ map[string]any) (any, error) {
	if _, ok := a[0].(*namespace); !ok {
		return nil, fmt.Errorf("cannot set %s: only a namespace() takes attributes", s.Name)
	}
	return a[1], nil
}

func hostTest(r *render, s *rewrite.Site, a []any, kw map[string]any) (any, error) {
	if s.Name != "defined" && s.Name != "undefined" {
		if err := r.checkDefined(s, a, kw); err != nil {
			return nil, err
		}
	}
	ok, err := tests[s.Name](r.budget, a[0], pyval.NewArgs(s.Name, a[1:], kw, s.Keywords))
	return ok != s.Not, err
}

// callFunc calls a function of the embedding program.
func callFunc(f Func, b *pyval.Budget, a *pyval.Args) (any, error) {
	args, err := pyval.ToGo(b, pyval.NewList(a.More()...))
	if err != nil {
		return nil, err
	}
	keywords, err := pyval.ToGo(b, a.Rest())
	if err != nil {
		return nil, err
	}
	list, _ := args.([]any)
	named, _ := keywords.(map[string]any)
	out, err := f(list, named)
	if err != nil {
		return nil, err
	}
	return pyval.FromGo(out)
}

// fromGo is pyval.FromGo that also takes a [Func], at top level or in a map.
func fromGo(name string, v any) (any, error) {
	switch v := v.(type) {
	case Func:
		return &pyval.Module{Name: name, Call: func(b *pyval.Budget, a *pyval.Args) (any, error) { return callFunc(v, b, a) }}, nil
	case map[string]any:
		converted := make(map[string]any, len(v))
		for k, item := range v {
			c, err := fromGo(name+"."+k, item)
			if err != nil {
				return nil, err
			}
			converted[k] = c
		}
		return pyval.FromGo(converted)
	}
	return pyval.FromGo(v)
}
