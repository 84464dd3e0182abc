package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/secret"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// ErrExists says that there is a user of that name.
var ErrExists = phrase.Err("user.exists")

// ErrSetUp says that there is a user already, so that nobody is set up without signing in.
var ErrSetUp = phrase.Err("user.set_up")

// ErrLastAdmin says that nobody could make users any more but at the machine itself.
var ErrLastAdmin = phrase.Err("user.last")

// MistakeError says what is wrong with a user or a token that somebody wants to create or change.
type MistakeError struct{ err error }

// Error says what is wrong.
func (e *MistakeError) Error() string { return e.err.Error() }

// Unwrap is the mistake.
func (e *MistakeError) Unwrap() error { return e.err }

// mistake is what is wrong as a [MistakeError], or nil.
func mistake(err error) error {
	if err == nil {
		return nil
	}
	return &MistakeError{err}
}

// about is what an event of a user or a token says.
type about struct {
	User     string     `json:"user"`
	Issuer   string     `json:"issuer,omitempty"`
	Role     string     `json:"role,omitempty"`
	DAGs     []string   `json:"dags,omitempty"`
	Disabled *bool      `json:"disabled,omitempty"`
	Token    string     `json:"token,omitempty"`
	TokenID  int64      `json:"token_id,omitempty"`
	Expires  *time.Time `json:"expires_at,omitempty"`
}

func (a *Accounts) note(ctx context.Context, tx store.Tx, by store.Actor, kind store.EventKind, what about) error {
	extra, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return tx.InsertEvents(ctx, &store.Event{At: a.o.Clock(), Actor: by, Kind: kind, MapIndex: -1, Extra: extra})
}

// NewUser is a user to create.
type NewUser struct {
	Name, FullName string
	Role           access.Role
	// DAGs limit the user; all DAGs when it is empty.
	DAGs []string
	// Password is empty for a user who signs in elsewhere.
	Password connections.Secret
	// Issuer and Subject are who it is there.
	Issuer, Subject string
}

// row checks and converts.
func (n *NewUser) row(now time.Time) (*users.User, error) {
	u, err := n.checked(now)
	return u, mistake(err)
}

func (n *NewUser) checked(now time.Time) (*users.User, error) {
	name, err := CleanName(n.Name)
	if err != nil {
		return nil, err
	}
	u := &users.User{Name: name, FullName: strings.TrimSpace(n.FullName), Role: n.Role.String(), DAGs: n.DAGs, Issuer: n.Issuer, Subject: n.Subject, CreatedAt: now}
	if err := checkRights(u); err != nil {
		return nil, err
	}
	if n.Password == "" && n.Subject == "" {
		return nil, phrase.Err("password.none", name)
	}
	if n.Password != "" {
		if err := secret.CheckPassword(name, n.Password.Reveal()); err != nil {
			return nil, err
		}
		u.Password = secret.HashPassword(n.Password.Reveal())
	}
	return u, nil
}

// checkRights puts the entries of a scope in order and tells what is wrong with what a user may.
func checkRights(u *users.User) error {
	if _, err := access.ParseRole(u.Role); err != nil {
		return err
	}
	if len(u.DAGs) == 0 {
		u.DAGs = access.AllDAGs().Entries()
	}
	scope, err := access.ParseScope(u.DAGs...)
	if err != nil {
		return err
	}
	if u.Role == access.Admin.String() && !scope.All() {
		return phrase.Err("scope.admin")
	}
	u.DAGs = scope.Entries()
	return nil
}

// Create adds a user.
func (a *Accounts) Create(ctx context.Context, n NewUser, by store.Actor) (*users.User, error) {
	return a.create(ctx, n, by, func(store.Tx) error { return nil })
}

// SetUp adds the first user, who is an admin and does that in a browser. It is [ErrSetUp] when there is one.
func (a *Accounts) SetUp(ctx context.Context, n NewUser, address string) (*users.User, error) {
	n.Role, n.DAGs = access.Admin, nil
	return a.create(ctx, n, store.Actor{Via: store.ViaUI, Address: address}, func(tx store.Tx) error {
		some, err := tx.HasUsers(ctx)
		if err == nil && some {
			err = ErrSetUp
		}
		return err
	})
}

func (a *Accounts) create(ctx context.Context, n NewUser, by store.Actor, before func(store.Tx) error) (*users.User, error) {
	u, err := n.row(a.o.Clock())
	if err != nil {
		return nil, err
	}
	if by.Name == "" {
		by.Name = u.Name
	}
	return u, a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if err := before(tx); err != nil {
			return err
		}
		created, err := tx.InsertUser(ctx, u)
		if err != nil {
			return err
		}
		if !created {
			return fmt.Errorf("user %s: %w", u.Name, ErrExists)
		}
		return a.note(ctx, tx, by, store.EventUserCreate, about{User: u.Name, Role: u.Role, DAGs: u.DAGs})
	})
}

