package app

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/chatlog"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/alerts"
	"github.com/dingdag/dingdag/web/rest/chat"
	"github.com/dingdag/dingdag/web/rest/system"
	"github.com/dingdag/dingdag/web/rest/why"
)

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
