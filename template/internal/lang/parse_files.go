package lang

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/token"
)

func (p *parser) blockTag(at int) {
	b := &Block{Span: Span{From: at}, Source: p.src, Name: p.Value}
	if p.Kind != token.Name {
		p.fail(p.From, "unexpected %s, expected the name of the block", p.Shown())
	}
	p.checkName(p.From, b.Name)
	if p.out.Blocks[b.Name] != nil {
		p.fail(p.From, "block %s is there twice", b.Name)
	}
	p.next()
	for p.Kind == token.Name {
		switch {
		case p.isName("scoped") && !b.Scoped:
			b.Scoped = true
		case p.isName("required") && !b.Required:
			b.Required = true
		default:
			p.fail(p.From, "unexpected %s, expected 'scoped' or 'required'", p.Shown())
		}
		p.next()
	}
	b.To = p.PrevTo
	if p.out.Blocks == nil {
		p.out.Blocks = map[string]*Block{}
	}
	p.out.Blocks[b.Name] = b
	p.add(&BlockStmt{b.Span, b})
	p.push(openTag{name: "block", at: at, body: &b.Body, done: func() { p.checkRequired(b) }})
}

// checkRequired holds that a required block has nothing that could be rendered.
func (p *parser) checkRequired(b *Block) {
	if !b.Required {
		return
	}
	for _, s := range b.Body {
		if t, ok := s.(*TextStmt); !ok || strings.Trim(t.Text, token.Spaces) != "" {
			p.fail(b.From, "block %s is required: it takes blanks and comments only", b.Name)
		}
	}
}

func (p *parser) extendsTag(at int) {
	for _, s := range p.out.Body {
		if _, twice := s.(*ExtendsStmt); twice {
			p.fail(at, "a template extends one other")
		}
	}
	if len(p.open) > 1 {
		p.fail(at, "{%% extends %%} stands outside of blocks and conditions")
	}
	names := p.fileNames("extends")
	p.add(&ExtendsStmt{p.since(at), p.file(at, "extends", names, false)})
}

func (p *parser) includeTag(at int) {
	names := p.fileNames("include")
	optional := false
	if p.skipName("ignore") {
		if optional = p.skipName("missing"); !optional {
			p.fail(p.From, "unexpected %s, expected 'missing'", p.Shown())
		}
	}
	with := p.context()
	file := p.file(at, "include", names, optional)
	p.add(&IncludeStmt{p.since(at), file, with == withoutContext})
}

type contextWords int

const (
	unsaid contextWords = iota
	withContext
	withoutContext
)

// context reads "with context" or "without context".
func (p *parser) context() contextWords {
	words := withContext
	switch {
	case p.isName("with"):
	case p.isName("without"):
		words = withoutContext
	default:
		return unsaid
	}
	p.next()
	if !p.skipName("context") {
		p.fail(p.From, "unexpected %s, expected 'context'", p.Shown())
	}
	return words
}

func (p *parser) importTag(at int) {
	names := p.fileNames("import")
	if !p.skipName("as") {
		p.fail(p.From, "unexpected %s, expected 'as'", p.Shown())
	}
	as := p.newName("a name for what is imported")
	with := p.context()
	p.add(&ImportStmt{Span: p.since(at), File: p.file(at, "import", names, false), Name: as, WithContext: with == withContext})
}

func (p *parser) fromTag(at int) {
	names := p.fileNames("from")
	if !p.skipName("import") {
		p.fail(p.From, "unexpected %s, expected 'import'", p.Shown())
	}
	s := &ImportStmt{}
	for more := true; more && (len(s.Names) == 0 || !p.isContext()); more = p.skipSymbol(",") {
		s.Names = append(s.Names, p.importedName())
	}
	with := p.context()
	s.File, s.WithContext, s.Span = p.file(at, "from", names, false), with == withContext, p.since(at)
	p.checkImported(s)
	p.add(s)
}

// isContext tells the words after a trailing comma from a name.
func (p *parser) isContext() bool {
	if !p.isName("with") && !p.isName("without") {
		return false
	}
	save := p.Scanner
	p.next()
	is := p.isName("context")
	p.Scanner = save
	return is
}

