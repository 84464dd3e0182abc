package app

import (
	"net/url"

	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/pageurl"
	"github.com/dingdag/dingdag/web/signed"
)

// Pages is where people reach the pages; empty for nowhere. The settings have been read.
func (a *App) Pages() pageurl.Base {
	if a.Settings.Listen == "" {
		return ""
	}
	return pageurl.Base(a.Settings.BaseURL)
}

// BasePath is the path below which people reach what is served, without a slash at its end.
func (a *App) BasePath() string {
	u, err := url.Parse(a.Settings.BaseURL)
	if err != nil { // the settings have checked it
		return ""
	}
	return u.Path
}

// Signer makes and reads the links of a store, and is nil where people reach no pages. The settings have been read.
func (a *App) Signer(s home.Store) (*signed.Signer, error) {
	if a.Pages() == "" {
		return nil, nil //nolint:nilnil // none
	}
	key, err := s.Derive("signed links")
	if err != nil {
		return nil, err
	}
	return signed.New(a.Settings.BaseURL, key, a.Clock), nil
}

// Linker makes links for messages. Without a store there is nothing that a page could show.
func (a *App) Linker() Linker { return Linker{a} }

// Linker makes signed links to pages.
type Linker struct{ app *App }

// Link is a link, or "" where people reach no pages.
func (l Linker) Link(purpose, subject string, people []string) (string, error) {
	if l.app.Store == nil {
		return "", nil
	}
	s, err := l.app.Signer(l.app.Store)
	if err != nil || s == nil {
		return "", err
	}
	return s.URL(purpose, subject, people)
}
