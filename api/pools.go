package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// DefaultPool is the pool of tasks that name none. It can't be deleted.
const DefaultPool = dagrun.DefaultPool

// Pool bounds how many of its tasks are queued and running at once, over all DAGs.
type Pool struct {
	Name string `json:"pool"`
	// Slots is how many; -1 is no bound.
	Slots       int    `json:"slots"`
	Description string `json:"description"`
	// IncludeDeferred says that deferred tasks take slots too, as those that wait for people.
	IncludeDeferred bool `json:"include_deferred"`
}

// StandardPool is the default pool unless somebody has changed it.
func StandardPool() Pool {
	return Pool{Name: DefaultPool, Slots: dagrun.DefaultPoolSlots, Description: AboutDefaultPool().String()}
}

// AboutDefaultPool is the description of the default pool unless somebody has changed it, in each language.
func AboutDefaultPool() phrase.Text { return phrase.Of("pool.standard") }

// PoolOf is the pool of a task, and how many of its slots an instance takes.
func PoolOf(t *dag.Task) (name string, slots int) { return dagrun.PoolOf(t) }

// Pools lists the pools, the default pool among them, by name.
func (a *API) Pools(ctx context.Context) ([]Pool, error) {
	var rows []*store.Pool
	if a.o.Store != nil {
		var err error
		if rows, err = a.o.Store.Pools(ctx); err != nil {
			return nil, err
		}
	}
	out := []Pool{}
	if !slices.ContainsFunc(rows, func(p *store.Pool) bool { return p.Name == DefaultPool }) {
		out = append(out, StandardPool())
	}
	for _, p := range rows {
		out = append(out, Pool(*p))
	}
	return out, nil
}

// Pool is one pool. Its error wraps [ErrNotFound] when there is none.
func (a *API) Pool(ctx context.Context, name string) (Pool, error) {
	all, err := a.Pools(ctx)
	if err != nil {
		return Pool{}, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Pool{}, store.NoSuch("pool.no", name, phrase.Near(yamlvalue.Nearest(name, slices.Values(names))))
}

// SetPools makes pools or changes them, all or none. Mistakes are [*FieldError], all at once.
func (a *API) SetPools(ctx context.Context, ps ...Pool) error {
	var errs []error
	for _, p := range ps {
		switch {
		case p.Name == "":
			errs = append(errs, nobody("pool", phrase.Of("name.pool")))
		case p.Slots < -1:
			errs = append(errs, &FieldError{"slots", phrase.Err("pool.slots", p.Name, p.Slots)})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return a.o.Store.Tx(ctx, func(tx store.Tx) error {
		for _, p := range ps {
			if err := tx.PutPool(ctx, new(store.Pool(p))); err != nil {
				return err
			}
			if err := a.note(ctx, tx, store.EventPoolSet, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeletePool deletes a pool; tasks that name it wait. Its error wraps [ErrNotFound] when there is
// none, and is a [*FieldError] for the default pool.
func (a *API) DeletePool(ctx context.Context, name string) error {
	if name == DefaultPool {
		return &FieldError{"pool", phrase.Err("pool.default", DefaultPool)}
	}
	if _, err := a.Pool(ctx, name); err != nil {
		return err
	}
	return a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if err := tx.DeletePool(ctx, name); err != nil {
			return err
		}
		return a.note(ctx, tx, store.EventPoolDelete, struct {
			Pool string `json:"pool"`
		}{name})
	})
}

// note writes an event that belongs to no DAG. No secret may be in extra.
func (a *API) note(ctx context.Context, tx store.EventsTx, kind store.EventKind, extra any) error {
	b, err := json.Marshal(extra)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return tx.InsertEvents(ctx, &store.Event{At: a.o.Clock(), Actor: a.o.By, Kind: kind, MapIndex: -1, Extra: b})
}