func (p *parser) importedName() ImportedName {
	from, n := p.From, p.Value
	if p.Kind != token.Name {
		p.fail(from, "unexpected %s, expected the name of what is imported", p.Shown())
	}
	if strings.HasPrefix(n, "_") {
		p.fail(from, "%s is not exported: names with an underscore before them are a file's own", n)
	}
	if p.next(); p.skipName("as") {
		return ImportedName{p.since(from), n, p.newName("a name for what is imported")}
	}
	if slices.Contains(neverAssigned, n) {
		p.fail(from, "unexpected '%s', expected the name of what is imported", n)
	}
	p.out.bound[n] = true
	return ImportedName{p.since(from), n, n}
}

// checkImported holds that the file gives a value to each name.
func (p *parser) checkImported(s *ImportStmt) {
	if s.File == nil {
		return
	}
	known := map[string]bool{}
	for _, t := range inheritance(s.File) {
		maps.Copy(known, t.bound)
	}
	for _, n := range s.Names {
		if !known[n.Name] {
			e := p.src.ErrorAt(n.From, "unknown name \""+n.Name+"\" of "+s.File.Source.Name, nil)
			e.Kind, e.Name = "import", n.Name
			panic(e)
		}
	}
}

// fileNames reads a name in quotes, or a list of them of which the first that is there
// counts.
func (p *parser) fileNames(tag string) (names []string) {
	one := func() {
		if p.Kind != token.Text {
			p.fail(p.From, "%s takes the name of a file in quotes, not %s", tag, p.Shown())
		}
		names = append(names, p.Value)
		p.next()
	}
	var closing string
	switch {
	case p.isSymbol("["):
		closing = "]"
	case p.isSymbol("("):
		closing = ")"
	default:
		one()
		return names
	}
	p.next()
	for !p.isSymbol(closing) {
		one()
		if !p.skipSymbol(",") {
			break
		}
	}
	p.expectSymbol(closing)
	if len(names) == 0 {
		p.fail(p.From, "%s names no file", tag)
	}
	return names
}

// file parses the first of some files that is there; nil where there is none and it is
// optional, or where files are not looked at.
func (p *parser) file(at int, tag string, names []string, optional bool) *Template {
	if p.load == nil {
		p.fail(at, "{%% %s %%} is not available here: this template has no folder", tag)
	}
	p.out.included = true
	var failed error
	for _, name := range names {
		src, err := p.load(name)
		switch {
		case err == nil:
			return p.parsed(at, name, src)
		case errors.Is(err, ErrUnread):
			return nil
		}
		if failed == nil {
			failed = err
		}
	}
	if !optional {
		e := p.src.ErrorAt(at, tag+": "+failed.Error(), failed)
		panic(e)
	}
	return nil
}

func (p *parser) parsed(at int, name, src string) *Template {
	if slices.Contains(p.path, name) {
		p.fail(at, "the files include each other: %s", strings.Join(append(p.path, name), " -> "))
	}
	if len(p.path) >= maxFiles {
		p.fail(at, "files include each other more than %d levels deep", maxFiles)
	}
	if p.size += len(src); p.size > maxSource {
		p.fail(at, "the included files hold more than %d bytes", maxSource)
	}
	if t := p.files[name]; t != nil {
		return t
	}
	t := p.parse(&Source{name, Normalize(src)}, append(slices.Clip(p.path), name))
	if p.files == nil {
		p.files = map[string]*Template{}
	}
	p.files[name] = t
	return t
}

// inheritance is a template, the one that it extends, and so on.
func inheritance(t *Template) (chain []*Template) {
	for t != nil {
		chain = append(chain, t)
		t, _ = t.parent()
	}
	return chain
}

// parent is the template that one extends, and whether it extends one at all.
func (t *Template) parent() (parent *Template, extends bool) {
	for _, s := range t.Body {
		if e, ok := s.(*ExtendsStmt); ok {
			return e.Parent, true
		}
	}
	return nil, false
}

// namedFile is a file that a template includes or imports.
type namedFile struct {
	file      *Template
	seesNames bool // those of the template
}

func named(t *Template) (files []namedFile) {
	walk(t.Body, func(s Stmt) {
		switch s := s.(type) {
		case *IncludeStmt:
			if s.File != nil {
				files = append(files, namedFile{s.File, !s.WithoutContext})
			}
		case *ImportStmt:
			if s.File != nil {
				files = append(files, namedFile{s.File, s.WithContext})
			}
		}
	}, nil)
	return files
}
