// Package template renders Jinja templates as Airflow does: its variables, macros
// and filters, strict about what is undefined, printing values as Python prints
// them.
//
// minijinja runs the statements. Before it gets a template, the source is
// rewritten (internal/rewrite) so that operators, methods, filters and literals
// are calls of functions here, and these give them Python's meaning
// (internal/pyval). Templates see only what [Context] and [Options] offer, files
// for {% include %} too, and time, memory and output are bounded.
//
// Where it differs from Airflow, a template fails; docs/jinja.md lists where. An empty
// result stays empty (Airflow keeps the text of the template).
package template

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	mj "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/syntax"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"

	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/template/internal/rewrite"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Options configure an [Env]. The zero value is good for use.
type Options struct {
	// MaxOutput bounds the result, and any text on the way to it, in bytes.
	// Default 1 MiB.
	MaxOutput int
	// Fuel bounds the steps of one rendering. Default 1,000,000, which takes
	// well under a second.
	Fuel uint64
	// Recursion bounds how deep macros and loops call each other. Default 100,
	// at most 500.
	Recursion int
	// Clock tells macros.datetime.now() and its like the time. Default time.Now.
	Clock func() time.Time
	// Filters adds filters: the first argument is the value that is filtered.
	Filters map[string]Func
	// Macros adds names at top level, as user_defined_macros does: a [Func] or
	// plain values.
	Macros map[string]any
}

// Func is a function that templates can call. Arguments and results are nil, bool,
// int64, float64, string, []any, map[string]any, [time.Time] or [time.Duration].
type Func func(args []any, keywords map[string]any) (any, error)

// Env compiles and renders templates. It is safe for concurrent use.
type Env struct {
	opts    Options
	engine  *mj.Environment
	macros  *pyval.Module
	added   map[string]any
	filters map[string]filterFunc

	mu    sync.Mutex
	cache map[string]*compiled
}

// The cache holds templates of at most maxCachedSource bytes. When it is full it
// starts anew: a program has few templates, or endless ones.
const (
	maxCached       = 1024
	maxCachedSource = 16 << 10
)

// workFactor is how many times MaxOutput all values made on the way may take.
const workFactor = 64

// compiled is a template ready to run.
type compiled struct {
	src   string
	files []rewrite.File
	sites []rewrite.Site
	tmpl  *mj.Template
	// includes says that the template rests on files, so that it is not kept.
	includes bool
}

// New returns an environment.
func New(opts Options) *Env {
	if opts.MaxOutput <= 0 {
		opts.MaxOutput = 1 << 20
	}
	if opts.Fuel == 0 {
		opts.Fuel = 1_000_000
	}
	if opts.Recursion <= 0 {
		opts.Recursion = 100
	}
	if opts.Clock == nil {
		opts.Clock = time.Now //nolint:forbidigo // the clock starts here
	}
	e := &Env{opts: opts, cache: map[string]*compiled{}, added: map[string]any{}}
	e.macros = newMacros(opts.Clock, rand.Float64)
	maps.Copy(e.added, opts.Macros)
	e.filters = maps.Clone(filters)
	for name, f := range opts.Filters {
		e.filters[name] = addedFilter(name, f)
	}
	e.engine = mj.EmptyEnvironment()
	e.engine.SetUndefinedBehavior(mj.UndefinedStrict)
	e.engine.SetWhitespace(syntax.WhitespaceConfig{KeepTrailingNewline: true})
	e.engine.SetRecursionLimit(opts.Recursion)
	e.engine.SetFuel(&opts.Fuel)
	e.addHost()
	return e
}

// Check reports the first mistake that can be found without rendering: bad syntax
// or an unknown filter, test or function. It is an [*Error]. Names that are
// undefined show only when rendering. Files that are included are not looked at:
// [Env.CheckFiles] does that too.
func (e *Env) Check(src string) error {
	return e.CheckFiles(src, func(string) (string, error) { return "", nil })
}

// CheckFiles is [Env.Check] that looks into what the template includes, too; include
// is that of [Context].
func (e *Env) CheckFiles(src string, include func(name string) (string, error)) error {
	if !yamlvalue.HoldsTemplate(src) {
		return nil
	}
	_, err := e.compile(src, include)
	return err
}

// Includes reports whether a template that has no mistakes includes files.
func (e *Env) Includes(src string) bool {
	if !strings.Contains(src, "include") || !yamlvalue.HoldsTemplate(src) {
		return false
	}
	t, err := e.compile(src, func(string) (string, error) { return "", nil })
	return err == nil && t.includes
}

