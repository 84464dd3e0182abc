package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

// Changes are changes of one transaction, each with the event that says so. It must not be used after it.
type Changes struct {
	k      *Keeper
	tx     store.Tx
	in     connections.Vault
	places *Places
	vars   map[string]*connections.Variable
}

// Change lets fn change connections and variables in one transaction: all that it does, or with an error nothing.
func (k *Keeper) Change(ctx context.Context, fn func(*Changes) error) error {
	p, err := k.places()
	if err != nil {
		return err
	}
	return k.o.Vault.ChangeVault(ctx, func(tx store.Tx, in connections.Vault) error {
		return fn(&Changes{k: k, tx: tx, in: in, places: p})
	})
}

// variables are those of the store, read once.
func (c *Changes) variables(ctx context.Context) (map[string]*connections.Variable, error) {
	if c.vars != nil {
		return c.vars, nil
	}
	all, err := c.in.Variables(ctx)
	if err != nil {
		return nil, err
	}
	c.vars = make(map[string]*connections.Variable, len(all))
	for _, v := range all {
		c.vars[v.Key] = v
	}
	return c.vars, nil
}

// elsewhere is the error of what comes from elsewhere.
func (c *Changes) elsewhere(kind, name string) error {
	if place := c.places.of(kind)(name); place != "" {
		return &ElsewhereError{kind, name, place}
	}
	return nil
}

// HasVariable reports whether the store has a variable.
func (c *Changes) HasVariable(ctx context.Context, key string) (bool, error) {
	all, err := c.variables(ctx)
	return all[key] != nil, err
}

// AddVariable adds a variable. When there is one, it is replaced with overwrite, and the error is a [*ExistsError]
// otherwise.
func (c *Changes) AddVariable(ctx context.Context, v connections.Variable, overwrite bool) error {
	if err := c.elsewhere(kindVariable, v.Key); err != nil {
		return err
	}
	all, err := c.variables(ctx)
	if err != nil {
		return err
	}
	switch was := all[v.Key]; {
	case was != nil && overwrite:
		return c.EditVariable(ctx, v.Key, VariablePatch{&v.Value, &v.Description})
	case was != nil:
		return &ExistsError{kindVariable, v.Key}
	case connections.IsStars(v.Value):
		return stars(kindVariable, v.Key)
	}
	return c.putVariable(ctx, v)
}

func (c *Changes) putVariable(ctx context.Context, v connections.Variable) error {
	if err := c.in.PutVariable(ctx, v); err != nil {
		return err
	}
	all := maps.Clone(c.vars)
	all[v.Key] = &v
	c.vars = all
	c.k.o.Masker.RedactVariable(v.Key, v.Value) // from now on it is hidden everywhere
	return c.k.note(ctx, c.tx, store.EventVariableSet, map[string]string{"key": v.Key})
}

// VariablePatch says what of a variable changes; what is nil stays. What [Keeper.Variable] shows of a value stands for
// the value.
type VariablePatch struct{ Value, Description *string }

// EditVariable changes a variable. Its error is a [*MissingError] when there is none.
func (c *Changes) EditVariable(ctx context.Context, key string, p VariablePatch) error {
	if err := c.elsewhere(kindVariable, key); err != nil {
		return err
	}
	all, err := c.variables(ctx)
	if err != nil {
		return err
	}
	was := all[key]
	if was == nil {
		return c.places.missing(kindVariable, key)
	}
	v := *was
	if p.Value != nil {
		if v.Value, err = connections.RestoreVariable(*p.Value, c.k.o.Masker.RedactVariable(key, was.Value), was.Value); err != nil {
			return &InvalidError{connections.About(kindVariable, key, err)}
		}
	}
	if p.Description != nil {
		v.Description = *p.Description
	}
	if v == *was {
		return nil
	}
	return c.putVariable(ctx, v)
}

