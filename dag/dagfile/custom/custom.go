// Package custom reads operators that files define in YAML: parameters, and an operator below them whose fields are
// templates over the parameters. A task that names one becomes a task of the operator below before it is checked and stored, so
// that nothing else need know of it.
package custom

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Operator is one that a file defines.
type Operator struct {
	// Name is how tasks call it, Aliases are dotted paths that mean the same.
	Name    string
	Aliases []string
	// Doc is for people.
	Doc    string
	Params []Param
	// Below is the operator that does the work, and With are its fields, whose texts may be templates over args.
	Below string
	With  *yaml.Node
	// At is the name in the file, and BelowAt that of the operator below.
	At, BelowAt *yaml.Node
	// File is where it is defined.
	File string

	body *yaml.Node
	uses map[*yaml.Node]use
}

// Param is one of its parameters.
type Param struct {
	Name, Doc string
	Type      Type
	// Default is nil for none.
	Default  *yaml.Node
	Required bool
	// Enum are the values that it may have; nil is any.
	Enum []string
	// Template says that texts in it may be templates.
	Template bool
}

// Type is what values a parameter may have, by the words of JSON Schema.
type Type string

// The types.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
	Array   Type = "array"
	Object  Type = "object"
	Any     Type = "any"
)

var types = []string{string(String), string(Integer), string(Number), string(Boolean), string(Array), string(Object), string(Any)}

// kinds are the kinds of YAML values that a type takes.
var kinds = map[Type][]yamlvalue.Kind{
	String: {yamlvalue.Text}, Integer: {yamlvalue.Int}, Number: {yamlvalue.Int, yamlvalue.Float}, Boolean: {yamlvalue.Bool},
	Array: {yamlvalue.List}, Object: {yamlvalue.Map},
}

var (
	operatorName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	paramName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reference    = regexp.MustCompile(`\bargs(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[\s*['"]([^'"]*)['"]\s*\])`)
)

// methods are what templates find on a mapping before its keys.
var methods = []string{"clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"}

// Read reads the operators of a file, whose root is given. What is wrong with one is reported, and the others are read all the same;
// broken are the names of those in error.
func Read(s reading.Scope, root *yaml.Node) (all []*Operator, broken []*yaml.Node) {
	if root.Kind != yaml.MappingNode {
		s.Errorf(root, "a file of operators is a mapping with the key operators, not %s", reading.Show(root))
		return nil, nil
	}
	for k, v := range yamlvalue.Pairs(root) {
		if k.Value != "operators" {
			if tasks, _ := yamlvalue.Lookup(v, "tasks"); tasks != nil {
				s.Errorf(k, "a file of this name defines operators, below the key operators: put the DAG %q into another file", yamlvalue.Excerpt(k.Value))
			} else if !strings.HasPrefix(k.Value, "x-") {
				s.Errorf(k, "unknown key %q: a file of operators has the key operators", yamlvalue.Excerpt(k.Value))
			}
			continue
		}
		if !s.Mapping("operators", v) {
			continue
		}
		for name, body := range yamlvalue.Pairs(v) {
			if o := readOperator(s, name, body); o != nil {
				all = append(all, o)
			} else {
				broken = append(broken, name)
			}
		}
	}
	return all, broken
}

func readOperator(s reading.Scope, name, body *yaml.Node) *Operator {
	failed := s.Failed()
	if !operatorName.MatchString(name.Value) {
		s.Errorf(name, "%q cannot name an operator: use letters, digits, _, - and .", yamlvalue.Excerpt(name.Value))
	}
	if !s.Mapping("operator "+yamlvalue.Excerpt(name.Value), body) {
		return nil
	}
	o := &Operator{Name: name.Value, At: name, File: s.File, body: body}
	known := []string{"aliases", "description", "params", "operator", "with"}
	for k, v := range yamlvalue.Pairs(body) {
		switch k.Value {
		case "aliases":
			o.Aliases, _ = s.Texts("aliases", v)
		case "description":
			o.Doc, _ = s.Text("description", v)
		case "params":
			o.readParams(s, v)
		case "operator":
			o.Below, _ = s.Text("operator", v)
			o.BelowAt = v
		case "with":
			if s.Mapping("with", v) {
				o.With = v
			}
		default:
			s.Errorf(k, "unknown key %q of an operator%s", yamlvalue.Excerpt(k.Value), s.Suggest(k.Value, slices.Values(known)))
		}
	}
	if o.BelowAt == nil {
		s.Errorf(name, "operator is missing: name the operator that does the work, such as bash")
	}
	if o.With == nil {
		o.With = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: name.Line, Column: name.Column}
	}
	o.checkReferences(s, o.With)
	if s.Failed() > failed {
		return nil
	}
	o.uses = map[*yaml.Node]use{}
	o.note(o.With)
	return o
}

func (o *Operator) readParams(s reading.Scope, n *yaml.Node) {
	if !s.Mapping("params", n) {
		return
	}
	for k, v := range yamlvalue.Pairs(n) {
		switch {
		case !paramName.MatchString(k.Value):
			s.Errorf(k, "%q cannot name a parameter: use letters, digits and _", yamlvalue.Excerpt(k.Value))
			continue
		case slices.Contains(methods, k.Value):
			s.Errorf(k, "a parameter cannot be called %s: in a template args.%s is a method of the mapping", k.Value, k.Value)
			continue
		}
		o.Params = append(o.Params, readParam(s, k, v))
	}
}

