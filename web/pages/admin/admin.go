// Package admin has the pages of pools, variables and connections, and their forms. Secrets are never on them: *** stands for
// one, and where it is sent back nothing is changed.
package admin

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/web/pages/page"
)

// Options are what the pages stand on. All are for whoever asks, who is in the context.
type Options struct {
	// API changes pools, Pools lists them with their use.
	API   func(ctx context.Context) *api.API
	Pools func(ctx context.Context) ([]*browse.Pool, error)
	Vault func(ctx context.Context) *vault.Keeper
	// Test finds out whether a connection works, as tasks look it up, and says so in words without secrets.
	Test func(ctx context.Context, id string) (works bool, text string)
}

// Admin has the pages. Make one with [New].
type Admin struct{ o Options }

// New returns the pages.
func New(o Options) *Admin { return &Admin{o} }

// Pages are their paths.
func (a *Admin) Pages() page.Family {
	return page.Family{
		Shows: map[string]page.Handler{
			"/pools":              a.showPools,
			"/variables":          configured(a.showVariables),
			"/variables/export":   configured(a.exportVariables),
			"/connections":        configured(a.showConnections),
			"/connections/edit":   configured(a.showConnection),
			"/connections/export": configured(a.exportConnections),
		},
		Acts: map[string]page.Handler{
			"/pools":              configured(a.setPool),
			"/pools/delete":       configured(a.deletePool),
			"/variables":          configured(a.setVariable),
			"/variables/delete":   configured(a.deleteVariable),
			"/connections/edit":   configured(a.setConnection),
			"/connections/delete": configured(a.deleteConnection),
			"/connections/test":   configured(a.testConnection),
		},
	}
}

// configured lets only those in who may change what concerns all DAGs: connections and variables are not even shown to others.
func configured(h page.Handler) page.Handler {
	return func(r page.Request) error {
		if !r.Who().Configures {
			return page.Forbidden()
		}
		return h(r)
	}
}

// text is a field of a form, with line breaks as files have them.
func text(form url.Values, name string) string {
	return strings.ReplaceAll(form.Get(name), "\r\n", "\n")
}

// line is a field of one line.
func line(form url.Values, name string) string { return strings.TrimSpace(form.Get(name)) }

// tooLong refuses texts that nobody means: keys have at most 250 characters in Airflow.
func tooLong(texts ...string) error {
	for _, t := range texts {
		if len(t) > maxText {
			return page.Wrong("error.too_long")
		}
	}
	return nil
}

// maxText bounds what is not a value, in bytes.
const maxText = 5000

// status is 200, or that of a form with a mistake.
func status(problem string) int {
	if problem != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
