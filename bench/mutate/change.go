package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// change is one small change of the code.
type change struct {
	id       int
	file     string
	line     int
	from, to string
	metBy    []*test
	fate     fate
}

// edit puts a text in the place of some bytes of a file.
type edit struct {
	at, length int
	text       string
}

// compares are the operators that are negated, boundary those whose boundary moves, with the
// function of the package mutant that moves it.
var (
	compares = map[token.Token]bool{token.EQL: true, token.NEQ: true, token.LSS: true, token.GTR: true, token.LEQ: true, token.GEQ: true}
	boundary = map[token.Token]string{token.LSS: "Less", token.LEQ: "LessOrEqual", token.GTR: "Greater", token.GEQ: "GreaterOrEqual"}
	counts   = map[token.Token]string{token.INC: "Up", token.DEC: "Down"}
)

// changer puts changes into files, with numbers from 1 through all of them.
type changer struct {
	all []*change
}

// file returns a file with all its changes, each waiting for its number. Lines stay the same.
func (c *changer) file(name string, src []byte) ([]byte, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	w := writer{changer: c, name: name, src: src, set: set}
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
			w.body(d.Body)
		}
	}
	if len(w.edits) > 0 {
		w.edit(f.Name.End(), 0, `; import mutant_ "github.com/dingdag/dingdag/bench/mutate/mutant"`)
	}
	return w.text(), nil
}

// writer writes the changes of one file.
type writer struct {
	*changer
	name  string
	src   []byte
	set   *token.FileSet
	edits []edit
}

func (w *writer) edit(at token.Pos, length int, text string) {
	w.edits = append(w.edits, edit{w.set.Position(at).Offset, length, text})
}

// add numbers a change of a node.
func (w *writer) add(n ast.Node, to string) int {
	at, end := w.set.Position(n.Pos()), w.set.Position(n.End())
	from := strings.Join(strings.Fields(string(w.src[at.Offset:end.Offset])), " ")
	w.all = append(w.all, &change{id: len(w.all) + 1, file: w.name, line: at.Line, from: from, to: to})
	return len(w.all)
}

// body changes what is below a node, the outer expressions before the inner ones.
func (w *writer) body(n ast.Node) {
	var open []func()
	ast.Inspect(n, func(n ast.Node) bool {
		if n == nil {
			open[len(open)-1]()
			open = open[:len(open)-1]
			return false
		}
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			return false // no code
		}
		end := func() {}
		switch n := n.(type) {
		case *ast.BinaryExpr:
			end = w.comparison(n)
		case *ast.IncDecStmt:
			w.count(n)
		}
		open = append(open, end)
		return true
	})
}

// comparison changes a comparison. What it returns writes its end.
func (w *writer) comparison(n *ast.BinaryExpr) (end func()) {
	if !compares[n.Op] {
		return func() {}
	}
	text, tail := fmt.Sprintf("(mutant_.On(%d) != (", w.add(n, "negated")), "))"
	if f := boundary[n.Op]; f != "" {
		text += fmt.Sprintf("mutant_.%s(%d, ", f, w.add(n, "with the other boundary"))
		w.edit(n.OpPos, len(n.Op.String()), ",")
		tail += ")"
	}
	w.edit(n.Pos(), 0, text)
	return func() { w.edit(n.End(), 0, tail) }
}

// count changes a statement that counts, but for an element of a map, which has no address.
func (w *writer) count(n *ast.IncDecStmt) {
	if _, element := n.X.(*ast.IndexExpr); element {
		return
	}
	w.edit(n.Pos(), 0, fmt.Sprintf("mutant_.%s(%d, &", counts[n.Tok], w.add(n, "the other way")))
	w.edit(n.TokPos, len(n.Tok.String()), ")")
}

// text is the file with all edits.
func (w *writer) text() []byte {
	slices.SortStableFunc(w.edits, func(a, b edit) int { return a.at - b.at })
	var out []byte
	at := 0
	for _, e := range w.edits {
		out = append(append(out, w.src[at:e.at]...), e.text...)
		at = e.at + e.length
	}
	return append(out, w.src[at:]...)
}
