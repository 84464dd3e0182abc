package lang

// walk visits all statements of a body and all expressions in them, outer ones first.
// Either function may be nil. Files that are named are not walked.
func walk(body []stmt, onStmt func(stmt), onExpr func(expr)) {
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

func walkExpr(e expr, on func(expr)) {
	on(e)
	for _, part := range partsOf(e) {
		walkExpr(part, on)
	}
}

// visitNames visits the names that a body uses.
func visitNames(body []stmt, on func(*nameExpr)) {
	walk(body, nil, func(e expr) {
		if n, ok := e.(*nameExpr); ok {
			on(n)
		}
	})
}

// exprsOf are the expressions of a statement itself.
func exprsOf(s stmt) []expr {
	switch s := s.(type) {
	case *outputStmt:
		return []expr{s.x}
	case *doStmt:
		return []expr{s.x}
	case *ifStmt:
		conds := make([]expr, len(s.branches))
		for i, b := range s.branches {
			conds[i] = b.cond
		}
		return conds
	case *forStmt:
		return present(s.items, s.test)
	case *withStmt:
		return s.values
	case *setStmt:
		return []expr{s.value}
	case *setBlockStmt:
		all := make([]expr, len(s.filters))
		for i, f := range s.filters {
			all[i] = f
		}
		return all
	case *macroStmt:
		return s.defaults
	case *callStmt:
		return append([]expr{s.call}, s.caller.defaults...)
	}
	return nil
}

// bodiesOf are the bodies inside of a statement.
func bodiesOf(s stmt) [][]stmt {
	switch s := s.(type) {
	case *ifStmt:
		all := make([][]stmt, 0, len(s.branches)+1)
		for _, b := range s.branches {
			all = append(all, b.body)
		}
		return append(all, s.other)
	case *forStmt:
		return [][]stmt{s.body, s.other}
	case *withStmt:
		return [][]stmt{s.body}
	case *setBlockStmt:
		return [][]stmt{s.body}
	case *macroStmt:
		return [][]stmt{s.body}
	case *callStmt:
		return [][]stmt{s.caller.body}
	case *blockStmt:
		return [][]stmt{s.block.body}
	}
	return nil
}

// partsOf are the expressions that one is made of.
func partsOf(e expr) []expr {
	switch e := e.(type) {
	case *groupExpr:
		return []expr{e.x}
	case *listExpr:
		return e.items
	case *tupleExpr:
		return e.items
	case *dictExpr:
		return append(append([]expr{}, e.keys...), e.values...)
	case *opExpr:
		return e.operands
	case *compareExpr:
		return e.operands
	case *logicExpr:
		return e.operands
	case *notExpr:
		return []expr{e.x}
	case *signExpr:
		return []expr{e.x}
	case *condExpr:
		return present(e.then, e.cond, e.other)
	case *attrExpr:
		return []expr{e.x}
	case *itemExpr:
		return []expr{e.x, e.key}
	case *sliceExpr:
		return present(e.x, e.start, e.stop, e.by)
	case *callExpr:
		return append([]expr{e.fn}, e.args.all()...)
	case *filterExpr:
		return append(present(e.x), e.args.all()...)
	case *testExpr:
		return append([]expr{e.x}, e.args.all()...)
	}
	return nil
}

func (a *arguments) all() []expr {
	all := make([]expr, 0, len(a.positional)+len(a.named)+len(a.more))
	for _, p := range a.positional {
		all = append(all, p.x)
	}
	all = append(all, a.named...)
	return append(all, a.more...)
}

// present are those that are not nil.
func present(all ...expr) []expr {
	out := all[:0]
	for _, e := range all {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

// plainly is an expression without the brackets around it.
func plainly(e expr) expr {
	for {
		g, ok := e.(*groupExpr)
		if !ok {
			return e
		}
		e = g.x
	}
}
