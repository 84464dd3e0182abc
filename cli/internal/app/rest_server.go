package app

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/connections"
	"github.com/dingdag/dingdag/web/rest/pools"
	"github.com/dingdag/dingdag/web/rest/server"
	"github.com/dingdag/dingdag/web/rest/variables"
)

// restOfServer adds the calls about what belongs to no DAG.
func (a *App) restOfServer(srv *rest.Server, s home.Store, b *browse.Browser, version string, test connections.Tester) {
	keep := a.Vault(s)
	kept := func(ctx context.Context) *vault.Keeper { return keep.By(browse.Actor(ctx)) }
	variables.Routes(srv, kept)
	connections.Routes(srv, kept, test)
	pools.Routes(srv, b)
	server.Routes(srv, b, func() ([]server.Provider, error) { return a.providers(version) })
}

// providers are the families of operators, by the names of Airflow's packages that have such ones.
func (a *App) providers(version string) ([]server.Provider, error) {
	r, err := a.Operators()
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, s := range r.Specs() {
		f := family(s)
		names[f] = append(names[f], s.Name)
	}
	out := make([]server.Provider, 0, len(names))
	for _, f := range slices.Sorted(maps.Keys(names)) {
		out = append(out, server.Provider{
			PackageName: "dingdag-providers-" + f, Description: "Operators: " + strings.Join(names[f], ", "), Version: version,
		})
	}
	return out, nil
}

// family is the provider package of Airflow under which an operator is known; those of Airflow itself and of nobody else are
// standard.
func family(s operator.Spec) string {
	for _, alias := range s.Aliases {
		if rest, ok := strings.CutPrefix(alias.Path, "airflow.providers."); ok {
			parts := strings.Split(rest, ".")
			end := slices.IndexFunc(parts, func(p string) bool { return p == "operators" || p == "sensors" })
			if end > 0 {
				return strings.Join(parts[:end], "-")
			}
		}
	}
	if name, _, ok := strings.Cut(s.Name, "_"); ok && (name == "dingtalk" || name == "dingding") {
		return "dingding"
	}
	return "standard"
}

// Vault shows and changes the connections and variables of a store.
func (a *App) Vault(s home.Store) *vault.Keeper {
	return vault.New(vault.Options{Vault: s, Masker: a.Masker(), By: a.Actor(), Clock: a.Clock, Check: a.checkConnection, Places: func() (*vault.Places, error) {
		connection, variable, err := a.Places()
		if err != nil {
			return nil, err
		}
		return &vault.Places{Connection: connection, Variable: variable}, nil
	}})
}
