// Package users is the contract of what a store keeps of the people who sign in, and of the tokens by which requests are
// known to be theirs. Neither a password nor a token is ever in it: only what they are compared with.
package users

import (
	"context"
	"time"
)

// User is somebody who may sign in.
type User struct {
	ID int64
	// Name is what somebody signs in with, in lower case; FullName how the person is called.
	Name, FullName string
	// Role is the name of a role, DAGs the entries of a scope; see package access.
	Role string
	DAGs []string
	// Password is the hash of the password; empty for who has none and signs in elsewhere.
	Password string
	// Issuer and Subject name who signs in elsewhere, as that place does. Both are empty for a local user.
	Issuer, Subject string
	// DisabledAt is since when the user may do nothing; zero for who may.
	DisabledAt, CreatedAt, SignedInAt time.Time
}

// TokenKind says what a token is for.
type TokenKind string

// The kinds of tokens.
const (
	// APIToken is one that somebody made for a program.
	APIToken TokenKind = "api"
	// AccessToken is one that a program got for a password.
	AccessToken TokenKind = "access"
	// SessionToken is that of a browser.
	SessionToken TokenKind = "session"
)

// Token is what bears the rights of a user, or some of them.
type Token struct {
	ID int64
	// Hash is what the token is found by.
	Hash   string
	Kind   TokenKind
	UserID int64
	// Name is what its user calls it.
	Name string
	// Role and DAGs bound the rights: the token has those that its user has too.
	Role string
	DAGs []string
	// ExpiresAt is from when on it is dead; zero for never.
	CreatedAt, ExpiresAt time.Time
	// UsedAt is about when it was sent last, Address from where.
	UsedAt  time.Time
	Address string
}

// Reader reads them.
type Reader interface {
	// Users returns all users, by their names.
	Users(ctx context.Context) ([]*User, error)
	// HasUsers reports whether there is one.
	HasUsers(ctx context.Context) (bool, error)
	// UserByName returns a user, nil for none.
	UserByName(ctx context.Context, name string) (*User, error)
	// UserBySubject returns who signs in elsewhere under a name of that place, nil for none.
	UserBySubject(ctx context.Context, issuer, subject string) (*User, error)
	// Tokens returns the tokens of a kind of a user, oldest first; of all users for 0.
	Tokens(ctx context.Context, kind TokenKind, userID int64) ([]*Token, error)
	// TokenByHash returns a token with its user, nil for none.
	TokenByHash(ctx context.Context, hash string) (*Token, *User, error)
}

// Tx changes them in a transaction.
type Tx interface {
	// InsertUser adds a user and sets its ID. It reports false, and changes nothing, when the name or the subject is taken.
	InsertUser(ctx context.Context, u *User) (bool, error)
	// UpdateUser writes all of a user but the name and when it was created.
	UpdateUser(ctx context.Context, u *User) error
	// DeleteUser removes a user with all tokens and favourites.
	DeleteUser(ctx context.Context, id int64) error
	// InsertToken adds a token and sets its ID.
	InsertToken(ctx context.Context, t *Token) error
	// UseToken notes when and from where a token was sent. One that is gone stays gone.
	UseToken(ctx context.Context, id int64, at time.Time, address string) error
	// DeleteToken removes a token. It reports false when it is gone.
	DeleteToken(ctx context.Context, id int64) (bool, error)
	// DeleteTokens removes the tokens of a user of some kinds, and returns how many.
	DeleteTokens(ctx context.Context, userID int64, kinds ...TokenKind) (int, error)
	// DeleteExpiredTokens removes those of a kind that have expired by a moment.
	DeleteExpiredTokens(ctx context.Context, kind TokenKind, by time.Time) error
}
