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
func (p *parser) since(from int) span { return span{from, p.PrevTo} }

func (p *parser) deeper(at int) {
	if p.nested++; p.nested > maxNested {
		p.fail(at, "the expression is nested more than %d levels deep", maxNested)
	}
}

// tuple reads an expression or, without brackets, several with commas between. With
// cond an expression may have if and else.
func (p *parser) tuple(cond bool) expr {
	one := p.or
	if cond {
		one = p.expr
	}
	first := one()
	if !p.isSymbol(",") {
		return first
	}
	items := []expr{first}
	for p.skipSymbol(",") {
		if p.Kind == token.End || p.isName("recursive") {
			break
		}
		items = append(items, one())
	}
	return &tupleExpr{p.since(first.at().from), items}
}

// expr reads an expression with if and else.
func (p *parser) expr() expr {
	p.deeper(p.From)
	x := p.or()
	for p.skipName("if") {
		c := &condExpr{then: x, cond: p.or()}
		if p.skipName("else") {
			c.other = p.expr()
		}
		c.span = p.since(x.at().from)
		x = c
	}
	p.nested--
	return x
}

func (p *parser) or() expr  { return p.logic("or", p.and) }
func (p *parser) and() expr { return p.logic("and", p.not) }

func (p *parser) logic(word string, operand func() expr) expr {
	first := operand()
	if !p.isName(word) {
		return first
	}
	operands := []expr{first}
	for p.skipName(word) {
		operands = append(operands, operand())
	}
	return &logicExpr{p.since(first.at().from), word == "or", operands}
}

func (p *parser) not() expr {
	from := p.From
	if !p.skipName("not") {
		return p.compare()
	}
	p.deeper(from)
	x := p.not()
	p.nested--
	return &notExpr{p.since(from), x}
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare() expr {
	first := p.sum()
	var c *compareExpr
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
			c.span = p.since(first.at().from)
			return c
		}
		if c == nil {
			c = &compareExpr{operands: []expr{first}}
		}
		c.ops = append(c.ops, op)
		c.operands = append(c.operands, p.sum())
	}
}

var (
	sumOps     = []string{"+", "-"}
	concatOps  = []string{"~"}
	productOps = []string{"*", "/", "//", "%"}
	powerOps   = []string{"**"}
)

func (p *parser) sum() expr     { return p.chain(p.concat, sumOps) }
func (p *parser) concat() expr  { return p.chain(p.product, concatOps) }
func (p *parser) product() expr { return p.chain(p.power, productOps) }
func (p *parser) power() expr   { return p.chain(p.operand, powerOps) }
func (p *parser) operand() expr { return p.unary(true) }

// chain reads operators of one rank; they group from the left.
func (p *parser) chain(operand func() expr, ops []string) expr {
	first := operand()
	if p.Kind != token.Symbol || !slices.Contains(ops, p.Value) {
		return first
	}
	o := &opExpr{operands: []expr{first}}
	for p.Kind == token.Symbol && slices.Contains(ops, p.Value) {
		o.ops = append(o.ops, p.Value)
		p.next()
		o.operands = append(o.operands, operand())
	}
	o.span = p.since(first.at().from)
	return o
}

func (p *parser) unary(filters bool) expr {
	from := p.From
	p.deeper(from)
	var x expr
	switch {
	case p.isSymbol("-"), p.isSymbol("+"):
		minus := p.Value == "-"
		p.next()
		x = p.unary(false)
		x = &signExpr{p.since(from), minus, x}
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
