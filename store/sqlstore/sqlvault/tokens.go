package sqlvault

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// AppToken is an access token of an application.
type AppToken struct {
	Value                 connections.Secret
	ObtainedAt, ExpiresAt time.Time
}

// tokenTable keeps access tokens in a store, encrypted at rest.
type tokenTable struct {
	c      sqlrow.Conn
	cipher *connections.Cipher
}

// Token returns the token that was put last under a key, or the zero value.
func (s tokenTable) Token(ctx context.Context, key string) (AppToken, error) {
	t, err := sqlrow.One(ctx, s.c, func(rows sqlrow.Rows, t *AppToken) error {
		return rows.Scan((*string)(&t.Value), sqlrow.Moment(&t.ObtainedAt), sqlrow.Moment(&t.ExpiresAt))
	}, "SELECT token, obtained_at, expires_at FROM app_token WHERE key = ?", key)
	if err != nil {
		return AppToken{}, fmt.Errorf("read an access token: %w", err)
	}
	if t == nil {
		return AppToken{}, nil
	}
	if s.cipher == nil {
		return AppToken{}, errNoCipher
	}
	plain, err := s.cipher.Open(t.Value.Reveal(), "app_token/"+key)
	if err != nil {
		return AppToken{}, fmt.Errorf("open an access token: %w", err)
	}
	t.Value = connections.Secret(plain)
	return *t, nil
}

// PutToken keeps a token under a key, in place of the one before.
func (s tokenTable) PutToken(ctx context.Context, key string, t AppToken) error {
	if s.cipher == nil {
		return errNoCipher
	}
	sealed, err := s.cipher.Seal([]byte(t.Value.Reveal()), "app_token/"+key)
	if err != nil {
		return fmt.Errorf("encrypt an access token: %w", err)
	}
	_, err = s.c.Exec(ctx, `INSERT INTO app_token (key, token, obtained_at, expires_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET token = excluded.token, obtained_at = excluded.obtained_at, expires_at = excluded.expires_at`,
		key, sealed, sqlrow.UnixMilli(t.ObtainedAt), sqlrow.UnixMilli(t.ExpiresAt))
	if err != nil {
		return fmt.Errorf("write an access token: %w", err)
	}
	return nil
}
