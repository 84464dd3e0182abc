package template

import (
	"context"
	"errors"
	"fmt"
	"strings"

	mj "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"

	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/template/internal/rewrite"
)

// render is one rendering.
type render struct {
	env    *Env
	t      *compiled
	ctx    *Context
	budget *pyval.Budget

	cache   map[string]value.Value // context variables that were used
	missing map[string]any         // expression -> the value that lacks the attribute
	last    *rewrite.Site          // the site that ran last
	err     error
	written int

	native bool
	values []any // what a native template wrote, by the number of its mark
}

// renderKey finds the render in the context of minijinja's state.
type renderKey struct{}

func renderOf(ctx context.Context) (*render, error) {
	if r, ok := ctx.Value(renderKey{}).(*render); ok {
		return r, nil
	}
	return nil, errors.New("template: host function called outside of a rendering")
}

// enter finds the site that a host function was called for.
func (r *render) enter(args []value.Value) (*rewrite.Site, []any, error) {
	if len(args) > 0 {
		if i, ok := args[0].AsInt(); ok && i >= 0 && i < int64(len(r.t.sites)) {
			r.last = &r.t.sites[i]
			return r.last, unwrapAll(args[1:]), nil
		}
	}
	return nil, nil, errors.New("template: host function called without its site")
}

// fail records an error at a site and returns it.
func (r *render) fail(s *rewrite.Site, err error) error {
	if _, placed := errors.AsType[*Error](err); !placed {
		msg := err.Error()
		if s.Text != "" {
			msg = shorten(s.Text) + ": " + msg
		}
		err = r.at(s, msg, err)
	}
	if r.err == nil {
		r.err = err
	}
	return err
}

// engineError places an error of minijinja itself, which knows only the
// rewritten source: the last site is the nearest place.
func (r *render) engineError(err error) error {
	msg := err.Error()
	if me, ok := errors.AsType[*mj.Error](err); ok {
		msg = me.Message
		if me.Kind == mj.ErrOutOfFuel {
			msg = fmt.Sprintf("the template runs for more than %d steps", r.env.opts.Fuel)
		}
	}
	if r.last == nil {
		return &Error{Line: 1, Column: 1, Message: msg, Err: err}
	}
	if r.last.Text != "" {
		msg = shorten(r.last.Text) + ": " + msg
	}
	return r.at(r.last, msg, err)
}

// at makes an error at a site.
func (r *render) at(s *rewrite.Site, msg string, cause error) *Error {
	file, src := r.t.source(s)
	line, column := rewrite.Position(src, s.At)
	return &Error{Line: line, Column: column, File: file, Message: msg, Err: cause}
}

func (r *render) tooLong() error {
	return fmt.Errorf("the result is longer than %d bytes: %w", r.env.opts.MaxOutput, pyval.ErrLimit)
}

// emit counts text that is written. Text of macros counts each time it is passed on.
func (r *render) emit(s string) error {
	const passedOn = 8
	if r.written += len(s); len(s) > r.env.opts.MaxOutput || r.written > passedOn*r.env.opts.MaxOutput {
		return r.tooLong()
	}
	return nil
}

// undefined explains why operand i of a site is undefined.
func (r *render) undefined(s *rewrite.Site, i int) error {
	text := s.Text
	if i < len(s.Operands) && s.Operands[i] != "" {
		text = s.Operands[i]
	}
	msg := shorten(text) + " is undefined"
	if owner, ok := r.missing[text]; ok {
		name := text[strings.LastIndexByte(text, '.')+1:]
		msg += didYouMean(name, pyval.Names(owner))
	} else {
		msg += r.whyMissing(text)
	}
	return r.fail(s, r.at(s, msg, nil))
}

// checkDefined reports the first undefined argument.
func (r *render) checkDefined(s *rewrite.Site, args []any, kw map[string]any) error {
	for i, a := range args {
		if isMissing(a) {
			return r.undefined(s, i)
		}
	}
	for i, k := range s.Keywords {
		if v, ok := kw[k]; ok && isMissing(v) {
			return r.undefined(s, len(s.Operands)-len(s.Keywords)+i)
		}
	}
	return nil
}

