package app

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/dags"
	"github.com/dingdag/dingdag/web/rest/runs"
)

// REST serves Airflow's REST API on a store, to whoever is in the context of a request, see [access.From]. version is that
// of the program. reload takes over what has changed of the DAG files.
func (a *App) REST(s *sqlite.Store, version string, reload func(context.Context) error) http.Handler {
	ask := a.APIOn(s)
	as := func(ctx context.Context) *api.API {
		who, _ := access.From(ctx)
		return ask.By(store.Actor{Name: who.User, Via: store.ViaRESTAPI, Address: who.Address})
	}
	b := browse.New(browse.Options{API: ask, Store: s, Lists: s.Lists(), Folder: dagFiles{a}, Clock: a.Clock, Reparse: reload})
	srv := rest.New(rest.Options{Path: a.BasePath(), Guard: rest.Identified{}, DAGs: b, Version: version, Mask: a.Mask, Clock: a.Clock, Log: a.Log()})
	dags.Routes(srv, b, as)
	runs.Routes(srv, b, as)
	return srv
}