// Change is what may be changed of a user; nil leaves it.
type Change struct {
	FullName *string
	Role     *access.Role
	DAGs     *[]string
	Disabled *bool
	// Seen is the [State] of the user that whoever changes it has before him. The error of another one wraps [ErrChanged]. Empty
	// is any.
	Seen string
	// LastAdmin lets the last admin go, which is [ErrLastAdmin] otherwise.
	LastAdmin bool
}

// Set changes a user. Who is disabled is signed out everywhere, and their tokens are dead until they are enabled again.
func (a *Accounts) Set(ctx context.Context, name string, c Change, by store.Actor) (*users.User, error) {
	return a.change(ctx, name, func(tx store.Tx, u *users.User) error {
		if c.Seen != "" && c.Seen != State(u) {
			return fmt.Errorf("user %s: %w", u.Name, ErrChanged)
		}
		what, was := about{User: u.Name}, isAdmin(u)
		if c.FullName != nil {
			u.FullName = strings.TrimSpace(*c.FullName)
		}
		if c.Role != nil {
			u.Role = c.Role.String()
			what.Role = u.Role
		}
		if c.DAGs != nil {
			u.DAGs = *c.DAGs
		}
		if err := checkRights(u); err != nil {
			return mistake(err)
		}
		if c.DAGs != nil {
			what.DAGs = u.DAGs
		}
		if c.Disabled != nil {
			what.Disabled = c.Disabled
			switch {
			case !*c.Disabled:
				u.DisabledAt = time.Time{}
			case u.DisabledAt.IsZero():
				u.DisabledAt = a.o.Clock()
				if _, err := tx.DeleteTokens(ctx, u.ID, users.SessionToken, users.AccessToken); err != nil {
					return err
				}
			}
		}
		if was && !isAdmin(u) && !c.LastAdmin {
			if err := othersAdmin(ctx, tx, u); err != nil {
				return err
			}
		}
		return a.note(ctx, tx, by, store.EventUserSet, what)
	})
}

// isAdmin reports whether somebody can sign in and do everything.
func isAdmin(u *users.User) bool {
	return Of(u).May(access.Configure, nil) && (u.Password != "" || u.Subject != "")
}

// othersAdmin is nil when there is an admin beside a user, and [ErrLastAdmin] otherwise.
func othersAdmin(ctx context.Context, tx store.Tx, u *users.User) error {
	all, err := tx.Users(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(o *users.User) bool { return o.ID != u.ID && isAdmin(o) }) {
		return fmt.Errorf("user %s: %w", u.Name, ErrLastAdmin)
	}
	return nil
}

// SetPassword gives a user another password, and signs them out everywhere. Their API tokens stay.
func (a *Accounts) SetPassword(ctx context.Context, name string, password connections.Secret, by store.Actor) error {
	clean, err := CleanName(name)
	if err != nil {
		return err
	}
	if err := secret.CheckPassword(clean, password.Reveal()); err != nil {
		return mistake(err)
	}
	hash := secret.HashPassword(password.Reveal())
	_, err = a.change(ctx, clean, func(tx store.Tx, u *users.User) error {
		u.Password = hash
		if _, err := tx.DeleteTokens(ctx, u.ID, users.SessionToken, users.AccessToken); err != nil {
			return err
		}
		return a.note(ctx, tx, by, store.EventUserPassword, about{User: u.Name})
	})
	return err
}

func (a *Accounts) change(ctx context.Context, name string, do func(store.Tx, *users.User) error) (u *users.User, err error) {
	clean, err := CleanName(name)
	if err != nil {
		return nil, err
	}
	err = a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if u, err = tx.UserByName(ctx, clean); err != nil || u == nil {
			return errors.Join(err, gone(clean, u))
		}
		if err := do(tx, u); err != nil {
			return err
		}
		return tx.UpdateUser(ctx, u)
	})
	return u, err
}

// Delete removes a user with all tokens. The last admin goes only with lastAdmin, and is [ErrLastAdmin] otherwise.
func (a *Accounts) Delete(ctx context.Context, name string, lastAdmin bool, by store.Actor) error {
	clean, err := CleanName(name)
	if err != nil {
		return err
	}
	return a.o.Store.Tx(ctx, func(tx store.Tx) error {
		u, err := tx.UserByName(ctx, clean)
		if err != nil || u == nil {
			return errors.Join(err, gone(clean, u))
		}
		if isAdmin(u) && !lastAdmin {
			if err := othersAdmin(ctx, tx, u); err != nil {
				return err
			}
		}
		if err := tx.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		return a.note(ctx, tx, by, store.EventUserDelete, about{User: u.Name})
	})
}

