package app

import (
	"fmt"
	"time"

	"github.com/dingdag/dingdag/cli/internal/command"
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
