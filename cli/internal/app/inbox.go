package app

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/signed"
)

// Inbox is that of the sandbox beside this program, on a store whose connections may lead to one. The settings have been read.
func (a *App) Inbox(s home.Store) *inbox.Inbox {
	return inbox.New(inbox.Options{
		Address: a.Settings.SandboxURL, Clock: a.Clock,
		Mask: a.maskLinks,
		Connections: func(ctx context.Context) (all []*connections.Connection, err error) {
			src, _, err := a.Sources(s.Connections())
			if err != nil {
				return nil, err
			}
			ids, err := a.ConnectionIDs(ctx)
			errs := []error{err}
			for _, id := range ids {
				c, err := src.Connection(ctx, id)
				if errs = append(errs, err); err == nil {
					all = append(all, c)
				}
			}
			return all, errors.Join(errs...)
		},
	})
}

// maskLinks hides secrets in a text, and the rights of links.
func (a *App) maskLinks(text string) string { return signed.Hide(a.Mask(text)) }
