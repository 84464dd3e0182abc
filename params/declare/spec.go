// Package declare holds what operators and callbacks have in common: a [Spec] made
// once from a parameter struct, which decodes, renders and describes values of an
// interface type I, and the [Registry] through which DAG files name them.
package declare

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/params"
)

// Spec is the declaration of one kind of operator or callback. It is a value without
// mutable parts, safe for concurrent use.
type Spec[I any] struct {
	// Name is the short name, for instance "bash".
	Name string
	// Aliases are the dotted paths under which Airflow knows it.
	Aliases []Alias
	// Examples are for people. Tests decode and run them.
	Examples []Example
	// Sensor says that the parameters common to sensors apply.
	Sensor bool

	kind     string
	typ      *params.Type
	create   func() I
	rejected map[string]string
	renamed  map[string]string
	ignored  []string
	// via is the alias that the Spec was looked up by, when that changes a parameter.
	via *Alias
}

// Alias is a dotted path of Airflow. Some old classes name one parameter differently:
// then Old is that name, New the parameter it stands for, and Default its default.
type Alias struct {
	Path              string
	Old, New, Default string
}

// Example is one use of an operator or callback: the YAML of its own parameters.
type Example struct{ Title, YAML string }

// Option adds to a declaration.
type Option func(*options)

type options struct {
	docs     params.Docs
	aliases  []Alias
	examples []Example
	rejected map[string]string
	renamed  map[string]string
	ignored  []string
	sensor   bool
}

// Docs gives the comments of the parameter struct, as docgen wrote them.
func Docs(docs params.Docs) Option { return func(o *options) { o.docs = docs } }

// Paths adds dotted paths that mean the same as the short name.
func Paths(paths ...string) Option {
	return func(o *options) {
		for _, path := range paths {
			o.aliases = append(o.aliases, Alias{Path: path})
		}
	}
}

// Renamed adds a dotted path whose class calls one parameter by another name.
func Renamed(a Alias) Option { return func(o *options) { o.aliases = append(o.aliases, a) } }

// WithExample adds an example.
func WithExample(title, text string) Option {
	return func(o *options) { o.examples = append(o.examples, Example{Title: title, YAML: text}) }
}

// RejectedParams lists parameters of Airflow that are refused, each with what to do
// instead. A name may end in "*" for any rest. Several lists add up.
func RejectedParams(messages map[string]string) Option {
	return func(o *options) {
		if o.rejected == nil {
			o.rejected = map[string]string{}
		}
		maps.Copy(o.rejected, messages)
	}
}

// RenamedParams lists former names of parameters with those of today, so that a file
// which has one is told.
func RenamedParams(now map[string]string) Option {
	return func(o *options) { o.renamed = now }
}

// IgnoredParams lists parameters of Airflow that are accepted and have no effect.
func IgnoredParams(names ...string) Option { return func(o *options) { o.ignored = names } }

// DeferrableParams are what Airflow's deferrable operators take, and those that keep a
// connection open meanwhile.
func DeferrableParams() []string {
	return []string{
		"deferrable", "start_from_trigger", "end_from_trigger", "trigger_kwargs",
		"tcp_keep_alive", "tcp_keep_alive_idle", "tcp_keep_alive_count", "tcp_keep_alive_interval",
	}
}

// Sensor says that the parameters common to sensors apply.
func Sensor() Option { return func(o *options) { o.sensor = true } }

// Define declares the parameter struct T, whose pointer implements I, under a short
// name. The kind is "operator" or "callback", for messages. It panics when a tag of T
// is wrong or *T does not implement I.
func Define[I, T any](kind, name string, opts ...Option) Spec[I] {
	return DefineWith[I](kind, name, func() *T { return new(T) }, opts...)
}

// DefineWith is [Define] for values that need more than their parameters: create
// makes the value that parameters are decoded into, with all of those still zero.
func DefineWith[I, T any](kind, name string, create func() *T, opts ...Option) Spec[I] {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if _, ok := any(new(T)).(I); !ok {
		panic(fmt.Sprintf("declare: *%s is not a %s", reflect.TypeFor[T](), reflect.TypeFor[I]()))
	}
	return Spec[I]{
		Name: name, Aliases: o.aliases, Examples: o.examples, Sensor: o.sensor,
		kind: kind, typ: params.Of[T](kind+" "+name, o.docs), rejected: o.rejected, renamed: o.renamed, ignored: o.ignored,
		create: func() I { return any(create()).(I) },
	}
}

// New makes a value with all of its parameters still zero, for instance to see which
// optional interfaces it has.
func (s Spec[I]) New() I { return s.create() }

// Ref is the name that gives this Spec again in [Registry.Lookup]: the short name, or
// the dotted path where that changes a parameter.
func (s Spec[I]) Ref() string {
	if s.via != nil {
		return s.via.Path
	}
	return s.Name
}

// Doc is the text about the operator or callback.
func (s Spec[I]) Doc() string { return s.typ.Doc() }

