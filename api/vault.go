package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Vault keeps connections and variables, sealed at rest.
type Vault interface {
	Vault() connections.VaultReader
	// ChangeVault lets fn change them in one transaction with the event that says so.
	ChangeVault(ctx context.Context, fn func(store.Tx, connections.Vault) error) error
}

// Connection is a connection as it can be shown. Password and Extra have *** in place of secrets.
type Connection struct {
	ID          string         `json:"conn_id"`
	Type        string         `json:"conn_type"`
	Description *string        `json:"description"`
	Host        *string        `json:"host"`
	Port        *int           `json:"port"`
	Login       *string        `json:"login"`
	Password    *string        `json:"password"`
	Schema      *string        `json:"schema"`
	Extra       map[string]any `json:"extra_dejson"`
	URI         string         `json:"get_uri"`
}

// ShowConnection shows everything that is in c: redact it before.
func ShowConnection(c *connections.Connection) (Connection, error) {
	extra, err := c.ExtraMap()
	if err != nil {
		return Connection{}, connections.About("connection", c.ID, err)
	}
	out := Connection{
		ID: c.ID, Type: c.Type, Description: c.Description, Host: c.Host, Port: c.Port, Login: c.Login, Schema: c.Schema, Extra: extra,
		// Stars that stand for a secret stay readable in the URI.
		URI: strings.ReplaceAll(c.URI(), "%2A%2A%2A", "***"),
	}
	if c.Password != nil {
		out.Password = new(c.Password.Reveal())
	}
	return out, nil
}

// Connections lists the connections of the store, by id, without their secrets. Those that can't be
// opened are left out, and the error names them. Those of the environment and of files are not listed.
func (a *API) Connections(ctx context.Context) ([]Connection, error) {
	out := []Connection{}
	if a.o.Vault == nil {
		return out, nil
	}
	all, broken := a.o.Vault.Vault().Connections(ctx)
	errs := []error{broken}
	for _, c := range all {
		shown, err := ShowConnection(a.o.Masker.Redact(c))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, shown)
	}
	return out, errors.Join(errs...)
}

// Connection is one connection of the store, without its secrets. Its error wraps [ErrNotFound] when
// there is none.
func (a *API) Connection(ctx context.Context, id string) (Connection, error) {
	if a.o.Vault == nil {
		return Connection{}, store.Missing("no connection %q in the store", id)
	}
	c, err := a.o.Vault.Vault().Connection(ctx, id)
	if err != nil {
		return Connection{}, a.noConnection(ctx, id, err)
	}
	return ShowConnection(a.o.Masker.Redact(c))
}

// noConnection says which connection of the store may have been meant.
func (a *API) noConnection(ctx context.Context, id string, err error) error {
	if !errors.Is(err, connections.ErrNotFound) {
		return err
	}
	all, err := a.o.Vault.Vault().Connections(ctx)
	if err != nil && len(all) == 0 {
		return errors.Join(store.Missing("no connection %q in the store", id), err)
	}
	return store.Missing("no connection %q in the store%s", id, yamlvalue.DidYouMean(id, func(yield func(string) bool) {
		for _, c := range all {
			if !yield(c.ID) {
				return
			}
		}
	}))
}

// SetConnection adds a connection. If its id is taken, it replaces all fields when overwrite is set, else
// its error wraps [ErrExists]. One that was shown and has *** in place of a secret is refused.
func (a *API) SetConnection(ctx context.Context, c *connections.Connection, overwrite bool) error {
	a.o.Masker.AddConnection(c)
	if err := c.Validate(); err != nil {
		return connections.About("connection", c.ID, err)
	}
	if c.Redacted() {
		return &FieldError{"password", phrase.Err("vault.stars", phrase.Of("kind.connection"), c.ID)}
	}
	err := a.o.Vault.ChangeVault(ctx, func(tx store.Tx, v connections.Vault) error {
		if err := v.PutConnection(ctx, c, overwrite); err != nil {
			return err
		}
		return a.note(ctx, tx, store.EventConnectionSet, map[string]string{"conn_id": c.ID, "conn_type": c.Type})
	})
	if errors.Is(err, connections.ErrExists) {
		return &existsError{err}
	}
	return err
}

