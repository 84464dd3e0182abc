// Package login lets people sign in with DingTalk, who have on the pages what they have in the chat.
package login

import (
	"context"
	"fmt"
	"net/url"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/hook/login"
	"github.com/dingdag/dingdag/phrase"
)

// Name is that of the place in our paths.
const Name = "dingtalk"

// Roles say what people may do.
type Roles interface {
	Of(ctx context.Context, connID, userID string) (roles.Role, error)
}

// Place is the organisation of an application.
type Place struct {
	app   *hook.App
	roles Roles
}

var _ elsewhere.Place = (*Place)(nil)

// New returns the place of an application.
func New(app *hook.App, who Roles) *Place { return &Place{app, who} }

// Name implements [elsewhere.Place].
func (*Place) Name() string { return Name }

// Title implements it.
func (*Place) Title() string { return "钉钉 DingTalk" }

// Begin implements it. DingTalk knows neither nonces nor PKCE, so that the state alone, and the secret of the application, protect
// a code.
func (p *Place) Begin(ctx context.Context, t elsewhere.Trip) (string, error) {
	return login.Page(ctx, p.app, t.Redirect, t.State)
}

// Finish implements it. Who is no member of the organisation is refused.
func (p *Place) Finish(ctx context.Context, _ elsewhere.Trip, back url.Values) (*elsewhere.Person, error) {
	code := back.Get("authCode")
	if code == "" {
		return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.dingtalk")}
	}
	token, err := login.Token(ctx, p.app, code)
	if err != nil {
		return nil, refused(err, phrase.Of("refused.used"))
	}
	who, err := login.Me(ctx, p.app, token)
	if err != nil {
		return nil, err
	}
	outside := phrase.Of("refused.outside")
	if who.UnionID == "" {
		return nil, &elsewhere.RefusedError{Reason: outside}
	}
	member, err := directory.UserIDByUnionID(ctx, p.app, who.UnionID)
	switch {
	case hook.KindOf(err) == hook.KindNotFound:
		return nil, &elsewhere.RefusedError{Reason: outside}
	case err != nil:
		return nil, err
	case member.UserID == "" || member.ContactType != 0:
		return nil, &elsewhere.RefusedError{Reason: outside}
	}
	role, err := p.roles.Of(ctx, p.app.ConnID(), member.UserID)
	if role == access.Nobody {
		if err != nil {
			return nil, fmt.Errorf("find what user %s may do: %w", member.UserID, err)
		}
		return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.no_role", member.UserID)}
	}
	return &elsewhere.Person{
		Issuer: Name, Subject: who.UnionID, Names: []string{member.UserID, member.UserID + "@" + Name}, FullName: who.Nick, Role: role,
	}, nil
}

// refused is the reason of an error that stays, and the error itself otherwise.
func refused(err error, reason phrase.Text) error {
	switch hook.KindOf(err) {
	case hook.KindInvalid, hook.KindNotFound:
		return &elsewhere.RefusedError{Reason: reason}
	default:
		return err
	}
}
