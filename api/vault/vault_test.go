package vault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

// sealed is a vault in which some connections cannot be opened.
type sealed struct{ opened []*connections.Connection }

func (sealed) ChangeVault(context.Context, func(store.Tx, connections.Vault) error) error { return nil }

func (s sealed) Vault() connections.VaultReader { return sealedReader{opened: s.opened} }

type sealedReader struct {
	connections.VaultReader

	opened []*connections.Connection
}

func (sealedReader) Connection(_ context.Context, id string) (*connections.Connection, error) {
	return nil, connections.NotFound(id)
}

func (r sealedReader) Connections(context.Context) ([]*connections.Connection, error) {
	return r.opened, errors.New("another key")
}

// One that cannot be opened does not keep people from hearing that there is no other, nor of the one that may be meant.
func TestMissingBesideOneThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	var missing *vault.MissingError
	_, err := vault.New(vault.Options{Vault: sealed{opened: []*connections.Connection{{ID: "warehouse"}}}}).Connection(t.Context(), "warehose")
	require.ErrorAs(t, err, &missing)
	require.ErrorContains(t, err, `did you mean "warehouse"?`)
	_, err = vault.New(vault.Options{Vault: sealed{}}).Connection(t.Context(), "warehose")
	require.ErrorAs(t, err, &missing)
}
