package rewrite

import (
	"slices"
	"strings"
)

// node is a rewritten expression and where it stood.
type node struct {
	code     string
	from, to int
	// use is the number of the use that it is, from 1; 0 is none.
	use int
	// texts is what it says when it is a text in quotes, or a list of such.
	texts []string
	// constant is the kind of value that is written here, if any.
	constant Constant
}

func (w *writer) written(n node) string { return strings.TrimSpace(w.src[n.from:n.to]) }

func (w *writer) isSymbol(s string) bool { return w.kind == symbol && w.value == s }
func (w *writer) isName(s string) bool   { return w.kind == name && w.value == s }

func (w *writer) skipSymbol(s string) bool {
	if w.isSymbol(s) {
		w.next()
		return true
	}
	return false
}

func (w *writer) skipName(s string) bool {
	if w.isName(s) {
		w.next()
		return true
	}
	return false
}

func (w *writer) expectSymbol(s string) {
	if !w.skipSymbol(s) {
		w.fail(w.from, "unexpected %s, expected '%s'", w.shown(), s)
	}
}

// call emits a call of a host function for the source from n.from to here.
func (w *writer) call(fn string, from int, s Site, args ...node) node {
	n := node{from: from, to: w.prevTo}
	if len(args) > 2*maxArguments {
		w.fail(from, "more than %d arguments or elements", 2*maxArguments)
	}
	codes := []string{""}
	for _, a := range args {
		codes = append(codes, a.code)
		s.Operands = append(s.Operands, w.written(a))
	}
	n.code = fn + "(" + w.site(n.from, n.to, s) + strings.Join(codes, ",") + ")"
	return n
}

func (w *writer) deeper(at int) {
	if w.nested++; w.nested > maxNested {
		w.fail(at, "the expression is nested more than %d levels deep", maxNested)
	}
}

// use makes a node that must be defined because its truth is asked for.
func (w *writer) use(x node) node {
	return node{code: Use + "(" + w.site(x.from, x.to, Site{Operands: []string{w.written(x)}}) + "," + x.code + ")", from: x.from, to: x.to}
}

// tuple reads an expression or, without brackets, several with commas between.
func (w *writer) tuple(cond bool) node {
	one := func() node {
		if cond {
			return w.expr()
		}
		return w.or()
	}
	first := one()
	if !w.isSymbol(",") {
		return first
	}
	items := []node{first}
	for w.skipSymbol(",") {
		if w.kind == end || w.isName("recursive") {
			break
		}
		items = append(items, one())
	}
	return w.sequence(Tuple, first.from, items)
}

// expr reads an expression with if and else.
func (w *writer) expr() node {
	w.deeper(w.from)
	defer func() { w.nested-- }()
	begin := w.usesSoFar()
	x := w.or()
	for w.skipName("if") {
		w.perhaps(begin)
		cond := w.use(w.or())
		var other node
		if w.skipName("else") {
			w.maybe++
			other = w.expr()
			w.maybe--
		} else {
			other = w.call(Absent, x.from, Site{})
		}
		x = node{code: "(" + x.code + " if " + cond.code + " else " + other.code + ")", from: x.from, to: w.prevTo}
	}
	return x
}

func (w *writer) or() node  { return w.logic("or", w.and) }
func (w *writer) and() node { return w.logic("and", w.not) }

// logic reads operands with and or or between. The last one may be undefined:
// its truth is not asked for.
func (w *writer) logic(word string, operand func() node) node {
	x := operand()
	if !w.isName(word) {
		return x
	}
	var code strings.Builder
	from := x.from
	w.maybe++
	for w.skipName(word) {
		code.WriteString(w.use(x).code + " " + word + " ")
		x = operand()
	}
	w.maybe--
	return node{code: "(" + code.String() + x.code + ")", from: from, to: w.prevTo}
}

func (w *writer) not() node {
	from := w.from
	if !w.skipName("not") {
		return w.compare()
	}
	w.deeper(from)
	defer func() { w.nested-- }()
	x := w.use(w.not())
	return node{code: "(not " + x.code + ")", from: from, to: w.prevTo}
}

func (w *writer) compare() node {
	first := w.sum()
	operands, ops := []node{first}, []string(nil)
	for {
		op := w.value
		switch {
		case w.kind == symbol && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op):
			w.next()
		case w.skipName("in"):
		case w.isName("not"):
			at := w.from
			w.next()
			if !w.skipName("in") {
				w.fail(at, "unexpected 'not'")
			}
			op = "not in"
		default:
			if ops == nil {
				return first
			}
			return w.call(Cmp, first.from, Site{Ops: ops}, operands...)
		}
		ops = append(ops, op)
		operands = append(operands, w.sum())
	}
}

func (w *writer) sum() node     { return w.chain(w.concat, "+", "-") }
func (w *writer) concat() node  { return w.chain(w.product, "~") }
func (w *writer) product() node { return w.chain(w.power, "*", "/", "//", "%") }
func (w *writer) power() node   { return w.chain(func() node { return w.unary(true) }, "**") }

// chain reads operators of one rank; they group from the left.
func (w *writer) chain(operand func() node, ops ...string) node {
	first := operand()
	operands, found := []node{first}, []string(nil)
	for w.kind == symbol && slices.Contains(ops, w.value) {
		if len(operands) == maxArguments { // minijinja takes only so many: go on from their result
			operands = []node{w.call(Op, first.from, Site{Ops: found}, operands...)}
			found = nil
		}
		found = append(found, w.value)
		w.next()
		operands = append(operands, operand())
	}
	if found == nil {
		return first
	}
	return w.call(Op, first.from, Site{Ops: found}, operands...)
}

func (w *writer) unary(filters bool) node {
	from := w.from
	w.deeper(from)
	defer func() { w.nested-- }()
	var x node
	switch {
	case w.skipSymbol("-"):
		x = w.call(Neg, from, Site{}, w.unary(false))
	case w.skipSymbol("+"):
		x = w.unary(false)
	default:
		x = w.primary()
	}
	x = w.postfix(x)
	if filters {
		x = w.filters(x)
	}
	return x
}
