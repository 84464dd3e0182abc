// Package sqlusers has the SQL of those who sign in and of their tokens.
package sqlusers

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
	"github.com/dingdag/dingdag/store/users"
)

// Queries reads and writes the tables over one connection.
type Queries struct{ c sqlrow.Conn }

// New returns the queries over c.
func New(c sqlrow.Conn) Queries { return Queries{c} }

var (
	userTable = sqlrow.Declare("account", func(u *users.User) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &u.ID),
			sqlrow.Col("name", &u.Name),
			sqlrow.Col("full_name", &u.FullName),
			sqlrow.Col("role", &u.Role),
			sqlrow.Col("dags", sqlrow.List(&u.DAGs)),
			sqlrow.Col("password", &u.Password),
			sqlrow.Col("issuer", &u.Issuer),
			sqlrow.Col("subject", &u.Subject),
			sqlrow.Col("disabled_at", sqlrow.Moment(&u.DisabledAt)),
			sqlrow.Col("created_at", sqlrow.Moment(&u.CreatedAt)),
			sqlrow.Col("signed_in_at", sqlrow.Moment(&u.SignedInAt)),
		}
	})
	userNew    = userTable.But("id")
	userChange = userTable.But("id", "name", "created_at")

	tokenTable = sqlrow.Declare("account_token", func(t *users.Token) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &t.ID),
			sqlrow.Col("hash", &t.Hash),
			sqlrow.Col("kind", &t.Kind),
			sqlrow.Col("account_id", &t.UserID),
			sqlrow.Col("name", &t.Name),
			sqlrow.Col("role", &t.Role),
			sqlrow.Col("dags", sqlrow.List(&t.DAGs)),
			sqlrow.Col("created_at", sqlrow.Moment(&t.CreatedAt)),
			sqlrow.Col("expires_at", sqlrow.Moment(&t.ExpiresAt)),
			sqlrow.Col("used_at", sqlrow.Moment(&t.UsedAt)),
			sqlrow.Col("address", &t.Address),
		}
	})
	tokenNew = tokenTable.But("id")
)

// Users returns all users, see [users.Reader].
func (q Queries) Users(ctx context.Context) ([]*users.User, error) {
	us, err := sqlrow.Collect(ctx, q.c, userTable.Scan, userTable.Select()+" ORDER BY name")
	return us, sqlrow.Wrapped("list users", err)
}

// HasUsers reports whether there is one, see [users.Reader].
func (q Queries) HasUsers(ctx context.Context) (bool, error) {
	found, err := sqlrow.Column[int](ctx, q.c, "SELECT 1 FROM account LIMIT 1")
	return len(found) > 0, sqlrow.Wrapped("look for users", err)
}

// UserByName returns a user, see [users.Reader].
func (q Queries) UserByName(ctx context.Context, name string) (*users.User, error) {
	u, err := sqlrow.One(ctx, q.c, userTable.Scan, userTable.Select()+" WHERE name = ?", name)
	return u, sqlrow.Wrapped("read a user", err)
}

// UserBySubject returns who signs in elsewhere, see [users.Reader].
func (q Queries) UserBySubject(ctx context.Context, issuer, subject string) (*users.User, error) {
	u, err := sqlrow.One(ctx, q.c, userTable.Scan, userTable.Select()+" WHERE issuer = ? AND subject = ? AND subject <> ''", issuer, subject)
	return u, sqlrow.Wrapped("read a user", err)
}

// Tokens returns tokens, see [users.Reader].
func (q Queries) Tokens(ctx context.Context, kind users.TokenKind, userID int64) ([]*users.Token, error) {
	where, args := " WHERE kind = ?", []any{string(kind)}
	if userID != 0 {
		where, args = where+" AND account_id = ?", append(args, userID)
	}
	ts, err := sqlrow.Collect(ctx, q.c, tokenTable.Scan, tokenTable.Select()+where+" ORDER BY id", args...)
	return ts, sqlrow.Wrapped("list tokens", err)
}

