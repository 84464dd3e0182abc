package app

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/owners/lookup"
)

// Owners is what the setting owners says, once; nil when it says nothing. What is wrong with it is
// a usage error with its places.
func (a *App) Owners() (*owners.Book, error) {
	c, err := a.ReadSettings()
	if err != nil || a.owners != nil || c.Owners.Node == nil {
		return a.owners, err
	}
	ops, err := a.Operators()
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.DefaultTimezone)
	if err != nil {
		return nil, fmt.Errorf("default_timezone: %w", err)
	}
	book, err := lookup.Parse(c.Owners.From, c.Owners.Node, ops, zone)
	if err != nil {
		return nil, command.UsageError{Err: err}
	}
	a.owners = book
	return book, nil
}

// KnowOwners adds to the owners what looking them up gave last, as the store of the home folder has
// it when it is open. Nobody is looked up.
func (a *App) KnowOwners(ctx context.Context) error {
	b, err := a.Owners()
	if err != nil || a.Store == nil {
		return err
	}
	_, err = lookup.Restore(ctx, b, a.Store)
	return err
}

// OwnerKeeper is what looks the owners up for a store.
func (a *App) OwnerKeeper(s home.Store) (*lookup.Keeper, error) {
	b, err := a.Owners()
	if err != nil {
		return nil, err
	}
	conns, _, err := a.Sources(s.Connections())
	return &lookup.Keeper{Book: b, Store: s, Connections: conns, Masker: a.Masker(), Clock: a.Clock, Log: a.Log()}, err
}
