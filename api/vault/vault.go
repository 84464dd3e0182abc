// Package vault shows and changes the connections and variables of the store for people and programs who are not to see
// their secrets: *** stands for one, and where it is sent back nothing is changed. What a file or the environment
// defines cannot be changed here, as tasks find it there first; see [ElsewhereError].
package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Places say where a connection or a variable comes from that is not, or not only, in the store: "" for nowhere.
type Places struct {
	Connection func(id string) string
	Variable   func(key string) string
}

// Options are what a [Keeper] stands on. All but Places are required.
type Options struct {
	Vault  api.Vault
	Masker *connections.Masker
	// Places looks where else there are connections and variables. It may be nil: then there are none.
	Places func() (*Places, error)
	// By is who asks, which is kept with what is changed.
	By    store.Actor
	Clock func() time.Time
	// Check refuses a connection that is about to be stored, beyond what makes no connection at all, in words without
	// secrets, or says why it cannot be checked; nil takes all.
	Check func(ctx context.Context, c *connections.Connection) (wrong, err error)
}

// Keeper shows and changes them. It may be used by several at once.
type Keeper struct{ o Options }

// New returns a keeper.
func New(o Options) *Keeper { return &Keeper{o} }

// By is the same for somebody else who asks.
func (k *Keeper) By(who store.Actor) *Keeper {
	o := k.o
	o.By = who
	return &Keeper{o}
}

// ElsewhereError is the error of what cannot be changed, or is not, in the store because it comes from elsewhere.
type ElsewhereError struct {
	// Kind is connection or variable.
	Kind, Name, Place string
}

// Error says where it comes from.
func (e *ElsewhereError) Error() string {
	return e.Said().String()
}

// Said is that in each language.
func (e *ElsewhereError) Said() phrase.Text {
	return phrase.Of("vault.elsewhere", kindOf(e.Kind), e.Name, e.Place)
}

// InvalidError is the error of what cannot be a connection or a variable.
type InvalidError struct{ Err error }

// Error is what is wrong with it.
func (e *InvalidError) Error() string { return e.Err.Error() }

// Unwrap is that error.
func (e *InvalidError) Unwrap() error { return e.Err }

// MissingError is the error of what is not in the store. It wraps [api.ErrNotFound].
type MissingError struct {
	Kind, Name string
	// Place is where it is instead; "" for nowhere.
	Place string
	// Near is the one of the store that may be meant, as the end of a sentence; or nothing.
	Near phrase.Text
}

// Error says that there is none.
func (e *MissingError) Error() string { return e.Said().String() }

// Said is that in each language.
func (e *MissingError) Said() phrase.Text {
	switch variable := e.Kind == kindVariable; {
	case variable && e.Place == "":
		return phrase.Of("vault.no_var", e.Name, e.Near)
	case variable:
		return phrase.Of("vault.no_var_here", e.Name, e.Place)
	case e.Place == "":
		return phrase.Of("vault.no_conn", e.Name, e.Near)
	default:
		return phrase.Of("vault.no_conn_here", e.Name, e.Place)
	}
}

// Unwrap is [api.ErrNotFound].
func (*MissingError) Unwrap() error { return api.ErrNotFound }

// ExistsError is the error of a second one of the same name. It wraps [api.ErrExists].
type ExistsError struct{ Kind, Name string }

// Error says that there is one.
func (e *ExistsError) Error() string { return e.Said().String() }

// Said is that in each language.
func (e *ExistsError) Said() phrase.Text {
	if e.Kind == kindVariable {
		return phrase.Of("vault.var_there", e.Name)
	}
	return phrase.Of("vault.conn_there", e.Name)
}

// Unwrap is [api.ErrExists].
func (*ExistsError) Unwrap() error { return api.ErrExists }

const (
	kindConnection = "connection"
	kindVariable   = "variable"
)

// kindOf is the word for a kind.
func kindOf(kind string) phrase.Text {
	if kind == kindVariable {
		return phrase.Of("kind.variable")
	}
	return phrase.Of("kind.connection")
}

