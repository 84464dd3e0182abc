package sqlite

import (
	"context"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// Variables reads the store's variables, sealed with [Options.Cipher].
func (s *Store) Variables() sqlstore.Variables {
	return sqlstore.NewVariables(pool{s.read}, s.opts.Cipher)
}

// WriteVariables lets fn change variables in one transaction.
func (s *Store) WriteVariables(ctx context.Context, fn func(sqlstore.Variables) error) error {
	return s.Tx(ctx, func(tx store.Tx) error {
		return fn(sqlstore.NewVariables(sqlTx{tx.(*transaction).tx}, s.opts.Cipher)) //nolint:forcetypeassert // our own
	})
}
