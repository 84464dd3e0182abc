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
	u := &uses{language: l, asked: map[string]bool{}, bound: map[string]bool{}, lenient: map[Expr]bool{}, seen: map[*Template]bool{}}
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
	lenient map[Expr]bool
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
	u.src = t.Source
	parent, extends := t.parent()
	for _, s := range t.Body {
		if _, written := s.(*OutputStmt); !written || !extends {
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

func (u *uses) body(body []Stmt) {
	for _, s := range body {
		u.stmt(s)
	}
}

func (u *uses) stmt(s Stmt) {
	switch s := s.(type) {
	case *IfStmt:
		u.expr(s.Branches[0].Cond)
		u.perhaps(func() {
			for i, b := range s.Branches {
				if i > 0 {
					u.expr(b.Cond)
				}
				u.body(b.Body)
			}
			u.body(s.Else)
		})
	case *ForStmt:
		u.expr(s.Items)
		u.perhaps(func() {
			if s.Test != nil {
				u.expr(s.Test)
			}
			u.body(s.Body)
			u.body(s.Else)
		})
	case *CallStmt:
		u.expr(s.Call)
		u.stmt(s.Caller)
	case *MacroStmt, *BlockStmt:
		u.perhaps(func() { u.parts(s) })
	case *SetStmt:
		u.passed(s.Value)
	case *DoStmt:
		u.passed(s.X)
	case *WithStmt:
		for _, v := range s.Values {
			u.passed(v)
		}
		u.body(s.Body)
	case *IncludeStmt:
		u.template(s.File)
	case *ImportStmt:
		u.template(s.File)
	default:
		u.parts(s)
	}
}

// parts visits all that a statement is made of.
func (u *uses) parts(s Stmt) {
	for _, e := range exprsOf(s) {
		u.expr(e)
	}
	for _, b := range bodiesOf(s) {
		u.body(b)
	}
}

// passed visits an expression that may be undefined, as it is only passed on.
func (u *uses) passed(e Expr) {
	switch Unparen(e).(type) {
	case *NameExpr, *AttrExpr, *ItemExpr:
		u.perhaps(func() { u.expr(e) })
	default:
		u.expr(e)
	}
}

// expr visits an expression. It returns the number of the use that it is, from 1; 0 is none.
func (u *uses) expr(e Expr) int {
	switch e := e.(type) {
	case *GroupExpr:
		return u.expr(e.X)
	case *NameExpr:
		return u.add(Ref{Name: e.Name}, e)
	case *ConstExpr:
		return u.add(Ref{Constant: e.Value}, e)
	case *AttrExpr:
		return u.attr(e)
	case *ItemExpr:
		return u.item(e)
	case *CallExpr:
		return u.call(e)
	case *LogicExpr:
		u.expr(e.Operands[0])
		u.perhaps(func() { u.exprs(e.Operands[1:]) })
	case *CompareExpr:
		u.exprs(e.Operands[:2])
		u.perhaps(func() { u.exprs(e.Operands[2:]) }) // the first that does not hold ends it
	case *CondExpr:
		u.perhaps(func() { u.expr(e.Then) })
		u.expr(e.Cond)
		if e.Else != nil {
			u.perhaps(func() { u.expr(e.Else) })
		}
	case *FilterExpr:
		if e.TakesUndefined() {
			u.ask(e.X)
		}
		u.exprs(partsOf(e))
	case *TestExpr:
		if e.TakesUndefined() {
			u.ask(e.X)
		}
		u.exprs(partsOf(e))
	case *ListExpr:
		u.exprs(e.Items)
		return u.add(Ref{Constant: pyval.NewList()}, e)
	case *TupleExpr:
		u.exprs(e.Items)
		return u.add(Ref{Constant: pyval.Tuple{}}, e)
	case *DictExpr:
		u.exprs(partsOf(e))
		if d, ok := constantKeys(e); ok {
			return u.add(Ref{Constant: d}, e)
		}
	default:
		u.exprs(partsOf(e))
	}
	return 0
}

func (u *uses) exprOnly(e Expr) { u.expr(e) }

func (u *uses) exprs(list []Expr) {
	for _, e := range list {
		u.expr(e)
	}
}

func (u *uses) add(r Ref, e Expr) int {
	r.At, r.Source, r.Text, r.Sure = e.At().From, u.src, e.At().Written(u.src), u.maybe == 0
	u.list = append(u.list, r)
	return len(u.list)
}

func (u *uses) attr(e *AttrExpr) int {
	i := u.expr(e.X)
	if i == 0 || u.lenient[e] && u.list[i-1].Name == "" {
		return 0
	}
	u.follow(i, Step{Name: e.Name, At: e.NameAt})
	return i
}

func (u *uses) item(e *ItemExpr) int {
	i := u.expr(e.X)
	u.expr(e.Key)
	key, ok := textOf(e.Key)
	if i == 0 || !ok || u.list[i-1].Name == "" {
		return 0
	}
	u.follow(i, Step{Name: key, At: e.Key.At().From})
	return i
}

// call visits a call. What it gives is not known.
func (u *uses) call(e *CallExpr) int {
	method, isMethod := e.Func.(*AttrExpr)
	i, visit := 0, u.exprOnly
	switch n, isName := e.Func.(*NameExpr); {
	case isMethod:
		i = u.expr(method.X)
	case !isName || !u.language.Function(n.Name):
		u.expr(e.Func)
		visit = u.passed // perhaps to a macro
	}
	for _, a := range e.Args.all() {
		visit(a)
	}
	if i == 0 {
		return 0
	}
	s := Step{Name: method.Name, At: method.NameAt, Called: true, Keywords: map[string][]string{}}
	for _, a := range e.Args.Positional {
		s.Args = append(s.Args, textsOf(a.X))
	}
	for k, name := range e.Args.Names {
		s.Keywords[name] = textsOf(e.Args.Named[k])
	}
	u.follow(i, s)
	return 0
}

func (u *uses) follow(i int, s Step) { u.list[i-1].Path = append(u.list[i-1].Path, s) }

// ask records that the template provides for the absence of what an expression names.
func (u *uses) ask(e Expr) {
	for e = Unparen(e); ; {
		u.lenient[e] = true
		switch n := e.(type) {
		case *NameExpr:
			u.asked[n.Name] = true
			return
		case *AttrExpr:
			e = Unparen(n.X)
		case *ItemExpr:
			if _, ok := textOf(n.Key); !ok {
				return
			}
			e = Unparen(n.X)
		default:
			return
		}
	}
}

func textOf(e Expr) (string, bool) {
	c, ok := Unparen(e).(*ConstExpr)
	if !ok {
		return "", false
	}
	s, ok := c.Value.(string)
	return s, ok
}

// textsOf are a text, or the texts of a list that holds nothing else.
func textsOf(e Expr) []string {
	items := []Expr{e}
	switch e := Unparen(e).(type) {
	case *ListExpr:
		items = e.Items
	case *TupleExpr:
		items = e.Items
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
func constantKeys(e *DictExpr) (*pyval.Dict, bool) {
	d := pyval.NewDict()
	for _, k := range e.Keys {
		c, ok := Unparen(k).(*ConstExpr)
		if !ok || d.Set(c.Value, nil) != nil {
			return nil, false
		}
	}
	return d, true
}