func readParam(s reading.Scope, name, body *yaml.Node) Param {
	p := Param{Name: name.Value, Type: Any, Template: true}
	if yamlvalue.KindOf(body) == yamlvalue.Null {
		return p
	}
	if !s.Mapping("parameter "+name.Value, body) {
		return p
	}
	var given *yaml.Node
	for k, v := range yamlvalue.Pairs(body) {
		switch k.Value {
		case "type":
			text, _ := s.Text("type", v)
			if p.Type = Type(text); !slices.Contains(types, text) {
				s.Errorf(v, "unknown type %q%s; the types are %s", yamlvalue.Excerpt(text), s.Suggest(text, slices.Values(types)), strings.Join(types, ", "))
				p.Type = Any
			}
		case "description":
			p.Doc, _ = s.Text("description", v)
		case "default":
			p.Default, given = v, k
		case "required":
			p.Required, _ = s.Boolean("required", v)
		case "template":
			p.Template, _ = s.Boolean("template", v)
		case "enum":
			p.Enum, _ = s.Texts("enum", v)
		default:
			s.Errorf(k, "unknown key %q of a parameter%s", yamlvalue.Excerpt(k.Value), s.Suggest(k.Value, slices.Values([]string{"type", "description", "default", "required", "template", "enum"})))
		}
	}
	switch {
	case given != nil && p.Required:
		s.Errorf(given, "parameter %s is required and has a default: leave one of them out", p.Name)
	case given != nil && yamlvalue.KindOf(p.Default) != yamlvalue.Null:
		if why := p.check(p.Default); why != "" {
			s.Errorf(p.Default, "default of parameter %s: %s", p.Name, why)
		}
	}
	return p
}

// checkReferences reports templates that ask for parameters which the operator has not.
func (o *Operator) checkReferences(s reading.Scope, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		for _, found := range reference.FindAllStringSubmatch(n.Value, -1) {
			name := found[1] + found[2]
			if o.Param(name) == nil && !slices.Contains(methods, name) {
				s.Errorf(n, "args.%s: the operator has no such parameter%s", name, s.Suggest(name, slices.Values(o.ParamNames())))
			}
		}
	}
	for _, c := range n.Content {
		o.checkReferences(s, c)
	}
}

// ParamNames are the names of its parameters.
func (o *Operator) ParamNames() []string {
	names := make([]string, len(o.Params))
	for i, p := range o.Params {
		names[i] = p.Name
	}
	return names
}

// Param is the parameter with a name, nil for none.
func (o *Operator) Param(name string) *Param {
	for i := range o.Params {
		if o.Params[i].Name == name {
			return &o.Params[i]
		}
	}
	return nil
}

// JSONSchema is that of its parameters, an object with properties.
func (o *Operator) JSONSchema() map[string]any {
	properties := map[string]any{}
	for _, p := range o.Params {
		of := o.Schema(p.Name)
		if t, typed := of["type"]; typed && p.Template && t != string(String) {
			delete(of, "type") // it may be a template
		}
		properties[p.Name] = of
	}
	return map[string]any{"type": "object", "properties": properties}
}

// Definition is how it is defined, as YAML.
func (o *Operator) Definition() (string, error) {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{copied(o.At), copied(o.body)}}); err != nil {
		return "", fmt.Errorf("encode operator %s: %w", o.Name, err)
	}
	return b.String(), nil
}

// Schema is the JSON Schema of a parameter, nil when any value fits.
func (o *Operator) Schema(name string) map[string]any {
	p := o.Param(name)
	if p == nil {
		return nil
	}
	out := map[string]any{}
	if p.Type != Any {
		out["type"] = string(p.Type)
	}
	if p.Doc != "" {
		out["description"] = p.Doc
	}
	if p.Enum != nil {
		out["enum"] = p.Enum
	}
	return out
}

// Problem is one finding about a parameter of a task.
type Problem struct {
	At   *yaml.Node
	Text string
}

// Check checks the parameters of a task, a mapping node.
func (o *Operator) Check(args *yaml.Node) (out []Problem) {
	for k, v := range yamlvalue.Pairs(args) {
		p := o.Param(k.Value)
		if p == nil {
			out = append(out, Problem{k, "unknown parameter " + strconv.Quote(yamlvalue.Excerpt(k.Value)) + " for operator " + o.Name + yamlvalue.DidYouMean(k.Value, slices.Values(o.ParamNames()))})
			continue
		}
		if why := p.check(v); why != "" {
			out = append(out, Problem{v, p.Name + ": " + why})
		}
	}
	for _, p := range o.Params {
		if k, _ := yamlvalue.Lookup(args, p.Name); k == nil && p.Required {
			out = append(out, Problem{args, "parameter " + p.Name + " of operator " + o.Name + " is required"})
		}
	}
	return out
}

// check says why a value does not fit, "" when it does.
func (p *Param) check(n *yaml.Node) string {
	kind := yamlvalue.KindOf(n)
	template := kind == yamlvalue.Text && isTemplate(n.Value)
	want := kinds[p.Type]
	switch {
	case !p.Template && hasTemplate(n):
		return "it takes no template"
	case kind == yamlvalue.Null:
		if p.Required {
			return "it is required, and null"
		}
		return ""
	case template:
		return "" // what it becomes is known when the task runs
	case want != nil && !slices.Contains(want, kind):
		return "want " + article(string(p.Type)) + ", not " + reading.Show(n)
	case p.Enum != nil && (n.Kind != yaml.ScalarNode || !slices.Contains(p.Enum, n.Value)):
		return "want one of " + strings.Join(p.Enum, ", ") + ", not " + reading.Show(n)
	}
	return ""
}

func article(word string) string {
	if strings.ContainsAny(word[:1], "aeio") {
		return "an " + word
	}
	return "a " + word
}

func isTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.Contains(text, "{#")
}

func hasTemplate(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && isTemplate(n.Value) || slices.ContainsFunc(n.Content, hasTemplate)
}
