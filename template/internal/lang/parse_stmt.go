package lang

import (
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/token"
)

// statement reads one {% … %} and returns where the source goes on.
func (p *parser) statement(at int) int {
	p.begin(p.tagStart(at), "%}")
	tag := p.Value
	if p.Kind != token.Name {
		p.fail(p.From, "unexpected %s, expected a tag such as 'if' or 'for'", p.Shown())
	}
	tagAt := p.From
	p.next()
	if tag == "raw" {
		return p.raw(at)
	}
	if read := tagReader(tag); read != nil {
		read(p, tagAt)
	} else {
		p.closeBlock(tag, tagAt)
	}
	p.finish()
	return p.Offset
}

// tagReader is what reads the rest of a tag, nil for an end and for what is no tag.
func tagReader(tag string) func(p *parser, at int) {
	switch tag {
	case "if":
		return (*parser).ifTag
	case "elif":
		return (*parser).elifTag
	case "else":
		return (*parser).elseTag
	case "for":
		return (*parser).forTag
	case "with":
		return (*parser).withTag
	case "set":
		return (*parser).setTag
	case "do":
		return (*parser).doTag
	case "filter":
		return (*parser).filterTag
	case "macro":
		return (*parser).macroTag
	case "call":
		return (*parser).callTag
	case "block":
		return (*parser).blockTag
	case "extends":
		return (*parser).extendsTag
	case "include":
		return (*parser).includeTag
	case "import":
		return (*parser).importTag
	case "from":
		return (*parser).fromTag
	}
	return nil
}

// push opens a block whose statements go to body.
func (p *parser) push(t openTag) {
	if len(p.open) > maxNested {
		p.fail(t.at, "blocks are nested more than %d levels deep", maxNested)
	}
	p.open = append(p.open, t)
}

// ends are the tags that have an end.
var ends = []string{"if", "for", "with", "macro", "call", "filter", "set", "block"}

func (p *parser) closeBlock(tag string, at int) {
	what, isEnd := strings.CutPrefix(tag, "end")
	if !isEnd || !slices.Contains(ends, what) {
		p.fail(at, "unknown tag %q", tag)
	}
	last := len(p.open) - 1
	if last == 0 {
		p.fail(at, "{%% %s %%} closes nothing", tag)
	}
	open := p.open[last]
	if open.name != what {
		line, _ := Position(p.text, open.at)
		p.fail(at, "unexpected {%% %s %%}: {%% %s %%} of line %d is still open", tag, open.name, line)
	}
	p.open = p.open[:last]
	if (what == "macro" || what == "block") && p.Kind == token.Name { // the name may stand at the end, too
		p.next()
	}
	if open.done != nil {
		open.done()
	}
}

func (p *parser) doTag(int) { p.add(&DoStmt{p.tuple(true)}) }

func (p *parser) ifTag(at int) {
	s := &IfStmt{Branches: []Branch{{Cond: p.tuple(true)}}}
	p.add(s)
	p.push(openTag{name: "if", at: at, body: &s.Branches[0].Body, cond: s})
}

func (p *parser) elifTag(at int) {
	open := &p.open[len(p.open)-1]
	if open.cond == nil || open.els {
		p.fail(at, "{%% elif %%} has no {%% if %%} before it")
	}
	s := open.cond
	s.Branches = append(s.Branches, Branch{Cond: p.tuple(true)})
	open.body = &s.Branches[len(s.Branches)-1].Body
}

func (p *parser) elseTag(at int) {
	open := &p.open[len(p.open)-1]
	switch {
	case open.els || open.cond == nil && open.loop == nil:
		p.fail(at, "{%% else %%} has no {%% if %%} before it")
	case open.cond != nil:
		open.body = &open.cond.Else
	default:
		open.body = &open.loop.Else
	}
	open.els = true
}

// target reads what is assigned to: a name, names with commas, or in brackets.
func (p *parser) target() Target {
	from := p.From
	first := p.targetPart()
	if !p.isSymbol(",") {
		return first
	}
	parts := []Target{first}
	for p.skipSymbol(",") {
		if p.Kind != token.Name && !p.isSymbol("(") || p.isName("in") {
			break
		}
		parts = append(parts, p.targetPart())
	}
	return Target{Span: p.since(from), Parts: parts}
}

// neverAssigned are names that nothing is assigned to.
var neverAssigned = []string{"true", "false", "none", "True", "False", "None", "loop", "self"}

func (p *parser) targetPart() Target {
	from := p.From
	if p.skipSymbol("(") {
		p.deeper(p.From)
		t := p.target()
		p.nested--
		p.expectSymbol(")")
		return t
	}
	n := p.newName("a name to assign to")
	return Target{Span: p.since(from), Name: n}
}

// newName reads a name that gets a value; what says what it is for.
func (p *parser) newName(what string) string {
	n := p.Value
	if p.Kind != token.Name || slices.Contains(keywords, n) || slices.Contains(neverAssigned, n) {
		p.fail(p.From, "unexpected %s, expected %s", p.Shown(), what)
	}
	p.checkName(p.From, n)
	p.out.bound[n] = true
	p.next()
	return n
}

