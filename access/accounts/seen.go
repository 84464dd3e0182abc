package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// What is told of somebody, and who changes something, for those who know no store.
type (
	// User is somebody who may sign in.
	User = users.User
	// Token is an API token, or a session.
	Token = users.Token
	// Actor is who changes something, and by which way.
	Actor = store.Actor
)

// ErrChanged says that a user is not as whoever changes it has seen it.
var ErrChanged = phrase.Err("user.changed")

// State tells what may be changed of a user by [Accounts.Set]: the same for the same, for [Change.Seen].
func State(u *User) string {
	return fmt.Sprintf("%q %q %q %t", u.FullName, u.Role, u.DAGs, u.DisabledAt.IsZero())
}

// User is the user of a name. The error of one that there is not wraps [store.ErrNotFound].
func (a *Accounts) User(ctx context.Context, name string) (*User, error) {
	clean, err := CleanName(name)
	if err != nil {
		return nil, gone(strings.ToLower(name), nil)
	}
	u, err := a.o.Store.UserByName(ctx, clean)
	if err == nil {
		err = gone(clean, u)
	}
	return u, err
}

// Sessions are those of a user in browsers that are not over, the one that was used last first.
func (a *Accounts) Sessions(ctx context.Context, name string) ([]*Token, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return nil, err
	}
	all, err := a.o.Store.Tokens(ctx, users.SessionToken, u.ID)
	if err != nil {
		return nil, err
	}
	now := a.o.Clock()
	all = slices.DeleteFunc(all, func(t *Token) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) })
	slices.SortStableFunc(all, func(x, y *Token) int { return y.UsedAt.Compare(x.UsedAt) })
	return all, nil
}

// EndSessions signs a user out everywhere: browsers, and programs that have got a token for a password. API tokens stay.
func (a *Accounts) EndSessions(ctx context.Context, name string, by Actor) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	return a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if _, err := tx.DeleteTokens(ctx, u.ID, users.SessionToken, users.AccessToken); err != nil {
			return err
		}
		return a.note(ctx, tx, by, store.EventSignOut, about{User: u.Name})
	})
}
