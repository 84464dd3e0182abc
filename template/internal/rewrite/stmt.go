package rewrite

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// statement rewrites one {% … %} and returns where the source goes on.
func (w *writer) statement(at int) int {
	w.begin(w.tagStart(at), "%}")
	tag := w.value
	if w.kind != name {
		w.fail(w.from, "unexpected %s, expected a tag such as 'if' or 'for'", w.shown())
	}
	tagAt := w.from
	w.next()
	switch tag {
	case "if", "for", "with", "macro", "call", "filter":
		w.openBlock(tag, tagAt)
	case "elif", "else":
		w.branch(tag, tagAt)
	case "set":
		w.set(tagAt)
	case "do":
		x := w.tuple(true)
		w.emit("do " + w.use(x).code)
	case "raw":
		return w.raw(at)
	case "include":
		w.include(tagAt)
	case "import", "from", "extends", "block":
		w.fail(tagAt, "{%% %s %%} is not available: of other templates there is only {%% include %%}", tag)
	default:
		w.closeBlock(tag, tagAt)
	}
	w.finish()
	return w.offset
}

func (w *writer) emit(code string) { w.out.WriteString("{% " + code + " %}") }

func (w *writer) openBlock(tag string, at int) {
	w.open = append(w.open, openTag{name: tag, at: at})
	if len(w.open) > maxNested {
		w.fail(at, "blocks are nested more than %d levels deep", maxNested)
	}
	defer func() {
		if perhaps(tag) { // from here to its end
			w.maybe++
		}
	}()
	switch tag {
	case "if":
		w.emit("if " + w.use(w.tuple(true)).code)
	case "for":
		w.forLoop()
	case "with":
		w.with()
	case "macro":
		w.macro()
	case "call":
		w.callBlock()
	case "filter":
		w.filterBlock(at)
	}
}

// perhaps reports whether what stands in a block may not be rendered.
func perhaps(tag string) bool { return tag == "if" || tag == "for" || tag == "macro" || tag == "call" }

func (w *writer) branch(tag string, at int) {
	n := len(w.open)
	if n == 0 || w.open[n-1].els || w.open[n-1].name != "if" && (tag == "elif" || w.open[n-1].name != "for") {
		w.fail(at, "{%% %s %%} has no {%% if %%} before it", tag)
	}
	if tag == "elif" {
		w.emit("elif " + w.use(w.tuple(true)).code)
		return
	}
	w.open[n-1].els = true
	w.emit("else")
}

var blocks = []string{"if", "for", "with", "macro", "call", "filter", "set"}

func (w *writer) closeBlock(tag string, at int) {
	what, isEnd := strings.CutPrefix(tag, "end")
	if !isEnd || !slices.Contains(blocks, what) {
		w.fail(at, "unknown tag %q", tag)
	}
	n := len(w.open)
	if n == 0 {
		w.fail(at, "{%% %s %%} closes nothing", tag)
	}
	if open := w.open[n-1]; open.name != what {
		line, _ := Position(w.src, open.at)
		w.fail(at, "unexpected {%% %s %%}: {%% %s %%} of line %d is still open", tag, open.name, line)
	}
	ends := max(w.open[n-1].ends, 1)
	if perhaps(what) {
		w.maybe--
	}
	w.open = w.open[:n-1]
	if what == "macro" && w.kind == name { // {% endmacro name %} is allowed
		w.next()
	}
	for range ends {
		w.emit(tag)
	}
}

// target reads what is assigned to: a name, names with commas, or in brackets.
// It returns the code and the number of names at top level, 0 for one bare name.
func (w *writer) target() (code string, count int) {
	first, isTuple := w.targetPart()
	if !w.isSymbol(",") {
		if isTuple {
			return first, strings.Count(first, ",") + 1
		}
		return first, 0
	}
	parts := []string{first}
	for w.skipSymbol(",") {
		if w.kind != name && !w.isSymbol("(") || w.isName("in") {
			break
		}
		part, _ := w.targetPart()
		parts = append(parts, part)
	}
	return strings.Join(parts, ", "), len(parts)
}

