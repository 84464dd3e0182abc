package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

// frame is one template that runs: the whole of a template, those that it extends and
// their blocks.
type frame struct {
	// root is the outermost scope; blocks see its names, those in a scoped block its.
	root *scope
	// blocks are those that replace each other, the first one wins.
	blocks map[string][]*lang.Block
	// parent is what the template extends, as soon as it says so: what it writes after that
	// goes nowhere, and its blocks replace those of the parent.
	parent *lang.Template
	// out is where the template itself writes.
	out *buffer
}

// silent reports whether what is written here goes nowhere.
func (f *frame) silent(x *exec) bool { return f.parent != nil && f.out == x.out }

// template renders a template with the scope at hand as its outermost.
func (x *exec) template(t *lang.Template) error {
	f := &frame{root: x.scope, out: x.out}
	srcNow, frameNow := x.src, x.frame
	x.frame = f
	defer func() { x.src, x.frame = srcNow, frameNow }()
	for t != nil {
		for name, b := range t.Blocks {
			if f.blocks == nil {
				f.blocks = map[string][]*lang.Block{}
			}
			f.blocks[name] = append(f.blocks[name], b)
		}
		x.src, x.scope = t.Source, f.root
		f.parent = nil
		if err := x.body(t.Body); err != nil {
			return err
		}
		t = f.parent
	}
	return nil
}

func (x *exec) placeBlock(s *lang.BlockStmt) error {
	if x.frame.silent(x) {
		return nil
	}
	around := x.frame.root
	if s.Block.Scoped {
		around = x.scope
	}
	return x.block(s.Span, s.Block.Name, 0, around)
}

// block renders the block of a name; level counts the ones that super() goes up.
func (x *exec) block(n lang.Span, name string, level int, around *scope) error {
	chain := x.frame.blocks[name]
	b := chain[level]
	if b.Required {
		return x.src.ErrorAt(n.From, fmt.Sprintf("block %s is required: nothing replaces it", name), nil)
	}
	if err := x.enter(n); err != nil {
		return err
	}
	scopeNow, srcNow := x.scope, x.src
	x.scope, x.src = &scope{around: around, root: true, names: []binding{{"super", x.super(name, level, around)}}}, b.Source
	rootNow := x.frame.root
	x.frame.root = around
	err := x.body(b.Body)
	x.scope, x.src, x.frame.root = scopeNow, srcNow, rootNow
	x.leave()
	return err
}

// super is what a block calls to render the one that it replaces.
func (x *exec) super(name string, level int, around *scope) any {
	if level+1 >= len(x.frame.blocks[name]) {
		return pyval.Undefined{}
	}
	return &blockRef{x, x.frame, name, level + 1, around}
}

// blockRef is a block that can be called.
type blockRef struct {
	x      *exec
	frame  *frame
	name   string
	level  int
	around *scope
}

func (b *blockRef) own()                       {}
func (b *blockRef) TypeName() string           { return "BlockReference" }
func (b *blockRef) Method(string) pyval.Method { return nil }
func (b *blockRef) Names() []string            { return []string{"super"} }

// Attr implements [pyval.Object]: super.super is the block after the next.
func (b *blockRef) Attr(name string) (any, error) {
	if name == "super" && b.level+1 < len(b.frame.blocks[b.name]) {
		return &blockRef{b.x, b.frame, b.name, b.level + 1, b.around}, nil
	}
	return pyval.Undefined{}, nil
}

// Invoke implements [pyval.Callable].
func (b *blockRef) Invoke(_ *pyval.Budget, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	x := b.x
	frameNow := x.frame
	x.frame = b.frame
	defer func() { x.frame = frameNow }()
	chain := b.frame.blocks[b.name]
	return x.capture(func() error { return x.block(chain[b.level].Span, b.name, b.level, b.around) })
}

// selfRef is self, whose attributes are the blocks of the template.
type selfRef struct {
	x     *exec
	frame *frame
}

func (s *selfRef) own()                       {}
func (s *selfRef) TypeName() string           { return "TemplateReference" }
func (s *selfRef) Method(string) pyval.Method { return nil }

func (s *selfRef) Names() []string {
	names := make([]string, 0, len(s.frame.blocks))
	for name := range s.frame.blocks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Attr implements [pyval.Object].
func (s *selfRef) Attr(name string) (any, error) {
	if s.frame.blocks[name] == nil {
		return pyval.Undefined{}, nil
	}
	return &blockRef{s.x, s.frame, name, 0, s.frame.root}, nil
}

func (s *selfRef) Str() string  { return "<TemplateReference None>" }
func (s *selfRef) Repr() string { return s.Str() }

func (x *exec) include(s *lang.IncludeStmt) error {
	if s.File == nil || x.frame.silent(x) {
		return nil
	}
	if err := x.enter(s.Span); err != nil {
		return err
	}
	defer x.leave()
	outer := x.scope
	x.scope = &scope{around: outer, root: true}
	if s.WithoutContext {
		x.scope = &scope{global: true, root: true}
	}
	err := x.template(s.File)
	x.scope = outer
	return err
}

// module is a file that was imported.
type module struct {
	name  string
	scope *scope
	text  string
}

// load renders a file for the names that it gives values to.
func (x *exec) load(s *lang.ImportStmt) (*module, error) {
	if err := x.enter(s.Span); err != nil {
		return nil, err
	}
	defer x.leave()
	outer := x.scope
	root := &scope{global: true, kept: true, root: true}
	if s.WithContext {
		root = &scope{around: outer, kept: true, root: true}
		for keep := outer; keep != nil && !keep.kept; keep = keep.around {
			keep.kept = true
		}
	}
	x.scope = root
	v, err := x.capture(func() error { return x.template(s.File) })
	x.scope = outer
	if err != nil {
		return nil, err
	}
	text, err := pyval.Str(x.Budget, v)
	return &module{s.File.Source.Name, root, text}, err
}

func (x *exec) imports(s *lang.ImportStmt) error {
	m, err := x.load(s)
	if err != nil {
		return err
	}
	if s.Names == nil {
		x.scope.set(s.Name, m)
		return nil
	}
	for _, n := range s.Names {
		v, err := m.Attr(n.Name)
		if err != nil {
			return err
		}
		x.scope.set(n.As, v)
	}
	return nil
}

func (m *module) own()                       {}
func (m *module) TypeName() string           { return "TemplateModule" }
func (m *module) Method(string) pyval.Method { return nil }
func (m *module) Str() string                { return m.text }

func (m *module) Repr() string {
	return fmt.Sprintf("<TemplateModule %s>", yamlvalue.PythonText(m.name))
}

func (m *module) Names() []string {
	var names []string
	for _, b := range m.scope.names {
		if !strings.HasPrefix(b.name, "_") {
			names = append(names, b.name)
		}
	}
	return names
}

// Attr implements [pyval.Object].
func (m *module) Attr(name string) (any, error) {
	if v, ok := find(m.scope.names, name); ok && !strings.HasPrefix(name, "_") {
		return v, nil
	}
	return pyval.Undefined{}, nil
}
