package lang

import "strings"

// Template is a parsed template.
type Template struct {
	src  *Source
	body []stmt
	// blocks are those of this file, nested ones too.
	blocks map[string]*block
	// files are those that it names, by name.
	files map[string]*Template
	// bound are the names that it gives values to, called the names that it calls.
	bound  map[string]bool
	called []*nameExpr
	// included says that it names another file, whether or not that was there: what the
	// template gives then rests on more than its source.
	included bool
}

// RestsOnFiles reports whether the template names other files.
func (t *Template) RestsOnFiles() bool { return t.included }

// span is where a node stands in its source.
type span struct{ from, to int }

func (s span) at() span { return s }

// written is the source of a node.
func (s span) written(src *Source) string { return strings.TrimSpace(src.Text[s.from:s.to]) }

// expr is an expression.
type expr interface {
	at() span
	eval(x *exec) (any, error)
}

type (
	// constExpr is a literal.
	constExpr struct {
		span
		value any
	}
	// groupExpr is an expression in brackets.
	groupExpr struct {
		span
		x expr
	}
	nameExpr struct {
		span
		name string
		// local says that it is no name of the context, see symbols.
		local bool
	}
	listExpr struct {
		span
		items []expr
	}
	tupleExpr struct {
		span
		items []expr
	}
	dictExpr struct {
		span
		keys, values []expr
	}
	// opExpr is a chain of operators of one rank, which group from the left.
	opExpr struct {
		span
		ops      []string
		operands []expr
	}
	// compareExpr is x ops[0] y and y ops[1] z, and so on.
	compareExpr struct {
		span
		ops      []string
		operands []expr
	}
	// logicExpr is a chain of and or of or.
	logicExpr struct {
		span
		or       bool
		operands []expr
	}
	notExpr struct {
		span
		x expr
	}
	// signExpr is + or - before a number.
	signExpr struct {
		span
		minus bool
		x     expr
	}
	condExpr struct {
		span
		then, cond expr
		other      expr // nil without else
	}
	attrExpr struct {
		span
		x      expr
		name   string
		nameAt int
	}
	itemExpr struct {
		span
		x, key expr
	}
	sliceExpr struct {
		span
		x               expr
		start, stop, by expr // nil where open
	}
	callExpr struct {
		span
		fn   expr
		args arguments
	}
	filterExpr struct {
		span
		x    expr
		name string
		f    Filter
		args arguments
	}
	testExpr struct {
		span
		x    expr
		name string
		t    Test
		not  bool
		args arguments
	}
)

// arguments are those of a call, in order.
type arguments struct {
	positional []argument
	names      []string
	named      []expr
	// more are dicts of keywords, after **.
	more []expr
}

// argument is one without keyword; spread says that it stands after a star.
type argument struct {
	x      expr
	spread bool
}

// stmt is a statement, or text between statements.
type stmt interface {
	exec(x *exec) error
}

type (
	textStmt struct {
		text string
		at   int
	}
	outputStmt struct{ x expr }
	doStmt     struct{ x expr }
	ifStmt     struct {
		branches []branch
		other    []stmt
	}
	branch struct {
		cond expr
		body []stmt
	}
	forStmt struct {
		span
		target    target
		items     expr
		test      expr // nil without
		recursive bool
		body      []stmt
		other     []stmt
	}
	withStmt struct {
		targets []target
		values  []expr
		body    []stmt
	}
	setStmt struct {
		target target
		value  expr
	}
	// setBlockStmt is a set block or a filter block, whose text is written.
	setBlockStmt struct {
		span
		target  *target // nil for a filter block
		filters []*filterExpr
		body    []stmt
	}
	macroStmt struct {
		span
		name  string
		names []string
		// defaults belong to the last of names.
		defaults []expr
		body     []stmt
		// These say which names of the rest the body uses.
		varargs, kwargs, caller bool
	}
	callStmt struct {
		span
		call   *callExpr
		caller *macroStmt
	}
	blockStmt struct {
		span
		block *block
	}
	// block is a part of a template that others replace.
	block struct {
		span
		name             string
		src              *Source
		body             []stmt
		scoped, required bool
	}
	extendsStmt struct {
		span
		parent *Template // nil where files were not looked at
	}
	includeStmt struct {
		span
		file           *Template // nil if none was there
		withoutContext bool
	}
	importStmt struct {
		span
		file        *Template
		name        string // nil for from
		names       []importedName
		withContext bool
	}
	importedName struct {
		span
		name, as string
	}
)

// target is what is assigned to: one name, an attribute of a namespace or several targets.
type target struct {
	span
	name  string
	attr  string // of a namespace
	local bool   // whether that is no name of the context
	parts []target
}
