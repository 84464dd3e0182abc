package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

// keyMark tells the secret key of a store from other ones; empty for a store without one.
func keyMark(s store.Store) (string, error) {
	vault, ok := s.(interface {
		Derive(purpose string) ([]byte, error)
	})
	if !ok {
		return "", nil
	}
	mark, err := vault.Derive("telling secret keys apart")
	if err != nil {
		return "", fmt.Errorf("read the secret key: %w", err)
	}
	return hex.EncodeToString(mark[:8]), nil
}

// OpensSecrets makes sure, for a process that is about to work, that its key opens what the store has encrypted: tasks would
// fail for it one by one. In a database that processes share somebody has the right key, and the error says who and what to do.
func (a *App) OpensSecrets(ctx context.Context, s home.Store) error {
	_, err := s.Connections().Connections(ctx)
	if err == nil && a.Shared() {
		_, err = s.Vault().Variables(ctx)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("read what is encrypted: %w", err)
	if !a.Shared() || !errors.Is(err, connections.ErrOtherKey) {
		return err
	}
	mark, merr := keyMark(s)
	living, _, lerr := store.Living(ctx, s)
	if err = errors.Join(err, merr, lerr); merr != nil || lerr != nil {
		return err
	}
	who := "the other nodes"
	if first := store.OtherKey(living, mark); first != nil {
		who = "node " + first.ID
	}
	return fmt.Errorf("the secret key of this node does not open what the database holds: set the DINGDAG_SECRET_KEY that %s has, or copy secret.key from its home folder to %s, and start this one again: %w",
		who, filepath.Join(a.Settings.Home, "secret.key"), err)
}
