package lang

import (
	"slices"

	"github.com/dingdag/dingdag/template/internal/token"
)

func (p *parser) isSymbol(s string) bool { return p.Kind == token.Symbol && p.Value == s }
func (p *parser) isName(s string) bool   { return p.Kind == token.Name && p.Value == s }

func (p *parser) skipSymbol(s string) bool {
	if p.isSymbol(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(s string) bool {
	if p.isName(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectSymbol(s string) {
	if !p.skipSymbol(s) {
		p.fail(p.From, "unexpected %s, expected '%s'", p.Shown(), s)
	}
}

// since is the span from a place to the end of the last token.
func (p *parser) since(from int) Span { return Span{from, p.PrevTo} }

func (p *parser) deeper(at int) {
	if p.nested++; p.nested > maxNested {
		p.fail(at, "the expression is nested more than %d levels deep", maxNested)
	}
}

// tuple reads an expression or, without brackets, several with commas between. With
// cond an expression may have if and else.
func (p *parser) tuple(cond bool) Expr {
	one := p.or
	if cond {
		one = p.expr
	}
	first := one()
	if !p.isSymbol(",") {
		return first
	}
	items := []Expr{first}
	for p.skipSymbol(",") {
		if p.Kind == token.End || p.isName("recursive") {
			break
		}
		items = append(items, one())
	}
	return &TupleExpr{p.since(first.At().From), items}
}

// expr reads an expression with if and else.
func (p *parser) expr() Expr {
	p.deeper(p.From)
	x := p.or()
	for p.skipName("if") {
		c := &CondExpr{Then: x, Cond: p.or()}
		if p.skipName("else") {
			c.Else = p.expr()
		}
		c.Span = p.since(x.At().From)
		x = c
	}
	p.nested--
	return x
}

func (p *parser) or() Expr  { return p.logic("or", p.and) }
func (p *parser) and() Expr { return p.logic("and", p.not) }

func (p *parser) logic(word string, operand func() Expr) Expr {
	first := operand()
	if !p.isName(word) {
		return first
	}
	operands := []Expr{first}
	for p.skipName(word) {
		operands = append(operands, operand())
	}
	return &LogicExpr{p.since(first.At().From), word == "or", operands}
}

func (p *parser) not() Expr {
	from := p.From
	if !p.skipName("not") {
		return p.compare()
	}
	p.deeper(from)
	x := p.not()
	p.nested--
	return &NotExpr{p.since(from), x}
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare() Expr {
	first := p.sum()
	var c *CompareExpr
	for {
		op := p.Value
		switch {
		case p.Kind == token.Symbol && slices.Contains(comparisons, op):
			p.next()
		case p.skipName("in"):
		case p.isName("not"):
			at := p.From
			p.next()
			if !p.skipName("in") {
				p.fail(at, "unexpected 'not'")
			}
			op = "not in"
		default:
			if c == nil {
				return first
			}
			c.Span = p.since(first.At().From)
			return c
		}
		if c == nil {
			c = &CompareExpr{Operands: []Expr{first}}
		}
		c.Ops = append(c.Ops, op)
		c.Operands = append(c.Operands, p.sum())
	}
}

var (
	sumOps     = []string{"+", "-"}
	concatOps  = []string{"~"}
	productOps = []string{"*", "/", "//", "%"}
	powerOps   = []string{"**"}
)

func (p *parser) sum() Expr     { return p.chain(p.concat, sumOps) }
func (p *parser) concat() Expr  { return p.chain(p.product, concatOps) }
func (p *parser) product() Expr { return p.chain(p.power, productOps) }
func (p *parser) power() Expr   { return p.chain(p.operand, powerOps) }
func (p *parser) operand() Expr { return p.unary(true) }

// chain reads operators of one rank; they group from the left.
func (p *parser) chain(operand func() Expr, ops []string) Expr {
	first := operand()
	if p.Kind != token.Symbol || !slices.Contains(ops, p.Value) {
		return first
	}
	o := &OpExpr{Operands: []Expr{first}}
	for p.Kind == token.Symbol && slices.Contains(ops, p.Value) {
		o.Ops = append(o.Ops, p.Value)
		p.next()
		o.Operands = append(o.Operands, operand())
	}
	o.Span = p.since(first.At().From)
	return o
}

func (p *parser) unary(filters bool) Expr {
	from := p.From
	p.deeper(from)
	var x Expr
	switch {
	case p.isSymbol("-"), p.isSymbol("+"):
		minus := p.Value == "-"
		p.next()
		x = p.unary(false)
		x = &SignExpr{p.since(from), minus, x}
	default:
		x = p.primary()
	}
	x = p.postfix(x)
	if filters {
		x = p.filters(x)
	}
	p.nested--
	return x
}
