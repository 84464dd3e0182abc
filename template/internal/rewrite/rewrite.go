// Package rewrite turns a Jinja template into one that minijinja can run with
// Python's meaning. Operators, attributes, method calls, filters, literals and
// output become calls of host functions ([Op], [Attr], …) whose first argument
// is the number of a [Site]: there the host finds which operator it is, where it
// stands in the source and how it was written. Statements, scopes, macros and
// loops stay minijinja's.
package rewrite

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The host functions that rewritten templates call. Names with two leading
// underscores cannot be written by a template's author. Filters are called by
// their own name, the number of the site as first argument.
const (
	Const  = "__const"  // (site): the literal
	List   = "__list"   // (site, items…)
	Tuple  = "__tuple"  // (site, items…)
	Dict   = "__dict"   // (site, key, value, key, value…)
	Op     = "__op"     // (site, x, y, z…): folds Ops from the left
	Cmp    = "__cmp"    // (site, x, y, z…): x Ops[0] y and y Ops[1] z …
	Neg    = "__neg"    // (site, x)
	Attr   = "__attr"   // (site, x): attribute Name
	Item   = "__item"   // (site, x, key)
	Slice  = "__slice"  // (site, x, start, stop, step)
	Method = "__method" // (site, x, args…): method Name
	Call   = "__call"   // (site, f, args…)
	Global = "__global" // (site, args…): built-in function Name
	// Changed is loop.changed.
	Changed = "__changed" // (site, memory, args…)
	Memory  = "__memory"  // (site): what loop.changed remembers, anew
	Test    = "__test"    // (site, x, args…): test Name, negated if Not
	Use     = "__use"     // (site, x): x, which must be defined
	Out     = "__out"     // (site, x): the text of x
	Text    = "__text"    // (site): literal text of the template
	Iter    = "__iter"    // (site, x): the elements of x
	Unpack  = "__unpack"  // (site, x): exactly Count elements
	Assign  = "__assign"  // (site, namespace, x): x, if namespace is one
	Absent  = "__absent"  // (site): what an if without else gives
)

// Limits of what is rewritten.
const (
	maxSource    = 1 << 20
	maxNested    = 40
	maxArguments = 900 // minijinja takes 2000
)

// Site is one place of the source at which a host function is called.
type Site struct {
	// At is the offset in the source; see [Position]. File is the number of the included
	// file that the source is, from 1; 0 is the template itself.
	At, File int
	// Text is the expression as it was written.
	Text string
	// Name is the attribute, method, filter, test or function.
	Name string
	// Ops are the operators between the operands.
	Ops []string
	// Operands are the operands as written, the site number not counted.
	Operands []string
	// Keywords are the names of keyword arguments in order.
	Keywords []string
	// Const is the value of a literal or text.
	Const any
	// Count is the number of targets of an assignment.
	Count int
	// Not negates a test.
	Not bool
	// Direct says that what is written goes into the result itself, not into a macro, a
	// call, a filter or a variable.
	Direct bool
}

// Template is a rewritten template.
type Template struct {
	// Source is what minijinja runs.
	Source string
	// Sites are the call sites by number.
	Sites []Site
	// Files are the included files, File 1 of a [Site] first.
	Files []File
	// Uses are the names that come from outside.
	Uses []Ref
	// Includes reports an include, whether or not its file was there: what the template
	// is then rests on more than its source.
	Includes bool
}

// Known tells which names exist.
type Known struct {
	Filter, Test, Function func(name string) bool
	// Attr reports whether a module such as macros has a name; ok is false for
	// what is no module.
	Attr func(module, name string) (exists, ok bool)
	// Include returns the source of a file, nil where there are none.
	Include func(name string) (src string, err error)
}

