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
func (s *symbols) targets(t *target, note func(name string)) {
	switch {
	case t.attr != "":
		s.load(t.name)
	case t.parts == nil:
		note(t.name)
	default:
		for i := range t.parts {
			s.targets(&t.parts[i], note)
		}
	}
}

func (s *symbols) exprs(list ...expr) {
	for _, e := range present(list...) {
		walkExpr(e, func(e expr) {
			if n, ok := e.(*nameExpr); ok {
				s.load(n.name)
			}
		})
	}
}

// body notes what statements of the frame read and write, those of frames inside left out.
func (s *symbols) body(body []stmt) {
	for _, st := range body {
		s.stmt(st)
	}
}

func (s *symbols) stmt(st stmt) {
	switch st := st.(type) {
	case *ifStmt:
		s.condition(st.branches, st.other)
	case *forStmt:
		s.exprs(st.items)
	case *withStmt:
		s.exprs(st.values...)
	case *setStmt:
		s.exprs(st.value)
		s.targets(&st.target, s.store)
	case *setBlockStmt:
		if st.target != nil {
			s.targets(st.target, s.store)
			return
		}
		s.exprs(exprsOf(st)...)
	case *macroStmt:
		s.store(st.name)
	case *callStmt:
		s.exprs(st.call)
	case *importStmt:
		if st.names == nil {
			s.store(st.name)
		}
		for _, n := range st.names {
			s.store(n.as)
		}
	default:
		s.exprs(exprsOf(st)...)
	}
}

// condition notes an if with its branches: the body, all that elif says, and else.
func (s *symbols) condition(branches []branch, other []stmt) {
	s.exprs(branches[0].cond)
	s.join(
		s.branch(func(b *symbols) { b.body(branches[0].body) }),
		s.branch(func(b *symbols) {
			for _, elif := range branches[1:] {
				b.condition([]branch{elif}, nil)
			}
		}),
		s.branch(func(b *symbols) { b.body(other) }),
	)
}

// localNames marks the names in a template that are not those of the context.
func localNames(t *Template) {
	s := newSymbols(nil)
	s.body(t.body)
	s.mark(t.body)
}

// inside marks the names of a frame inside of this one.
func (s *symbols) inside(body []stmt, begin func(*symbols), exprs ...expr) {
	in := newSymbols(s)
	begin(in)
	in.exprs(exprs...)
	in.body(body)
	in.markExprs(exprs...)
	in.mark(body)
}

// mark marks the names of this frame, and goes into those inside of it.
func (s *symbols) mark(body []stmt) {
	none := func(*symbols) {}
	for _, st := range body {
		switch st := st.(type) {
		case *ifStmt:
			for i := range st.branches {
				s.markExprs(st.branches[i].cond)
				s.mark(st.branches[i].body)
			}
			s.mark(st.other)
		case *forStmt:
			s.markExprs(st.items)
			target := func(in *symbols) { in.targets(&st.target, func(name string) { in.declare(name) }) }
			s.inside(nil, target, st.test)
			s.inside(st.body, target)
			s.inside(st.other, none)
		case *withStmt:
			s.markExprs(st.values...)
			s.inside(st.body, func(in *symbols) {
				for i := range st.targets {
					in.targets(&st.targets[i], in.store)
				}
			})
		case *setStmt:
			s.markExprs(st.value)
			s.markTarget(&st.target)
		case *setBlockStmt:
			s.inside(st.body, none, exprsOf(st)...)
		case *macroStmt:
			s.macro(st)
		case *callStmt:
			s.markExprs(st.call)
			s.macro(st.caller)
		case *blockStmt:
			var root *symbols
			root.inside(st.block.body, none)
		default:
			s.markExprs(exprsOf(st)...)
		}
	}
}

func (s *symbols) macro(m *macroStmt) {
	s.inside(m.body, func(in *symbols) { in.declare(m.names...) }, m.defaults...)
}

func (s *symbols) markExprs(list ...expr) {
	for _, e := range present(list...) {
		walkExpr(e, func(e expr) {
			if n, ok := e.(*nameExpr); ok {
				n.local = s.isLocal(n.name)
			}
		})
	}
}

// markTarget marks the namespaces whose attributes are assigned to.
func (s *symbols) markTarget(t *target) {
	t.local = t.attr != "" && s.isLocal(t.name)
	for i := range t.parts {
		s.markTarget(&t.parts[i])
	}
}

func (s *symbols) isLocal(name string) bool {
	r := s.find(name)
	return r == nothing || r == param
}