// Summary is the first sentence of the text.
func (s Spec[I]) Summary() string {
	paragraph, _, _ := strings.Cut(s.Doc(), "\n\n")
	sentence, _, found := strings.Cut(strings.ReplaceAll(paragraph, "\n", " "), ". ")
	if found {
		sentence += "."
	}
	return sentence
}

// Fields describes the parameters.
func (s Spec[I]) Fields() []params.Field {
	fields := s.typ.Fields()
	for i := range fields {
		if s.via != nil && fields[i].Name == s.via.New {
			fields[i].Name, fields[i].Default = s.via.Old, s.via.Default
		}
	}
	return fields
}

// Params lists the names of the parameters, those without effect included.
func (s Spec[I]) Params() []string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name)
	}
	return append(names, s.ignored...)
}

// Renamed returns today's names of parameters by the former ones.
func (s Spec[I]) Renamed() map[string]string { return maps.Clone(s.renamed) }

// Claims lists every name by which a file may give a parameter that has an effect, those
// of aliases included.
func (s Spec[I]) Claims() []string {
	names := s.typ.Names()
	for _, a := range s.Aliases {
		if a.Old != "" {
			names = append(names, a.Old)
		}
	}
	return names
}

// JSONSchema describes the parameters, see [params.Type.JSONSchema].
func (s Spec[I]) JSONSchema() map[string]any {
	schema := s.typ.JSONSchema()
	properties := schema["properties"].(map[string]any)
	for _, name := range s.ignored {
		properties[name] = map[string]any{"description": "Accepted for Airflow's sake, without effect."}
	}
	if s.via != nil {
		properties[s.via.Old] = properties[s.via.New]
		delete(properties, s.via.New)
	}
	return schema
}

// Decode makes a value of the parameters in a mapping node. The value is only valid
// when no problem is an error, see [params.Failed].
func (s Spec[I]) Decode(args *yaml.Node) (I, []params.Problem) {
	args, problems := s.adapt(args)
	value := s.create()
	problems = append(problems, s.typ.Decode(args, value)...)
	return value, problems
}

// Render returns a copy of value with its templates rendered, see [params.Type.Render].
func (s Spec[I]) Render(value I, render func(field, text string) (any, error)) (I, error) {
	rendered, err := s.typ.Render(value, render)
	if err != nil {
		var none I
		return none, err
	}
	return rendered.(I), nil
}

// Templates visits the templates in undecoded parameters, see [params.Type.Templates].
func (s Spec[I]) Templates(args *yaml.Node, visit func(field string, text *yaml.Node)) {
	adapted, _ := s.adapt(args)
	s.typ.Templates(adapted, visit)
}

// NamesFile reports whether a text names a template file, see [params.Type.NamesFile].
func (s Spec[I]) NamesFile(field, text string) bool { return s.typ.NamesFile(field, text) }

// Values returns the parameters of value for showing, see [params.Type.Values].
func (s Spec[I]) Values(value I) map[string]any { return s.typ.Values(value) }

// adapt returns args without the parameters that are refused or have no effect, and
// with the names of an alias replaced. The node itself stays as it is.
func (s Spec[I]) adapt(args *yaml.Node) (*yaml.Node, []params.Problem) {
	if args == nil || args.Kind != yaml.MappingNode || len(s.rejected)+len(s.renamed)+len(s.ignored) == 0 && s.via == nil {
		return args, nil
	}
	adapted := *args
	adapted.Content = make([]*yaml.Node, 0, len(args.Content)+2)
	var problems []params.Problem
	given := false
	for i := 0; i+1 < len(args.Content); i += 2 {
		key, value := args.Content[i], args.Content[i+1]
		if message, rejected := s.Refused(key.Value); rejected {
			problems = append(problems, params.Problem{
				Line: key.Line, Column: key.Column, Field: key.Value,
				Text: fmt.Sprintf("parameter %q of %s %s is not supported: %s", key.Value, s.kind, s.Name, message),
			})
			continue
		}
		if now := s.renamed[key.Value]; now != "" {
			problems = append(problems, params.Problem{
				Line: key.Line, Column: key.Column, Field: key.Value,
				Text: fmt.Sprintf("parameter %q of %s %s has another name now: use %s", key.Value, s.kind, s.Name, now),
			})
			continue
		}
		if slices.Contains(s.ignored, key.Value) {
			continue
		}
		if s.via != nil && key.Value == s.via.Old {
			renamed := *key
			renamed.Value = s.via.New
			key = &renamed
		}
		given = given || s.via != nil && key.Value == s.via.New
		adapted.Content = append(adapted.Content, key, value)
	}
	if s.via != nil && !given && s.via.Default != "" {
		adapted.Content = append(adapted.Content, text(s.via.New), text(s.via.Default))
	}
	return &adapted, problems
}

func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value}
}

// Refused says what to do instead of a parameter that is refused.
func (s Spec[I]) Refused(name string) (message string, found bool) {
	if message, found = s.rejected[name]; found {
		return message, true
	}
	for pattern, message := range s.rejected {
		if prefix, wild := strings.CutSuffix(pattern, "*"); wild && strings.HasPrefix(name, prefix) {
			return message, true
		}
	}
	return "", false
}