// Users are all users, by their names.
func (a *Accounts) Users(ctx context.Context) ([]*users.User, error) { return a.o.Store.Users(ctx) }

// HasUsers reports whether there is one.
func (a *Accounts) HasUsers(ctx context.Context) (bool, error) { return a.o.Store.HasUsers(ctx) }

// TokenRequest is an API token to create.
type TokenRequest struct {
	// User is whose rights it has, Name what it is for.
	User, Name string
	// Role bounds the rights; the user's own when it is [access.Nobody].
	Role access.Role
	// DAGs bound them further; none does when it is empty.
	DAGs []string
	// ExpiresAt is from when on it is dead; zero for never.
	ExpiresAt time.Time
}

// CreateToken makes an API token, which is shown this once.
func (a *Accounts) CreateToken(ctx context.Context, r TokenRequest, by store.Actor) (connections.Secret, *users.Token, error) {
	clean, err := CleanName(r.User)
	if err != nil {
		return "", nil, err
	}
	name, now := strings.TrimSpace(r.Name), a.o.Clock()
	switch {
	case name == "":
		return "", nil, mistake(phrase.Err("token.unnamed"))
	case !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now):
		return "", nil, mistake(phrase.Err("token.expired"))
	}
	scope := access.AllDAGs()
	if len(r.DAGs) > 0 {
		if scope, err = access.ParseScope(r.DAGs...); err != nil {
			return "", nil, mistake(err)
		}
	}
	plain := secret.NewToken()
	t := &users.Token{Hash: secret.HashToken(plain), Kind: users.APIToken, Name: name, DAGs: scope.Entries(), CreatedAt: now, ExpiresAt: r.ExpiresAt}
	err = a.o.Store.Tx(ctx, func(tx store.Tx) error {
		u, err := tx.UserByName(ctx, clean)
		if err != nil || u == nil {
			return errors.Join(err, gone(clean, u))
		}
		has := Of(u).Role
		role := r.Role
		if role == access.Nobody {
			role = has
		}
		if role > has || has == access.Nobody {
			return mistake(phrase.Err("token.role", u.Name, has))
		}
		t.UserID, t.Role = u.ID, role.String()
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		what := about{User: u.Name, Role: t.Role, DAGs: t.DAGs, Token: t.Name, TokenID: t.ID}
		if !t.ExpiresAt.IsZero() {
			what.Expires = new(t.ExpiresAt.UTC())
		}
		return a.note(ctx, tx, by, store.EventTokenCreate, what)
	})
	if err != nil {
		return "", nil, err
	}
	return plain, t, nil
}

// Tokens are the API tokens of a user, or of all when the name is empty, oldest first, with the names of their users.
func (a *Accounts) Tokens(ctx context.Context, user string) ([]*users.Token, map[int64]string, error) {
	us, err := a.o.Store.Users(ctx)
	if err != nil {
		return nil, nil, err
	}
	names, id := map[int64]string{}, int64(0)
	for _, u := range us {
		names[u.ID] = u.Name
		if u.Name == strings.ToLower(user) {
			id = u.ID
		}
	}
	if user != "" && id == 0 {
		return nil, nil, gone(user, nil)
	}
	ts, err := a.o.Store.Tokens(ctx, users.APIToken, id)
	return ts, names, err
}

// Revoke removes an API token by its id. Only those of a user are looked for when the name is not empty.
func (a *Accounts) Revoke(ctx context.Context, id int64, user string, by store.Actor) error {
	return a.o.Store.Tx(ctx, func(tx store.Tx) error {
		us, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		ts, err := tx.Tokens(ctx, users.APIToken, 0)
		if err != nil {
			return err
		}
		for _, t := range ts {
			at := slices.IndexFunc(us, func(u *users.User) bool { return u.ID == t.UserID })
			if t.ID != id || at < 0 || user != "" && us[at].Name != strings.ToLower(user) {
				continue
			}
			if _, err := tx.DeleteToken(ctx, id); err != nil {
				return err
			}
			return a.note(ctx, tx, by, store.EventTokenRevoke, about{User: us[at].Name, Token: t.Name, TokenID: id})
		}
		return fmt.Errorf("token %d: %w", id, store.ErrNotFound)
	})
}
