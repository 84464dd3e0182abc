package lang

import (
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/token"
)

var keywords = []string{"and", "or", "not", "if", "else", "in", "is", "recursive"}

// words are the names of constants.
var words = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) primary() Expr {
	from, value := p.From, p.Value
	switch p.Kind {
	case token.Text:
		texts := []string{value}
		for p.next(); p.Kind == token.Text; p.next() { // those in a row are one
			texts = append(texts, p.Value)
		}
		return &ConstExpr{p.since(from), strings.Join(texts, "")}
	case token.Digits:
		v, ok := token.Number(value)
		if !ok {
			p.fail(from, "%s is not a number", value)
		}
		p.next()
		return &ConstExpr{p.since(from), v}
	case token.Name:
		if slices.Contains(keywords, value) {
			p.fail(from, "unexpected '%s'", value)
		}
		p.checkName(from, value)
		p.next()
		if v, ok := words[value]; ok {
			return &ConstExpr{p.since(from), v}
		}
		return &NameExpr{Span: p.since(from), Name: value}
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
func (p *parser) display(from int, open string) Expr {
	switch open {
	case "(":
		p.next()
		if p.skipSymbol(")") {
			return &TupleExpr{p.since(from), nil}
		}
		first := p.expr()
		if p.skipSymbol(")") {
			return &GroupExpr{p.since(from), first}
		}
		items := []Expr{first}
		if p.skipSymbol(",") {
			items = append(items, p.items(")")...)
		}
		p.expectSymbol(")")
		return &TupleExpr{p.since(from), items}
	case "[":
		p.next()
		items := p.items("]")
		p.expectSymbol("]")
		return &ListExpr{p.since(from), items}
	case "{":
		p.next()
		d := &DictExpr{}
		for !p.isSymbol("}") {
			d.Keys = append(d.Keys, p.expr())
			p.expectSymbol(":")
			d.Values = append(d.Values, p.expr())
			p.checkCount(from, len(d.Keys), maxElements)
			if !p.skipSymbol(",") {
				break
			}
		}
		p.expectSymbol("}")
		d.Span = p.since(from)
		return d
	}
	p.fail(from, "unexpected %s", p.Shown())
	return nil
}

// items reads expressions with commas between, up to a bracket.
func (p *parser) items(until string) (items []Expr) {
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
func (p *parser) postfix(x Expr) Expr {
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

func (p *parser) attribute(x Expr) Expr {
	at, attr := p.From, p.Value
	switch p.Kind {
	case token.Digits: // foo.0 is foo[0]
		v, ok := token.Number(attr)
		if _, isInt := v.(int64); !ok || !isInt {
			p.fail(at, "expected a name after '.'")
		}
		p.next()
		return &ItemExpr{p.since(x.At().From), x, &ConstExpr{p.since(at), v}}
	case token.Name:
	default:
		p.fail(at, "unexpected %s, expected a name after '.'", p.Shown())
	}
	if strings.HasPrefix(attr, "__") {
		p.fail(at, "the attribute %s is not allowed: attributes must not begin with two underscores", attr)
	}
	if n, ok := x.(*NameExpr); ok {
		if m := p.language.Modules[n.Name]; m != nil && m.Funcs[attr] == nil && m.Values[attr] == nil {
			p.failUnknown(p.src, at, n.Name+" function", attr)
		}
	}
	p.next()
	return &AttrExpr{p.since(x.At().From), x, attr, at}
}

func (p *parser) subscript(x Expr) Expr {
	at := p.From
	var bounds [3]Expr
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
		items := []Expr{bounds[0]}
		p.next()
		bounds[0] = &TupleExpr{p.since(at), append(items, p.items("]")...)}
	}
	p.expectSymbol("]")
	switch {
	case colons > 0:
		return &SliceExpr{p.since(x.At().From), x, bounds[0], bounds[1], bounds[2]}
	case bounds[0] == nil:
		p.fail(at, "the subscript is missing")
	}
	return &ItemExpr{p.since(x.At().From), x, bounds[0]}
}

// call reads the call of any expression.
func (p *parser) call(x Expr) *CallExpr {
	if n, ok := x.(*NameExpr); ok && !p.language.Function(n.Name) {
		p.out.called = append(p.out.called, n)
	}
	args := p.arguments()
	return &CallExpr{p.since(x.At().From), x, args}
}

func (p *parser) arguments() (a Arguments) {
	from := p.From
	p.expectSymbol("(")
	for !p.isSymbol(")") {
		p.argument(&a)
		p.checkCount(from, len(a.Positional)+len(a.Named), maxArguments)
		if !p.skipSymbol(",") {
			break
		}
	}
	p.expectSymbol(")")
	return a
}

func (p *parser) argument(a *Arguments) {
	from := p.From
	if p.skipSymbol("**") {
		a.More = append(a.More, p.expr())
		return
	}
	if p.skipSymbol("*") {
		a.Positional = append(a.Positional, Argument{p.expr(), true})
		return
	}
	if p.Kind == token.Name && !slices.Contains(keywords, p.Value) {
		save, key := p.Scanner, p.Value
		if p.next(); p.isSymbol("=") {
			p.checkName(from, key)
			p.next()
			if slices.Contains(a.Names, key) {
				p.fail(from, "the argument %s is given twice", key)
			}
			a.Names = append(a.Names, key)
			a.Named = append(a.Named, p.expr())
			return
		}
		p.Scanner = save
	}
	x := p.expr()
	if len(a.Named) > 0 || len(a.More) > 0 {
		p.fail(from, "a positional argument after a keyword argument")
	}
	a.Positional = append(a.Positional, Argument{x, false})
}

// filters reads filters, tests and calls of their results.
func (p *parser) filters(x Expr) Expr {
	for {
		switch {
		case p.skipSymbol("|"):
			x = p.filter(x, x.At().From)
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
func (p *parser) filter(x Expr, from int) *FilterExpr {
	f := &FilterExpr{X: x, Name: p.Value}
	if p.Kind != token.Name {
		p.fail(p.From, "unexpected %s, expected the name of a filter", p.Shown())
	}
	if f.Filter = p.language.Filters[f.Name]; f.Filter == nil {
		p.failUnknown(p.src, p.From, "filter", f.Name)
	}
	p.next()
	if p.isSymbol("(") {
		f.Args = p.arguments()
	}
	f.Span = p.since(from)
	return f
}

func (p *parser) test(x Expr) Expr {
	t := &TestExpr{X: x, Not: p.skipName("not"), Name: p.Value}
	if p.Kind != token.Name {
		p.fail(p.From, "unexpected %s, expected the name of a test", p.Shown())
	}
	if t.Test = p.language.Tests[t.Name]; t.Test == nil {
		p.failUnknown(p.src, p.From, "test", t.Name)
	}
	p.next()
	switch {
	case p.isSymbol("("):
		t.Args = p.arguments()
	case p.Kind == token.Text, p.Kind == token.Digits, p.isSymbol("["), p.isSymbol("{"), p.Kind == token.Name && !slices.Contains(keywords, p.Value):
		t.Args.Positional = []Argument{{p.postfix(p.primary()), false}}
	case p.isName("is"):
		p.fail(p.From, "tests cannot follow each other: use 'and'")
	}
	t.Span = p.since(x.At().From)
	return t
}
