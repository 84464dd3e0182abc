// Package admin has the pages of pools, variables and connections, and their forms. Secrets are never on them: *** stands for
// one, and where it is sent back nothing is changed.
package admin

import (
	"context"
	"net/url"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/web/pages/page"
)

// Options are what the pages stand on. All are for whoever asks, who is in the context.
type Options struct {
	// API changes pools, Browse lists them with their use.
	API    func(ctx context.Context) *api.API
	Browse *browse.Browser
	Vault  func(ctx context.Context) *vault.Keeper
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
			"/variables":          page.Configured(a.showVariables),
			"/variables/export":   page.Configured(a.exportVariables),
			"/connections":        page.Configured(a.showConnections),
			"/connections/edit":   page.Configured(a.showConnection),
			"/connections/export": page.Configured(a.exportConnections),
		},
		Acts: map[string]page.Handler{
			"/pools":              page.Configured(a.setPool),
			"/pools/delete":       page.Configured(a.deletePool),
			"/variables":          page.Configured(a.setVariable),
			"/variables/delete":   page.Configured(a.deleteVariable),
			"/connections/edit":   page.Configured(a.setConnection),
			"/connections/delete": page.Configured(a.deleteConnection),
			"/connections/test":   page.Configured(a.testConnection),
		},
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