// places are those of the options.
func (k *Keeper) places() (*Places, error) {
	none := func(string) string { return "" }
	if k.o.Places == nil {
		return &Places{none, none}, nil
	}
	return k.o.Places()
}

// missing says that something is not in the store, and where it is instead, or which one of those that are there may be meant.
func (k *Keeper) missing(kind, name string, there []string) error {
	p, err := k.places()
	if err != nil {
		return err
	}
	return &MissingError{kind, name, p.of(kind)(name), api.Near(name, there)}
}

func (p *Places) missing(kind, name string) error {
	return &MissingError{Kind: kind, Name: name, Place: p.of(kind)(name)}
}

func (p *Places) of(kind string) func(string) string {
	if kind == kindVariable {
		return p.Variable
	}
	return p.Connection
}

// Variable is a variable as it is shown.
type Variable struct{ Key, Value, Description string }

func (k *Keeper) shown(v *connections.Variable) Variable {
	return Variable{v.Key, k.o.Masker.RedactVariable(v.Key, v.Value), v.Description}
}

// Variables lists the variables of the store, by key, without their secrets.
func (k *Keeper) Variables(ctx context.Context) ([]Variable, error) {
	all, err := k.o.Vault.Vault().Variables(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Variable, len(all))
	for i, v := range all {
		out[i] = k.shown(v)
	}
	return out, nil
}

// Variable is one of them. Its error is a [*MissingError] when the store has none.
func (k *Keeper) Variable(ctx context.Context, key string) (Variable, error) {
	all, err := k.o.Vault.Vault().Variables(ctx)
	if err != nil {
		return Variable{}, err
	}
	there := make([]string, len(all))
	for i, v := range all {
		if v.Key == key {
			return k.shown(v), nil
		}
		there[i] = v.Key
	}
	return Variable{}, k.missing(kindVariable, key, there)
}

// Connections lists the connections of the store, by id, without their secrets.
func (k *Keeper) Connections(ctx context.Context) ([]*connections.Connection, error) {
	all, err := k.o.Vault.Vault().Connections(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*connections.Connection, len(all))
	for i, c := range all {
		out[i] = k.o.Masker.Redact(c)
	}
	return out, nil
}

// Connection is one of them. Its error is a [*MissingError] when the store has none.
func (k *Keeper) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	c, err := k.o.Vault.Vault().Connection(ctx, id)
	if errors.Is(err, connections.ErrNotFound) {
		all, _ := k.o.Vault.Vault().Connections(ctx) // those that cannot be opened are not suggested
		there := make([]string, len(all))
		for i, c := range all {
			there[i] = c.ID
		}
		return nil, k.missing(kindConnection, id, there)
	}
	if err != nil {
		return nil, err
	}
	return k.o.Masker.Redact(c), nil
}

// Whole is a connection with the secrets for which *** stands in it, taken from the one of the store that has its id.
func (k *Keeper) Whole(ctx context.Context, c *connections.Connection) (*connections.Connection, error) {
	if !c.Redacted() {
		return c, nil
	}
	was, err := k.o.Vault.Vault().Connection(ctx, c.ID)
	if errors.Is(err, connections.ErrNotFound) {
		return nil, stars(kindConnection, c.ID)
	}
	if err != nil {
		return nil, err
	}
	return k.restore(c, was)
}

// restore puts the secrets of a connection into what somebody has made of it.
func (k *Keeper) restore(edited, original *connections.Connection) (*connections.Connection, error) {
	whole, err := connections.Restore(edited, k.o.Masker.Redact(original), original)
	if err != nil {
		return nil, &InvalidError{err}
	}
	return whole, nil
}

// stars is the error of *** in place of a secret that nobody has.
func stars(kind, name string) error {
	return &InvalidError{phrase.Err("vault.stars", kindOf(kind), name)}
}

// note writes an event that belongs to no DAG.
func (k *Keeper) note(ctx context.Context, tx store.EventsTx, kind store.EventKind, extra map[string]string) error {
	b, err := json.Marshal(extra)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return tx.InsertEvents(ctx, &store.Event{At: k.o.Clock(), Actor: k.o.By, Kind: kind, MapIndex: -1, Extra: b})
}
