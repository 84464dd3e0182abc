package dagfile

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/custom"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// shippedFiles are the files of operators that come with the program.
//
//go:embed operators/*.yml
var shippedFiles embed.FS

// customFile is a file that defines operators.
type customFile struct {
	path string
	root *yaml.Node
	// byName has its operators by their names and aliases.
	byName map[string]*operatorEntry
	// broken are those in error, by their names.
	broken map[string]*yaml.Node
	// params are the names of all their parameters.
	params map[string]bool
	found  dag.Diagnostics
	// rests is what it rests on.
	rests reading.Rests
}

// customCache remembers such files for a load, and those that come with the program. Safe for concurrent use.
type customCache struct {
	mu      sync.Mutex
	files   map[string]*customFile
	shipped []*customFile
}

func (c *customCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.files)
}

// customFiles are the files of operators for a DAG file, nearest first.
func (l *Loader) customFiles(paths []string) []*customFile {
	l.custom.mu.Lock()
	defer l.custom.mu.Unlock()
	var all []*customFile
	for _, path := range paths {
		f := l.custom.files[path]
		if f == nil {
			data, err := document.ReadFile(path)
			if err != nil {
				f = &customFile{found: dag.Diagnostics{{File: path, Severity: dag.Error, Text: "read the file of operators: " + document.ErrorText(err)}}}
			} else {
				f = l.readCustom(path, data, false)
			}
			l.custom.files[path] = f
		}
		all = append(all, f)
	}
	return all
}

// shipped are those that come with the program, which are read when one is asked for.
func (l *Loader) shipped() []*customFile {
	l.custom.mu.Lock()
	defer l.custom.mu.Unlock()
	if l.custom.shipped == nil {
		l.custom.shipped = l.readShipped()
	}
	return l.custom.shipped
}

// Custom returns the operators that files define for the files of a directory, those that come with the program included, by their names, and
// what is wrong with these files. The nearest one of a name counts.
func (l *Loader) Custom(dir string) ([]*custom.Operator, dag.Diagnostics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.custom.forget()
	byName := map[string]*custom.Operator{}
	var found dag.Diagnostics
	for _, f := range append(l.customFiles(discover.Operators(dir, dir)), l.shipped()...) {
		found = append(found, f.found...)
		for _, e := range f.byName {
			if o := e.Entry.(customEntry).op; byName[o.Name] == nil { //nolint:forcetypeassert // they all are
				byName[o.Name] = o
			}
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *custom.Operator) int { return strings.Compare(a.Name, b.Name) }), found
}

// readShipped reads the files of operators that are part of the program.
func (l *Loader) readShipped() (all []*customFile) {
	entries, err := shippedFiles.ReadDir("operators")
	if err != nil {
		panic("dagfile: the operators that come with the program: " + err.Error()) // they are part of it
	}
	for _, e := range entries {
		data, err := shippedFiles.ReadFile("operators/" + e.Name())
		if err != nil {
			panic("dagfile: " + e.Name() + ": " + err.Error()) // as above
		}
		all = append(all, l.readCustom("operators/"+e.Name(), data, true))
	}
	return all
}

// readCustom reads a file of operators whose content is data. Those that come with the program are left out where what they need is: a
// program may have operators of its own alone.
func (l *Loader) readCustom(path string, data []byte, ships bool) *customFile {
	s := reading.NewScope(path)
	f := &customFile{path: path, byName: map[string]*operatorEntry{}, broken: map[string]*yaml.Node{}, params: map[string]bool{}}
	f.root = document.Read(s, data, l.opts.document())
	if f.root == nil {
		f.found, f.rests = s.Diagnostics(), s.Rests
		return f
	}
	operators, broken := custom.Read(s, f.root)
	for _, name := range broken {
		f.broken[name.Value] = name
	}
	for _, o := range operators {
		below, found := l.operator(o.Below)
		if !ships {
			f.broken[o.Name] = o.At // until it has passed
		}
		switch {
		case o.Below == o.Name || slices.Contains(o.Aliases, o.Below):
			s.Errorf(o.BelowAt, "operator %s refers to itself: name the operator that does the work, such as bash", yamlvalue.Excerpt(o.Name))
			continue
		case !found && ships:
			continue
		case !found && slices.ContainsFunc(operators, func(other *custom.Operator) bool {
			return other.Name == o.Below || slices.Contains(other.Aliases, o.Below)
		}):
			s.Errorf(o.BelowAt, "operator %s: %s is defined by a file, too: name the operator of the program that does the work", yamlvalue.Excerpt(o.Name), yamlvalue.Excerpt(o.Below))
			continue
		case !found:
			_, _, hint := l.catalog.Operator(o.Below)
			s.Errorf(o.BelowAt, "operator %s: the program has no operator %q to do the work%s", yamlvalue.Excerpt(o.Name), yamlvalue.Excerpt(o.Below), strings.TrimRight("; "+strings.TrimPrefix(hint, "; "), "; "))
			continue
		}
		names := append([]string{o.Name}, o.Aliases...)
		if i := slices.IndexFunc(names, func(name string) bool { _, builtIn := l.operator(name); return builtIn }); i >= 0 {
			s.Errorf(o.At, "%s is an operator of the program: give this one another name", yamlvalue.Excerpt(names[i]))
			continue
		}
		lacks := false
		for k := range yamlvalue.Pairs(o.With) {
			if !below.has(k.Value) {
				if lacks = true; ships {
					break
				}
				s.Errorf(k, "operator %s has no parameter %q%s", below.Name(), yamlvalue.Excerpt(k.Value), s.Suggest(k.Value, slices.Values(below.params)))
			}
		}
		if lacks {
			continue
		}
		delete(f.broken, o.Name)
		e := &operatorEntry{Entry: customEntry{o, below, f}, params: o.ParamNames(), known: map[string]bool{}}
		for _, p := range e.params {
			e.known[p], f.params[p] = true, true
		}
		for _, name := range names {
			if f.byName[name] != nil {
				s.Errorf(o.At, "%s is defined twice in this file", yamlvalue.Excerpt(name))
			}
			f.byName[name] = e
		}
	}
	f.found, f.rests = s.Diagnostics(), s.Rests
	return f
}

