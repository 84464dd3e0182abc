package lang

import (
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/token"
)

var keywords = []string{"and", "or", "not", "if", "else", "in", "is", "recursive"}

// words are the names of constants.
var words = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) primary() expr {
	from, value := p.From, p.Value
	switch p.Kind {
	case token.Text:
		texts := []string{value}
		for p.next(); p.Kind == token.Text; p.next() { // those in a row are one
			texts = append(texts, p.Value)
		}
		return &constExpr{p.since(from), strings.Join(texts, "")}
	case token.Digits:
		v, ok := token.Number(value)
		if !ok {
			p.fail(from, "%s is not a number", value)
		}
		p.next()
		return &constExpr{p.since(from), v}
	case token.Name:
		if slices.Contains(keywords, value) {
			p.fail(from, "unexpected '%s'", value)
		}
		p.checkName(from, value)
		p.next()
		if v, ok := words[value]; ok {
			return &constExpr{p.since(from), v}
		}
		return &nameExpr{span: p.since(from), name: value}
	case token.Symbol:
		return p.display(from, value)
	default: // the end, where a value should be
		p.fail(from, "unexpected %s", p.Shown())
		return nil
	}
}

func (p *parser) checkName(at int, n string) {
	if strings.HasPrefix(n, "__") {
		p.fail(at, "the name %s is not allowed: names must not begin with two underscores", n)
	}
}

// display reads brackets, a tuple, list or dict.
func (p *parser) display(from int, open string) expr {
	switch open {
	case "(":
		p.next()
		if p.skipSymbol(")") {
			return &tupleExpr{p.since(from), nil}
		}
		first := p.expr()
		if p.skipSymbol(")") {
			return &groupExpr{p.since(from), first}
		}
		items := []expr{first}
		if p.skipSymbol(",") {
			items = append(items, p.items(")")...)
		}
		p.expectSymbol(")")
		return &tupleExpr{p.since(from), items}
	case "[":
		p.next()
		items := p.items("]")
		p.expectSymbol("]")
		return &listExpr{p.since(from), items}
	case "{":
		p.next()
		d := &dictExpr{}
		for !p.isSymbol("}") {
			d.keys = append(d.keys, p.expr())
			p.expectSymbol(":")
			d.values = append(d.values, p.expr())
			p.checkCount(from, len(d.keys), maxElements)
			if !p.skipSymbol(",") {
				break
			}
		}
		p.expectSymbol("}")
		d.span = p.since(from)
		return d
	}
	p.fail(from, "unexpected %s", p.Shown())
	return nil
}

// items reads expressions with commas between, up to a bracket.
func (p *parser) items(until string) (items []expr) {
	from := p.From
	for !p.isSymbol(until) {
		items = append(items, p.expr())
		p.checkCount(from, len(items), maxElements)
		if !p.skipSymbol(",") {
			break
		}
	}
	return items
}

func (p *parser) checkCount(at, n, most int) {
	if n > most {
		p.fail(at, "more than %d arguments or elements", most)
	}
}

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(x expr) expr {
	for steps := 0; ; steps++ {
		if steps > maxPostfix {
			p.fail(p.From, "more than %d attributes, subscripts and calls in a row", maxPostfix)
		}
		switch {
		case p.skipSymbol("."):
			x = p.attribute(x)
		case p.skipSymbol("["):
			x = p.subscript(x)
		case p.isSymbol("("):
			x = p.call(x)
		default:
			return x
		}
	}
}

func (p *parser) attribute(x expr) expr {
	at, attr := p.From, p.Value
	switch p.Kind {
	case token.Digits: // foo.0 is foo[0]
		v, ok := token.Number(attr)
		if _, isInt := v.(int64); !ok || !isInt {
			p.fail(at, "expected a name after '.'")
		}
		p.next()
		return &itemExpr{p.since(x.at().from), x, &constExpr{p.since(at), v}}
	case token.Name:
	default:
		p.fail(at, "unexpected %s, expected a name after '.'", p.Shown())
	}
	if strings.HasPrefix(attr, "__") {
		p.fail(at, "the attribute %s is not allowed: attributes must not begin with two underscores", attr)
	}
	if n, ok := x.(*nameExpr); ok {
		if m := p.language.Modules[n.name]; m != nil && m.Funcs[attr] == nil && m.Values[attr] == nil {
			p.failUnknown(p.src, at, n.name+" function", attr)
		}
	}
	p.next()
	return &attrExpr{p.since(x.at().from), x, attr, at}
}

