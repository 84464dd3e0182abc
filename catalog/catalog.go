// Package catalog is what DAG files may name: operators, notifiers and triggers, their parameters and
// the templates in them, as the loader asks for it and checks it.
package catalog

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/trigger"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Catalog tells the DAG loader what operators, callbacks and triggers exist and checks their
// parameters, template syntax included.
type Catalog struct {
	Operators *operator.Registry
	Callbacks *callbacks.Registry
	// Triggers are those of asset watchers; nil knows none.
	Triggers  *trigger.Registry
	Templates *template.Env
}

var _ dagfile.Catalog = Catalog{}

// Operator resolves a short name or dotted path.
func (c Catalog) Operator(name string) (dagfile.Entry, bool, string) {
	if s, ok := c.Operators.Lookup(name); ok {
		return newEntry(s, c.Templates), true, ""
	}
	if text, ok := operator.Rejected(name); ok {
		return nil, false, text
	}
	if text, ok := operator.NoDriver(name); ok {
		return nil, false, text
	}
	return nil, false, didYouMean(c.Operators.Suggest(name))
}

// Callback resolves the name of a notifier.
func (c Catalog) Callback(name string) (dagfile.Entry, bool, string) {
	if s, ok := c.Callbacks.Lookup(name); ok {
		return newEntry(s, c.Templates), true, ""
	}
	if text, ok := callbacks.Rejected(name); ok {
		return nil, false, text
	}
	return nil, false, didYouMean(c.Callbacks.Suggest(name))
}

// Trigger resolves the name of a trigger of asset watchers.
func (c Catalog) Trigger(name string) (dagfile.Entry, bool, string) {
	if c.Triggers == nil {
		return nil, false, ""
	}
	if s, ok := c.Triggers.Lookup(name); ok {
		return newEntry(s, c.Templates), true, ""
	}
	if near := c.Triggers.Suggest(name); near != "" {
		return nil, false, didYouMean(near)
	}
	var known []string
	for _, s := range c.Triggers.Specs() {
		known = append(known, s.Name)
	}
	return nil, false, "there is " + strings.Join(known, ", ")
}

// OperatorParams lists every parameter name of every operator, the names that old classes
// have for them included.
func (c Catalog) OperatorParams() []string {
	seen := map[string]bool{}
	var out []string
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	for _, s := range c.Operators.Specs() {
		for _, f := range s.Params() {
			add(f)
		}
		for _, alias := range s.Aliases {
			add(alias.Old)
		}
	}
	for _, name := range operator.NoDriverParams() {
		add(name)
	}
	return out
}

// Refused looks among all operators.
func (c Catalog) Refused(param string) string {
	for _, s := range c.Operators.Specs() {
		if why, refused := s.Refused(param); refused {
			return why
		}
	}
	return ""
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", name)
}

// entry is one operator or callback as the loader sees it.
type entry[I any] struct {
	spec      declare.Spec[I]
	templates *template.Env
}

func newEntry[I any](s declare.Spec[I], t *template.Env) dagfile.Entry { return entry[I]{s, t} }

// Name is what finds the same spec again.
func (e entry[I]) Name() string     { return e.spec.Ref() }
func (e entry[I]) Params() []string { return e.spec.Params() }
func (e entry[I]) Sensor() bool     { return e.spec.Sensor }

// Refused says what to do instead of a parameter that is refused.
func (e entry[I]) Refused(param string) string {
	why, _ := e.spec.Refused(param)
	return why
}

// Renamed returns today's names of parameters by the former ones.
func (e entry[I]) Renamed() map[string]string { return e.spec.Renamed() }

// Schema describes one parameter.
func (e entry[I]) Schema(param string) map[string]any {
	properties, _ := e.spec.JSONSchema()["properties"].(map[string]any)
	schema, _ := properties[param].(map[string]any)
	return schema
}

// Check decodes strictly and compiles every template.
func (e entry[I]) Check(args *yaml.Node) []dagfile.Problem {
	_, ps := e.spec.Decode(args)
	var out []dagfile.Problem
	for _, p := range ps {
		out = append(out, dagfile.Problem{Line: p.Line, Column: p.Column, Field: p.Field, Warning: p.Warning, Text: p.Text})
	}
	e.spec.Templates(args, func(field string, text *yaml.Node) {
		if err := e.templates.Check(text.Value); err != nil {
			out = append(out, templateProblem(field, text, err))
		}
	})
	return out
}

// Targets are the tasks among which a branch chooses.
func (e entry[I]) Targets(args *yaml.Node) []string {
	if _, ok := any(e.spec.New()).(operator.Brancher); !ok {
		return nil
	}
	op, problems := e.spec.Decode(args)
	if params.Failed(problems) {
		return nil // told already
	}
	return any(op).(operator.Brancher).Targets() //nolint:forcetypeassert // seen a moment ago
}

// Asks reports whether an operator asks people.
func (e entry[I]) Asks() bool {
	_, ok := any(e.spec.New()).(operator.Asker)
	return ok
}

// CheckFiles reads and compiles the template files that parameters name or include.
func (e entry[I]) CheckFiles(args *yaml.Node, files *templatefile.Collector) (out []dagfile.Problem) {
	out = e.checkSources(args, files)
	e.spec.Templates(args, func(field string, text *yaml.Node) {
		named := e.spec.NamesFile(field, text.Value)
		if !named && !e.templates.Includes(text.Value) {
			return
		}
		files.Use()
		err := e.checkFile(text.Value, named, files)
		if left := files.LeftOut(); left != "" {
			out = append(out, dagfile.Problem{Line: text.Line, Column: text.Column, Warning: true, Text: fmt.Sprintf(
				"template file in %q: left out of the version of the DAG: %s; %s. The task can use these only on a machine that has the folder: name fewer and smaller files",
				field, left, templatefile.Bound(),
			)})
		}
		if err != nil {
			said := err.Error()
			if named {
				said = text.Value + ": " + said
			}
			out = append(out, dagfile.Problem{Line: text.Line, Column: text.Column, Text: fmt.Sprintf("template file in %q: %s", field, said)})
		}
	})
	return out
}

// checkFile checks the file that a text names, or those that the text includes.
func (e entry[I]) checkFile(text string, named bool, files *templatefile.Collector) error {
	switch {
	case !named:
		return e.templates.CheckFiles(text, files.Read)
	case !yamlvalue.HoldsTemplate(text):
		src, err := files.Read(text)
		if err != nil {
			return templatefile.Named(err)
		}
		return e.templates.CheckFiles(src, files.Read)
	}
	// The name is known when it is rendered, and only the mistakes of the file that it names then count.
	for _, name := range files.Meant(text) {
		if src, ok := files.Candidate(name); ok {
			_ = e.templates.CheckFiles(src, files.Read)
		}
	}
	return nil
}

// templateProblem is a mistake of a template: at its own place where the loader finds it in
// the file, else at the text, with the template's line and column in words.
func templateProblem(field string, text *yaml.Node, err error) dagfile.Problem {
	p := dagfile.Problem{Line: text.Line, Column: text.Column, Text: fmt.Sprintf("template in %q: %v", field, err)}
	if te, ok := errors.AsType[*template.Error](err); ok && te.File == "" {
		p.Near = pieces(text.Value, te.Line, te.Column)
		p.Said = fmt.Sprintf("template in %q: %s", field, te.Message)
	}
	return p
}