// DeleteVariable deletes a variable of the store. Its error is a [*MissingError] when there is none, and an
// [*ElsewhereError] when it comes from elsewhere alone.
func (c *Changes) DeleteVariable(ctx context.Context, key string) error {
	if err := c.in.DeleteVariable(ctx, key); err != nil {
		return c.notDeleted(kindVariable, key, err)
	}
	if c.vars != nil {
		all := maps.Clone(c.vars)
		delete(all, key)
		c.vars = all
	}
	return c.k.note(ctx, c.tx, store.EventVariableDelete, map[string]string{"key": key})
}

func (c *Changes) notDeleted(kind, name string, err error) error {
	if !errors.Is(err, connections.ErrNotFound) {
		return err
	}
	if err := c.elsewhere(kind, name); err != nil {
		return err
	}
	return c.places.missing(kind, name)
}

// HasConnection reports whether the store has a connection.
func (c *Changes) HasConnection(ctx context.Context, id string) (bool, error) {
	_, err := c.in.Connection(ctx, id)
	if errors.Is(err, connections.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// AddConnection adds a connection. When there is one, it is replaced with overwrite, and the error is an [*ExistsError]
// otherwise.
func (c *Changes) AddConnection(ctx context.Context, n *connections.Connection, overwrite bool) error {
	if err := c.elsewhere(kindConnection, n.ID); err != nil {
		return err
	}
	was, err := c.in.Connection(ctx, n.ID)
	switch {
	case errors.Is(err, connections.ErrNotFound):
		if n.Redacted() {
			return stars(kindConnection, n.ID)
		}
	case err != nil:
		return err
	case !overwrite:
		return &ExistsError{kindConnection, n.ID}
	default:
		if n, err = c.k.restore(n, was); err != nil {
			return err
		}
	}
	return c.putConnection(ctx, n)
}

func (c *Changes) putConnection(ctx context.Context, n *connections.Connection) error {
	c.k.o.Masker.AddConnection(n)
	if err := n.Validate(); err != nil {
		return &InvalidError{connections.About(kindConnection, n.ID, err)}
	}
	if check := c.k.o.Check; check != nil {
		wrong, err := check(ctx, n)
		switch {
		case err != nil:
			return fmt.Errorf("check connection %s: %w", n.ID, err)
		case wrong != nil:
			return &InvalidError{wrong}
		}
	}
	if err := c.in.PutConnection(ctx, n, true); err != nil {
		return err
	}
	return c.k.note(ctx, c.tx, store.EventConnectionSet, map[string]string{"conn_id": n.ID, "conn_type": n.Type})
}

// EditConnection changes a connection: edit gets it without its secrets. What it leaves as it is shown stays. The error
// is a [*MissingError] when there is none.
func (c *Changes) EditConnection(ctx context.Context, id string, edit func(*connections.Connection)) error {
	if err := c.elsewhere(kindConnection, id); err != nil {
		return err
	}
	was, err := c.in.Connection(ctx, id)
	if errors.Is(err, connections.ErrNotFound) {
		return c.places.missing(kindConnection, id)
	}
	if err != nil {
		return err
	}
	now := *c.k.o.Masker.Redact(was)
	edit(&now)
	whole, err := c.k.restore(&now, was)
	if err != nil {
		return err
	}
	if same(whole, was) {
		return nil
	}
	return c.putConnection(ctx, whole)
}

// same reports whether two connections are the same in all that is kept.
func same(a, b *connections.Connection) bool {
	return a.ID == b.ID && a.Type == b.Type && equal(a.Description, b.Description) && equal(a.Host, b.Host) && equal(a.Login, b.Login) &&
		equal(a.Password, b.Password) && equal(a.Schema, b.Schema) && equal(a.Port, b.Port) && equal(a.Extra, b.Extra)
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// DeleteConnection deletes a connection of the store. Its error is a [*MissingError] when there is none, and an
// [*ElsewhereError] when it comes from elsewhere alone.
func (c *Changes) DeleteConnection(ctx context.Context, id string) error {
	if err := c.in.DeleteConnection(ctx, id); err != nil {
		return c.notDeleted(kindConnection, id, err)
	}
	return c.k.note(ctx, c.tx, store.EventConnectionDelete, map[string]string{"conn_id": id})
}
