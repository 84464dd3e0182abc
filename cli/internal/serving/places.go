package serving

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/access/elsewhere/oidc"
	"github.com/dingdag/dingdag/chat/login"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
)

// places are where people may sign in elsewhere. conns has the connections that the settings name.
func places(ctx context.Context, a *app.App, conns connections.Source) (all []elsewhere.Place, err error) {
	if a.Settings.OIDC.Issuer != "" {
		p, err := provider(ctx, a, conns)
		if err != nil {
			return nil, fmt.Errorf("settings oidc: %w", err)
		}
		all = append(all, p)
	}
	if id := a.Settings.DingTalkSignIn; id != "" {
		p, err := dingtalk(ctx, a, conns, id)
		if err != nil {
			return nil, fmt.Errorf("setting dingtalk_sign_in: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// dingtalk is the organisation of an application.
func dingtalk(ctx context.Context, a *app.App, conns connections.Source, id string) (*login.Place, error) {
	if _, err := conns.Connection(ctx, id); err != nil {
		return nil, fmt.Errorf("connection %s: %w", id, err)
	}
	who, err := a.ChatRoles(conns)
	if err != nil {
		return nil, err
	}
	return login.New(a.Dingding().With(conns, home.OnlyWarnings(a.Log())).App(id), who), nil
}

// provider is the OpenID provider of the settings.
func provider(ctx context.Context, a *app.App, conns connections.Source) (*oidc.Provider, error) {
	c := a.Settings.OIDC
	o := oidc.Options{
		Issuer: c.Issuer, ClientID: c.ClientID, Title: c.Title, Scopes: c.Scopes, UserClaim: c.UserClaim, Clock: a.Clock,
		Rules: oidc.Rules{Viewers: c.Viewers, Operators: c.Operators, Admins: c.Admins, Groups: c.GroupsClaim, DAGs: c.DAGs, Domains: c.Domains},
	}
	switch {
	case c.ConnID != "":
		conn, err := conns.Connection(ctx, c.ConnID)
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", c.ConnID, err)
		}
		o.ClientID = conn.GetLogin()
		o.Secret = func(ctx context.Context) (connections.Secret, error) {
			conn, err := conns.Connection(ctx, c.ConnID)
			if err == nil && conn.Password == nil {
				err = errors.New("it has no password")
			}
			if err != nil {
				return "", fmt.Errorf("connection %s: %w", c.ConnID, err)
			}
			return *conn.Password, nil
		}
	case c.SecretFile != "":
		o.Secret = func(context.Context) (connections.Secret, error) {
			b, err := os.ReadFile(c.SecretFile)
			return connections.Secret(strings.TrimSpace(string(b))), err
		}
	case c.Secret != "":
		o.Secret = func(context.Context) (connections.Secret, error) { return connections.Secret(c.Secret), nil }
	}
	return oidc.New(o)
}
