package browse

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Pool is a pool with how many slots the instances of its tasks take, by their state.
type Pool struct {
	api.Pool

	Running, Queued, Scheduled, Deferred int
}

// Occupied is how many slots are taken.
func (p *Pool) Occupied() int {
	n := p.Running + p.Queued
	if p.IncludeDeferred {
		n += p.Deferred
	}
	return n
}

// Open is how many are free; -1 where there is no bound.
func (p *Pool) Open() int {
	if p.Slots < 0 {
		return -1
	}
	return p.Slots - p.Occupied()
}

// Pools are all pools, by name, the default pool first.
func (b *Browser) Pools(ctx context.Context) ([]*Pool, error) {
	all, err := b.o.API.Pools(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*Pool, len(all))
	named := map[string]*Pool{}
	for i, p := range all {
		out[i] = &Pool{Pool: p}
		named[p.Name] = out[i]
	}
	work, err := b.o.Lists.TasksAtWork(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range work {
		d := b.restored(ctx, w.Version)
		if d == nil {
			continue // what nobody can read takes no slots
		}
		t := d.Task(w.TaskID)
		if t == nil {
			continue
		}
		name, slots := api.PoolOf(t)
		if p := named[name]; p != nil {
			p.add(w.State, w.Count*slots)
		}
	}
	return out, nil
}

func (p *Pool) add(s dag.State, slots int) {
	switch s {
	case dag.Running:
		p.Running += slots
	case dag.Queued:
		p.Queued += slots
	case dag.Scheduled:
		p.Scheduled += slots
	case dag.Deferred:
		p.Deferred += slots
	default:
	}
}

// Pool is one of them. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) Pool(ctx context.Context, name string) (*Pool, error) {
	all, err := b.Pools(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	known := make([]string, len(all))
	for i, p := range all {
		known[i] = p.Name
	}
	return nil, unknownPool(name, known)
}

// unknownPool is the error of a pool that is not there, with the known one that may be meant.
func unknownPool(name string, known []string) error {
	return store.Missing("The Pool with name: `%s` was not found%s", name, api.Suggest(name, known))
}

// PoolChanges are changes of pools in one transaction. It must not be used after it.
type PoolChanges struct {
	b  *Browser
	tx store.Tx
	// there are the pools, by name.
	there map[string]api.Pool
}

// ChangePools lets fn change pools in one transaction: all that it does, or with an error nothing.
func (b *Browser) ChangePools(ctx context.Context, fn func(*PoolChanges) error) error {
	return b.o.Store.Tx(ctx, func(tx store.Tx) error {
		rows, err := tx.Pools(ctx)
		if err != nil {
			return err
		}
		c := &PoolChanges{b, tx, map[string]api.Pool{api.DefaultPool: api.StandardPool()}}
		for _, p := range rows {
			c.there[p.Name] = api.Pool(*p)
		}
		return fn(c)
	})
}

// Get is a pool, or false when there is none of that name.
func (c *PoolChanges) Get(name string) (api.Pool, bool) {
	p, ok := c.there[name]
	return p, ok
}

// Unknown is the error of a pool that is not there. It wraps [api.ErrNotFound].
func (c *PoolChanges) Unknown(name string) error {
	return unknownPool(name, slices.Collect(maps.Keys(c.there)))
}

// Put makes a pool or changes it. One that stays the same leaves no trace.
func (c *PoolChanges) Put(ctx context.Context, p api.Pool) error {
	if was, ok := c.there[p.Name]; ok && was == p {
		return nil
	}
	if err := c.tx.PutPool(ctx, new(store.Pool(p))); err != nil {
		return err
	}
	c.there[p.Name] = p
	return c.note(ctx, store.EventPoolSet, p)
}

// Delete deletes a pool; tasks that name it wait. Its error wraps [api.ErrNotFound] when there is none.
func (c *PoolChanges) Delete(ctx context.Context, name string) error {
	if _, ok := c.there[name]; !ok {
		return c.Unknown(name)
	}
	if err := c.tx.DeletePool(ctx, name); err != nil {
		return err
	}
	delete(c.there, name)
	return c.note(ctx, store.EventPoolDelete, map[string]string{"pool": name})
}

func (c *PoolChanges) note(ctx context.Context, kind store.EventKind, about any) error {
	extra, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return c.tx.InsertEvents(ctx, &store.Event{At: c.b.o.Clock(), Actor: Actor(ctx), Kind: kind, MapIndex: -1, Extra: extra})
}
