package app

import (
	"context"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/connections"
	"github.com/dingdag/dingdag/web/rest/pools"
	"github.com/dingdag/dingdag/web/rest/variables"
)

// restOfServer adds the calls about what belongs to no DAG.
func (a *App) restOfServer(srv *rest.Server, s *sqlite.Store, b *browse.Browser) {
	keep := a.Vault(s)
	kept := func(ctx context.Context) *vault.Keeper { return keep.By(browse.Actor(ctx)) }
	variables.Routes(srv, kept)
	connections.Routes(srv, kept, nil)
	pools.Routes(srv, b)
}

// Vault shows and changes the connections and variables of a store.
func (a *App) Vault(s *sqlite.Store) *vault.Keeper {
	return vault.New(vault.Options{Vault: s, Masker: a.Masker(), By: a.Actor(), Clock: a.Clock, Places: func() (*vault.Places, error) {
		connection, variable, err := a.Places()
		if err != nil {
			return nil, err
		}
		return &vault.Places{Connection: connection, Variable: variable}, nil
	}})
}
