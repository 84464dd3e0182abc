// Package accounts keeps who may sign in, and says who a password, a token or a session is. The store has hashes alone.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/secret"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// How long what a sign-in gives is good for.
const (
	SessionLife = 7 * 24 * time.Hour
	AccessLife  = 24 * time.Hour
	// ElsewhereLife is that of the session of somebody who has signed in elsewhere: what he may is known from there alone.
	ElsewhereLife = 24 * time.Hour
)

// useEvery is how exactly the last use of a token is noted.
const useEvery = time.Minute

// Errors for callers to compare.
var (
	// ErrWrong says that a password, a token or a session is none. Why is not said to whoever sent it.
	ErrWrong = phrase.Err("sign.wrong")
	// ErrToken says the same of a token or a session.
	ErrToken = phrase.Err("sign.token")
)

// Store is what accounts are kept in.
type Store interface {
	users.Reader
	store.Transactor
}

// Options are what [Accounts] stand on. Every field is required.
type Options struct {
	Store Store
	Clock func() time.Time
	Log   *slog.Logger
}

// Accounts knows who may sign in. It is safe for concurrent use.
type Accounts struct {
	o      Options
	limit  *limiter
	proven *proven
	// hashing bounds how many passwords are hashed at once, each of which takes 19 MiB, waiting how many wait for that, and
	// slowed how many wait because too many were wrong.
	hashing, waiting, slowed chan struct{}
}

// New returns the accounts of a store.
func New(o Options) *Accounts {
	return &Accounts{o: o, limit: newLimiter(o.Clock), proven: newProven(o.Clock), hashing: make(chan struct{}, 2), waiting: make(chan struct{}, 2+mostWaiting), slowed: make(chan struct{}, mostSlow)}
}

// CleanName is the name of a user as it is stored, in lower case.
func CleanName(name string) (string, error) {
	clean := strings.ToLower(name)
	switch {
	case clean == "":
		return "", phrase.Err("user.empty")
	case utf8.RuneCountInString(clean) > 64 || !utf8.ValidString(clean):
		return "", phrase.Err("user.long")
	}
	for _, r := range clean {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_@+", r) {
			return "", phrase.Err("user.name", name)
		}
	}
	return clean, nil
}

// Verify says whose name and password these are. The error is [ErrWrong], a [*TooManyError], a [*BusyError],
// or that of the store. A
// password that was right lately is not hashed again, as long as it comes from the same network.
func (a *Accounts) Verify(ctx context.Context, name, password, address string) (*users.User, error) {
	clean, err := CleanName(name)
	if err != nil {
		return nil, ErrWrong
	}
	u, err := a.o.Store.UserByName(ctx, clean)
	if err != nil {
		return nil, err
	}
	may := u != nil && u.DisabledAt.IsZero() && u.Password != ""
	if may && a.proven.has(u, password, address) {
		return u, nil
	}
	slow, err := a.limit.begin(clean, address)
	if err != nil {
		if may { // or whoever guesses would be told of the right one
			a.proven.forget(u)
		}
		return nil, err
	}
	if slow {
		if err := a.slowDown(ctx); err != nil {
			a.limit.undo(clean, address)
			return nil, err
		}
	}
	hash := secret.Nobodys()
	if u != nil && u.Password != "" {
		hash = u.Password
	}
	ok, err := a.is(ctx, hash, password)
	switch {
	case err != nil:
		a.limit.undo(clean, address)
		return nil, fmt.Errorf("sign in %s: %w", clean, err)
	case !ok || !may:
		a.o.Log.Warn("a sign-in was refused", "user", clean, "address", address, "disabled", ok && u != nil && !u.DisabledAt.IsZero())
		return nil, ErrWrong
	}
	a.limit.right(clean, address)
	a.proven.add(u, password, address)
	return u, nil
}

