package template

import (
	"github.com/dingdag/dingdag/template/internal/eval"
	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// render is what the renderings of a [Session] see.
type render struct {
	env    *Env
	ctx    *Context
	budget *pyval.Budget // of the one under way
	// made are the values of names that were asked for, task and ti those of task and ti.
	made     map[string]any
	task, ti any
}

// context is what the language sees of the rendering.
func (r *render) context() *eval.Context {
	return &eval.Context{
		Name: r.variable, Global: r.global, WhyUndefined: r.whyMissing, DidYouMean: didYouMean,
		Budget: r.budget, Fuel: r.env.opts.Fuel, Depth: r.env.opts.Recursion, MaxOutput: r.env.opts.MaxOutput,
	}
}

// callFunc calls a function of the embedding program.
func callFunc(f Func, b *pyval.Budget, a *pyval.Args) (any, error) {
	args, err := pyconv.ToGo(b, pyval.NewList(a.More()...))
	if err != nil {
		return nil, err
	}
	keywords, err := pyconv.ToGo(b, a.Rest())
	if err != nil {
		return nil, err
	}
	list, _ := args.([]any)
	named, _ := keywords.(map[string]any)
	out, err := f(list, named)
	if err != nil {
		return nil, err
	}
	return pyconv.FromGo(out)
}

// fromGo is pyconv.FromGo that also takes a [Func], at top level or in a map.
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
		return pyconv.FromGo(converted)
	}
	return pyconv.FromGo(v)
}