func (w *writer) targetPart() (code string, isTuple bool) {
	if w.skipSymbol("(") {
		w.deeper(w.from)
		defer func() { w.nested-- }()
		code, n := w.target()
		w.expectSymbol(")")
		if n == 0 {
			return code, false
		}
		return "(" + code + ")", true
	}
	n := w.value
	if w.kind != name || slices.Contains(keywords, n) || slices.Contains(constants, n) {
		w.fail(w.from, "unexpected %s, expected a name to assign to", w.shown())
	}
	w.checkName(w.from, n)
	w.bound[n] = true
	w.next()
	return Ident(n), false
}

var constants = []string{"true", "false", "none", "True", "False", "None", "loop", "self"}

var asksChanged = regexp.MustCompile(`\bloop\s*\.\s*changed\b`)

func (w *writer) forLoop() {
	if asksChanged.MatchString(w.src[w.from:w.end]) {
		number := w.site(w.from, w.from, Site{})
		w.open[len(w.open)-1].memory = "__changed" + number
		w.emit("set __changed" + number + " = " + Memory + "(" + number + ")")
	}
	target, _ := w.target()
	if !w.skipName("in") {
		w.fail(w.from, "unexpected %s, expected 'in'", w.shown())
	}
	x := w.tuple(false)
	code := "for " + target + " in " + w.call(Iter, x.from, Site{}, x).code
	if w.skipName("if") {
		w.maybe++
		code += " if " + w.use(w.expr()).code
		w.maybe--
	}
	if w.skipName("recursive") {
		code += " recursive"
		w.open[len(w.open)-1].recursive = true
	}
	w.emit(code)
}

func (w *writer) set(at int) {
	start := w.from
	save := w.tokens
	owner := w.value
	if w.kind == name {
		if w.next(); w.isSymbol(".") { // {% set ns.x = … %}
			w.setAttribute(node{code: Ident(owner), from: start, to: w.prevTo})
			return
		}
	}
	w.tokens = save
	target, count := w.target()
	if w.skipSymbol("=") {
		w.emit("set " + target + " = " + w.unpacked(w.tuple(true), count).code)
		return
	}
	if count > 0 {
		w.fail(w.from, "unexpected %s, expected '='", w.shown())
	}
	w.open = append(w.open, openTag{name: "set", at: at})
	code := "set " + target
	if w.skipSymbol("|") {
		code += " | " + w.blockFilter(at)
		if w.isSymbol("|") {
			w.fail(w.from, "a set block takes one filter: put a filter block into it")
		}
	}
	w.emit(code)
}

func (w *writer) setAttribute(owner node) {
	w.checkName(owner.from, w.written(owner))
	w.next()
	attr := w.value
	if w.kind != name {
		w.fail(w.from, "unexpected %s, expected a name after '.'", w.shown())
	}
	w.checkName(w.from, attr)
	w.next()
	w.expectSymbol("=")
	x := w.tuple(true)
	w.emit("set " + owner.code + "." + Ident(attr) + " = " + w.call(Assign, owner.from, Site{Name: attr}, owner, x).code)
}

func (w *writer) unpacked(x node, count int) node {
	if count == 0 {
		return x
	}
	return w.call(Unpack, x.from, Site{Count: count}, x)
}

func (w *writer) with() {
	var parts []string
	var targets []string
	for w.kind != end {
		target, count := w.targetPart()
		n := 0
		if count {
			n = strings.Count(target, ",") + 1
		}
		w.expectSymbol("=")
		x := w.expr()
		for _, name := range targets {
			if regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(w.written(x)) {
				w.fail(x.from, "%s is set by the same {%% with %%}, and Jinja takes the one around it: write two of them", name)
			}
		}
		parts = append(parts, target+" = "+w.unpacked(x, n).code)
		targets = append(targets, strings.FieldsFunc(target, func(r rune) bool { return strings.ContainsRune("(), ", r) })...)
		if !w.skipSymbol(",") {
			break
		}
	}
	w.emit("with " + strings.Join(parts, ", "))
}

func (w *writer) macro() {
	n := w.value
	if w.kind != name || slices.Contains(constants, n) {
		w.fail(w.from, "unexpected %s, expected the name of the macro", w.shown())
	}
	w.checkName(w.from, n)
	m := &macro{}
	w.macros[n] = m
	w.next()
	begin := w.usesSoFar()
	list, names := w.parameters()
	w.perhaps(begin)
	m.params = names
	m.varargs, m.kwargs = w.bodyNames("varargs"), w.bodyNames("kwargs")
	for _, rest := range []struct {
		name  string
		takes bool
		none  string
	}{{"varargs", m.varargs, Tuple}, {"kwargs", m.kwargs, Dict}} {
		if rest.takes {
			w.bound[rest.name] = true
			list = append(list, rest.name+"="+rest.none+"("+w.site(w.from, w.from, Site{})+")")
		}
	}
	w.emit("macro " + Ident(n) + "(" + strings.Join(list, ", ") + ")")
}

