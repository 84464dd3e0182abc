package lang

// walk visits all statements of a body and all expressions in them, outer ones first.
// Either function may be nil. Files that are named are not walked.
func walk(body []Stmt, onStmt func(Stmt), onExpr func(Expr)) {
	for _, s := range body {
		if onStmt != nil {
			onStmt(s)
		}
		if onExpr != nil {
			for _, e := range exprsOf(s) {
				walkExpr(e, onExpr)
			}
		}
		for _, inner := range bodiesOf(s) {
			walk(inner, onStmt, onExpr)
		}
	}
}

func walkExpr(e Expr, on func(Expr)) {
	on(e)
	for _, part := range partsOf(e) {
		walkExpr(part, on)
	}
}

// visitNames visits the names that a body uses.
func visitNames(body []Stmt, on func(*NameExpr)) {
	walk(body, nil, func(e Expr) {
		if n, ok := e.(*NameExpr); ok {
			on(n)
		}
	})
}

// exprsOf are the expressions of a statement itself.
func exprsOf(s Stmt) []Expr {
	switch s := s.(type) {
	case *OutputStmt:
		return []Expr{s.X}
	case *DoStmt:
		return []Expr{s.X}
	case *IfStmt:
		conds := make([]Expr, len(s.Branches))
		for i, b := range s.Branches {
			conds[i] = b.Cond
		}
		return conds
	case *ForStmt:
		return present(s.Items, s.Test)
	case *WithStmt:
		return s.Values
	case *SetStmt:
		return []Expr{s.Value}
	case *SetBlockStmt:
		all := make([]Expr, len(s.Filters))
		for i, f := range s.Filters {
			all[i] = f
		}
		return all
	case *MacroStmt:
		return s.Defaults
	case *CallStmt:
		return append([]Expr{s.Call}, s.Caller.Defaults...)
	}
	return nil
}

// bodiesOf are the bodies inside of a statement.
func bodiesOf(s Stmt) [][]Stmt {
	switch s := s.(type) {
	case *IfStmt:
		all := make([][]Stmt, 0, len(s.Branches)+1)
		for _, b := range s.Branches {
			all = append(all, b.Body)
		}
		return append(all, s.Else)
	case *ForStmt:
		return [][]Stmt{s.Body, s.Else}
	case *WithStmt:
		return [][]Stmt{s.Body}
	case *SetBlockStmt:
		return [][]Stmt{s.Body}
	case *MacroStmt:
		return [][]Stmt{s.Body}
	case *CallStmt:
		return [][]Stmt{s.Caller.Body}
	case *BlockStmt:
		return [][]Stmt{s.Block.Body}
	}
	return nil
}

// partsOf are the expressions that one is made of.
func partsOf(e Expr) []Expr {
	switch e := e.(type) {
	case *GroupExpr:
		return []Expr{e.X}
	case *ListExpr:
		return e.Items
	case *TupleExpr:
		return e.Items
	case *DictExpr:
		return append(append([]Expr{}, e.Keys...), e.Values...)
	case *OpExpr:
		return e.Operands
	case *CompareExpr:
		return e.Operands
	case *LogicExpr:
		return e.Operands
	case *NotExpr:
		return []Expr{e.X}
	case *SignExpr:
		return []Expr{e.X}
	case *CondExpr:
		return present(e.Then, e.Cond, e.Else)
	case *AttrExpr:
		return []Expr{e.X}
	case *ItemExpr:
		return []Expr{e.X, e.Key}
	case *SliceExpr:
		return present(e.X, e.Start, e.Stop, e.Step)
	case *CallExpr:
		return append([]Expr{e.Func}, e.Args.all()...)
	case *FilterExpr:
		return append(present(e.X), e.Args.all()...)
	case *TestExpr:
		return append([]Expr{e.X}, e.Args.all()...)
	}
	return nil
}

func (a *Arguments) all() []Expr {
	all := make([]Expr, 0, len(a.Positional)+len(a.Named)+len(a.More))
	for _, p := range a.Positional {
		all = append(all, p.X)
	}
	all = append(all, a.Named...)
	return append(all, a.More...)
}

// present are those that are not nil.
func present(all ...Expr) []Expr {
	out := all[:0]
	for _, e := range all {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

// Unparen is an expression without the brackets around it.
func Unparen(e Expr) Expr {
	for {
		g, ok := e.(*GroupExpr)
		if !ok {
			return e
		}
		e = g.X
	}
}