func (p *parser) forTag(at int) {
	s := &ForStmt{Span: Span{From: at}, Target: p.target()}
	if !p.skipName("in") {
		p.fail(p.From, "unexpected %s, expected 'in'", p.Shown())
	}
	s.Items = p.tuple(false)
	if p.skipName("if") {
		s.Test = p.expr()
	}
	s.Recursive = p.skipName("recursive")
	s.To = p.PrevTo
	p.add(s)
	p.push(openTag{name: "for", at: at, body: &s.Body, loop: s})
}

func (p *parser) withTag(at int) {
	s := &WithStmt{}
	for p.Kind != token.End {
		s.Targets = append(s.Targets, p.target())
		p.expectSymbol("=")
		s.Values = append(s.Values, p.expr())
		if !p.skipSymbol(",") {
			break
		}
	}
	p.add(s)
	p.push(openTag{name: "with", at: at, body: &s.Body})
}

func (p *parser) setTag(at int) {
	t := p.setTarget()
	if p.skipSymbol("=") {
		p.add(&SetStmt{t, p.tuple(true)})
		return
	}
	if t.Parts != nil || t.Attr != "" {
		p.fail(p.From, "unexpected %s, expected '='", p.Shown())
	}
	s := &SetBlockStmt{Target: &t}
	p.blockFilters(s, at)
	p.push(openTag{name: "set", at: at, body: &s.Body})
}

// setTarget is a target, or an attribute of a namespace.
func (p *parser) setTarget() Target {
	from, owner, save := p.From, p.Value, p.Scanner
	if p.Kind == token.Name {
		if p.next(); p.skipSymbol(".") { // {% set ns.x = … %}
			p.checkName(from, owner)
			attr := p.Value
			if p.Kind != token.Name {
				p.fail(p.From, "unexpected %s, expected a name after '.'", p.Shown())
			}
			p.checkName(p.From, attr)
			p.next()
			return Target{Span: p.since(from), Name: owner, Attr: attr}
		}
	}
	p.Scanner = save
	return p.target()
}

func (p *parser) filterTag(at int) {
	s := &SetBlockStmt{Filters: []*FilterExpr{p.filter(nil, at)}}
	p.blockFilters(s, at)
	p.push(openTag{name: "filter", at: at, body: &s.Body})
}

// blockFilters reads the filters of a filter or set block.
func (p *parser) blockFilters(s *SetBlockStmt, at int) {
	for p.skipSymbol("|") {
		s.Filters = append(s.Filters, p.filter(nil, at))
	}
	s.Span = p.since(at)
	p.add(s)
}

func (p *parser) macroTag(at int) {
	m := &MacroStmt{Span: Span{From: at}}
	m.Name = p.newName("the name of the macro")
	p.parameters(m)
	m.To = p.PrevTo
	p.add(m)
	p.push(openTag{name: "macro", at: at, body: &m.Body, done: m.findRest})
}

// parameters reads the parameters of a macro.
func (p *parser) parameters(m *MacroStmt) {
	p.expectSymbol("(")
	for !p.isSymbol(")") {
		at := p.From
		m.Params = append(m.Params, p.newName("the name of a parameter"))
		if p.skipSymbol("=") {
			m.Defaults = append(m.Defaults, p.expr())
		} else if m.Defaults != nil {
			p.fail(at, "a parameter without default after one with")
		}
		if !p.skipSymbol(",") {
			break
		}
	}
	p.expectSymbol(")")
}

// findRest finds out which names for the rest of its arguments the body of a macro uses.
func (m *MacroStmt) findRest() {
	visitNames(m.Body, func(n *NameExpr) {
		switch n.Name {
		case "varargs":
			m.Varargs = true
		case "kwargs":
			m.Kwargs = true
		case "caller":
			m.Caller = true
		}
	})
}

// callTag reads {% call(x) macro(…) %}.
func (p *parser) callTag(at int) {
	s := &CallStmt{Caller: &MacroStmt{Span: Span{From: at, To: at}, Name: "caller"}}
	if p.isSymbol("(") {
		p.parameters(s.Caller)
	}
	fnAt := p.From
	if p.Kind != token.Name {
		p.fail(fnAt, "unexpected %s, expected a call of a macro", p.Shown())
	}
	call, ok := p.postfix(p.primary()).(*CallExpr)
	if !ok {
		p.fail(p.From, "unexpected %s, expected '('", p.Shown())
	}
	s.Call, s.Span = call, p.since(at)
	p.add(s)
	p.push(openTag{name: "call", at: at, body: &s.Caller.Body, done: s.Caller.findRest})
}

// raw adds everything up to {% endraw %} as text.
func (p *parser) raw(at int) int {
	p.finish()
	body, trimStart := p.Offset, p.trimNext
	p.trimNext = false
	for i := body; i+1 < p.end; i++ {
		if p.text[i:i+2] != "{%" {
			continue
		}
		rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(p.text[i+2:p.end], "-"), "+"), token.Spaces)
		rest, ok := strings.CutPrefix(rest, "endraw")
		rest = strings.TrimLeft(rest, token.Spaces)
		trimAfter := strings.HasPrefix(rest, "-")
		rest, closed := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(rest, "-"), "+"), "%}")
		if !ok || !closed {
			continue
		}
		p.trimNext = trimStart
		p.literalText(body, i, p.text[i+2] == '-')
		p.trimNext = trimAfter
		return p.end - len(rest)
	}
	p.fail(at, "{%% raw %%} is never closed: {%% endraw %%} is missing")
	return 0
}
