package sqlite

import (
	"context"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// Token returns the access token that was put last under a key, or the zero value.
func (s *Store) Token(ctx context.Context, key string) (sqlstore.AppToken, error) {
	return sqlstore.NewTokens(s.pool(), s.opts.Cipher).Token(ctx, key)
}

// PutToken keeps an access token, sealed with [Options.Cipher].
func (s *Store) PutToken(ctx context.Context, key string, t sqlstore.AppToken) error {
	return s.Tx(ctx, func(tx store.Tx) error {
		return sqlstore.NewTokens(sqlTx{tx.(*transaction).tx}, s.opts.Cipher).PutToken(ctx, key, t) //nolint:forcetypeassert // our own
	})
}