func isMissing(v any) bool {
	u, ok := v.(pyval.Undefined)
	return ok && !u.Silent
}

// box carries a value of ours through minijinja.
type box struct{ v any }

// GetAttr implements value.Object. Rewritten templates do not use it.
func (b *box) GetAttr(string) value.Value { return value.Undefined() }

// ObjectIsTrue implements value.ObjectWithTruth.
func (b *box) ObjectIsTrue() bool { return pyval.Truth(b.v) }

// Iter implements value.Iterable for loops, unpacking and starred arguments,
// which have charged the elements before.
func (b *box) Iter() []value.Value {
	items, err := pyval.Iterate(&pyval.Budget{Left: 1 << 40}, b.v)
	if err != nil {
		return nil
	}
	return wrapAll(items)
}

// SetAttr implements value.MutableObject for namespaces.
func (b *box) SetAttr(name string, v value.Value) {
	if ns, ok := b.v.(*namespace); ok {
		ns.values.SetText(rewrite.Name(name), unwrap(v))
	}
}

// dictBox is a box that can be passed as **keywords.
type dictBox struct{ box }

// Map implements value.MapGetter.
func (b *dictBox) Map() map[string]value.Value {
	d, ok := b.v.(*pyval.Dict)
	if !ok {
		return nil
	}
	m := make(map[string]value.Value, d.Len())
	for i, k := range d.Keys() {
		if s, ok := k.(string); ok {
			m[rewrite.Ident(s)] = wrap(d.Values()[i])
		}
	}
	return m
}

// foreign is a value of minijinja's own: a macro, caller or loop.
type foreign struct{ v value.Value }

func (f foreign) TypeName() string              { return f.v.String() }
func (f foreign) Attr(name string) (any, error) { return unwrap(f.v.GetAttr(name)), nil }
func (f foreign) Names() []string               { return nil }

// Method returns what can be called, such as loop.cycle.
func (f foreign) Method(name string) pyval.Method {
	if _, ok := f.v.GetAttr(name).AsCallable(); !ok {
		return nil
	}
	return foreign{f.v.GetAttr(name)}.Invoke
}

// Invoke calls a macro.
func (f foreign) Invoke(_ *pyval.Budget, a *pyval.Args) (any, error) {
	c, ok := f.v.AsCallable()
	if !ok {
		return nil, fmt.Errorf("%s is not callable", f.v.String())
	}
	args, rest := wrapAll(a.More()), a.Rest()
	keywords := (&dictBox{box{rest}}).Map()
	v, err := c.Call(nil, args, keywords)
	return unwrap(v), err
}

func wrap(v any) value.Value {
	switch v := v.(type) {
	case nil:
		return value.None()
	case bool:
		return value.FromBool(v)
	case int64:
		return value.FromInt(v)
	case float64:
		return value.FromFloat(v)
	case string:
		return value.FromString(v)
	case pyval.Undefined:
		if v.Silent {
			return value.SilentUndefined()
		}
		return value.Undefined()
	case foreign:
		return v.v
	case *pyval.Dict:
		return value.FromObject(&dictBox{box{v}})
	}
	return value.FromObject(&box{v})
}

func unwrap(v value.Value) any {
	switch raw := v.Raw().(type) {
	case bool, int64, float64, string:
		return raw
	case *box:
		return raw.v
	case *dictBox:
		return raw.v
	case []value.Value:
		return pyval.NewList(unwrapAll(raw)...)
	}
	if s, ok := v.AsString(); ok {
		return s
	}
	switch v.Kind() {
	case value.KindUndefined:
		return pyval.Undefined{Silent: v.IsSilentUndefined()}
	case value.KindNone:
		return nil
	default: // what only the engine knows, such as the loop variable
		return foreign{v}
	}
}

func wrapAll(vs []any) []value.Value {
	out := make([]value.Value, len(vs))
	for i, v := range vs {
		out[i] = wrap(v)
	}
	return out
}

func unwrapAll(vs []value.Value) []any {
	out := make([]any, len(vs))
	for i, v := range vs {
		out[i] = unwrap(v)
	}
	return out
}
