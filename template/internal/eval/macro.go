package eval

import (
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

// members is a value of the language itself, whose attributes can be macros and blocks.
type members interface {
	Attr(name string) (any, error)
	own()
}

// macro is a macro with the names that it sees, or the body of a call block.
type macro struct {
	x     *exec
	stmt  *lang.MacroStmt
	scope *scope
	src   *lang.Source
	frame *frame
}

func (x *exec) macro(m *lang.MacroStmt) *macro {
	for s := x.scope; s != nil && !s.kept; s = s.around {
		s.kept = true
	}
	return &macro{x, m, x.scope, x.src, x.frame}
}

func (x *exec) callBlock(s *lang.CallStmt) error {
	if x.frame.silent(x) {
		return nil
	}
	if err := x.step(s.Call.From); err != nil {
		return err
	}
	v, err := x.invoke(s.Call, x.macro(s.Caller))
	if err != nil {
		return err
	}
	return x.write(s.Call.Span, v)
}

// Invoke implements [pyval.Callable].
func (m *macro) Invoke(_ *pyval.Budget, a *pyval.Args) (any, error) {
	x := m.x
	scopeNow, srcNow, frameNow := x.scope, x.src, x.frame
	x.scope, x.src, x.frame = &scope{around: m.scope}, m.src, m.frame
	defer func() { x.scope, x.src, x.frame = scopeNow, srcNow, frameNow }()
	if err := m.bind(x, a); err != nil {
		return nil, err
	}
	return x.capture(func() error { return x.body(m.stmt.Body) })
}

// bind gives the arguments of a call to the parameters, and what is left to varargs, kwargs
// and caller where the body uses these.
func (m *macro) bind(x *exec, a *pyval.Args) error {
	s := m.stmt
	if s.Caller && !slices.Contains(s.Params, "caller") {
		x.scope.set("caller", a.KeywordOr("caller", pyval.Undefined{}))
	}
	lacking := make([]bool, len(s.Params))
	for i, name := range s.Params {
		v, given := a.Take(name)
		if !given {
			v, lacking[i] = pyval.Undefined{}, true
		}
		x.scope.set(name, v)
	}
	firstDefault := len(s.Params) - len(s.Defaults)
	for i, value := range s.Defaults { // they see the parameters, and of these no later default
		if !lacking[firstDefault+i] {
			continue
		}
		v, err := x.eval(value)
		if err != nil {
			return err
		}
		x.scope.set(s.Params[firstDefault+i], v)
	}
	if s.Varargs {
		x.scope.set("varargs", pyval.Tuple(a.More()))
	}
	if s.Kwargs {
		x.scope.set("kwargs", a.Rest())
	}
	return a.Done()
}

func (m *macro) own()                       {}
func (m *macro) TypeName() string           { return "Macro" }
func (m *macro) Method(string) pyval.Method { return nil }

func (m *macro) Names() []string {
	return []string{"arguments", "caller", "catch_kwargs", "catch_varargs", "name"}
}

// Attr implements [pyval.Object].
func (m *macro) Attr(name string) (any, error) {
	switch name {
	case "name":
		if m.stmt.IsCaller() {
			return nil, nil
		}
		return m.stmt.Name, nil
	case "arguments":
		names := make(pyval.Tuple, len(m.stmt.Params))
		for i, n := range m.stmt.Params {
			names[i] = n
		}
		return names, nil
	case "catch_varargs":
		return m.stmt.Varargs, nil
	case "catch_kwargs":
		return m.stmt.Kwargs, nil
	case "caller":
		return m.stmt.Caller, nil
	}
	return pyval.Undefined{}, nil
}

func (m *macro) Str() string {
	if m.stmt.IsCaller() {
		return "<Macro anonymous>"
	}
	return fmt.Sprintf("<Macro %s>", yamlvalue.PythonText(m.stmt.Name))
}

func (m *macro) Repr() string { return m.Str() }
