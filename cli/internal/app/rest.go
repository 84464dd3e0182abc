package app

import (
	"context"
	"net/http"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/chatlog"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/web/pages/live"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/alerts"
	"github.com/dingdag/dingdag/web/rest/assets"
	"github.com/dingdag/dingdag/web/rest/backfills"
	"github.com/dingdag/dingdag/web/rest/chat"
	"github.com/dingdag/dingdag/web/rest/connections"
	"github.com/dingdag/dingdag/web/rest/dags"
	"github.com/dingdag/dingdag/web/rest/runs"
	"github.com/dingdag/dingdag/web/rest/system"
	v1 "github.com/dingdag/dingdag/web/rest/v1"
	"github.com/dingdag/dingdag/web/rest/why"
)

// REST serves Airflow's REST API, versions 2 and 1, on a store, to whoever is in the context of a request, see [access.From]. version is that
// of the program. reload takes over what has changed of the DAG files, hub tells of changes, and test tests connections; nil for none.
func (a *App) REST(s home.Store, version string, reload func(context.Context) error, hub *live.Hub, test connections.Tester) http.Handler {
	ask := a.APIOn(s)
	as := func(ctx context.Context) *api.API { return ask.By(browse.Actor(ctx)) }
	b := a.Browser(s, reload)
	srv := rest.New(rest.Options{Path: a.BasePath(), Guard: rest.Identified{}, DAGs: b, Version: version, Mask: a.Mask, Sensitive: a.Masker().SensitiveName, Clock: a.Clock, Log: a.Log()})
	dags.Routes(srv, b, as)
	runs.Routes(srv, b, as, runs.Options{Changes: changes{hub}, Asks: func(ctx context.Context) *asks.Asks {
		return a.AsksOn(s).By(browse.Actor(ctx))
	}})
	backfills.Routes(srv, b, as)
	assets.Routes(srv, assets.Options{Browse: b, API: as, Emitter: func(ctx context.Context) (*emit.Emitter, error) {
		m, err := a.Emitter(ctx)
		if err != nil {
			return nil, err
		}
		m.By = browse.Actor(ctx)
		return m, nil
	}})
	a.restOfServer(srv, s, b, version, test)
	return v1.New(srv)
}

// Browser lists what a store has. reload takes over what has changed of the DAG files, and may be nil.
func (a *App) Browser(s home.Store, reload func(context.Context) error) *browse.Browser {
	return browse.New(browse.Options{API: a.APIOn(s), Store: s, Lists: s.Lists(), Folder: dagFiles{a}, Root: a.Settings.DAGsFolder, Clock: a.Clock, Reparse: reload})
}

// changes are those that a hub tells of.
type changes struct{ hub *live.Hub }

// Follow implements [runs.Changes].
func (c changes) Follow(ctx context.Context, dagID, runID string, begin, tell func() error, quiet time.Duration, idle func() error) error {
	return c.hub.Follow(ctx, live.Topic{DAGID: dagID, RunID: runID}, begin, tell, quiet, idle)
}

// OwnREST serves what Airflow's REST API has not, in its form, on a store, to whoever is in the context of a request. version is
// that of the program.
func (a *App) OwnREST(s home.Store, version string) http.Handler {
	b := a.Browser(s, nil)
	ask := a.apiFor(s, b.Visible)
	as := func(ctx context.Context) *api.API { return ask.By(browse.Actor(ctx)) }
	srv := rest.New(rest.Options{
		Base: rest.Own, Path: a.BasePath(), Guard: rest.Identified{}, DAGs: b, Version: version, Mask: a.Mask, Sensitive: a.Masker().SensitiveName, Clock: a.Clock, Log: a.Log(),
	})
	alerts.Routes(srv, alerts.Options{Browse: b, API: as, Mask: a.maskLinks})
	why.Routes(srv, b, as)
	chat.Routes(srv, chat.Options{
		Bindings: func(ctx context.Context) *bindings.Bindings { return bindings.New(s, browse.Actor(ctx), a.Clock) },
		Log:      func(ctx context.Context, q chatlog.Query) ([]chatlog.Entry, error) { return chatlog.List(ctx, s, q) },
		Mask:     a.maskLinks,
	})
	system.Routes(srv, b, a.Inbox(s))
	return srv
}
