package app

import (
	"fmt"
	"os"
	"time"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tracing"
	"github.com/dingdag/dingdag/trigger"
	"github.com/dingdag/dingdag/trigger/dingtalk"
)

// Catalog is what the DAG loader checks files against.
func (a *App) Catalog() (catalog.Catalog, error) {
	ops, err := a.Operators()
	if err != nil {
		return catalog.Catalog{}, err
	}
	cbs, err := a.Notifiers()
	if err != nil {
		return catalog.Catalog{}, err
	}
	triggers, err := Triggers()
	if err != nil {
		return catalog.Catalog{}, err
	}
	return catalog.Catalog{Operators: ops, Callbacks: cbs, Triggers: triggers, Templates: a.Templates()}, nil
}

// Triggers is every trigger that the watchers of assets may name.
func Triggers() (*trigger.Registry, error) { return trigger.NewRegistry(dingtalk.Specs()...) }

// Engine builds the engine on a store. The connections are those of the home folder's
// lookup order, with db as its last place.
func (a *App) Engine(s store.Store, db connections.Source, set func(*engine.Options)) (*engine.Engine, error) {
	conns, vars, err := a.Sources(db)
	if err != nil {
		return nil, err
	}
	ops, err := a.Operators()
	if err != nil {
		return nil, err
	}
	cbs, err := a.Callbacks(conns)
	if err != nil {
		return nil, err
	}
	triggers, err := Triggers()
	if err != nil {
		return nil, err
	}
	o := engine.Options{
		Operators: ops, Callbacks: cbs, Triggers: triggers, Templates: a.Templates(), Connections: conns, Variables: vars, Masker: a.Masker(),
		Workers: a.Settings.Workers, MaxMapLength: a.Settings.MaxMapLength, Grace: a.Settings.Grace, AlertDeadline: a.Settings.AlertDeadline, PausedAtCreation: a.Settings.PausedAtCreation, Clock: a.Clock, Log: a.Log(), Environ: a.TaskEnviron(),
	}
	o.Discard = func(folder string, runKey int64) error { return history.Discard(a.LogDir(), folder, runKey) }
	o.FoldAfter = a.Settings.FoldAfter
	o.BoundCallback = boundCallback
	o.Pages, o.Version = a.Pages(), a.parts.Version
	o.Tracer = tracing.New(Host() + ":" + a.Settings.Home)
	if o.Owners, err = a.Owners(); err != nil {
		return nil, err
	}
	o.RenderedRuns, o.RenderedLength = a.Settings.RenderedRuns, a.Settings.RenderedLength
	if o.RenderedRuns == 0 {
		o.RenderedRuns = -1 // none, where the engine's 0 is its default
	}
	o.OnUndelivered, o.Maintenance = a.checked.onUndelivered, a.checked.maintenance
	if o.Location, err = time.LoadLocation(a.Settings.DefaultTimezone); err != nil {
		return nil, fmt.Errorf("default_timezone: %w", err)
	}
	if a.Shared() {
		o.Shared, o.Node, o.Queues = true, a.Node(), a.Queues()
		if o.KeyMark, err = keyMark(s); err != nil {
			return nil, err
		}
	}
	set(&o)
	return engine.New(s, o)
}

// Host is the name of this machine, which instances have as their host too.
func Host() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost" // as the engine calls it
	}
	return name
}
