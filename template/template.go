// Package template renders Jinja templates as Airflow does: its variables, macros
// and filters, strict about what is undefined, printing values as Python prints
// them.
//
// Package lang is the language, package eval what renders it, package filters what Jinja and
// Airflow add to it, and package pyval the values, which mean and print what they do in Python. Templates see only
// what [Context] and [Options] offer, and files that they name; time, memory and output are
// bounded.
//
// Where it differs from Airflow, a template fails; docs/jinja.md lists where. An empty
// result stays empty (Airflow keeps the text of the template).
package template

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/template/internal/filters"
	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
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

// Env parses and renders templates. It is safe for concurrent use.
type Env struct {
	opts     Options
	language *lang.Language
	macros   *pyval.Module
	added    map[string]any

	mu    sync.Mutex
	cache map[string]*lang.Template
}

// The cache holds templates of at most maxCachedSource bytes. When it is full it
// starts anew: a program has few templates, or endless ones.
const (
	maxCached       = 1024
	maxCachedSource = 16 << 10
)

// workFactor is how many times MaxOutput all values made on the way may take.
const workFactor = 64

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
	e := &Env{opts: opts, cache: map[string]*lang.Template{}, added: map[string]any{}}
	e.macros = newMacros(opts.Clock, rand.Float64)
	maps.Copy(e.added, opts.Macros)
	more := make(map[string]lang.Filter, len(opts.Filters))
	for name, f := range opts.Filters {
		more[name] = addedFilter(name, f)
	}
	e.language = &lang.Language{Modules: map[string]*pyval.Module{"macros": e.macros}}
	e.language.Filters, e.language.Tests = filters.All(more)
	e.language.Function = func(name string) bool {
		_, added := e.added[name].(Func)
		return added || globals[name] != nil
	}
	return e
}

// addedFilter makes a filter of a function of the embedding program.
func addedFilter(name string, f Func) lang.Filter {
	return func(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
		return callFunc(f, b, pyval.Prepend(name, v, a))
	}
}

// Check reports the first mistake that can be found without rendering: bad syntax
// or an unknown filter, test or function. It is an [*Error]. Names that are
// undefined show only when rendering. Files that it names are not looked at:
// [Env.CheckFiles] does that too.
func (e *Env) Check(src string) error { return e.CheckFiles(src, unread) }

func unread(string) (string, error) { return "", lang.ErrUnread }

// CheckFiles is [Env.Check] that looks into what the template includes, imports and extends,
// too; include is that of [Context].
func (e *Env) CheckFiles(src string, include func(name string) (string, error)) error {
	if !yamlvalue.HoldsTemplate(src) {
		return nil
	}
	_, err := e.parse(src, include)
	return err
}

// Includes reports whether a template that has no mistakes includes, imports or extends
// files.
func (e *Env) Includes(src string) bool {
	if !yamlvalue.HoldsTemplate(src) {
		return false
	}
	t, err := e.parse(src, unread)
	return err == nil && t.RestsOnFiles()
}

// Render renders a template to text. Every text is one, also without braces: its lines
// end with one newline each, and a newline at its end is dropped, as Airflow does to the
// text of each templated field. The error is an [*Error].
func (e *Env) Render(src string, c *Context) (string, error) {
	if !yamlvalue.HoldsTemplate(src) {
		return lang.Normalize(src), nil
	}
	return e.Session(c).Render(src)
}

// RenderNative renders a template in native mode, to a value and its text. A template
// that writes one value and nothing else keeps it: nil, bool, int64, *big.Int, float64,
// string, []any, map[string]any, [time.Time], [time.Duration] or, for a decimal,
// [json.Number]. One that writes nothing is nil. Text that is a literal of Python, also
// a text without braces, becomes the value of the literal: "5" a number and "[1, 2]" a
// list. The text is what [Env.Render] gives.
func (e *Env) RenderNative(src string, c *Context) (value any, text string, err error) {
	return e.Session(c).RenderNative(src)
}

func (e *Env) budget() *pyval.Budget {
	return &pyval.Budget{MaxText: e.opts.MaxOutput, Left: workFactor * int64(e.opts.MaxOutput)}
}

func (e *Env) parse(src string, include func(string) (string, error)) (*lang.Template, error) {
	src = lang.Normalize(src)
	e.mu.Lock()
	t, ok := e.cache[src]
	e.mu.Unlock()
	if ok {
		return t, nil
	}
	t, err := lang.Parse(src, e.language, include)
	if err != nil {
		return nil, e.mistake(err)
	}
	if len(src) <= maxCachedSource && !t.RestsOnFiles() {
		e.mu.Lock()
		if len(e.cache) >= maxCached {
			clear(e.cache)
		}
		e.cache[src] = t
		e.mu.Unlock()
	}
	return t, nil
}

// mistake turns an error of the language into ours, with a suggestion.
func (e *Env) mistake(err error) error {
	m, ok := err.(*lang.Error) //nolint:errorlint // the language returns nothing else but for values, and does not wrap
	if !ok {
		return &Error{Line: 1, Column: 1, Message: err.Error(), Err: err}
	}
	msg := m.Message
	if why, refused := refusedMacros[m.Name]; refused && m.Kind == "macros function" {
		msg = "macros." + m.Name + " is not available: " + why
	} else if m.Kind != "" {
		msg += didYouMean(m.Name, e.namesOf(m.Kind))
	}
	return &Error{Line: m.Line, Column: m.Column, File: m.File, Message: msg, Err: m.Err}
}

// namesOf lists the names of a kind, for suggestions.
func (e *Env) namesOf(kind string) []string {
	switch kind {
	case "filter":
		return slices.Collect(maps.Keys(e.language.Filters))
	case "test":
		return slices.Collect(maps.Keys(e.language.Tests))
	case "function":
		return append(slices.Collect(maps.Keys(globals)), slices.Collect(maps.Keys(e.added))...)
	}
	return e.macros.Names()
}
