// Package trigger is the contract of what the watchers of assets wait for (Airflow, BaseEventTrigger):
// something outside happens, and the asset has an event.
package trigger

import (
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

// Trigger is what one watcher waits for, decoded from a DAG file. Who receives what happens asks it
// whether that is meant.
type Trigger interface {
	// Awaits says for people, in a few words, what is waited for.
	Awaits() string
}

// Spec is the declaration of a trigger: its name, parameters and documentation. Make one with
// [Define].
type Spec = declare.Spec[Trigger]

// Define declares a trigger under a short name. T is its parameter struct, see package params for the
// tags. Define panics when a tag is wrong.
func Define[T any, P interface {
	*T
	Trigger
}](name string, opts ...declare.Option) Spec {
	return declare.Define[Trigger, T]("trigger", name, opts...)
}

// Docs gives the comments of the parameter struct, as params/docgen wrote them.
func Docs(docs params.Docs) declare.Option { return declare.Docs(docs) }

// Example adds an example: the YAML of the trigger's own parameters.
func Example(title, yaml string) declare.Option { return declare.WithExample(title, yaml) }

// Registry finds the [Spec] that a DAG file names.
type Registry = declare.Registry[Trigger]

// NewRegistry makes a registry of specs. Names that stand for two are errors.
func NewRegistry(specs ...Spec) (*Registry, error) { return declare.NewRegistry(specs...) }