// Render renders a template to text. Every text is one, also without braces: its lines
// end with one newline each, and a newline at its end is dropped, as Airflow does to the
// text of each templated field. The error is an [*Error].
func (e *Env) Render(src string, c *Context) (string, error) {
	if !yamlvalue.HoldsTemplate(src) {
		return rewrite.Normalize(src), nil
	}
	t, err := e.compile(src, c.include())
	if err != nil {
		return "", err
	}
	return e.newRender(t, c).run()
}

// RenderNative renders a template in native mode, to a value and its text. A template
// that writes one value and nothing else keeps it: nil, bool, int64, *big.Int, float64,
// string, []any, map[string]any, [time.Time], [time.Duration] or, for a decimal,
// [json.Number]. One that writes nothing is nil. Text that is a literal of Python, also
// a text without braces, becomes the value of the literal: "5" a number and "[1, 2]" a
// list. The text is what [Env.Render] gives.
func (e *Env) RenderNative(src string, c *Context) (value any, text string, err error) {
	if !yamlvalue.HoldsTemplate(src) {
		text = rewrite.Normalize(src)
		value, err = literal(e.budget(), text)
		if err == nil {
			value, err = pyval.ToGo(e.budget(), value)
		}
		if err != nil {
			return nil, "", &Error{Line: 1, Column: 1, Message: err.Error(), Err: err}
		}
		return value, text, nil
	}
	t, err := e.compile(src, c.include())
	if err != nil {
		return nil, "", err
	}
	r := e.newRender(t, c)
	r.native = true
	written, err := r.run()
	if err != nil {
		return nil, "", err
	}
	v, text, err := r.nativeValue(written)
	if err == nil {
		v, err = pyval.ToGo(r.budget, v)
	}
	if err != nil {
		return nil, "", r.engineError(err)
	}
	return v, text, nil
}

func (e *Env) budget() *pyval.Budget {
	return &pyval.Budget{MaxText: e.opts.MaxOutput, Left: workFactor * int64(e.opts.MaxOutput)}
}

func (e *Env) compile(src string, include func(string) (string, error)) (*compiled, error) {
	src = rewrite.Normalize(src)
	e.mu.Lock()
	t, ok := e.cache[src]
	e.mu.Unlock()
	if ok {
		return t, nil
	}
	known := e.known()
	known.Include = include
	rw, err := rewrite.Rewrite(src, known)
	if err != nil {
		return nil, e.mistake(err)
	}
	tmpl, err := e.engine.TemplateFromNamedString("template", rw.Source)
	if err != nil {
		return nil, &Error{Line: 1, Column: 1, Message: "the template is too complex: " + err.Error(), Err: err}
	}
	t = &compiled{src: src, files: rw.Files, sites: rw.Sites, tmpl: tmpl, includes: rw.Includes}
	if len(src) <= maxCachedSource && !rw.Includes {
		e.mu.Lock()
		if len(e.cache) >= maxCached {
			clear(e.cache)
		}
		e.cache[src] = t
		e.mu.Unlock()
	}
	return t, nil
}

// mistake turns an error of the rewriter into ours, with a suggestion.
func (e *Env) mistake(err error) error {
	m, ok := err.(*rewrite.Error) //nolint:errorlint // the rewriter returns nothing else and does not wrap
	if !ok {
		return fmt.Errorf("template: %w", err)
	}
	msg := m.Message
	if why, refused := refusedMacros[m.Name]; refused && m.Kind == "macros function" {
		msg = "macros." + m.Name + " is not available: " + why
	} else if m.Kind != "" {
		msg += didYouMean(m.Name, e.namesOf(m.Kind))
	}
	return &Error{Line: m.Line, Column: m.Column, File: m.File, Message: msg}
}

// source returns the name and text of what a site stands in.
func (t *compiled) source(s *rewrite.Site) (file, src string) {
	if s.File == 0 {
		return "", t.src
	}
	f := t.files[s.File-1]
	return f.Name, f.Source
}

func (e *Env) newRender(t *compiled, c *Context) *render {
	if c == nil {
		c = &Context{}
	}
	return &render{
		env: e, t: t, ctx: c,
		budget: e.budget(),
		cache:  map[string]value.Value{},
	}
}

// run renders; the first failure of a host function wins over what the engine
// makes of it.
func (r *render) run() (string, error) {
	ctx := context.WithValue(context.Background(), renderKey{}, r)
	out, err := r.t.tmpl.RenderCtx(ctx, value.FromObject(scope{r}))
	if r.err != nil {
		return "", r.err
	}
	if err == nil && len(out) > r.env.opts.MaxOutput {
		err = r.tooLong()
	}
	if err != nil {
		return "", r.engineError(err)
	}
	return out, nil
}
