package lang

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

func (p *parser) isSymbol(s string) bool { return p.kind == symbol && p.value == s }
func (p *parser) isName(s string) bool   { return p.kind == name && p.value == s }

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
		p.fail(p.from, "unexpected %s, expected '%s'", p.shown(), s)
	}
}

// since is the span from a place to the end of the last token.
func (p *parser) since(from int) span { return span{from, p.prevTo} }

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
		if p.kind == end || p.isName("recursive") {
			break
		}
		items = append(items, one())
	}
	return &tupleExpr{p.since(first.at().from), items}
}

// expr reads an expression with if and else.
func (p *parser) expr() expr {
	p.deeper(p.from)
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
	from := p.from
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
		op := p.value
		switch {
		case p.kind == symbol && slices.Contains(comparisons, op):
			p.next()
		case p.skipName("in"):
		case p.isName("not"):
			at := p.from
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
	if p.kind != symbol || !slices.Contains(ops, p.value) {
		return first
	}
	o := &opExpr{operands: []expr{first}}
	for p.kind == symbol && slices.Contains(ops, p.value) {
		o.ops = append(o.ops, p.value)
		p.next()
		o.operands = append(o.operands, operand())
	}
	o.span = p.since(first.at().from)
	return o
}

func (p *parser) unary(filters bool) expr {
	from := p.from
	p.deeper(from)
	var x expr
	switch {
	case p.isSymbol("-"), p.isSymbol("+"):
		minus := p.value == "-"
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
