// Package pools serves the calls about pools.
package pools

import (
	"context"
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
}

// Routes adds the calls. Everybody sees pools, and who may configure changes them.
func Routes(s *rest.Server, b *browse.Browser) {
	c := &calls{b}
	const all, one = "/pools", "/pools/{pool_name...}"
	op := func(id, method, path string, status int, a access.Action) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: "Pool", Status: status, Action: a}
	}
	rest.Register(s, op("get_pools", http.MethodGet, all, 0, access.Read), c.list)
	rest.Register(s, op("post_pool", http.MethodPost, all, http.StatusCreated, access.Configure), c.post)
	rest.Register(s, op("bulk_pools", http.MethodPatch, all, 0, access.Configure), c.bulk)
	rest.Register(s, op("get_pool", http.MethodGet, one, 0, access.Read), c.get)
	rest.Register(s, op("patch_pool", http.MethodPatch, one, 0, access.Configure), c.patch)
	rest.Register(s, op("delete_pool", http.MethodDelete, one, http.StatusNoContent, access.Configure), c.remove)
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
	found := []Pool{}
	for _, p := range all {
		if in.NamePattern.Like().Match(p.Name) {
			found = append(found, answer(p))
		}
	}
	rest.Sort(found, in.Order, keys)
	return &PoolCollection{rest.Cut(in.Page, found), len(found)}, nil
}

type named struct {
	Name string `path:"pool_name"`
}

func (c *calls) get(ctx context.Context, in *named) (*Pool, error) {
	p, err := c.browse.Pool(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return new(answer(p)), nil
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
		p.Description = text(b.Description)
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func noTeam(name *string) error {
	if name != nil {
		return rest.BadRequest("team_name: there are no teams here; leave it out")
	}
	return nil
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

func (c *calls) post(ctx context.Context, in *struct{ Body PoolBody }) (*Pool, error) {
	b := &in.Body
	if err := noTeam(b.TeamName); err != nil {
		return nil, err
	}
	err := c.browse.ChangePools(ctx, func(ch *browse.PoolChanges) error {
		if _, ok := ch.Get(b.Name); ok {
			return rest.Duplicate("The Pool with name: `%s` already exists", b.Name)
		}
		p := api.Pool{Name: b.Name}
		b.into(&p, nil)
		return ch.Put(ctx, p)
	})
	if err != nil {
		return nil, err
	}
	return c.get(ctx, &named{b.Name})
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

func (c *calls) patch(ctx context.Context, in *struct {
	named

	Mask rest.Mask `query:"update_mask"`
	Body PoolPatchBody
},
) (*Pool, error) {
	b := &in.Body
	for _, name := range []*string{b.Pool, b.Name} {
		if name != nil && *name != in.Name {
			return nil, rest.BadRequest("Invalid body, pool name from request body doesn't match uri parameter")
		}
	}
	if err := unboundDefault(in.Name, in.Mask); err != nil {
		return nil, err
	}
	for field, null := range map[string]bool{"slots": b.Slots == nil, "include_deferred": b.IncludeDeferred == nil} {
		if null {
			b.Sent[field] = false // null is as good as nothing
		}
	}
	err := c.browse.ChangePools(ctx, func(ch *browse.PoolChanges) error {
		p, ok := ch.Get(in.Name)
		if !ok {
			return browse.UnknownPool(in.Name)
		}
		shown := map[string]any{"pool": in.Name, "slots": b.Slots, "description": b.Description, "include_deferred": b.IncludeDeferred}
		if err := in.Mask.Unmasked(b.Sent, shown, "slots", "include_deferred"); err != nil {
			return err
		}
		if in.Mask.Applies(b.Sent, "team_name") {
			if err := noTeam(b.TeamName); err != nil {
				return err
			}
		}
		now := PoolBody{Sent: b.Sent, Description: b.Description}
		if b.Slots != nil {
			now.Slots = *b.Slots
		}
		if b.IncludeDeferred != nil {
			now.IncludeDeferred = *b.IncludeDeferred
		}
		now.into(&p, in.Mask)
		return ch.Put(ctx, p)
	})
	if err != nil {
		return nil, err
	}
	return c.get(ctx, &in.named)
}

func (c *calls) remove(ctx context.Context, in *named) (*struct{}, error) {
	return nil, c.browse.ChangePools(ctx, func(ch *browse.PoolChanges) error { return remove(ctx, ch, in.Name) })
}

func remove(ctx context.Context, ch *browse.PoolChanges, name string) error {
	if name == api.DefaultPool {
		return rest.BadRequest("Default Pool can't be deleted")
	}
	return ch.Delete(ctx, name)
}

func (c *calls) bulk(ctx context.Context, in *struct{ Body rest.BulkBody[PoolBody] }) (*rest.BulkResponse, error) {
	return rest.Bulk(in.Body, func(do func(rest.BulkStore[PoolBody]) error) error {
		return c.browse.ChangePools(ctx, func(ch *browse.PoolChanges) error { return do(&bulk{ctx, ch}) })
	})
}

// bulk is a transaction of a bulk request.
type bulk struct {
	ctx context.Context //nolint:containedctx // of the one request
	ch  *browse.PoolChanges
}

// Many implements [rest.BulkStore].
func (*bulk) Many() string { return "pools with these pool names" }

// Key implements [rest.BulkStore].
func (*bulk) Key(b *PoolBody) string { return b.Name }

// There implements [rest.BulkStore].
func (b *bulk) There(names []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, name := range names {
		if _, ok := b.ch.Get(name); ok {
			out[name] = true
		}
	}
	return out, nil
}

// Create implements [rest.BulkStore].
func (b *bulk) Create(body *PoolBody, _ bool) error {
	if err := noTeam(body.TeamName); err != nil {
		return err
	}
	p := api.Pool{Name: body.Name}
	if body.Name == api.DefaultPool { // it is there, and keeps its description
		p, _ = b.ch.Get(body.Name)
	}
	body.into(&p, nil)
	return b.put(p, body.Name)
}

func (b *bulk) put(p api.Pool, name string) error {
	if was, _ := b.ch.Get(name); name == api.DefaultPool && was.Description != p.Description {
		return unboundDefault(name, nil)
	}
	return b.ch.Put(b.ctx, p)
}

// Update implements [rest.BulkStore].
func (b *bulk) Update(body *PoolBody, m rest.Mask) error {
	if m.Applies(body.Sent, "team_name") {
		if err := noTeam(body.TeamName); err != nil {
			return err
		}
	}
	p, _ := b.ch.Get(body.Name)
	body.into(&p, m)
	return b.put(p, body.Name)
}

// Delete implements [rest.BulkStore].
func (b *bulk) Delete(name string) error { return remove(b.ctx, b.ch, name) }
