package cli

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	cbdingding "github.com/dingdag/dingdag/callbacks/dingding"
	cbhttp "github.com/dingdag/dingdag/callbacks/http"
	cbsmtp "github.com/dingdag/dingdag/callbacks/smtp"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/email"
	"github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/sql"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// operators is every operator that DAG files may name.
func (a *app) operators() (*operator.Registry, error) {
	var all []operator.Spec // in the order of the docs
	all = append(all, standard.Specs()...)
	all = append(all, http.Specs()...)
	all = append(all, sql.Specs()...)
	all = append(all, email.Specs()...)
	all = append(all, dingding.Specs(a.dingding())...)
	return operator.NewRegistry(append(all, a.extensions.Operators...)...)
}

// callbacks is every notifier that DAG files may name. The sources are where senders
// look up connections; a command that sends nothing passes nil.
func (a *app) callbacks(conns connections.Source) (*callbacks.Registry, error) {
	senders, specs := map[string]callbacks.Sender{}, slices.Clone(a.extensions.Callbacks)
	for _, p := range []callbacks.Provider{
		cbdingding.Provider(a.dingding().With(conns, onlyWarnings(a.log()))),
		cbhttp.Provider(conns),
		cbsmtp.Provider(conns, templates()),
	} {
		senders[p.SenderName] = p.Sender
		specs = append(specs, p.Specs...)
	}
	maps.Copy(senders, a.extensions.Senders)
	return callbacks.NewRegistry(specs, senders, a.extensions.Functions...)
}

// dingding is the one hook of the process: it keeps network connections open between
// tasks and messages.
func (a *app) dingding() *hook.DingdingHook {
	if a.hook == nil {
		a.hook = hook.New(connections.Chain(a.log()), hook.WithLogger(a.log()), hook.WithClock(clock), hook.WithTokenStore(tokens{a}))
		a.closes = append(a.closes, func() error {
			a.hook.CloseIdleConnections()
			return nil
		})
	}
	return a.hook
}

func templates() *template.Env { return template.New(template.Options{Clock: clock}) }

// catalog is what the DAG loader checks files against.
func (a *app) catalog() (catalog.Catalog, error) {
	ops, err := a.operators()
	if err != nil {
		return catalog.Catalog{}, err
	}
	cbs, err := a.callbacks(connections.Chain(a.log()))
	if err != nil {
		return catalog.Catalog{}, err
	}
	return catalog.Catalog{Operators: ops, Callbacks: cbs, Templates: templates()}, nil
}

// engine builds the engine on a store. The connections are those of the home folder's
// lookup order, with db as its last place.
func (a *app) engine(s store.Store, db connections.Source, set func(*engine.Options)) (*engine.Engine, error) {
	conns, vars, err := a.sources(db)
	if err != nil {
		return nil, err
	}
	ops, err := a.operators()
	if err != nil {
		return nil, err
	}
	cbs, err := a.callbacks(conns)
	if err != nil {
		return nil, err
	}
	o := engine.Options{
		Operators: ops, Callbacks: cbs, Templates: templates(), Connections: conns, Variables: vars, Masker: a.maskerOnce(),
		Workers: a.cfg.Workers, MaxMapLength: a.cfg.MaxMapLength, Grace: a.cfg.Grace, PausedAtCreation: a.cfg.PausedAtCreation, Clock: clock, Log: a.log(),
	}
	o.RenderedRuns, o.RenderedLength = a.cfg.RenderedRuns, a.cfg.RenderedLength
	if o.RenderedRuns == 0 {
		o.RenderedRuns = -1 // none, where the engine's 0 is its default
	}
	if env := a.environ(); env != nil {
		o.Environ = a.maskerOnce().ChildEnviron(env, a.cfg.PassEnv...)
	}
	for _, name := range a.cfg.OnUndelivered {
		if err := usableAlone(cbs, name); err != nil {
			return nil, fmt.Errorf("setting on_undelivered: %w", err)
		}
		o.OnUndelivered = append(o.OnUndelivered, dag.Callback{Name: name})
	}
	if o.Location, err = time.LoadLocation(a.cfg.DefaultTimezone); err != nil {
		return nil, fmt.Errorf("default_timezone: %w", err)
	}
	set(&o)
	return engine.New(s, o)
}

// usableAlone refuses a notifier that is unknown or does not work without parameters.
func usableAlone(cbs *callbacks.Registry, name string) error {
	spec, ok := cbs.Lookup(name)
	if !ok {
		return fmt.Errorf("unknown notifier %q", name)
	}
	if _, problems := spec.Decode(nil); params.Failed(problems) {
		return fmt.Errorf("notifier %q needs parameters, which it cannot get here: %s", name, problems[0].Text)
	}
	return nil
}
