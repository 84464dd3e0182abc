// Package app is what the commands share: the home folder, the DAGs folder, the registered parts,
// the engine and the api on them, and the zone in which times are shown.
package app

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/dates"
	"github.com/dingdag/dingdag/cli/internal/folder"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/template"
)

// App is what the commands of one invocation share. Each part is made when a command
// first asks for it, so that cheap commands stay cheap.
type App struct {
	*home.Home
	*dates.Dates
	// DAGs is the DAGs folder.
	DAGs *folder.Folder

	parts     Parts
	operators *operator.Registry
	notifiers *callbacks.Registry
	hook      *hook.DingdingHook
	owners    *owners.Book
	checked   checked
	working   *engine.Engine
	logs      *logs
	by        store.Actor       // on whose behalf a guest works
	unseen    []store.EventKind // that a guest may not see

	gateOnce sync.Once
	gate     *gate.Gate
}

// Parts are the concrete operators and notifiers of the program.
type Parts struct {
	// Version is that of the program, as it tells it.
	Version string
	// Call runs a command for somebody on another machine, on the home folder of the App that works on it.
	Call func(ctx context.Context, host *App, c *remote.Call) (code int)
	// Operators is every operator that DAG files may name.
	Operators func(*App) (*operator.Registry, error)
	// Callbacks is every notifier that DAG files may name, with senders that look up
	// connections there.
	Callbacks func(*App, connections.Source) (*callbacks.Registry, error)
	// LogStores open the log stores that a URL names, by its scheme; key is that of the setting log_store_key, or empty.
	LogStores map[string]func(url, key string) (tasklog.Store, error)
}

// New returns what one command uses, which closes it.
func New(o show.IO, clock func() time.Time, parts Parts) *App { return on(home.New(o, clock), parts) }

// Call runs a command for somebody on another machine.
func (a *App) Call(ctx context.Context, c *remote.Call) (code int) { return a.parts.Call(ctx, a, c) }

// Guest is what a command of somebody on another machine uses, which closes it: the home folder, the store, the hook and the
// engine are those of a.
func (a *App) Guest(ctx context.Context, c *remote.Call) *App {
	g := on(a.Home.Guest(ctx, c.IO, home.Caller{Program: c.Program, LookupEnv: c.LookupEnv}), a.parts)
	g.by = store.Actor{Name: c.Who.User, Via: cmp.Or(c.Via, store.ViaRESTAPI), Address: c.Who.Address}
	if !c.Who.May(access.Configure, nil) {
		g.unseen = store.EventsOfAdmins()
	}
	g.hook, g.operators, g.working, g.logs = a.Dingding(), a.operators, a.working, a.logs
	return g
}

// on is what a command uses on a home folder.
func on(h *home.Home, parts Parts) *App {
	a := &App{Home: h, Dates: dates.New(h), parts: parts, logs: &logs{own: h.Node}}
	h.Check = a.checkSettings
	h.OnClose(a.logs.close)
	a.DAGs = folder.New(h, a.Catalog, a.Owners, parts.Version)
	return a
}

// Operators is every operator that DAG files may name.
func (a *App) Operators() (*operator.Registry, error) {
	if a.operators == nil {
		r, err := a.parts.Operators(a)
		if err != nil {
			return nil, err
		}
		a.operators = r
	}
	return a.operators, nil
}

// Callbacks is every notifier that DAG files may name. The sources are where senders
// look up connections.
func (a *App) Callbacks(conns connections.Source) (*callbacks.Registry, error) {
	return a.parts.Callbacks(a, conns)
}

// Notifiers are the callbacks of a command that sends nothing.
func (a *App) Notifiers() (*callbacks.Registry, error) {
	if a.notifiers == nil {
		r, err := a.Callbacks(connections.Chain(a.Log()))
		if err != nil {
			return nil, err
		}
		a.notifiers = r
	}
	return a.notifiers, nil
}

// Dingding is the one hook of the process: it keeps network connections open between
// tasks and messages.
func (a *App) Dingding() *hook.DingdingHook {
	if a.hook == nil {
		a.hook = hook.New(connections.Chain(a.Log()), hook.WithLogger(a.Log()), hook.WithClock(a.Clock), hook.WithTokenStore(tokens{a}), hook.WithGate(gates{a}))
		a.OnClose(func() error {
			a.hook.CloseIdleConnections()
			return nil
		})
	}
	return a.hook
}

// Templates renders templates.
func (a *App) Templates() *template.Env { return template.New(template.Options{Clock: a.Clock}) }