func (p *parser) subscript(x expr) expr {
	at := p.From
	var bounds [3]expr
	colons := 0
	for !p.isSymbol("]") {
		if p.skipSymbol(":") {
			if colons++; colons > 2 {
				p.fail(p.From, "a slice has at most two colons")
			}
			continue
		}
		bounds[colons] = p.expr()
		if !p.isSymbol(":") {
			break
		}
	}
	if p.isSymbol(",") && colons == 0 { // x[1, 2]
		items := []expr{bounds[0]}
		p.next()
		bounds[0] = &tupleExpr{p.since(at), append(items, p.items("]")...)}
	}
	p.expectSymbol("]")
	switch {
	case colons > 0:
		return &sliceExpr{p.since(x.at().from), x, bounds[0], bounds[1], bounds[2]}
	case bounds[0] == nil:
		p.fail(at, "the subscript is missing")
	}
	return &itemExpr{p.since(x.at().from), x, bounds[0]}
}

// call reads the call of any expression.
func (p *parser) call(x expr) *callExpr {
	if n, ok := x.(*nameExpr); ok && !p.language.Function(n.name) {
		p.out.called = append(p.out.called, n)
	}
	args := p.arguments()
	return &callExpr{p.since(x.at().from), x, args}
}

func (p *parser) arguments() (a arguments) {
	from := p.From
	p.expectSymbol("(")
	for !p.isSymbol(")") {
		p.argument(&a)
		p.checkCount(from, len(a.positional)+len(a.named), maxArguments)
		if !p.skipSymbol(",") {
			break
		}
	}
	p.expectSymbol(")")
	return a
}

func (p *parser) argument(a *arguments) {
	from := p.From
	if p.skipSymbol("**") {
		a.more = append(a.more, p.expr())
		return
	}
	if p.skipSymbol("*") {
		a.positional = append(a.positional, argument{p.expr(), true})
		return
	}
	if p.Kind == token.Name && !slices.Contains(keywords, p.Value) {
		save, key := p.Scanner, p.Value
		if p.next(); p.isSymbol("=") {
			p.checkName(from, key)
			p.next()
			if slices.Contains(a.names, key) {
				p.fail(from, "the argument %s is given twice", key)
			}
			a.names = append(a.names, key)
			a.named = append(a.named, p.expr())
			return
		}
		p.Scanner = save
	}
	x := p.expr()
	if len(a.named) > 0 || len(a.more) > 0 {
		p.fail(from, "a positional argument after a keyword argument")
	}
	a.positional = append(a.positional, argument{x, false})
}

// filters reads filters, tests and calls of their results.
func (p *parser) filters(x expr) expr {
	for {
		switch {
		case p.skipSymbol("|"):
			x = p.filter(x, x.at().from)
		case p.skipName("is"):
			x = p.test(x)
		case p.isSymbol("("):
			x = p.call(x)
		default:
			return x
		}
	}
}

// filter reads a filter of x; x is nil in a filter or set block.
func (p *parser) filter(x expr, from int) *filterExpr {
	f := &filterExpr{x: x, name: p.Value}
	if p.Kind != token.Name {
		p.fail(p.From, "unexpected %s, expected the name of a filter", p.Shown())
	}
	if f.f = p.language.Filters[f.name]; f.f == nil {
		p.failUnknown(p.src, p.From, "filter", f.name)
	}
	p.next()
	if p.isSymbol("(") {
		f.args = p.arguments()
	}
	f.span = p.since(from)
	return f
}

func (p *parser) test(x expr) expr {
	t := &testExpr{x: x, not: p.skipName("not"), name: p.Value}
	if p.Kind != token.Name {
		p.fail(p.From, "unexpected %s, expected the name of a test", p.Shown())
	}
	if t.t = p.language.Tests[t.name]; t.t == nil {
		p.failUnknown(p.src, p.From, "test", t.name)
	}
	p.next()
	switch {
	case p.isSymbol("("):
		t.args = p.arguments()
	case p.Kind == token.Text, p.Kind == token.Digits, p.isSymbol("["), p.isSymbol("{"), p.Kind == token.Name && !slices.Contains(keywords, p.Value):
		t.args.positional = []argument{{p.postfix(p.primary()), false}}
	case p.isName("is"):
		p.fail(p.From, "tests cannot follow each other: use 'and'")
	}
	t.span = p.since(x.at().from)
	return t
}
