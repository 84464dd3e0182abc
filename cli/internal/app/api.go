package app

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// API is what commands ask, on the store of the home folder, which is made unless it is there.
func (a *App) API(ctx context.Context) (*api.API, error) {
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return a.APIOn(s), nil
}

// Look is the same for commands that make no store: where none is, nothing has run.
func (a *App) Look(ctx context.Context) (*api.API, error) {
	ok, err := a.HasStore()
	if err != nil {
		return nil, err
	}
	if !ok {
		return a.APIOn(nil), nil
	}
	return a.API(ctx)
}

// AskStore is the same for commands whose answer would be false where no store is: they look for what must
// have been told, perhaps in the wrong home folder.
func (a *App) AskStore(ctx context.Context) (*api.API, error) {
	ok, err := a.HasStore()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("there is no store in %s, so that nothing has run here: set DINGDAG_HOME or --home to the folder of the process that schedules", a.Place())
	}
	return a.API(ctx)
}

// APIOn is the same on a store, which is nil for none. The settings have been read.
func (a *App) APIOn(s store.Store) *api.API { return a.apiFor(s, a.visible()) }

// apiFor is the same for who may see some DAGs, see Visible in [api.Options].
func (a *App) apiFor(s store.Store, visible func(context.Context) ([]string, error)) *api.API {
	vault, _ := s.(api.Vault)
	return api.New(api.Options{
		Store: s, Vault: vault, Folder: dagFiles{a}, PausedAtCreation: a.Settings.PausedAtCreation, Masker: a.Masker(), Clock: a.Clock, By: a.Actor(),
		LogDir:  a.LogDir(),
		Logs:    a.logReader(s),
		Visible: visible, Unseen: a.unseen,
		Content: a.content,
		ConnIDs: a.ConnectionIDs, Command: a.Command,
		Resent: func() {
			if a.working != nil { // another process notices it
				a.working.WakeOutbox()
			}
		},
		Engine: func(ctx context.Context) (api.Engine, error) { return a.Asker(ctx) },
	})
}

// visible says which DAGs whoever calls a command from another machine may see; nil is every one, as for commands here.
func (a *App) visible() func(ctx context.Context) ([]string, error) {
	if !a.IsGuest() {
		return nil
	}
	return func(ctx context.Context) ([]string, error) {
		if who, ok := access.From(ctx); ok && who.DAGs.All() {
			return nil, nil // without a look at a store, which may not be there
		}
		s, err := a.OpenStore(ctx)
		if err != nil {
			return nil, err
		}
		return a.Browser(s, nil).Visible(ctx)
	}
}

// OverviewOn is what pages show at a glance to somebody, on a store. shapes is the memory of all overviews of a process.
func (a *App) OverviewOn(s store.Store, by store.Actor, shapes *overview.Shapes) *overview.Overview {
	return overview.New(overview.Options{API: a.APIOn(s).By(by), Store: s, Folder: dagFiles{a}, Shapes: shapes, Masker: a.Masker(), Clock: a.Clock})
}

// FilesOn is what is wrong with the DAG files, and since when a store knows it.
// It is for whoever is in a context.
func (a *App) FilesOn(s home.Store) *files.Files {
	return files.New(files.Options{Store: s, Visible: a.Browser(s, nil).Visible, Masker: a.Masker(), Findings: a.DAGs.Findings})
}

