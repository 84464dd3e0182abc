package lang

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/token"
)

// Parse parses a template that was normalized, and the files that it names. The error is
// an [*Error].
func Parse(src string, l *Language, load Loader) (t *Template, err error) {
	defer func() {
		// A mistake ends the parser by panic: it is the only one to do so.
		if r := recover(); r != nil {
			mistake, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			t, err = nil, mistake
		}
	}()
	s := &session{language: l, load: load}
	t = s.parse(&Source{Text: src}, nil)
	t.files = s.files
	s.checkCalled(t, nil, map[*Template]bool{})
	return t, nil
}

// session is the parsing of a template and its files.
type session struct {
	language *Language
	load     Loader
	files    map[string]*Template
	size     int // of all files
}

// parser reads one source.
type parser struct {
	*session
	src  *Source
	text string
	end  int // the end of what counts of text
	path []string
	out  *Template

	open   []openTag
	nested int
	// trimNext says that the text that follows begins without blanks.
	trimNext bool
	token.Scanner
}

// openTag is a block that waits for its end.
type openTag struct {
	name string
	at   int
	els  bool // else was seen
	// body is where statements go until the next branch or the end.
	body *[]Stmt
	// cond is the if that elif and else belong to, loop the for.
	cond *IfStmt
	loop *ForStmt
	// done is called at the end.
	done func()
}

func (s *session) parse(src *Source, path []string) *Template {
	p := &parser{
		session: s, src: src, text: src.Text, end: len(src.Text), path: path,
		out: &Template{Source: src, bound: map[string]bool{}},
	}
	if len(src.Text) > maxSource {
		p.fail(0, "the template is longer than %d bytes", maxSource)
	}
	if !utf8.ValidString(src.Text) {
		p.fail(0, "the template is not valid UTF-8")
	}
	p.template()
	localNames(p.out)
	return p.out
}

func (p *parser) fail(at int, format string, args ...any) {
	panic(p.src.ErrorAt(at, fmt.Sprintf(format, args...), nil))
}

func (s *session) failUnknown(src *Source, at int, kind, name string) {
	e := src.ErrorAt(at, fmt.Sprintf("unknown %s %q", kind, name), nil)
	e.Kind, e.Name = kind, name
	panic(e)
}

// begin starts reading a tag at an offset.
func (p *parser) begin(at int, closing string) {
	p.Scanner = token.New(p.text[:p.end], at, closing)
	p.next()
}

// next reads a token.
func (p *parser) next() {
	err := p.Next()
	if mistake, ok := errors.AsType[*token.Error](err); ok {
		p.fail(mistake.At, "%s", mistake.Text)
	}
	if p.Kind == token.End {
		p.trimNext = p.Trim
	}
}

// finish checks that the tag is at its end.
func (p *parser) finish() {
	if p.Kind != token.End {
		p.fail(p.From, "unexpected %s, expected %s", p.Shown(), p.Closing())
	}
}

// template goes through texts, outputs, statements and comments.
func (p *parser) template() {
	p.open = append(p.open, openTag{body: &p.out.Body})
	for at := 0; at < p.end; {
		next := p.nextTag(at)
		if next < 0 {
			p.literalText(at, p.end, false)
			break
		}
		trimBefore := next+2 < p.end && p.text[next+2] == '-'
		p.literalText(at, next, trimBefore)
		p.trimNext = false
		switch p.text[next+1] {
		case '#':
			at = p.comment(next)
		case '{':
			at = p.output(next)
		default:
			at = p.statement(next)
		}
	}
	if n := len(p.open); n > 1 {
		tag := p.open[n-1]
		p.fail(tag.at, "{%% %s %%} is never closed: {%% end%s %%} is missing", tag.name, tag.name)
	}
}

func (p *parser) add(s Stmt) {
	body := p.open[len(p.open)-1].body
	*body = append(*body, s)
}

// nextTag finds the next {{, {% or {#.
func (p *parser) nextTag(at int) int {
	for at < p.end {
		i := strings.IndexByte(p.text[at:p.end], '{')
		if i < 0 || at+i+1 >= p.end {
			return -1
		}
		at += i
		switch p.text[at+1] {
		case '{', '%', '#':
			return at
		}
		at++
	}
	return -1
}

// literalText is text between tags, trimmed as these ask.
func (p *parser) literalText(from, to int, trimEnd bool) {
	s := p.text[from:to]
	if p.trimNext {
		s = strings.TrimLeft(s, token.Spaces)
		p.trimNext = false
	}
	if trimEnd {
		s = strings.TrimRight(s, token.Spaces)
	}
	if s != "" {
		p.add(&TextStmt{s, from})
	}
}

func (p *parser) comment(at int) int {
	end := strings.Index(p.text[at+2:p.end], "#}")
	if end < 0 {
		p.fail(at, "the comment is never closed: #} is missing")
	}
	end += at + 2
	p.trimNext = end > at+2 && p.text[end-1] == '-'
	return end + 2
}

func (p *parser) output(at int) int {
	p.begin(p.tagStart(at), "}}")
	if p.Kind == token.End {
		p.fail(at, "the expression is missing")
	}
	x := p.tuple(true)
	p.finish()
	p.add(&OutputStmt{x})
	return p.Offset
}

// tagStart skips the opening of a tag with its sign.
func (p *parser) tagStart(at int) int {
	at += 2
	if at < p.end && (p.text[at] == '-' || p.text[at] == '+') {
		at++
	}
	return at
}

// checkCalled looks for calls of names that are nothing: neither a function, nor given a
// value in the template or in one around it.
func (s *session) checkCalled(t *Template, around map[string]bool, seen map[*Template]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	known := maps.Clone(around)
	if known == nil {
		known = map[string]bool{}
	}
	chain := inheritance(t)
	for _, c := range chain { // they share their names
		maps.Copy(known, c.bound)
	}
	if top, extends := chain[len(chain)-1].parent(); extends && top == nil {
		return // what an unread file gives is not known
	}
	for _, c := range chain {
		for _, n := range c.called {
			if !known[n.Name] && !slices.Contains(own, n.Name) {
				s.failUnknown(c.Source, n.From, "function", n.Name)
			}
		}
		for _, f := range named(c) {
			if f.seesNames {
				s.checkCalled(f.file, known, seen)
			} else {
				s.checkCalled(f.file, nil, seen)
			}
		}
	}
}

// own are the names that Jinja gives a meaning in some places.
var own = []string{"loop", "caller", "varargs", "kwargs", "self", "super"}