// slowDown lets an attempt wait.
func (a *Accounts) slowDown(ctx context.Context) error {
	select {
	case a.slowed <- struct{}{}:
	default:
		return &BusyError{slowTime}
	}
	defer func() { <-a.slowed }()
	rest := time.NewTimer(slowTime)
	defer rest.Stop()
	select {
	case <-rest.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// is reports whether a password is that of a hash.
func (a *Accounts) is(ctx context.Context, hash, password string) (bool, error) {
	select {
	case a.waiting <- struct{}{}:
	default:
		return false, &BusyError{busyTime}
	}
	defer func() { <-a.waiting }()
	select {
	case a.hashing <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-a.hashing }()
	return secret.IsPassword(hash, password)
}

// Of is the identity of a user.
func Of(u *users.User) access.Identity {
	if u == nil || !u.DisabledAt.IsZero() {
		return access.Identity{}
	}
	role, err := access.ParseRole(u.Role)
	dags, derr := access.ParseScope(u.DAGs...)
	if err != nil || derr != nil { // a row that somebody changed gives no right
		return access.Identity{User: u.Name, Name: u.FullName}
	}
	return access.Identity{User: u.Name, Name: u.FullName, Role: role, DAGs: dags}
}

// ofToken is what a token allows of what its user may.
func ofToken(t *users.Token, u *users.User) access.Identity {
	i := Of(u)
	role, err := access.ParseRole(t.Role)
	dags, derr := access.ParseScope(t.DAGs...)
	if err != nil || derr != nil {
		return access.Identity{User: i.User, Name: i.Name}
	}
	i.Role, i.DAGs, i.Token = min(i.Role, role), i.DAGs.And(dags), t.ID
	return i
}

// ByPassword is the identity behind a name and a password, see [Accounts.Verify].
func (a *Accounts) ByPassword(ctx context.Context, name, password, address string) (access.Identity, error) {
	u, err := a.Verify(ctx, name, password, address)
	return Of(u), err
}

// ByToken is the identity behind a token that a program sent. The error is [ErrToken], or that of the store.
func (a *Accounts) ByToken(ctx context.Context, token connections.Secret, address string) (access.Identity, error) {
	t, u, err := a.find(ctx, token, address, users.APIToken, users.AccessToken)
	if err != nil {
		return access.Identity{}, err
	}
	i := ofToken(t, u)
	if t.Kind == users.AccessToken {
		i.Token = 0
	}
	return i, nil
}

// BySession is the identity behind the session of a browser. The error is [ErrToken], or that of the store.
func (a *Accounts) BySession(ctx context.Context, session connections.Secret, address string) (access.Identity, error) {
	_, u, err := a.find(ctx, session, address, users.SessionToken)
	return Of(u), err
}

// find is a token of one of some kinds that is alive, with its user.
func (a *Accounts) find(ctx context.Context, token connections.Secret, address string, kinds ...users.TokenKind) (*users.Token, *users.User, error) {
	if !secret.IsToken(token.Reveal()) {
		return nil, nil, ErrToken
	}
	t, u, err := a.o.Store.TokenByHash(ctx, secret.HashToken(token))
	if err != nil {
		return nil, nil, err
	}
	now := a.o.Clock()
	if t == nil || !slices.Contains(kinds, t.Kind) || !u.DisabledAt.IsZero() || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) {
		return nil, nil, ErrToken
	}
	if now.Sub(t.UsedAt) >= useEvery || t.Address != address {
		err := a.o.Store.Tx(ctx, func(tx store.Tx) error { return tx.UseToken(ctx, t.ID, now, address) })
		if err != nil && ctx.Err() == nil { // it only is what people are shown
			a.o.Log.Warn("note the use of a token", "token", t.ID, "error", err)
		}
	}
	return t, u, nil
}

// SignIn begins a session of a user in a browser, in place of the one that it had, if any. It is new at every sign-in, so that nobody can
// have put it there before.
func (a *Accounts) SignIn(ctx context.Context, u *users.User, before connections.Secret, address string) (connections.Secret, error) {
	by := store.Actor{Name: u.Name, Via: store.ViaUI, Address: address}
	token, now := secret.NewToken(), a.o.Clock()
	err := a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if before != "" {
			if err := endSession(ctx, tx, before); err != nil {
				return err
			}
		}
		if err := tx.DeleteExpiredTokens(ctx, users.SessionToken, now); err != nil {
			return err
		}
		t := &users.Token{Hash: secret.HashToken(token), Kind: users.SessionToken, UserID: u.ID, CreatedAt: now, ExpiresAt: now.Add(LifeOf(u)), UsedAt: now, Address: by.Address}
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		if err := signedIn(ctx, tx, u.Name, now); err != nil {
			return err
		}
		return a.note(ctx, tx, by, store.EventSignIn, about{User: u.Name, Issuer: u.Issuer})
	})
	if err != nil {
		return "", fmt.Errorf("begin a session: %w", err)
	}
	return token, nil
}

// LifeOf is how long a session of a user is good for.
func LifeOf(u *users.User) time.Duration {
	if u.Subject != "" {
		return ElsewhereLife
	}
	return SessionLife
}

func endSession(ctx context.Context, tx store.Tx, session connections.Secret) error {
	t, _, err := tx.TokenByHash(ctx, secret.HashToken(session))
	if err == nil && t != nil && t.Kind == users.SessionToken {
		_, err = tx.DeleteToken(ctx, t.ID)
	}
	return err
}

func signedIn(ctx context.Context, tx store.Tx, name string, at time.Time) error {
	u, err := tx.UserByName(ctx, name)
	if err != nil || u == nil {
		return errors.Join(err, gone(name, u))
	}
	if !u.DisabledAt.IsZero() {
		return ErrWrong
	}
	u.SignedInAt = at
	return tx.UpdateUser(ctx, u)
}

func gone(name string, u *users.User) error {
	if u == nil {
		return fmt.Errorf("user %s: %w", name, store.ErrNotFound)
	}
	return nil
}

// SignOut ends the session of a user in a browser. One that is over is no error.
func (a *Accounts) SignOut(ctx context.Context, session connections.Secret, user, address string) error {
	by := store.Actor{Name: user, Via: store.ViaUI, Address: address}
	err := a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if err := endSession(ctx, tx, session); err != nil {
			return err
		}
		return a.note(ctx, tx, by, store.EventSignOut, about{User: user})
	})
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// Access gives a program a token for the password of a user, which is good for life, or for [AccessLife] when that is 0.
func (a *Accounts) Access(ctx context.Context, u *users.User, life time.Duration, address string) (connections.Secret, error) {
	if life <= 0 {
		life = AccessLife
	}
	token, now := secret.NewToken(), a.o.Clock()
	err := a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if err := tx.DeleteExpiredTokens(ctx, users.AccessToken, now); err != nil {
			return err
		}
		return tx.InsertToken(ctx, &users.Token{
			Hash: secret.HashToken(token), Kind: users.AccessToken, UserID: u.ID, Role: access.Admin.String(), DAGs: []string{"*"},
			CreatedAt: now, ExpiresAt: now.Add(life), UsedAt: now, Address: address,
		})
	})
	if err != nil {
		return "", fmt.Errorf("give an access token: %w", err)
	}
	return token, nil
}
