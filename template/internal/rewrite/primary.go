package rewrite

import (
	"slices"
	"strconv"
	"strings"
)

var keywords = []string{"and", "or", "not", "if", "else", "in", "is", "recursive"}

func (w *writer) primary() node {
	from, value := w.from, w.value
	switch w.kind {
	case text:
		var b strings.Builder
		for w.kind == text {
			b.WriteString(w.value)
			w.next()
		}
		return node{code: w.literal(from, w.prevTo, b.String()), from: from, to: w.prevTo, texts: []string{b.String()}, constant: TextConstant}
	case digits:
		v, ok := parseNumber(value)
		if !ok {
			w.fail(from, "%s is not a number", value)
		}
		w.next()
		return node{code: w.literal(from, w.prevTo, v), from: from, to: w.prevTo, constant: NumberConstant}
	case name:
		if slices.Contains(keywords, value) {
			w.fail(from, "unexpected '%s'", value)
		}
		w.checkName(from, value)
		if value == "self" || value == "super" {
			w.fail(from, "%s is not available: templates cannot extend other templates", value)
		}
		w.next()
		switch value {
		case "true", "True", "false", "False":
			value = strings.ToLower(value)
		case "none", "None":
			value = "none"
		}
		n := node{code: Ident(value), from: from, to: w.prevTo}
		if !w.isSymbol("(") || !w.known.Function(value) {
			n.use = w.useName(value, from)
		}
		return n
	case symbol:
		return w.display(from, value)
	default: // the end, where a value should be
		w.fail(from, "unexpected %s", w.shown())
		return node{}
	}
}

func (w *writer) checkName(at int, n string) {
	if strings.HasPrefix(n, "__") {
		w.fail(at, "the name %s is not allowed: names must not begin with two underscores", n)
	}
}

// display reads a parenthesis, tuple, list or dict.
func (w *writer) display(from int, open string) node {
	switch open {
	case "(":
		w.next()
		if w.skipSymbol(")") {
			return w.call(Tuple, from, Site{})
		}
		first := w.expr()
		if w.skipSymbol(")") {
			return node{code: first.code, from: from, to: w.prevTo, texts: first.texts, constant: first.constant}
		}
		items := []node{first}
		for w.skipSymbol(",") {
			if w.isSymbol(")") {
				break
			}
			items = append(items, w.expr())
		}
		w.expectSymbol(")")
		tuple := w.sequence(Tuple, from, items)
		tuple.texts = textsOf(items)
		return tuple
	case "[":
		w.next()
		var items []node
		for !w.isSymbol("]") {
			items = append(items, w.expr())
			if !w.skipSymbol(",") {
				break
			}
		}
		w.expectSymbol("]")
		list := w.sequence(List, from, items)
		list.texts, list.constant = textsOf(items), ListConstant
		return list
	case "{":
		w.next()
		var items []node
		for !w.isSymbol("}") {
			items = append(items, w.expr())
			w.expectSymbol(":")
			items = append(items, w.expr())
			if !w.skipSymbol(",") {
				break
			}
		}
		w.expectSymbol("}")
		return w.call(Dict, from, Site{}, items...)
	}
	w.fail(from, "unexpected %s", w.shown())
	return node{}
}

// textsOf are the texts of a list that holds nothing else.
func textsOf(items []node) []string {
	var all []string
	for _, it := range items {
		if len(it.texts) != 1 {
			return nil
		}
		all = append(all, it.texts[0])
	}
	return all
}

// sequence makes a list or tuple; a long one is the sum of shorter ones.
func (w *writer) sequence(fn string, from int, items []node) node {
	if len(items) <= maxArguments {
		return w.call(fn, from, Site{}, items...)
	}
	var parts []node
	for chunk := range slices.Chunk(items, maxArguments) {
		parts = append(parts, w.call(fn, from, Site{}, chunk...))
	}
	return w.call(Op, from, Site{Ops: slices.Repeat([]string{"+"}, len(parts)-1)}, parts...)
}

// postfix reads attributes, subscripts and calls.
func (w *writer) postfix(x node) node {
	for steps := 0; ; steps++ {
		if steps > maxNested {
			w.fail(w.from, "more than %d attributes, subscripts and calls in a row", maxNested)
		}
		switch {
		case w.skipSymbol("."):
			x = w.attribute(x)
		case w.skipSymbol("["):
			x = w.subscript(x)
		case w.isSymbol("("):
			x = w.callOf(x)
		default:
			return x
		}
	}
}

