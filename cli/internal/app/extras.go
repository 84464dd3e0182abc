package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/stream"
	"github.com/dingdag/dingdag/yamlvalue"
)

// overlay is a source with connections that are about to be stored.
type overlay struct {
	connections.Source

	own connections.Static
}

// Connection looks among those first.
func (o overlay) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	if _, ok := o.own[id]; ok {
		return o.own.Connection(ctx, id)
	}
	return o.Source.Connection(ctx, id)
}

// CheckExtras refuses connections, which are about to be stored, whose extra has wrong values for a robot or
// whose extra.fallback goes in a loop or can't be read. The notes tell of those that name a connection which does not exist yet, and of
// keys that are like known ones. wrong is what is refused, and err why others could not be looked up.
func (a *App) CheckExtras(ctx context.Context, all ...*connections.Connection) (notes []string, wrong, err error) {
	src, err := a.Lookup(ctx)
	if err != nil {
		return nil, nil, err
	}
	o := overlay{src, connections.Static{}}
	for _, c := range all {
		o.own[c.ID] = c
	}
	var errs []error
	for _, c := range all {
		_, serr := stream.SettingsOf(c)
		if err := errors.Join(hook.CheckExtra(c), serr); err != nil {
			errs = append(errs, connections.About("connection", c.ID, err))
		}
		notes = append(notes, a.ExtraNotes(ctx, o, c)...)
		if ids, err := c.Fallbacks(); err == nil && len(ids) == 0 {
			continue
		}
		_, problems := a.Fallbacks(ctx, o, c.ID)
		for _, p := range problems {
			if _, mute := errors.AsType[*MuteError](p); mute || errors.Is(p, connections.ErrNotFound) {
				notes = append(notes, p.Error()) // it may come, or be mended
			} else {
				errs = append(errs, p)
			}
		}
	}
	return notes, errors.Join(errs...), nil
}

// ExtraNotes says what is likely to be a mistake in the extra of a connection: keys that are like known ones, and
// robots that do not exist.
func (a *App) ExtraNotes(ctx context.Context, src connections.Source, c *connections.Connection) []string {
	notes := c.Misspelt()
	extra, err := c.ExtraMap()
	if err != nil || c.Type != "dingding" && c.Type != "dingtalk" {
		return notes
	}
	robots, err := connections.ExtraTexts(extra, "robots")
	if err != nil {
		return notes // whoever uses it is told
	}
	for _, id := range robots {
		if _, err := src.Connection(ctx, id); errors.Is(err, connections.ErrNotFound) {
			note := fmt.Sprintf("connection %s: extra.robots names %s: %s", c.ID, id, err)
			if ids, err := a.ConnectionIDs(ctx); err == nil {
				note += yamlvalue.DidYouMean(id, slices.Values(ids))
			}
			notes = append(notes, note)
		}
	}
	return notes
}

// checkConnection refuses what the commands refuse. What may only be a mistake they note, and nobody here reads notes.
func (a *App) checkConnection(ctx context.Context, c *connections.Connection) (wrong, err error) {
	_, wrong, err = a.CheckExtras(ctx, c)
	return wrong, err
}
