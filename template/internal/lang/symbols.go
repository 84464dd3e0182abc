package lang

import "maps"

// Jinja decides when it compiles a template which names are local: a frame (the template, a
// block, a macro, the body of a loop and so on) that gives a name a value before it reads it has
// no such name until then, not even that of the context, and frames inside of it see the same.
// What is here follows jinja2.idtracking.

// ref says what a name is when its frame begins.
type ref int

const (
	resolved ref = iota + 1 // that of the context
	nothing                 // undefined until it gets a value
	param                   // undefined until the caller has given it, as the default of another parameter may find it
	outer                   // that of the frame around
)

// symbols are the names of a frame.
type symbols struct {
	around *symbols
	refs   map[string]ref
	stores map[string]bool
}

func newSymbols(around *symbols) *symbols {
	return &symbols{around, map[string]ref{}, map[string]bool{}}
}

// find returns what a name is, in this frame or in one around it; 0 is not known.
func (s *symbols) find(name string) ref {
	for ; s != nil; s = s.around {
		if r := s.refs[name]; r != 0 && r != outer {
			return r
		}
	}
	return 0
}

// load notes that the frame reads a name.
func (s *symbols) load(name string) {
	if s.find(name) == 0 {
		s.refs[name] = resolved
	}
}

// store notes that the frame gives a name a value.
func (s *symbols) store(name string) {
	s.stores[name] = true
	switch {
	case s.refs[name] != 0:
	case s.around.find(name) != 0:
		s.refs[name] = outer
	default:
		s.refs[name] = nothing
	}
}

// declare notes a parameter, or the target of a loop.
func (s *symbols) declare(names ...string) {
	for _, name := range names {
		s.stores[name] = true
		s.refs[name] = param
	}
}

// branch visits what may happen in this frame.
func (s *symbols) branch(visit func(*symbols)) *symbols {
	b := &symbols{s.around, maps.Clone(s.refs), maps.Clone(s.stores)}
	visit(b)
	return b
}

// join takes the branches of a condition in: a name that one of them gives no value is that of
// the context, or of the frame around.
func (s *symbols) join(branches ...*symbols) {
	count := map[string]int{}
	for _, b := range branches {
		for name := range b.stores {
			if !s.stores[name] {
				count[name]++
			}
		}
	}
	for _, b := range branches {
		maps.Copy(s.refs, b.refs)
		maps.Copy(s.stores, b.stores)
	}
	for name, n := range count {
		if n == len(branches) {
			continue
		}
		if s.refs[name] = resolved; s.around.find(name) != 0 {
			s.refs[name] = outer
		}
	}
}

// targets notes what is assigned to.
func (s *symbols) targets(t *Target, note func(name string)) {
	switch {
	case t.Attr != "":
		s.load(t.Name)
	case t.Parts == nil:
		note(t.Name)
	default:
		for i := range t.Parts {
			s.targets(&t.Parts[i], note)
		}
	}
}

func (s *symbols) exprs(list ...Expr) {
	for _, e := range present(list...) {
		walkExpr(e, func(e Expr) {
			if n, ok := e.(*NameExpr); ok {
				s.load(n.Name)
			}
		})
	}
}

// body notes what statements of the frame read and write, those of frames inside left out.
func (s *symbols) body(body []Stmt) {
	for _, st := range body {
		s.stmt(st)
	}
}

func (s *symbols) stmt(st Stmt) {
	switch st := st.(type) {
	case *IfStmt:
		s.condition(st.Branches, st.Else)
	case *ForStmt:
		s.exprs(st.Items)
	case *WithStmt:
		s.exprs(st.Values...)
	case *SetStmt:
		s.exprs(st.Value)
		s.targets(&st.Target, s.store)
	case *SetBlockStmt:
		if st.Target != nil {
			s.targets(st.Target, s.store)
			return
		}
		s.exprs(exprsOf(st)...)
	case *MacroStmt:
		s.store(st.Name)
	case *CallStmt:
		s.exprs(st.Call)
	case *ImportStmt:
		if st.Names == nil {
			s.store(st.Name)
		}
		for _, n := range st.Names {
			s.store(n.As)
		}
	default:
		s.exprs(exprsOf(st)...)
	}
}

// condition notes an if with its branches: the body, all that elif says, and else.
func (s *symbols) condition(branches []Branch, other []Stmt) {
	s.exprs(branches[0].Cond)
	s.join(
		s.branch(func(b *symbols) { b.body(branches[0].Body) }),
		s.branch(func(b *symbols) {
			for _, elif := range branches[1:] {
				b.condition([]Branch{elif}, nil)
			}
		}),
		s.branch(func(b *symbols) { b.body(other) }),
	)
}

// localNames marks the names in a template that are not those of the context.
func localNames(t *Template) {
	s := newSymbols(nil)
	s.body(t.Body)
	s.mark(t.Body)
}

// inside marks the names of a frame inside of this one.
func (s *symbols) inside(body []Stmt, begin func(*symbols), exprs ...Expr) {
	in := newSymbols(s)
	begin(in)
	in.exprs(exprs...)
	in.body(body)
	in.markExprs(exprs...)
	in.mark(body)
}

// mark marks the names of this frame, and goes into those inside of it.
func (s *symbols) mark(body []Stmt) {
	none := func(*symbols) {}
	for _, st := range body {
		switch st := st.(type) {
		case *IfStmt:
			for i := range st.Branches {
				s.markExprs(st.Branches[i].Cond)
				s.mark(st.Branches[i].Body)
			}
			s.mark(st.Else)
		case *ForStmt:
			s.markExprs(st.Items)
			target := func(in *symbols) { in.targets(&st.Target, func(name string) { in.declare(name) }) }
			s.inside(nil, target, st.Test)
			s.inside(st.Body, target)
			s.inside(st.Else, none)
		case *WithStmt:
			s.markExprs(st.Values...)
			s.inside(st.Body, func(in *symbols) {
				for i := range st.Targets {
					in.targets(&st.Targets[i], in.store)
				}
			})
		case *SetStmt:
			s.markExprs(st.Value)
			s.markTarget(&st.Target)
		case *SetBlockStmt:
			s.inside(st.Body, none, exprsOf(st)...)
		case *MacroStmt:
			s.macro(st)
		case *CallStmt:
			s.markExprs(st.Call)
			s.macro(st.Caller)
		case *BlockStmt:
			var root *symbols
			root.inside(st.Block.Body, none)
		default:
			s.markExprs(exprsOf(st)...)
		}
	}
}

func (s *symbols) macro(m *MacroStmt) {
	s.inside(m.Body, func(in *symbols) { in.declare(m.Params...) }, m.Defaults...)
}

func (s *symbols) markExprs(list ...Expr) {
	for _, e := range present(list...) {
		walkExpr(e, func(e Expr) {
			if n, ok := e.(*NameExpr); ok {
				n.Local = s.isLocal(n.Name)
			}
		})
	}
}

// markTarget marks the namespaces whose attributes are assigned to.
func (s *symbols) markTarget(t *Target) {
	t.Local = t.Attr != "" && s.isLocal(t.Name)
	for i := range t.Parts {
		s.markTarget(&t.Parts[i])
	}
}

func (s *symbols) isLocal(name string) bool {
	r := s.find(name)
	return r == nothing || r == param
}