// Error is a mistake in the source.
type Error struct {
	Line, Column int
	// File is the included file, empty for the template itself.
	File    string
	Message string
	// Kind and Name are set for an unknown filter, test or function.
	Kind, Name string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// Normalize ends lines with one newline each, and drops the newline at the end of the
// text: what Jinja does to every template.
func Normalize(src string) string {
	return strings.TrimSuffix(newlines.Replace(src), "\n")
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Rewrite rewrites a template that was normalized. The error is an [*Error].
func Rewrite(src string, known Known) (t *Template, err error) {
	w := &writer{
		src: src, known: known, macros: map[string]*macro{}, bound: map[string]bool{"caller": true},
		shared: &shared{},
	}
	defer func() {
		// A mistake ends the parser by panic: it is the only one to do so.
		if r := recover(); r != nil {
			mistake, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			t, err = nil, mistake
		}
	}()
	w.rewrite()
	return &Template{
		Source: w.out.String(), Sites: w.shared.sites, Files: w.shared.files, Includes: w.shared.included,
		Uses: w.free(),
	}, nil
}

// rewrite rewrites one source.
func (w *writer) rewrite() {
	if len(w.src) > maxSource {
		w.fail(0, "the template is longer than %d bytes", maxSource)
	}
	if !utf8.ValidString(w.src) {
		w.fail(0, "the template is not valid UTF-8")
	}
	w.end = len(w.src)
	w.template()
}

// writer holds the state of one rewriting.
type writer struct {
	src    string
	end    int // the end of what counts of src
	file   int // the number of the included file, 0 for the template itself
	path   []string
	shared *shared
	known  Known
	out    strings.Builder
	open   []openTag
	macros map[string]*macro // macros so far
	bound  map[string]bool   // names that the template itself gives values to
	called []calledName
	nested int
	// inBlock says that a block is open around the include of this file, inBlockText that
	// what it writes goes elsewhere.
	inBlock, inBlockText bool

	trimNext bool
	// maybe counts what lies around here and may not be evaluated; maybeFile says that
	// the include of this file lies in such a place.
	maybe, maybeFile int

	tokens
}

// openTag is a block that waits for its end.
type openTag struct {
	name string
	at   int
	els  bool // else was seen
	// ends is how many ends the block needs, 0 for one: a filter block has one a filter.
	ends int
	// recursive says that a loop is.
	recursive bool
	// memory is the variable with what loop.changed saw last.
	memory string
}

// macro is what calls of a macro need to know.
type macro struct {
	params []string
	// rest says that it takes more arguments than that, as varargs or kwargs.
	varargs, kwargs bool
}

// calledName is a call by name that must turn out to be a macro or a variable.
type calledName struct {
	name string
	at   int
}

// Position returns the line and column of an offset. Both count from 1; columns
// count characters.
func Position(src string, at int) (line, column int) {
	before := src[:min(at, len(src))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

func (w *writer) fail(at int, format string, args ...any) {
	line, column := Position(w.src, at)
	panic(&Error{Line: line, Column: column, File: w.fileName(), Message: fmt.Sprintf(format, args...)})
}

func (w *writer) fileName() string {
	if w.file == 0 {
		return ""
	}
	return w.shared.files[w.file-1].Name
}

func (w *writer) failUnknown(at int, kind, name string) {
	line, column := Position(w.src, at)
	panic(&Error{Line: line, Column: column, File: w.fileName(), Kind: kind, Name: name, Message: fmt.Sprintf("unknown %s %q", kind, name)})
}

// site adds a site for src[from:to] and returns its number.
func (w *writer) site(from, to int, s Site) string {
	s.At, s.File = from, w.file
	s.Text = strings.TrimSpace(w.src[from:to])
	w.shared.sites = append(w.shared.sites, s)
	return strconv.Itoa(len(w.shared.sites) - 1)
}

// template goes through texts, outputs, statements and comments.
func (w *writer) template() {
	for at := 0; at < w.end; {
		next := w.nextTag(at)
		if next < 0 {
			w.text(w.src[at:w.end], at, false)
			break
		}
		trimBefore := next+2 < w.end && w.src[next+2] == '-'
		w.text(w.src[at:next], at, trimBefore)
		w.trimNext = false
		switch w.src[next+1] {
		case '#':
			at = w.comment(next)
		case '{':
			at = w.output(next)
		default:
			at = w.statement(next)
		}
	}
	w.keepBound()
	if n := len(w.open); n > 0 {
		tag := w.open[n-1]
		w.fail(tag.at, "{%% %s %%} is never closed: {%% end%s %%} is missing", tag.name, tag.name)
	}
	for _, c := range w.called {
		if w.macros[c.name] == nil && !w.bound[c.name] {
			w.failUnknown(c.at, "function", c.name)
		}
	}
}

// nextTag finds the next {{, {% or {#.
func (w *writer) nextTag(at int) int {
	for i := at; i+1 < w.end; i++ {
		if w.src[i] != '{' {
			continue
		}
		switch w.src[i+1] {
		case '{', '%', '#':
			return i
		}
	}
	return -1
}

// text emits literal text, trimmed as the tags around it ask. At top level it
// stays as it is; inside a block, which may repeat, its size is counted by the host.
func (w *writer) text(s string, at int, trimEnd bool) {
	if w.trimNext {
		s = strings.TrimLeft(s, spaces)
		w.trimNext = false
	}
	if trimEnd {
		s = strings.TrimRight(s, spaces)
	}
	if s == "" {
		return
	}
	if len(w.open) == 0 && !w.inBlock && !strings.Contains(s, "{") {
		w.out.WriteString(s)
		return
	}
	w.out.WriteString("{{ " + Text + "(" + w.site(at, at, Site{Const: s}) + ") }}")
}

const spaces = " \t\r\n\f\v"

func (w *writer) comment(at int) int {
	end := strings.Index(w.src[at+2:w.end], "#}")
	if end < 0 {
		w.fail(at, "the comment is never closed: #} is missing")
	}
	end += at + 2
	w.trimNext = end > at+2 && w.src[end-1] == '-'
	return end + 2
}

func (w *writer) output(at int) int {
	w.begin(w.tagStart(at), "}}")
	if w.kind == end {
		w.fail(at, "the expression is missing")
	}
	x := w.tuple(true)
	w.finish()
	s := Site{Operands: []string{w.written(x)}, Direct: !w.inBlockText && !slices.ContainsFunc(w.open, captures)}
	w.out.WriteString("{{ " + Out + "(" + w.site(x.from, x.to, s) + "," + x.code + ") }}")
	return w.offset
}

// captures reports whether what stands in a block is written elsewhere.
func captures(t openTag) bool {
	return slices.Contains([]string{"macro", "call", "filter", "set"}, t.name)
}

// tagStart skips the opening of a tag with its sign.
func (w *writer) tagStart(at int) int {
	at += 2
	if at < w.end && (w.src[at] == '-' || w.src[at] == '+') {
		at++
	}
	return at
}

// literal emits a constant.
func (w *writer) literal(from, to int, v any) string {
	if i, ok := v.(int64); ok && i >= 0 {
		return strconv.FormatInt(i, 10)
	}
	return Const + "(" + w.site(from, to, Site{Const: v}) + ")"
}

func parseNumber(text string) (any, bool) {
	digits := strings.ReplaceAll(text, "_", "")
	if len(digits) > 1 && digits[0] == '0' && strings.IndexByte("xXoObB", digits[1]) >= 0 {
		n, ok := new(big.Int).SetString(digits, 0)
		return fit(n), ok
	}
	if strings.ContainsAny(digits, ".eE") {
		f, err := strconv.ParseFloat(digits, 64)
		return f, err == nil || errors.Is(err, strconv.ErrRange) // out of range is inf, as in Python
	}
	if strings.TrimLeft(digits, "0") != "" && digits[0] == '0' {
		return nil, false // 007 is no number in Python
	}
	n, ok := new(big.Int).SetString(digits, 10)
	return fit(n), ok
}

func fit(n *big.Int) any {
	if n != nil && n.IsInt64() {
		return n.Int64()
	}
	return n
}