// TokenByHash returns a token with its user, see [users.Reader].
func (q Queries) TokenByHash(ctx context.Context, hash string) (*users.Token, *users.User, error) {
	t, err := sqlrow.One(ctx, q.c, tokenTable.Scan, tokenTable.Select()+" WHERE hash = ?", hash)
	if err != nil || t == nil {
		return nil, nil, sqlrow.Wrapped("read a token", err)
	}
	u, err := sqlrow.One(ctx, q.c, userTable.Scan, userTable.Select()+" WHERE id = ?", t.UserID)
	if err != nil || u == nil {
		return nil, nil, sqlrow.Wrapped("read the user of a token", err)
	}
	return t, u, nil
}

// InsertUser adds a user, see [users.Tx].
func (q Queries) InsertUser(ctx context.Context, u *users.User) (bool, error) {
	ids, err := sqlrow.Column[int64](ctx, q.c, userNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", userNew.Args(u)...)
	if err != nil {
		return false, fmt.Errorf("add user %s: %w", u.Name, err)
	}
	if len(ids) == 0 {
		return false, nil
	}
	u.ID = ids[0]
	return true, nil
}

// UpdateUser writes a user, see [users.Tx].
func (q Queries) UpdateUser(ctx context.Context, u *users.User) error {
	_, err := q.c.Exec(ctx, userChange.Update()+" WHERE id = ?", userChange.Args(u, u.ID)...)
	return sqlrow.Wrapped("change user "+u.Name, err)
}

// DeleteUser removes a user with all tokens and favourites, see [users.Tx].
func (q Queries) DeleteUser(ctx context.Context, id int64) error {
	if _, err := q.c.Exec(ctx, "DELETE FROM favorite WHERE user_name = (SELECT name FROM account WHERE id = ?)", id); err != nil {
		return fmt.Errorf("delete the favourites of a user: %w", err)
	}
	if _, err := q.c.Exec(ctx, "DELETE FROM account_token WHERE account_id = ?", id); err != nil {
		return fmt.Errorf("delete the tokens of a user: %w", err)
	}
	_, err := q.c.Exec(ctx, "DELETE FROM account WHERE id = ?", id)
	return sqlrow.Wrapped("delete a user", err)
}

// InsertToken adds a token, see [users.Tx].
func (q Queries) InsertToken(ctx context.Context, t *users.Token) error {
	ids, err := sqlrow.Column[int64](ctx, q.c, tokenNew.Insert()+" RETURNING id", tokenNew.Args(t)...)
	if err != nil {
		return fmt.Errorf("add a token: %w", err)
	}
	t.ID = ids[0]
	return nil
}

// UseToken notes the use of a token, see [users.Tx].
func (q Queries) UseToken(ctx context.Context, id int64, at time.Time, address string) error {
	_, err := q.c.Exec(ctx, "UPDATE account_token SET used_at = ?, address = ? WHERE id = ?", sqlrow.UnixMilli(at), address, id)
	return sqlrow.Wrapped("note the use of a token", err)
}

// DeleteToken removes a token, see [users.Tx].
func (q Queries) DeleteToken(ctx context.Context, id int64) (bool, error) {
	n, err := q.c.Exec(ctx, "DELETE FROM account_token WHERE id = ?", id)
	return n > 0, sqlrow.Wrapped("delete a token", err)
}

// DeleteTokens removes tokens of a user, see [users.Tx].
func (q Queries) DeleteTokens(ctx context.Context, userID int64, kinds ...users.TokenKind) (int, error) {
	if len(kinds) == 0 {
		return 0, nil
	}
	args := []any{userID}
	for _, k := range kinds {
		args = append(args, string(k))
	}
	n, err := q.c.Exec(ctx, "DELETE FROM account_token WHERE account_id = ? AND kind IN ("+sqlrow.Marks(len(kinds))+")", args...)
	return int(n), sqlrow.Wrapped("delete tokens", err)
}

// DeleteExpiredTokens removes old tokens, see [users.Tx].
func (q Queries) DeleteExpiredTokens(ctx context.Context, kind users.TokenKind, by time.Time) error {
	_, err := q.c.Exec(ctx, "DELETE FROM account_token WHERE kind = ? AND expires_at <= ?", string(kind), sqlrow.UnixMilli(by))
	return sqlrow.Wrapped("delete expired tokens", err)
}
