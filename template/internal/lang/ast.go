package lang

import "strings"

// Template is a parsed template. Nothing changes it after that.
type Template struct {
	Source *Source
	Body   []Stmt
	// Blocks are those of this file by name, nested ones too; nil if it has none.
	Blocks map[string]*Block
	// files are those that it names, by name.
	files map[string]*Template
	// bound are the names that it gives values to, called the names that it calls.
	bound  map[string]bool
	called []*NameExpr
	// included says that it names another file, whether or not that was there: what the
	// template gives then rests on more than its source.
	included bool
}

// RestsOnFiles reports whether the template names other files.
func (t *Template) RestsOnFiles() bool { return t.included }

// Span is where a node stands in its source: the offset of its first byte and that after its last.
type Span struct{ From, To int }

// At returns the span itself, for the nodes that hold one.
func (s Span) At() Span { return s }

// Written is the source of a node, without blanks around it.
func (s Span) Written(src *Source) string { return strings.TrimSpace(src.Text[s.From:s.To]) }

// Expr is an expression: a pointer to one of the types below whose names end in Expr.
type Expr interface {
	At() Span
	expr()
}

type (
	// ConstExpr is a literal.
	ConstExpr struct {
		Span
		Value any
	}
	// GroupExpr is an expression in brackets.
	GroupExpr struct {
		Span
		X Expr
	}
	// NameExpr is the use of a name.
	NameExpr struct {
		Span
		Name string
		// Local says that it is no name of the context, see symbols.
		Local bool
	}
	// ListExpr is [Items[0], Items[1]], and so on.
	ListExpr struct {
		Span
		Items []Expr
	}
	// TupleExpr is expressions with commas between, in brackets or not.
	TupleExpr struct {
		Span
		Items []Expr
	}
	// DictExpr is {Keys[0]: Values[0]}, and so on.
	DictExpr struct {
		Span
		Keys, Values []Expr
	}
	// OpExpr is a chain of operators of one rank, which group from the left:
	// Operands[0] Ops[0] Operands[1], and so on. Those of ~ are all ~.
	OpExpr struct {
		Span
		Ops      []string
		Operands []Expr
	}
	// CompareExpr is Operands[0] Ops[0] Operands[1] and Operands[1] Ops[1] Operands[2], and so on.
	CompareExpr struct {
		Span
		Ops      []string
		Operands []Expr
	}
	// LogicExpr is a chain of and, or with Or of or.
	LogicExpr struct {
		Span
		Or       bool
		Operands []Expr
	}
	// NotExpr is not X.
	NotExpr struct {
		Span
		X Expr
	}
	// SignExpr is + or - before a number.
	SignExpr struct {
		Span
		Minus bool
		X     Expr
	}
	// CondExpr is Then if Cond else Else.
	CondExpr struct {
		Span
		Then, Cond Expr
		Else       Expr // nil without else
	}
	// AttrExpr is X.Name; the name stands at the offset NameAt.
	AttrExpr struct {
		Span
		X      Expr
		Name   string
		NameAt int
	}
	// ItemExpr is X[Key].
	ItemExpr struct {
		Span
		X, Key Expr
	}
	// SliceExpr is X[Start:Stop:Step].
	SliceExpr struct {
		Span
		X                 Expr
		Start, Stop, Step Expr // nil where open
	}
	// CallExpr is Func(Args).
	CallExpr struct {
		Span
		Func Expr
		Args Arguments
	}
	// FilterExpr is X | Name(Args).
	FilterExpr struct {
		Span
		X      Expr // nil in a filter or set block, where it is the text of the block
		Name   string
		Filter Filter
		Args   Arguments
	}
	// TestExpr is X is Name(Args), with Not X is not Name(Args).
	TestExpr struct {
		Span
		X    Expr
		Name string
		Test Test
		Not  bool
		Args Arguments
	}
)

// TakesUndefined reports whether the filter is for what may be undefined.
func (e *FilterExpr) TakesUndefined() bool { return e.Name == "default" || e.Name == "d" }

// TakesUndefined reports whether the test is for what may be undefined.
func (e *TestExpr) TakesUndefined() bool { return e.Name == "defined" || e.Name == "undefined" }

// Arguments are those of a call, in order.
type Arguments struct {
	Positional []Argument
	// Names are the keywords, Named their values.
	Names []string
	Named []Expr
	// More are dicts of keywords, after **.
	More []Expr
}

// Argument is one without keyword; Spread says that it stands after a star.
type Argument struct {
	X      Expr
	Spread bool
}

