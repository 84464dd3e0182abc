package callbacks

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

const kind = "callback"

// Spec is the declaration of a callback: its names, parameters and documentation.
// Make one with [Define].
type Spec = declare.Spec[Callback]

// Option adds to the declaration of a callback.
type Option = declare.Option

// Define declares a callback under a short name. T is its parameter struct, see
// package params for the tags. Define panics when a tag is wrong.
func Define[T any, P interface {
	*T
	Callback
}](name string, opts ...Option) Spec {
	return declare.Define[Callback, T](kind, name, opts...)
}

// Docs gives the comments of the parameter struct, as params/docgen wrote them.
func Docs(docs params.Docs) Option { return declare.Docs(docs) }

// Alias adds the dotted paths under which Airflow knows the callback.
func Alias(paths ...string) Option { return declare.Paths(paths...) }

// Example adds an example: the YAML of the callback's own parameters.
func Example(title, yaml string) Option { return declare.WithExample(title, yaml) }

// RejectedParams lists parameters of Airflow that are refused, each with what to do
// instead. A name may end in "*" for any rest.
func RejectedParams(messages map[string]string) Option { return declare.RejectedParams(messages) }

// IgnoredParams lists parameters of Airflow that are accepted and have no effect.
func IgnoredParams(names ...string) Option { return declare.IgnoredParams(names...) }

// Provider is what a package of notifiers brings: their declarations, and what delivers
// their messages.
type Provider struct {
	Specs []Spec
	// SenderName is [Message.Sender] of their messages.
	SenderName string
	Sender     Sender
}

// Registry finds the [Spec] that a DAG file names, the [Sender] that delivers a
// [Message], and the functions that are registered by name. It is never changed after
// it was made and safe for concurrent use.
type Registry struct {
	specs   *declare.Registry[Callback]
	senders map[string]Sender
}

// NewRegistry makes a registry of specs, of senders by name, and of functions that DAG
// files may name. It is an error when one name stands for two things, or when
// [Rejected] knows it.
func NewRegistry(specs []Spec, senders map[string]Sender, functions ...Function) (*Registry, error) {
	all := slices.Clone(specs)
	byName := maps.Clone(senders)
	if byName == nil {
		byName = map[string]Sender{}
	}
	var errs []error
	for _, f := range functions {
		if _, taken := byName[f.sender()]; taken {
			errs = append(errs, fmt.Errorf("callback function %q is registered twice", f.name))
		}
		byName[f.sender()] = f
		all = append(all, f.spec())
	}
	errs = append(errs, refuseNames(all))
	registry, err := declare.NewRegistry(all...)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Registry{specs: registry, senders: byName}, nil
}

// refuseNames looks for names that nothing can have.
func refuseNames(specs []Spec) error {
	var errs []error
	for _, s := range specs {
		names := []string{s.Name}
		for _, alias := range s.Aliases {
			names = append(names, alias.Path)
		}
		for _, name := range names {
			if message, rejected := Rejected(name); rejected {
				errs = append(errs, fmt.Errorf("callback %q: the name %q cannot be registered: %s", s.Name, name, message))
			}
		}
	}
	return errors.Join(errs...)
}

// Lookup returns the spec with the short name or dotted path, compared exactly.
func (r *Registry) Lookup(name string) (Spec, bool) { return r.specs.Lookup(name) }

// Suggest returns the name or path nearest to an unknown one, or "".
func (r *Registry) Suggest(name string) string { return r.specs.Suggest(name) }

// Specs returns all specs, sorted by name.
func (r *Registry) Specs() []Spec { return r.specs.Specs() }

// StandIn returns a message that tells the event through a connection, by the sender that serves
// connections like it.
func (r *Registry) StandIn(c Conn, ev *Event) (Message, error) {
	for _, name := range slices.Sorted(maps.Keys(r.senders)) {
		if s, ok := r.senders[name].(StandInSender); ok && s.Serves(c) {
			m, err := s.StandIn(c, ev)
			if err != nil {
				return m, fmt.Errorf("connection %q: %w", c.ID, err)
			}
			return m, nil
		}
	}
	return Message{}, fmt.Errorf("connection %q has the type %q, through which no alert can be sent", c.ID, c.Type)
}

// Sender returns the sender that delivers messages with [Message.Sender] name.
func (r *Registry) Sender(name string) (Sender, bool) {
	s, found := r.senders[name]
	return s, found
}
