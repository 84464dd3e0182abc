package sqlite

import (
	"context"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// Variables reads the store's variables, sealed with [Options.Cipher].
func (s *Store) Variables() sqlstore.Variables {
	return sqlstore.NewVariables(s.pool(), s.opts.Cipher)
}

// Vault reads the store's connections and variables.
func (s *Store) Vault() connections.VaultReader {
	return struct {
		connections.Store
		connections.VariableStore
	}{s.Connections(), s.Variables()}
}

// ChangeVault lets fn change connections and variables in one transaction with other rows.
func (s *Store) ChangeVault(ctx context.Context, fn func(store.Tx, connections.Vault) error) error {
	return s.Tx(ctx, func(tx store.Tx) error {
		c := sqlTx{tx.(*transaction).tx} //nolint:forcetypeassert // our own
		return fn(tx, struct {
			connections.Store
			connections.VariableStore
		}{sqlstore.NewConnections(c, s.opts.Cipher), sqlstore.NewVariables(c, s.opts.Cipher)})
	})
}
