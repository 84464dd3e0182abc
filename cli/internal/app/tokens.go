package app

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
)

// tokens shares the access tokens of applications between processes, through the store
// that the command has open. Without one they stay in the hook.
type tokens struct{ app *App }

// Load returns the token that was saved last under a key, or the zero one.
func (t tokens) Load(ctx context.Context, key string) (hook.Token, error) {
	s := t.app.Store
	if s == nil {
		return hook.Token{}, nil
	}
	v, err := s.Token(ctx, key)
	return hook.Token{Value: v.Value, ObtainedAt: v.ObtainedAt, ExpiresAt: v.ExpiresAt}, err
}

// Save keeps a token under a key.
func (t tokens) Save(ctx context.Context, key string, v hook.Token) error {
	s := t.app.Store
	if s == nil {
		return nil
	}
	return s.PutToken(ctx, key, sqlvault.AppToken{Value: v.Value, ObtainedAt: v.ObtainedAt, ExpiresAt: v.ExpiresAt})
}
