package lang

import (
	"maps"
	"slices"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// Ref is one use of a name that no part of the template binds, or of a constant.
type Ref struct {
	// Name is empty for a constant, whose value is then Constant.
	Name     string
	Constant any
	// Text is how it is written, At the offset in Source.
	Text   string
	At     int
	Source *Source
	// Path are the attributes that follow, or subscripts in quotes.
	Path []Step
	// Sure says that it is evaluated whenever the template is rendered.
	Sure bool
}

// Step is one attribute of a path.
type Step struct {
	Name string
	At   int
	// Called says that it is called; Args and Keywords are those of its arguments that
	// are texts or lists of texts, the others nil.
	Called   bool
	Args     [][]string
	Keywords map[string][]string
}

// Uses are the names that the template and its files take from outside, and attributes of
// constants. Names whose absence the template provides for, by a test or a default, are not
// among them.
func (t *Template) Uses(l *Language) []Ref {
	u := &uses{language: l, asked: map[string]bool{}, bound: map[string]bool{}, lenient: map[expr]bool{}, seen: map[*Template]bool{}}
	u.template(t)
	return slices.DeleteFunc(u.list, func(r Ref) bool {
		if r.Name == "" {
			return len(r.Path) == 0
		}
		return u.asked[r.Name] || u.bound[r.Name] || slices.Contains(own, r.Name)
	})
}

// uses is what a template and its files name.
type uses struct {
	language *Language
	src      *Source
	list     []Ref
	asked    map[string]bool
	bound    map[string]bool
	seen     map[*Template]bool
	// lenient are expressions that are asked whether they are defined.
	lenient map[expr]bool
	// maybe counts what lies around here and may not be evaluated.
	maybe int
}

func (u *uses) template(t *Template) {
	if t == nil || u.seen[t] {
		return
	}
	u.seen[t] = true
	maps.Copy(u.bound, t.bound)
	outer := u.src
	u.src = t.src
	parent, extends := t.parent()
	for _, s := range t.body {
		if _, written := s.(*outputStmt); !written || !extends {
			u.stmt(s)
		}
	}
	u.template(parent)
	u.src = outer
}

// perhaps visits what may not be evaluated.
func (u *uses) perhaps(visit func()) {
	u.maybe++
	visit()
	u.maybe--
}

func (u *uses) body(body []stmt) {
	for _, s := range body {
		u.stmt(s)
	}
}

func (u *uses) stmt(s stmt) {
	switch s := s.(type) {
	case *ifStmt:
		u.expr(s.branches[0].cond)
		u.perhaps(func() {
			for i, b := range s.branches {
				if i > 0 {
					u.expr(b.cond)
				}
				u.body(b.body)
			}
			u.body(s.other)
		})
	case *forStmt:
		u.expr(s.items)
		u.perhaps(func() {
			if s.test != nil {
				u.expr(s.test)
			}
			u.body(s.body)
			u.body(s.other)
		})
	case *callStmt:
		u.expr(s.call)
		u.stmt(s.caller)
	case *macroStmt, *blockStmt:
		u.perhaps(func() { u.parts(s) })
	case *setStmt:
		u.passed(s.value)
	case *doStmt:
		u.passed(s.x)
	case *withStmt:
		for _, v := range s.values {
			u.passed(v)
		}
		u.body(s.body)
	case *includeStmt:
		u.template(s.file)
	case *importStmt:
		u.template(s.file)
	default:
		u.parts(s)
	}
}

// parts visits all that a statement is made of.
func (u *uses) parts(s stmt) {
	for _, e := range exprsOf(s) {
		u.expr(e)
	}
	for _, b := range bodiesOf(s) {
		u.body(b)
	}
}

// passed visits an expression that may be undefined, as it is only passed on.
func (u *uses) passed(e expr) {
	switch plainly(e).(type) {
	case *nameExpr, *attrExpr, *itemExpr:
		u.perhaps(func() { u.expr(e) })
	default:
		u.expr(e)
	}
}

// expr visits an expression. It returns the number of the use that it is, from 1; 0 is none.
func (u *uses) expr(e expr) int {
	switch e := e.(type) {
	case *groupExpr:
		return u.expr(e.x)
	case *nameExpr:
		return u.add(Ref{Name: e.name}, e)
	case *constExpr:
		return u.add(Ref{Constant: e.value}, e)
	case *attrExpr:
		return u.attr(e)
	case *itemExpr:
		return u.item(e)
	case *callExpr:
		return u.call(e)
	case *logicExpr:
		u.expr(e.operands[0])
		u.perhaps(func() { u.exprs(e.operands[1:]) })
	case *compareExpr:
		u.exprs(e.operands[:2])
		u.perhaps(func() { u.exprs(e.operands[2:]) }) // the first that does not hold ends it
	case *condExpr:
		u.perhaps(func() { u.expr(e.then) })
		u.expr(e.cond)
		if e.other != nil {
			u.perhaps(func() { u.expr(e.other) })
		}
	case *filterExpr:
		if e.takesUndefined() {
			u.ask(e.x)
		}
		u.exprs(partsOf(e))
	case *testExpr:
		if e.name == "defined" || e.name == "undefined" {
			u.ask(e.x)
		}
		u.exprs(partsOf(e))
	case *listExpr:
		u.exprs(e.items)
		return u.add(Ref{Constant: pyval.NewList()}, e)
	case *tupleExpr:
		u.exprs(e.items)
		return u.add(Ref{Constant: pyval.Tuple{}}, e)
	case *dictExpr:
		u.exprs(partsOf(e))
		if d, ok := constantKeys(e); ok {
			return u.add(Ref{Constant: d}, e)
		}
	default:
		u.exprs(partsOf(e))
	}
	return 0
}

func (u *uses) exprOnly(e expr) { u.expr(e) }

func (u *uses) exprs(list []expr) {
	for _, e := range list {
		u.expr(e)
	}
}

func (u *uses) add(r Ref, e expr) int {
	r.At, r.Source, r.Text, r.Sure = e.at().from, u.src, e.at().written(u.src), u.maybe == 0
	u.list = append(u.list, r)
	return len(u.list)
}

func (u *uses) attr(e *attrExpr) int {
	i := u.expr(e.x)
	if i == 0 || u.lenient[e] && u.list[i-1].Name == "" {
		return 0
	}
	u.follow(i, Step{Name: e.name, At: e.nameAt})
	return i
}

func (u *uses) item(e *itemExpr) int {
	i := u.expr(e.x)
	u.expr(e.key)
	key, ok := textOf(e.key)
	if i == 0 || !ok || u.list[i-1].Name == "" {
		return 0
	}
	u.follow(i, Step{Name: key, At: e.key.at().from})
	return i
}

// call visits a call. What it gives is not known.
func (u *uses) call(e *callExpr) int {
	method, isMethod := e.fn.(*attrExpr)
	i, visit := 0, u.exprOnly
	switch n, isName := e.fn.(*nameExpr); {
	case isMethod:
		i = u.expr(method.x)
	case !isName || !u.language.Function(n.name):
		u.expr(e.fn)
		visit = u.passed // perhaps to a macro
	}
	for _, a := range e.args.all() {
		visit(a)
	}
	if i == 0 {
		return 0
	}
	s := Step{Name: method.name, At: method.nameAt, Called: true, Keywords: map[string][]string{}}
	for _, a := range e.args.positional {
		s.Args = append(s.Args, textsOf(a.x))
	}
	for k, name := range e.args.names {
		s.Keywords[name] = textsOf(e.args.named[k])
	}
	u.follow(i, s)
	return 0
}

func (u *uses) follow(i int, s Step) { u.list[i-1].Path = append(u.list[i-1].Path, s) }

// ask records that the template provides for the absence of what an expression names.
func (u *uses) ask(e expr) {
	for e = plainly(e); ; {
		u.lenient[e] = true
		switch n := e.(type) {
		case *nameExpr:
			u.asked[n.name] = true
			return
		case *attrExpr:
			e = plainly(n.x)
		case *itemExpr:
			if _, ok := textOf(n.key); !ok {
				return
			}
			e = plainly(n.x)
		default:
			return
		}
	}
}

func textOf(e expr) (string, bool) {
	c, ok := plainly(e).(*constExpr)
	if !ok {
		return "", false
	}
	s, ok := c.value.(string)
	return s, ok
}

// textsOf are a text, or the texts of a list that holds nothing else.
func textsOf(e expr) []string {
	items := []expr{e}
	switch e := plainly(e).(type) {
	case *listExpr:
		items = e.items
	case *tupleExpr:
		items = e.items
	}
	var all []string
	for _, it := range items {
		s, ok := textOf(it)
		if !ok {
			return nil
		}
		all = append(all, s)
	}
	return all
}

// constantKeys is a dict with the keys of a display, if all of them are constants.
func constantKeys(e *dictExpr) (*pyval.Dict, bool) {
	d := pyval.NewDict()
	for _, k := range e.keys {
		c, ok := plainly(k).(*constExpr)
		if !ok || d.Set(c.value, nil) != nil {
			return nil, false
		}
	}
	return d, true
}
