package operator

import (
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

// Spec is the declaration of an operator: its names, parameters and documentation.
// Make one with [Define].
type Spec = declare.Spec[Operator]

// Registry finds the [Spec] that a DAG file names. Make one with [NewRegistry].
type Registry = declare.Registry[Operator]

// Option adds to the declaration of an operator.
type Option = declare.Option

// Define declares an operator under a short name. T is its parameter struct, see
// package params for the tags. Define panics when a tag is wrong.
func Define[T any, P interface {
	*T
	Operator
}](name string, opts ...Option) Spec {
	return DefineWith[T, P](name, func() *T { return new(T) }, opts...)
}

// DefineWith is [Define] for operators that need more than their parameters: create makes
// the value that parameters are decoded into, with all of those still zero.
func DefineWith[T any, P interface {
	*T
	Operator
}](name string, create func() *T, opts ...Option) Spec {
	return declare.DefineWith[Operator]("operator", name, create, append(opts, declare.RejectedParams(refusedParams()))...)
}

// NewRegistry makes a registry. Two specs with one name or path are an error, and so is a name
// that [Rejected] knows.
func NewRegistry(specs ...Spec) (*Registry, error) {
	var errs []error
	for _, s := range specs {
		names := []string{s.Name}
		for _, alias := range s.Aliases {
			names = append(names, alias.Path)
		}
		for _, name := range names {
			if message, rejected := Rejected(name); rejected {
				errs = append(errs, fmt.Errorf("operator %q: the name %q cannot be registered: %s", s.Name, name, message))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return declare.NewRegistry(specs...)
}

// Docs gives the comments of the parameter struct, as params/docgen wrote them.
func Docs(docs params.Docs) Option { return declare.Docs(docs) }

// Alias adds the dotted paths under which Airflow knows the operator.
func Alias(paths ...string) Option { return declare.Paths(paths...) }

// RenamingAlias adds the dotted path of a class that calls the parameter param by
// another name, with a default of its own. An empty default keeps that of param.
func RenamingAlias(path, oldName, param, defaultValue string) Option {
	return declare.Renamed(declare.Alias{Path: path, Old: oldName, New: param, Default: defaultValue})
}

// Example adds an example: the YAML of the operator's own parameters.
func Example(title, yaml string) Option { return declare.WithExample(title, yaml) }

// RejectedParams lists parameters of Airflow that are refused, each with what to do
// instead. A name may end in "*" for any rest.
func RejectedParams(messages map[string]string) Option { return declare.RejectedParams(messages) }

// RenamedParams lists former names of parameters with those of today. A DAG file that has
// a former name is told the new one, also when the former name is now a key of every task.
func RenamedParams(now map[string]string) Option { return declare.RenamedParams(now) }

// IgnoredParams lists parameters of Airflow that are accepted and have no effect.
func IgnoredParams(names ...string) Option { return declare.IgnoredParams(names...) }

// Deferrable accepts what Airflow's deferrable operators take, and more names, without any
// effect.
func Deferrable(more ...string) Option {
	return IgnoredParams(append(more, declare.DeferrableParams()...)...)
}

// Sensor says that the parameters common to all sensors apply.
func Sensor() Option { return declare.Sensor() }
