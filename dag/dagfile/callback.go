package dagfile

import (
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/yamlvalue"
)

// callbacks reads the value of a callback key: one callback or a list. A value that
// several tasks share is read once.
func (r *dagReader) callbacks(key, n *yaml.Node) []dag.Callback {
	if list, done := r.readCallbacks[n]; done {
		return list
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var list []dag.Callback
	for _, item := range items {
		if c, ok := r.callback(key.Value, item); ok {
			list = append(list, c)
		}
	}
	r.readCallbacks[n] = list
	return list
}

// ParseCallbacks reads the value of a callback key that stands in another file than one of
// DAGs: a callback or a list, as in a DAG file. file and key are for messages.
func ParseCallbacks(file, key string, n *yaml.Node, catalog Catalog, opts Options) ([]dag.Callback, dag.Diagnostics) {
	l := NewLoader(catalog, opts)
	top := reading.NewScope(file)
	var list []dag.Callback
	if n = document.Expand(top, n, l.opts.document()); n != nil {
		r := (&fileReader{Loader: l, budget: document.MaxNodes}).newReader(top, &dag.DAG{})
		list = r.callbacks(&yaml.Node{Kind: yaml.ScalarNode, Value: key, Line: n.Line, Column: n.Column}, n)
	}
	return list, top.Diagnostics()
}

// callback reads one callback: a name, or a mapping with the name under callback and
// its arguments beside it.
func (r *dagReader) callback(key string, n *yaml.Node) (dag.Callback, bool) {
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Text:
		return r.resolveCallback(key, n, n, &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column})
	case yamlvalue.Map:
	default:
		r.Errorf(n, "%s: want the name of a notifier or a mapping with the key callback, not %s", key, reading.Show(n))
		return dag.Callback{}, false
	}
	if reading.Special(n) {
		r.Errorf(n, "%s: write the notifier under the key callback instead of __type__", key)
		return dag.Callback{}, false
	}
	args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	var name *yaml.Node
	for k, v := range yamlvalue.Pairs(n) {
		if k.Value == "callback" {
			name = v
			continue
		}
		args.Content = append(args.Content, k, v)
	}
	if name == nil {
		r.Errorf(n, "%s: the key callback is missing: it names the notifier", key)
		return dag.Callback{}, false
	}
	if yamlvalue.KindOf(name) != yamlvalue.Text {
		r.Errorf(name, "%s: callback must be the name of a notifier, not %s", key, reading.Show(name))
		return dag.Callback{}, false
	}
	return r.resolveCallback(key, n, name, args)
}

func (r *dagReader) resolveCallback(key string, at, name, args *yaml.Node) (dag.Callback, bool) {
	entry, found, hint := r.catalog.Callback(name.Value)
	if !found {
		if hint == "" && strings.Contains(name.Value, ".") {
			hint = "Python functions cannot run here, use a notifier"
		}
		r.Errorf(name, "%s: unknown notifier %q%s", key, excerptName(name.Value), after("; ", hint))
		return dag.Callback{}, false
	}
	return dag.Callback{Name: entry.Name(), Pos: r.Position(at), Args: r.checkArgs(entry, args)}, true
}

// trigger resolves the trigger of a watcher.
func (r *dagReader) trigger(name, args *yaml.Node) (dag.Trigger, bool) {
	entry, found, hint := r.catalog.Trigger(name.Value)
	if !found {
		r.Errorf(name, "trigger: unknown trigger %q%s", excerptName(name.Value), after("; ", hint))
		return dag.Trigger{}, false
	}
	return dag.Trigger{Name: entry.Name(), Pos: r.Position(name), Args: r.checkArgs(entry, args)}, true
}

// checkArgs casts the arguments of an operator, callback or trigger and has its entry check
// them. It returns what to keep.
func (r *dagReader) checkArgs(entry Entry, args *yaml.Node) *yaml.Node {
	checked, ok := r.castArgs(args)
	if !ok {
		return args
	}
	for _, f := range r.findings(entry, checked) {
		r.Report(f.severity(), f.at, f.problem.Text)
	}
	return checked
}

// castArgs resolves typed values in parameters and warns of secrets in plain text.
func (r *dagReader) castArgs(args *yaml.Node) (*yaml.Node, bool) {
	if !r.spend(args) {
		return args, false
	}
	checked, ok := r.CastChildren(args, 1, 2)
	if !ok {
		return args, false
	}
	r.WarnSecrets(checked)
	return checked, true
}

// argProblem is a problem of parameters with its place.
type argProblem struct {
	problem Problem
	at      dag.Position
}

func (f argProblem) severity() dag.Severity {
	if f.problem.Warning {
		return dag.Warning
	}
	return dag.Error
}

// findings are what an operator or notifier says of its parameters.
func (r *dagReader) findings(entry Entry, args *yaml.Node) (out []argProblem) {
	for _, p := range append(entry.Check(args), r.checkFiles(entry, args)...) {
		at := dag.Position{File: r.File, Line: p.Line, Column: p.Column}
		if p.Line == 0 {
			at = r.Position(args)
		} else if n := findNode(args, p.Line, p.Column); n != nil {
			at = r.Position(n)
		}
		if place, ok := findNear(at, p.Near); ok {
			at, p.Text = place, p.Said
		}
		out = append(out, argProblem{p, at})
	}
	return out
}

// checkFiles has the template files checked that parameters rest on. A DAG that is made
// again from its source finds them, or not, when it runs.
func (r *dagReader) checkFiles(entry Entry, args *yaml.Node) []Problem {
	c, ok := entry.(FileChecker)
	if !ok || r.Restoring {
		return nil
	}
	r.files.In(append(templatefile.Folders{filepath.Dir(r.File)}, r.draft.TemplateSearchPath...))
	return c.CheckFiles(args, r.files)
}

// findNode returns the node at a place, to learn which file supplied it.
func findNode(n *yaml.Node, line, column int) *yaml.Node {
	for _, child := range n.Content {
		if child.Line == line && child.Column == column {
			return child
		}
		if found := findNode(child, line, column); found != nil {
			return found
		}
	}
	return nil
}

// after returns text with a prefix, or "" when there is no text.
func after(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