func (w *writer) attribute(x node) node {
	at, attr := w.from, w.value
	switch w.kind {
	case digits: // foo.0 is foo[0]
		v, ok := parseNumber(attr)
		if _, isInt := v.(int64); !ok || !isInt {
			w.fail(at, "expected a name after '.'")
		}
		w.next()
		return w.call(Item, x.from, Site{}, x, node{code: w.literal(at, w.prevTo, v), from: at, to: w.prevTo})
	case name:
	default:
		w.fail(at, "unexpected %s, expected a name after '.'", w.shown())
	}
	if strings.HasPrefix(attr, "__") {
		w.fail(at, "the attribute %s is not allowed: attributes must not begin with two underscores", attr)
	}
	if exists, ok := w.known.Attr(w.written(x), attr); ok && !exists {
		w.failUnknown(at, w.written(x)+" function", attr)
	}
	w.next()
	if x.code == "loop" && (attr == "depth" || attr == "depth0") {
		return w.loopDepth(x, at, attr)
	}
	if w.isSymbol("(") {
		s := Site{Name: attr}
		args := w.arguments(&s)
		if x.code == "loop" && attr == "changed" {
			return w.loopChanged(x, at, s, args)
		}
		w.follow(x, calledStep(attr, at, args, s.Keywords))
		return w.call(Method, x.from, s, append([]node{x}, args...)...)
	}
	n := w.call(Attr, x.from, Site{Name: attr}, x)
	n.use = w.follow(x, Step{Name: attr, At: at})
	return n
}

func (w *writer) subscript(x node) node {
	open := node{code: "none", from: w.from, to: w.from}
	bounds, colons := []node{open, open, open}, 0
	for !w.isSymbol("]") {
		if w.skipSymbol(":") {
			if colons++; colons > 2 {
				w.fail(w.from, "a slice has at most two colons")
			}
			continue
		}
		bounds[colons] = w.expr()
		if !w.isSymbol(":") {
			break
		}
	}
	empty := bounds[0].code == "none" && bounds[0].from == bounds[0].to
	w.expectSymbol("]")
	if colons > 0 {
		return w.call(Slice, x.from, Site{}, append([]node{x}, bounds...)...)
	}
	if empty {
		w.fail(open.from, "the subscript is missing")
	}
	n := w.call(Item, x.from, Site{}, x, bounds[0])
	if key := bounds[0]; len(key.texts) == 1 && x.constant == NoConstant {
		n.use = w.follow(x, Step{Name: key.texts[0], At: key.from})
	}
	return n
}

// callOf reads the call of a name or of any other expression.
func (w *writer) callOf(x node) node {
	s := Site{Name: x.code}
	isName := !strings.ContainsAny(x.code, "( ") && x.to-x.from == len(x.code)
	args := w.arguments(&s)
	if !isName {
		return w.call(Call, x.from, s, append([]node{x}, args...)...)
	}
	switch {
	case x.code == "loop" && len(args) == 1: // the next level of a recursive loop
		iter := w.call(Iter, args[0].from, Site{}, args[0])
		return node{code: "loop(" + iter.code + ")", from: x.from, to: w.prevTo}
	case w.known.Function(x.code) && w.macros[x.code] == nil:
		return w.call(Global, x.from, s, args...)
	}
	if m := w.macros[x.code]; m != nil {
		return node{code: x.code + "(" + w.packed(m, x, args, s.Keywords) + ")", from: x.from, to: w.prevTo}
	}
	w.called = append(w.called, calledName{x.code, x.from})
	return w.call(Call, x.from, s, append([]node{x}, args...)...)
}

// packed are the arguments of a macro, those beyond its parameters as varargs and kwargs.
func (w *writer) packed(m *macro, x node, args []node, keywords []string) string {
	if !m.varargs && !m.kwargs {
		return codes(args)
	}
	var own, more, named []node
	for i, a := range args {
		if strings.HasPrefix(a.code, "*") {
			w.fail(a.from, "a macro with varargs or kwargs cannot be called with *: write the arguments one by one")
		}
		key := ""
		if k := i - (len(args) - len(keywords)); k >= 0 {
			key = keywords[k]
		}
		switch {
		case key != "" && (slices.Contains(m.params, key) || !m.kwargs):
			own = append(own, a)
		case key != "":
			text := node{code: w.literal(a.from, a.to, key), from: a.from, to: a.to}
			value := node{code: strings.TrimPrefix(a.code, Ident(key)+"="), from: a.from, to: a.to}
			named = append(named, text, value)
		case i < len(m.params) || !m.varargs:
			own = append(own, a)
		default:
			more = append(more, a)
		}
	}
	if len(more) > 0 {
		own = append(own, node{code: "varargs=" + w.sequence(Tuple, x.from, more).code})
	}
	if len(named) > 0 {
		own = append(own, node{code: "kwargs=" + w.call(Dict, x.from, Site{}, named...).code})
	}
	return codes(own)
}

