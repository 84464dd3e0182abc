package credentials

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/stream"
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

// checkExtras refuses connections, which are about to be stored, whose extra has wrong values for a robot or
// whose extra.fallback goes in a loop or can't be read, and notes those of them that name a connection which does not exist yet, and keys that are like known ones.
func checkExtras(ctx context.Context, a *app.App, all ...*connections.Connection) error {
	src, err := a.Lookup(ctx)
	if err != nil {
		return err
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
		for _, note := range a.ExtraNotes(ctx, o, c) {
			a.Notef("%s", note)
		}
		if ids, err := c.Fallbacks(); err == nil && len(ids) == 0 {
			continue
		}
		_, problems := a.Fallbacks(ctx, o, c.ID)
		for _, p := range problems {
			if _, mute := errors.AsType[*app.MuteError](p); mute || errors.Is(p, connections.ErrNotFound) {
				a.Notef("%s", p) // it may come, or be mended
			} else {
				errs = append(errs, p)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return command.UsageError{Err: err}
	}
	return nil
}