// bodyNames reports whether the macro that begins here uses a name that stands for the
// rest of its arguments.
func (w *writer) bodyNames(name string) bool {
	body := w.src[w.offset:w.end]
	if end := strings.Index(body, "endmacro"); end >= 0 {
		body = body[:end]
	}
	return regexp.MustCompile(`\b` + name + `\b`).MatchString(body)
}

// parameters reads the parameters of a macro and returns their code and their names.
func (w *writer) parameters() (parts, names []string) {
	w.expectSymbol("(")
	defaults := false
	for !w.isSymbol(")") {
		p := w.value
		if w.kind != name || slices.Contains(keywords, p) || slices.Contains(constants, p) {
			w.fail(w.from, "unexpected %s, expected the name of a parameter", w.shown())
		}
		w.checkName(w.from, p)
		w.bound[p] = true
		at := w.from
		w.next()
		names = append(names, p)
		p = Ident(p)
		if w.skipSymbol("=") {
			defaults = true
			p += "=" + w.expr().code
		} else if defaults {
			w.fail(at, "a parameter without default after one with")
		}
		parts = append(parts, p)
		if !w.skipSymbol(",") {
			break
		}
	}
	w.expectSymbol(")")
	return parts, names
}

// callBlock rewrites {% call(x) macro(…) %}.
func (w *writer) callBlock() {
	params := ""
	if w.isSymbol("(") {
		list, _ := w.parameters()
		params = "(" + strings.Join(list, ", ") + ")"
	}
	at, fn := w.from, w.value
	if w.kind != name {
		w.fail(at, "unexpected %s, expected a call of a macro", w.shown())
	}
	w.next()
	if !w.isSymbol("(") {
		w.fail(w.from, "unexpected %s, expected '('", w.shown())
	}
	s := Site{}
	args := w.arguments(&s)
	w.called = append(w.called, calledName{fn, at})
	list := codes(args)
	if m := w.macros[fn]; m != nil {
		list = w.packed(m, node{from: at, to: at}, args, s.Keywords)
	}
	w.emit("call" + params + " " + Ident(fn) + "(" + list + ")")
}

// filterBlock opens a block for each filter, the first one innermost.
func (w *writer) filterBlock(at int) {
	chain := []string{w.blockFilter(at)}
	for w.skipSymbol("|") {
		chain = append(chain, w.blockFilter(at))
	}
	slices.Reverse(chain)
	for _, f := range chain {
		w.emit("filter " + f)
	}
	w.open[len(w.open)-1].ends = len(chain)
}

// blockFilter reads the filter of a filter or set block.
func (w *writer) blockFilter(at int) string {
	s := Site{Name: w.filterName()}
	var args []node
	if w.isSymbol("(") {
		args = w.arguments(&s)
	}
	w.call("", at, s, append([]node{{from: at, to: at}}, args...)...)
	rest := append([]node{{code: strconv.Itoa(len(w.shared.sites) - 1)}}, args...)
	return s.Name + "(" + codes(rest) + ")"
}

// raw emits everything up to {% endraw %} as text.
func (w *writer) raw(at int) int {
	w.finish()
	body, trimStart := w.offset, w.trimNext
	w.trimNext = false
	for i := body; i+1 < w.end; i++ {
		if w.src[i:i+2] != "{%" {
			continue
		}
		rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(w.src[i+2:w.end], "-"), "+"), spaces)
		rest, ok := strings.CutPrefix(rest, "endraw")
		rest = strings.TrimLeft(rest, spaces)
		trimAfter := strings.HasPrefix(rest, "-")
		rest, closed := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(rest, "-"), "+"), "%}")
		if !ok || !closed {
			continue
		}
		w.trimNext = trimStart
		w.text(w.src[body:i], body, w.src[i+2] == '-')
		w.trimNext = trimAfter
		return w.end - len(rest)
	}
	w.fail(at, "{%% raw %%} is never closed: {%% endraw %%} is missing")
	return 0
}
