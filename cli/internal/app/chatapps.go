package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/inbound"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/stream"
)

// ChatApps are the connections that receive, by their ids. The error names those that cannot be read, or that say
// stream and cannot receive.
func (a *App) ChatApps(ctx context.Context, conns connections.Source) (out []chat.App, err error) {
	ids, err := a.ConnectionIDs(ctx)
	errs := []error{err}
	for _, id := range ids {
		c, err := conns.Connection(ctx, id)
		if err != nil {
			errs = append(errs, connections.About("connection", id, err))
			continue
		}
		app, receives, err := chatApp(c)
		if err != nil {
			errs = append(errs, connections.About("connection", id, err))
		}
		if receives {
			out = append(out, app)
		}
	}
	return out, errors.Join(errs...)
}

// streaming are the applications that are to receive in stream mode, for who looks whether they do.
func (a *App) streaming(s home.Store) func(context.Context) ([]health.App, error) {
	return func(ctx context.Context) (out []health.App, err error) {
		conns, _, err := a.Sources(s.Connections())
		if err != nil {
			return nil, err
		}
		apps, err := a.ChatApps(ctx, conns)
		for _, app := range apps {
			if !app.HTTPOnly {
				out = append(out, health.App{ConnID: app.ConnID, Lease: chat.LeaseName(app)})
			}
		}
		return out, err
	}
}

// TakesCommands reports whether people may write commands to an application.
func TakesCommands(c *connections.Connection) bool {
	s, err := stream.SettingsOf(c)
	return err != nil || s.AllCommands || len(s.Commands) > 0 // a wrong list is told by what answers
}

// chatApp is the application of a connection, if it receives.
func chatApp(c *connections.Connection) (app chat.App, receives bool, err error) {
	if c.Type != "dingtalk" && c.Type != "dingding" {
		return app, false, nil
	}
	s, err := stream.SettingsOf(c)
	streams := s.Stream && c.GetLogin() != ""
	if s.Stream && !streams {
		err = errors.Join(err, errors.New("extra.stream takes the AppKey as login and the AppSecret as password: it does not receive in stream mode"))
	}
	if !streams && !inbound.Takes(c) {
		return app, false, err
	}
	return chat.App{ConnID: c.ID, Key: inbound.Key(c), Print: footprint(c), Commands: TakesCommands(c), HTTPOnly: !streams}, true, err
}

// footprint changes with everything that a connection to DingTalk is made of, and tells none of it.
func footprint(c *connections.Connection) string {
	sum := sha256.New()
	for _, field := range []string{c.GetHost(), strconv.Itoa(c.GetPort()), c.GetSchema(), c.GetLogin(), c.GetPassword().Reveal(), c.GetExtra().Reveal()} {
		fmt.Fprintf(sum, "%q", field)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
