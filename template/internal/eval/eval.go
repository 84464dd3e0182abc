// Package eval renders templates that package lang has parsed: an evaluator over their nodes,
// with Jinja2's scopes, loops, macros, blocks and files. Values, their operators, methods and
// text forms are those of pyval.
//
// A [Context] is what a template sees of the run it is rendered for, and what it may take.
package eval

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Context is what one rendering sees and may do.
type Context struct {
	// Name returns the value of a name that the template does not bind itself,
	// [pyval.Undefined] if there is none. It is asked once for a name. Global is the same for
	// files that are imported without context: they see functions everywhere, and no run.
	Name, Global func(name string) (any, error)
	// WhyUndefined explains the absence of a name: it continues the error's message.
	WhyUndefined func(name string) string
	// DidYouMean suggests a name for a wrong one: it continues the error's message.
	DidYouMean func(name string, names []string) string
	Budget     *pyval.Budget
	// Fuel is how many statements and expressions may be evaluated, Depth how deep macros,
	// loops and files may call each other, MaxOutput how many bytes may be written.
	Fuel      uint64
	Depth     int
	MaxOutput int
}

// exec is one rendering.
type exec struct {
	*Context
	values  bool // native rendering: what is written stays values
	fuel    uint64
	depth   int
	written int

	src   *lang.Source // what the nodes that run stand in
	scope *scope       // names
	frame *frame       // the template that runs
	out   *buffer      // where text goes
	names []binding    // of the context, as far as they were used
	globs []binding    // of Global
	lacks lackedAttr   // the attribute that was last found missing
}

// lackedAttr remembers whose attribute is missing, to suggest another one.
type lackedAttr struct {
	node  lang.Expr
	owner any
}

// Render renders a template to text. The error is an [*lang.Error].
func Render(t *lang.Template, c *Context) (string, error) {
	x, err := run(t, c, false)
	if err != nil {
		return "", err
	}
	return x.out.written.String(), nil
}

// RenderNative renders a template to a value and its text, as native rendering does
// (jinja2.nativetypes). One value and nothing else stays what it is; text that is a literal
// of Python becomes its value; nothing is None. The error is an [*lang.Error].
func RenderNative(t *lang.Template, c *Context) (v any, text string, err error) {
	x, err := run(t, c, true)
	if err != nil {
		return nil, "", err
	}
	if v, text, err = x.native(x.out.pieces); err != nil {
		return nil, "", t.Source.ErrorAt(0, err.Error(), err)
	}
	return v, text, nil
}

func run(t *lang.Template, c *Context, values bool) (*exec, error) {
	x := &exec{Context: c, values: values, fuel: c.Fuel, out: &buffer{}, scope: &scope{root: true}}
	return x, x.template(t)
}

// fail places an error at a node and names what stands there, unless a node inside did.
func (x *exec) fail(n lang.Span, err error) error {
	if _, placed := err.(*lang.Error); placed { //nolint:errorlint // nodes return it as it is
		return err
	}
	if placed, ok := errors.AsType[*lang.Error](err); ok {
		return placed
	}
	msg := err.Error()
	if text := n.Written(x.src); text != "" {
		msg = shorten(text) + ": " + msg
	}
	return x.src.ErrorAt(n.From, msg, err)
}

func shorten(s string) string { return yamlvalue.Excerpt(strings.Join(strings.Fields(s), " ")) }

// step counts what is evaluated. It is small enough to be inlined.
func (x *exec) step(at int) error {
	if x.fuel == 0 {
		return x.spent(at)
	}
	x.fuel--
	return nil
}

func (x *exec) spent(at int) error {
	return x.src.ErrorAt(at, fmt.Sprintf("the template runs for more than %d steps", x.Fuel), pyval.ErrLimit)
}

// enter counts how deep macros, loops and files are in each other; each enter needs a leave.
func (x *exec) enter(n lang.Span) error {
	if x.depth >= x.Depth {
		err := fmt.Errorf("macros, loops and files call each other more than %d levels deep, the recursion limit: %w", x.Depth, pyval.ErrLimit)
		return x.fail(n, err)
	}
	x.depth++
	return nil
}

func (x *exec) leave() { x.depth-- }

// must evaluates an expression that must be defined.
func (x *exec) must(e lang.Expr) (any, error) {
	if c, ok := e.(*lang.ConstExpr); ok {
		return c.Value, nil
	}
	v, err := x.eval(e)
	if err == nil && isMissing(v) {
		err = x.undefined(e)
	}
	return v, err
}

// isMissing reports whether using v is an error. An if without else gives nothing silently.
func isMissing(v any) bool {
	u, ok := v.(pyval.Undefined)
	return ok && !u.Silent
}

// undefined explains why an expression is undefined.
func (x *exec) undefined(e lang.Expr) error {
	msg := shorten(e.At().Written(x.src)) + " is undefined"
	switch n := lang.Unparen(e).(type) {
	case *lang.NameExpr:
		if n.Local {
			msg += ": the template gives that name a value, which is not there yet"
		} else {
			msg += x.WhyUndefined(n.Name)
		}
	case *lang.AttrExpr:
		if x.lacks.node == lang.Expr(n) {
			msg += x.DidYouMean(n.Name, pyval.Names(x.lacks.owner))
		}
	}
	return x.src.ErrorAt(e.At().From, msg, nil)
}

// text writes text.
func (x *exec) text(s string) error {
	if err := x.count(len(s)); err != nil {
		return err
	}
	x.out.text(s, x.values)
	return nil
}

// count counts what is written. Text of macros counts each time it is passed on.
func (x *exec) count(n int) error {
	const passedOn = 8
	x.written += n
	if x.out.size+n > x.MaxOutput || x.written > passedOn*x.MaxOutput {
		return x.tooLong()
	}
	return nil
}

func (x *exec) tooLong() error {
	return fmt.Errorf("the result is longer than %d bytes: %w", x.MaxOutput, pyval.ErrLimit)
}