// loopDepth is loop.depth: 1, and more only where a recursive loop goes deeper. The engine
// counts loops around it, too.
func (w *writer) loopDepth(x node, at int, attr string) node {
	around, recursive := 0, false
	for _, t := range w.open {
		if t.name != "for" {
			continue
		}
		if recursive {
			around = -1
		}
		if around >= 0 {
			around++
		}
		recursive = recursive || t.recursive
	}
	inner := len(w.open) - 1
	for inner >= 0 && w.open[inner].name != "for" {
		inner--
	}
	switch {
	case inner < 0 || !w.open[inner].recursive:
		depth := int64(1)
		if attr == "depth0" {
			depth = 0
		}
		return node{code: w.literal(x.from, w.prevTo, depth), from: x.from, to: w.prevTo}
	case around != 1:
		w.fail(at, "loop.%s is not available in a recursive loop inside of another loop", attr)
	}
	return w.call(Attr, x.from, Site{Name: attr}, x)
}

// loopChanged is loop.changed, which asks what the loop keeps for it.
func (w *writer) loopChanged(x node, at int, s Site, args []node) node {
	for _, t := range slices.Backward(w.open) {
		switch {
		case t.name != "for":
		case t.recursive:
			w.fail(at, "loop.changed is not available in a recursive loop: compare with loop.previtem")
		default:
			return w.call(Changed, x.from, s, append([]node{{code: t.memory, from: x.from, to: x.to}}, args...)...)
		}
	}
	w.fail(at, "loop.changed is not available outside of a loop")
	return x
}

func codes(args []node) string {
	all := make([]string, len(args))
	for i, a := range args {
		all[i] = a.code
	}
	return strings.Join(all, ",")
}

// arguments reads the arguments of a call. The code of a keyword argument holds its name.
func (w *writer) arguments(s *Site) []node {
	w.expectSymbol("(")
	var args []node
	for !w.isSymbol(")") {
		args = append(args, w.argument(s))
		if !w.skipSymbol(",") {
			break
		}
	}
	w.expectSymbol(")")
	return args
}

func (w *writer) argument(s *Site) node {
	from := w.from
	for _, star := range []string{"**", "*"} {
		if w.skipSymbol(star) {
			x := w.use(w.expr())
			return node{code: star + x.code, from: from, to: w.prevTo}
		}
	}
	if w.kind == name && !slices.Contains(keywords, w.value) {
		save, key := w.tokens, w.value
		w.tokens.brackets = slices.Clone(w.brackets)
		if w.next(); w.isSymbol("=") {
			w.checkName(from, key)
			w.next()
			x := w.expr()
			s.Keywords = append(s.Keywords, key)
			return node{code: Ident(key) + "=" + x.code, from: x.from, to: x.to, texts: x.texts}
		}
		w.tokens = save
	}
	x := w.expr()
	if len(s.Keywords) > 0 {
		w.fail(from, "a positional argument after a keyword argument")
	}
	return x
}

// filters reads filters, tests and calls of their results.
func (w *writer) filters(x node) node {
	for {
		switch {
		case w.skipSymbol("|"):
			x = w.filter(x)
		case w.skipName("is"):
			x = w.test(x)
		case w.isSymbol("("):
			x = w.callOf(x)
		default:
			return x
		}
	}
}

func (w *writer) filterName() string {
	n := w.value
	if w.kind != name {
		w.fail(w.from, "unexpected %s, expected the name of a filter", w.shown())
	}
	if !w.known.Filter(n) {
		w.failUnknown(w.from, "filter", n)
	}
	w.next()
	return n
}

func (w *writer) filter(x node) node {
	s := Site{Name: w.filterName()}
	if s.Name == "default" || s.Name == "d" {
		w.ask(x)
	}
	var args []node
	if w.isSymbol("(") {
		args = w.arguments(&s)
	}
	call := w.call("", x.from, s, append([]node{x}, args...)...)
	number := strconv.Itoa(len(w.shared.sites) - 1)
	rest := append([]node{{code: number}}, args...)
	return node{code: x.code + "|" + s.Name + "(" + codes(rest) + ")", from: call.from, to: call.to}
}

func (w *writer) test(x node) node {
	s := Site{Not: w.skipName("not"), Name: w.value}
	if w.kind != name {
		w.fail(w.from, "unexpected %s, expected the name of a test", w.shown())
	}
	if !w.known.Test(s.Name) {
		w.failUnknown(w.from, "test", s.Name)
	}
	w.next()
	if s.Name == "defined" || s.Name == "undefined" {
		w.ask(x)
	}
	var args []node
	switch {
	case w.isSymbol("("):
		args = w.arguments(&s)
	case w.kind == text, w.kind == digits, w.isSymbol("["), w.isSymbol("{"), w.kind == name && !slices.Contains(keywords, w.value):
		args = []node{w.postfix(w.primary())}
	case w.isName("is"):
		w.fail(w.from, "tests cannot follow each other: use 'and'")
	}
	return w.call(Test, x.from, s, append([]node{x}, args...)...)
}
