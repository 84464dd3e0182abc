// Package pools serves the calls about pools.
package pools

import (
	"context"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/keyed"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
}

// Routes adds the calls. Everybody sees pools, and who may configure changes them.
func Routes(s *rest.Server, b *browse.Browser) {
	c := &calls{b}
	keyed.Routes(s, &keyed.Kind[Pool, PoolBody, PoolPatchBody, *browse.PoolChanges]{
		One: "pool", Many: "pools", Tag: "Pool", Read: access.Read,
		All: "/pools", Path: "/pools/{pool_name...}", Keys: "pools with these pool names",
		Key: func(b *PoolBody) string { return b.Name },
		Get: c.get, Change: b.ChangePools,
		Has: func(_ context.Context, ch *browse.PoolChanges, name string) (bool, error) {
			_, ok := ch.Get(name)
			return ok, nil
		},
		Add: add, Update: update, Delete: remove, Patch: c.patch,
	}, c.list)
}

// Pool is a pool as it is answered.
type Pool struct {
	Name            string  `json:"name"`
	Slots           int     `json:"slots"`
	Description     *string `json:"description"`
	IncludeDeferred bool    `json:"include_deferred"`
	OccupiedSlots   int     `json:"occupied_slots"`
	RunningSlots    int     `json:"running_slots"`
	QueuedSlots     int     `json:"queued_slots"`
	ScheduledSlots  int     `json:"scheduled_slots"`
	DeferredSlots   int     `json:"deferred_slots"`
	OpenSlots       int     `json:"open_slots"`
	TeamName        *string `json:"team_name"`
}

func answer(p *browse.Pool) Pool {
	out := Pool{
		Name: p.Name, Slots: p.Slots, IncludeDeferred: p.IncludeDeferred, OccupiedSlots: p.Occupied(), RunningSlots: p.Running,
		QueuedSlots: p.Queued, ScheduledSlots: p.Scheduled, DeferredSlots: p.Deferred, OpenSlots: p.Open(),
	}
	if p.Description != "" {
		out.Description = &p.Description
	}
	return out
}

// PoolCollection is a page of pools.
type PoolCollection struct {
	Pools        []Pool `json:"pools"`
	TotalEntries int    `json:"total_entries"`
}

// keys are what pools are ordered by. They have no ids but their names.
var keys = map[string]func(Pool) any{"id": byName, "name": byName, "pool": byName} //nolint:gochecknoglobals // a table

func byName(p Pool) any { return p.Name }

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page

	NamePattern rest.Pattern `query:"pool_name_pattern"`
	Order       rest.Order   `query:"order_by" order:"id,name,pool" default:"id"`
},
) (*PoolCollection, error) {
	all, err := c.browse.Pools(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]Pool, len(all))
	for i, p := range all {
		found[i] = answer(p)
	}
	page, n := rest.Find(found, func(p Pool) string { return p.Name }, in.NamePattern, in.Order, keys, in.Page)
	return &PoolCollection{page, n}, nil
}

func (c *calls) get(ctx context.Context, name string) (Pool, error) {
	p, err := c.browse.Pool(ctx, name)
	if err != nil {
		return Pool{}, err
	}
	return answer(p), nil
}

// PoolBody is a new pool.
type PoolBody struct {
	Sent rest.Sent `json:"-"`

	Name            string  `json:"name" required:"true" minLength:"1" maxLength:"256"`
	Slots           int     `json:"slots" required:"true" minimum:"-1"`
	Description     *string `json:"description"`
	IncludeDeferred bool    `json:"include_deferred" default:"false"`
	TeamName        *string `json:"team_name" maxLength:"50"`
}

// into writes into a pool what a body changes of it by a mask.
func (b *PoolBody) into(p *api.Pool, m rest.Mask) {
	if m.Applies(b.Sent, "slots") {
		p.Slots = b.Slots
	}
	if m.Applies(b.Sent, "include_deferred") {
		p.IncludeDeferred = b.IncludeDeferred
	}
	if m.Applies(b.Sent, "description") {
		p.Description = rest.OrEmpty(b.Description)
	}
}