// operator resolves a name: one that a file of the folder defines, one of the program, or one that comes with it as a file.
func (f *fileReader) operator(name string) (*operatorEntry, bool) {
	if e := customNamed(f.custom, name); e != nil {
		return e, true
	}
	if e, found := f.Loader.operator(name); found || f.opts.restoring {
		return e, found
	}
	e := customNamed(f.shipped(), name)
	return e, e != nil
}

func customNamed(files []*customFile, name string) *operatorEntry {
	for _, c := range files {
		if e := c.byName[name]; e != nil {
			return e
		}
	}
	return nil
}

// unknownCustom says what is known of an operator that files may define and do not, "" for nothing.
func (f *fileReader) unknownCustom(name string) string {
	var names []string
	for _, c := range append(slices.Clip(f.custom), f.shipped()...) {
		if at := c.broken[name]; at != nil {
			return fmt.Sprintf("operator %s is in error where it is defined, %s:%d:%d", strconv.Quote(excerptName(name)), c.path, at.Line, at.Column)
		}
		names = append(names, slices.Collect(maps.Keys(c.byName))...)
	}
	slices.Sort(names)
	if near := yamlvalue.Nearest(name, slices.Values(names)); near != "" {
		return fmt.Sprintf("unknown operator %s; did you mean %q?", strconv.Quote(excerptName(name)), near)
	}
	return ""
}

// isOperatorParam reports whether some operator has a parameter.
func (f *fileReader) isOperatorParam(name string) bool {
	has := func(c *customFile) bool { return c.params[name] }
	return f.Loader.isOperatorParam(name) || slices.ContainsFunc(f.custom, has) || !f.opts.restoring && slices.ContainsFunc(f.shipped(), has)
}

// customEntry is an operator that a file defines, as the loader sees it.
type customEntry struct {
	op    *custom.Operator
	below *operatorEntry
	file  *customFile
}

func (e customEntry) Name() string                       { return e.op.Name }
func (e customEntry) Params() []string                   { return e.op.ParamNames() }
func (e customEntry) Refused(string) string              { return "" }
func (e customEntry) Schema(param string) map[string]any { return e.op.Schema(param) }
func (e customEntry) Sensor() bool                       { return e.below.Sensor() }

// Check checks the parameters of a task. The templates in them are checked with those of the operator below.
func (e customEntry) Check(args *yaml.Node) (out []Problem) {
	for _, p := range e.op.Check(args) {
		out = append(out, Problem{Line: p.At.Line, Column: p.At.Column, Text: p.Text})
	}
	return out
}

// compose makes of a task of an operator that a file defines one of the operator below. Before its parameters were read there were so many
// errors.
func (r *dagReader) compose(t *wiring.Task, op *operatorEntry, failed int) *operatorEntry {
	e, ok := op.Entry.(customEntry)
	if !ok {
		return op
	}
	t.Operator = e.below.Name()
	if t.Mapping != nil || t.Raw.Expand.Present() || t.Raw.ExpandKwargs.Present() {
		r.Errorf(t.Raw.Operator.Value, "operator %s is defined in %s and cannot be mapped: map a task of operator %s", e.op.Name, e.op.File, t.Operator)
		return e.below
	}
	if r.Failed() > failed {
		return e.below // what is wrong with its parameters was told
	}
	r.Supplied(e.file.root, e.file.path)
	args := e.op.Compose(t.Args, func(n, from *yaml.Node) { r.SuppliedLike(n, from) })
	checked, ok := r.castArgs(args)
	if !ok {
		return e.below
	}
	t.Args = checked
	used := r.Position(t.Raw.Operator.Value)
	for _, f := range r.findings(e.below, checked) {
		text := f.problem.Text
		if f.at.File == e.file.path {
			text += " (operator " + e.op.Name + ", used at " + fmt.Sprintf("%s:%d:%d", used.File, used.Line, used.Column) + ")"
		}
		r.Report(f.severity(), f.at, text)
	}
	return e.below
}