// existsError is a connection or variable that is there already.
type existsError struct{ err error }

func (e *existsError) Error() string { return e.err.Error() }

func (e *existsError) Unwrap() []error { return []error{e.err, ErrExists} }

// DeleteConnection deletes a connection of the store. Its error wraps [ErrNotFound] when there is none.
func (a *API) DeleteConnection(ctx context.Context, id string) error {
	if a.o.Vault == nil {
		return store.Missing("no connection %q in the store", id)
	}
	err := a.o.Vault.ChangeVault(ctx, func(tx store.Tx, v connections.Vault) error {
		if err := v.DeleteConnection(ctx, id); err != nil {
			return err
		}
		return a.note(ctx, tx, store.EventConnectionDelete, map[string]string{"conn_id": id})
	})
	if err != nil {
		return a.noConnection(ctx, id, err)
	}
	return nil
}

// Variable is a variable without its value, which may be a secret.
type Variable struct {
	Key         string `json:"key"`
	Description string `json:"description"`
}

// Variables lists the variables of the store, by key.
func (a *API) Variables(ctx context.Context) ([]Variable, error) {
	out := []Variable{}
	if a.o.Vault == nil {
		return out, nil
	}
	all, err := a.o.Vault.Vault().Variables(ctx)
	for _, v := range all {
		out = append(out, Variable{v.Key, v.Description})
	}
	return out, err
}

// WhenThere says what becomes of a variable that is there already.
type WhenThere string

// The ways to treat it (Airflow, action-on-existing-key).
const (
	Overwrite WhenThere = "overwrite"
	Fail      WhenThere = "fail"
	Skip      WhenThere = "skip"
)

// SetVariables adds or replaces variables by key, all or none, and returns how many. With [Fail] the
// error wraps [ErrExists] when one of them is there already.
func (a *API) SetVariables(ctx context.Context, vs map[string]connections.Variable, there WhenThere) (n int, err error) {
	if !slices.Contains([]WhenThere{Overwrite, Fail, Skip}, there) {
		return 0, &FieldError{"action_on_existing_key", fmt.Errorf("%q: use overwrite, fail or skip", there)}
	}
	err = a.o.Vault.ChangeVault(ctx, func(tx store.Tx, in connections.Vault) error {
		all, err := in.Variables(ctx)
		if err != nil {
			return err
		}
		n = 0
		for _, key := range slices.Sorted(maps.Keys(vs)) {
			if key == "" {
				return nobody("key", phrase.Of("name.variable"))
			}
			known := slices.ContainsFunc(all, func(v *connections.Variable) bool { return v.Key == key })
			switch {
			case known && there == Fail:
				return &existsError{fmt.Errorf("variable %q exists already; nothing was changed", key)}
			case known && there == Skip:
				continue
			}
			v := vs[key]
			v.Key = key
			if err := in.PutVariable(ctx, v); err != nil {
				return err
			}
			if err := a.note(ctx, tx, store.EventVariableSet, map[string]string{"key": key}); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// DeleteVariable deletes a variable of the store. Its error wraps [ErrNotFound] when there is none.
func (a *API) DeleteVariable(ctx context.Context, key string) error {
	if a.o.Vault == nil {
		return store.Missing("no variable %q in the store", key)
	}
	err := a.o.Vault.ChangeVault(ctx, func(tx store.Tx, v connections.Vault) error {
		if err := v.DeleteVariable(ctx, key); err != nil {
			return err
		}
		return a.note(ctx, tx, store.EventVariableDelete, map[string]string{"key": key})
	})
	if !errors.Is(err, connections.ErrNotFound) {
		return err
	}
	all, err := a.Variables(ctx)
	return errors.Join(store.Missing("no variable %q in the store%s", key, yamlvalue.DidYouMean(key, func(yield func(string) bool) {
		for _, v := range all {
			if !yield(v.Key) {
				return
			}
		}
	})), err)
}