// unboundDefault refuses what can not be changed of the default pool.
func unboundDefault(name string, m rest.Mask) error {
	if name != api.DefaultPool {
		return nil
	}
	if len(m) > 0 && !slices.ContainsFunc(m, func(f string) bool { return f != "slots" && f != "include_deferred" }) {
		return nil
	}
	return rest.BadRequest("Only slots and included_deferred can be modified on Default Pool")
}

func add(ctx context.Context, ch *browse.PoolChanges, b *PoolBody, overwrite bool) error {
	if err := keyed.NoTeam(b.TeamName, b.Sent, nil); err != nil {
		return err
	}
	p := api.Pool{Name: b.Name}
	if was, ok := ch.Get(b.Name); ok {
		if !overwrite {
			return rest.Duplicate("The Pool with name: `%s` already exists", b.Name)
		}
		if b.Name == api.DefaultPool { // it keeps its description
			p = was
		}
	}
	b.into(&p, nil)
	return put(ctx, ch, p)
}

func put(ctx context.Context, ch *browse.PoolChanges, p api.Pool) error {
	if was, _ := ch.Get(p.Name); p.Name == api.DefaultPool && was.Description != p.Description {
		return unboundDefault(p.Name, nil)
	}
	return ch.Put(ctx, p)
}

func update(ctx context.Context, ch *browse.PoolChanges, b *PoolBody, m rest.Mask) error {
	if err := keyed.NoTeam(b.TeamName, b.Sent, m); err != nil {
		return err
	}
	p, _ := ch.Get(b.Name)
	b.into(&p, m)
	return put(ctx, ch, p)
}

// PoolPatchBody is what changes of a pool. Its name is read in either of two fields.
type PoolPatchBody struct {
	Sent rest.Sent `json:"-"`

	Pool            *string `json:"pool"`
	Name            *string `json:"name"`
	Slots           *int    `json:"slots" minimum:"-1"`
	Description     *string `json:"description"`
	IncludeDeferred *bool   `json:"include_deferred"`
	TeamName        *string `json:"team_name" maxLength:"50"`
}

func (c *calls) patch(ctx context.Context, name string, b *PoolPatchBody, m rest.Mask) error {
	for _, sent := range []*string{b.Pool, b.Name} {
		if sent != nil && *sent != name {
			return rest.BadRequest("Invalid body, pool name from request body doesn't match uri parameter")
		}
	}
	if err := unboundDefault(name, m); err != nil {
		return err
	}
	for field, null := range map[string]bool{"slots": b.Slots == nil, "include_deferred": b.IncludeDeferred == nil} {
		if null {
			b.Sent[field] = false // null is as good as nothing
		}
	}
	return c.browse.ChangePools(ctx, func(ch *browse.PoolChanges) error {
		p, ok := ch.Get(name)
		if !ok {
			return ch.Unknown(name)
		}
		shown := map[string]any{"pool": name, "slots": b.Slots, "description": b.Description, "include_deferred": b.IncludeDeferred}
		if err := m.Unmasked(b.Sent, shown, "slots", "include_deferred"); err != nil {
			return err
		}
		if err := keyed.NoTeam(b.TeamName, b.Sent, m); err != nil {
			return err
		}
		now := PoolBody{Sent: b.Sent, Description: b.Description}
		if b.Slots != nil {
			now.Slots = *b.Slots
		}
		if b.IncludeDeferred != nil {
			now.IncludeDeferred = *b.IncludeDeferred
		}
		now.into(&p, m)
		return ch.Put(ctx, p)
	})
}

func remove(ctx context.Context, ch *browse.PoolChanges, name string) error {
	if name == api.DefaultPool {
		return rest.BadRequest("Default Pool can't be deleted")
	}
	return ch.Delete(ctx, name)
}