// OwnFiles says what is wrong with the DAG files for whoever calls the command.
func (a *App) OwnFiles(ctx context.Context) (*files.Own, error) {
	mine, err := access.OnlyOf(ctx, a.visible())
	if err != nil {
		return nil, err
	}
	if !mine.Limited() {
		return files.OwnOf(ctx, nil, mine) // without a store, which may not be there
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return files.OwnOf(ctx, s, mine)
}

// Asks is what commands ask about what tasks ask people. Where no store is, nothing was asked.
func (a *App) Asks(ctx context.Context) (*asks.Asks, error) {
	ok, err := a.HasStore()
	if err != nil {
		return nil, err
	}
	if !ok {
		return a.AsksOn(nil), nil
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return a.AsksOn(s), nil
}

// AsksOn is the same on a store, which is nil for none. The settings have been read.
func (a *App) AsksOn(s store.Reader) *asks.Asks {
	return asks.New(asks.Options{
		Store: s, By: a.Actor(), Command: a.Command, Visible: a.visible(),
		Engine: func(ctx context.Context) (asks.Engine, error) { return a.Asker(ctx) },
	})
}

// Assets lists assets for commands. Where no store is, nothing has updated one.
func (a *App) Assets(ctx context.Context) (*lineage.Lists, error) {
	ok, err := a.HasStore()
	if err != nil {
		return nil, err
	}
	if !ok {
		return a.AssetsOfFiles(), nil
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	l := a.AssetsOfFiles()
	l.Store, l.Log = s, s.Lists()
	return l, nil
}

// AssetsOfFiles is the same without a store. The settings have been read.
func (a *App) AssetsOfFiles() *lineage.Lists {
	return &lineage.Lists{Folder: dagFiles{a}, Visible: a.visible()}
}

// Emitter updates assets for whoever calls the command.
func (a *App) Emitter(ctx context.Context) (*emit.Emitter, error) {
	e, err := a.Asker(ctx)
	if err != nil {
		return nil, err
	}
	return &emit.Emitter{Folder: dagFiles{a}, Engine: e, By: a.Actor(), Visible: a.visible()}, nil
}

// Health looks how things are on a store. process tells of the process that schedules, if it is this
// one, and is nil otherwise.
func (a *App) Health(s home.Store, process func() health.Process) *health.Checker {
	return health.New(health.Options{
		API: a.APIOn(s), Store: s, InPlace: s.InPlace, Process: process, Apps: a.streaming(s), Program: a.Program(), Masker: a.Masker(), Clock: a.Clock,
	})
}

// LookHealth is the same for a command, which makes no store: that there is none, or that it can't be
// opened, is what it finds then. Its error is that of the settings.
func (a *App) LookHealth(ctx context.Context) (*health.Checker, error) {
	if _, err := a.ReadSettings(); err != nil {
		return nil, err
	}
	ok, err := a.HasStore()
	if err == nil && !ok {
		err = fmt.Errorf("there is none in %s, so that nothing has run here", a.Place())
	}
	if err == nil {
		s, serr := a.OpenStore(ctx)
		if serr == nil {
			return a.Health(s, nil), nil
		}
		err = serr
	}
	return health.New(health.Options{StoreError: err, Program: a.Program(), Masker: a.Masker(), Clock: a.Clock}), nil
}

// dagFiles is the DAGs folder as the api reads it.
type dagFiles struct{ app *App }

// DAGs implements [api.Folder].
func (f dagFiles) DAGs() (all []*dag.Summary, broken bool, err error) {
	return f.app.DAGs.DAGs()
}

// Load implements [api.Folder].
func (f dagFiles) Load() (all []*dag.DAG, broken bool, err error) {
	res, err := f.app.DAGs.Read()
	return res.DAGs, res.Diagnostics.HasErrors(), err
}

// DAG implements [api.Folder].
func (f dagFiles) DAG(id string) (*dag.DAG, error) { return f.app.DAGs.Find(id) }

// Restore implements [api.Folder].
func (f dagFiles) Restore(source []byte) (*dag.DAG, error) {
	c, err := f.app.Catalog()
	if err != nil {
		return nil, err
	}
	return dagfile.Restore(source, c, dagfile.Options{})
}

// Asker is an engine that changes runs: by itself, or by asking the process that works on
// the home folder.
func (a *App) Asker(ctx context.Context) (*engine.Engine, error) {
	if a.working != nil {
		return a.working, nil
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return a.Engine(s, s.Connections(), func(o *engine.Options) {
		o.LogDir = a.LogDir()
		o.Alone = a.Alone
		o.FindDAG = func(id string) (*dag.DAG, error) { return a.DAGs.Find(id) }
	})
}

// Works makes an engine the one that is asked: it works in this process, and does at once what is asked of it.
func (a *App) Works(e *engine.Engine) { a.working = e }

// ShowInZoneOf makes the command show times in the zone of a version of a DAG, whatever has become of its file. One
// that can't be read has the zone of no DAG.
func (a *App) ShowInZoneOf(ctx context.Context, ask *api.API, version string) {
	if d, err := ask.DAGOf(ctx, version); err == nil {
		a.ShowIn(d)
	}
}

// content is what a message of the outbox says, as its sender shows it, or as it lies there.
func (a *App) content(d *store.Delivery) (api.AlertContent, error) {
	if string(d.Payload) == "null" { // its callback could say nothing
		return api.AlertContent{}, nil
	}
	known, err := a.Notifiers()
	if err != nil {
		return api.AlertContent{}, err
	}
	if s, ok := known.Sender(d.Sender); ok {
		if shows, ok := s.(callbacks.Describer); ok {
			c, err := shows.Describe(callbacks.Message{Sender: d.Sender, Channel: d.Channel, Summary: d.Summary, Payload: d.Payload})
			return api.AlertContent{Title: c.Title, Text: c.Text, Mentions: c.Mentions}, err
		}
	}
	return api.AlertContent{Text: string(d.Payload)}, nil
}