// Stmt is a statement, or text between statements: a pointer to one of the types below whose
// names end in Stmt.
type Stmt interface{ stmt() }

type (
	// TextStmt is text between tags, as it is written; it stands at the offset From.
	TextStmt struct {
		Text string
		From int
	}
	// OutputStmt is {{ X }}.
	OutputStmt struct{ X Expr }
	// DoStmt is {% do X %}.
	DoStmt struct{ X Expr }
	// IfStmt is {% if %} with every {% elif %} and {% else %}.
	IfStmt struct {
		Branches []Branch // one at least
		Else     []Stmt
	}
	// Branch is an if or elif.
	Branch struct {
		Cond Expr
		Body []Stmt
	}
	// ForStmt is {% for Target in Items if Test recursive %}.
	ForStmt struct {
		Span
		Target    Target
		Items     Expr
		Test      Expr // nil without
		Recursive bool
		Body      []Stmt
		Else      []Stmt
	}
	// WithStmt is {% with Targets[0] = Values[0] %}, and so on.
	WithStmt struct {
		Targets []Target
		Values  []Expr
		Body    []Stmt
	}
	// SetStmt is {% set Target = Value %}.
	SetStmt struct {
		Target Target
		Value  Expr
	}
	// SetBlockStmt is a set block or a filter block. Its text goes through the filters, and is
	// assigned or written.
	SetBlockStmt struct {
		Span
		Target  *Target // nil for a filter block
		Filters []*FilterExpr
		Body    []Stmt
	}
	// MacroStmt is {% macro Name(Params) %}, or the body of a call block.
	MacroStmt struct {
		Span
		Name   string
		Params []string
		// Defaults belong to the last of Params.
		Defaults []Expr
		Body     []Stmt
		// These say which names of the rest the body uses.
		Varargs, Kwargs, Caller bool
	}
	// CallStmt is {% call %}, which calls a macro with its body as caller.
	CallStmt struct {
		Span
		Call   *CallExpr
		Caller *MacroStmt
	}
	// BlockStmt is the place of a block.
	BlockStmt struct {
		Span
		Block *Block
	}
	// Block is a part of a template that others replace.
	Block struct {
		Span
		Name             string
		Source           *Source
		Body             []Stmt
		Scoped, Required bool
	}
	// ExtendsStmt is {% extends %}.
	ExtendsStmt struct {
		Span
		Parent *Template // nil where files were not looked at
	}
	// IncludeStmt is {% include %}.
	IncludeStmt struct {
		Span
		File           *Template // nil if none was there
		WithoutContext bool
	}
	// ImportStmt is {% import %} as Name, or {% from %} with Names.
	ImportStmt struct {
		Span
		File        *Template // nil where files were not looked at
		Name        string    // empty for from
		Names       []ImportedName
		WithContext bool
	}
	// ImportedName is one name of {% from %}, which becomes As.
	ImportedName struct {
		Span
		Name, As string
	}
)

// IsCaller tells the body of a call block from a macro.
func (m *MacroStmt) IsCaller() bool { return m.From == m.To }

// Target is what is assigned to: one name, an attribute of a namespace or several targets.
type Target struct {
	Span
	Name  string
	Attr  string // of a namespace
	Local bool   // whether the namespace is no name of the context
	Parts []Target
}

func (*ConstExpr) expr()   {}
func (*GroupExpr) expr()   {}
func (*NameExpr) expr()    {}
func (*ListExpr) expr()    {}
func (*TupleExpr) expr()   {}
func (*DictExpr) expr()    {}
func (*OpExpr) expr()      {}
func (*CompareExpr) expr() {}
func (*LogicExpr) expr()   {}
func (*NotExpr) expr()     {}
func (*SignExpr) expr()    {}
func (*CondExpr) expr()    {}
func (*AttrExpr) expr()    {}
func (*ItemExpr) expr()    {}
func (*SliceExpr) expr()   {}
func (*CallExpr) expr()    {}
func (*FilterExpr) expr()  {}
func (*TestExpr) expr()    {}

func (*TextStmt) stmt()     {}
func (*OutputStmt) stmt()   {}
func (*DoStmt) stmt()       {}
func (*IfStmt) stmt()       {}
func (*ForStmt) stmt()      {}
func (*WithStmt) stmt()     {}
func (*SetStmt) stmt()      {}
func (*SetBlockStmt) stmt() {}
func (*MacroStmt) stmt()    {}
func (*CallStmt) stmt()     {}
func (*BlockStmt) stmt()    {}
func (*ExtendsStmt) stmt()  {}
func (*IncludeStmt) stmt()  {}
func (*ImportStmt) stmt()   {}
