package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/store"
)

// Store keeps the answers.
type Store interface {
	store.OwnerAnswers
	store.Transactor
}

// Every is the time between two look-ups of an owner.
const Every = 5 * time.Minute

// Keeper keeps the answers of a book up to date and in a store, so that a process that starts
// while the warehouse is down still knows whom to notify. Every field is needed.
type Keeper struct {
	Book  *owners.Book
	Store Store
	// Connections are what look-ups go through.
	Connections connections.Source
	// Masker hides secrets in what is stored and logged. Who was found is never logged.
	Masker *connections.Masker
	Clock  func() time.Time
	Log    *slog.Logger
}

// Restore takes what was stored last into the book. The store forgets who is not in it any more.
func (k *Keeper) Restore(ctx context.Context) error {
	gone, err := Restore(ctx, k.Book, k.Store)
	if err != nil || len(gone) == 0 {
		return err
	}
	return k.Store.Tx(ctx, func(tx store.Tx) error {
		var errs []error
		for _, name := range gone {
			errs = append(errs, tx.DropOwnerAnswer(ctx, name))
		}
		return errors.Join(errs...)
	})
}

// Restore takes what was stored last into a book, and returns whom it does not look up.
func Restore(ctx context.Context, b *owners.Book, from store.OwnerAnswers) (gone []string, err error) {
	rows, err := from.OwnerAnswers(ctx)
	if err != nil {
		return nil, err
	}
	asks := map[string]bool{}
	for _, e := range b.Entries() {
		asks[e.Name] = e.Lookup != nil
	}
	for _, row := range rows {
		if !asks[row.Name] {
			gone = append(gone, row.Name)
			continue
		}
		a := owners.Answer{Key: row.Asked, At: row.At, FailedSince: row.FailedSince, Error: row.Error}
		if row.People != nil {
			if err := json.Unmarshal(row.People, &a.People); err != nil {
				return nil, fmt.Errorf("read who owner %s is: %w", row.Name, err)
			}
		}
		b.SetAnswer(row.Name, a)
	}
	return gone, nil
}

// Run looks all owners up, again and again, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	if !slices.ContainsFunc(k.Book.Entries(), asks) {
		return
	}
	t := time.NewTicker(Every)
	defer t.Stop()
	for {
		k.Refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func asks(e *owners.Entry) bool { return e.Lookup != nil }

// Refresh looks all owners up once. One that can't be looked up delays no other, and keeps the
// people that it had.
func (k *Keeper) Refresh(ctx context.Context) {
	var all sync.WaitGroup
	for _, e := range k.Book.Entries() {
		if asks(e) {
			all.Go(func() { k.look(ctx, e) })
		}
	}
	all.Wait()
}

// look looks one owner up.
func (k *Keeper) look(ctx context.Context, e *owners.Entry) {
	people, err := e.Lookup.Look(ctx, k.Connections, k.Clock)
	if ctx.Err() != nil {
		return // a stop is no answer
	}
	before, known := k.Book.Answer(e.Name)
	a := k.answer(e, before, people, err)
	k.Book.SetAnswer(e.Name, a)
	switch {
	case err != nil:
		k.Log.Warn("an owner could not be looked up", "owner", e.Name, "by", e.Lookup.Kind(), "error", a.Error)
	case people.Nobody() && e.People.Nobody() && (!known || !before.People.Nobody()):
		k.Log.Warn("looking up an owner found nobody", "owner", e.Name, "by", e.Lookup.Kind())
	case known && !before.FailedSince.IsZero():
		k.Log.Info("an owner could be looked up again", "owner", e.Name, "by", e.Lookup.Kind())
	}
	if err := k.keep(ctx, e.Name, a); err != nil && ctx.Err() == nil {
		k.Log.Error("who an owner is could not be stored", "owner", e.Name, "error", err)
	}
}

// answer is what is known after a look-up.
func (k *Keeper) answer(e *owners.Entry, before owners.Answer, people owners.People, err error) owners.Answer {
	now := k.Clock().UTC().Truncate(time.Millisecond)
	if err == nil {
		return owners.Answer{Key: e.Lookup.Key(), People: people, At: now}
	}
	a := owners.Answer{Key: e.Lookup.Key(), FailedSince: now, Error: k.Masker.Mask(err.Error())}
	if before.Key != a.Key {
		return a
	}
	a.People, a.At = before.People, before.At
	if !before.FailedSince.IsZero() {
		a.FailedSince = before.FailedSince
	}
	return a
}

// keep stores an answer.
func (k *Keeper) keep(ctx context.Context, name string, a owners.Answer) error {
	row := &store.OwnerAnswer{Name: name, Asked: a.Key, At: a.At, FailedSince: a.FailedSince, Error: a.Error}
	if !a.At.IsZero() {
		people, err := json.Marshal(a.People)
		if err != nil {
			return err
		}
		row.People = people
	}
	return k.Store.Tx(ctx, func(tx store.Tx) error { return tx.PutOwnerAnswer(ctx, row) })
}
