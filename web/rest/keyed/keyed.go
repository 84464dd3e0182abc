// Package keyed has the calls about things that people keep under keys of their own: variables, connections and pools.
// What the kinds share is here, and what sets one apart is in a [Kind].
package keyed

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/web/rest"
)

// Kind is a kind of such things. V is one as it is answered, B the body of a new one, P that of a change, and T a
// transaction. All fields but Secret are required.
type Kind[V, B, P, T any] struct {
	// One and Many are in the ids of the operations, as in get_pool and get_pools.
	One, Many string
	// Tag is the group in the document.
	Tag string
	// Read is what somebody must be allowed to do to see them. Who may configure changes them.
	Read access.Action
	// Secret are fields of the bodies whose values are kept nowhere.
	Secret []string
	// All is the path of the list, and Path that of one thing, with one name in braces: its key.
	All, Path string
	// Keys are what there are of them and their keys, as in "pools with these pool names".
	Keys string
	// Key is the one in a body.
	Key func(*B) string

	// Get finds one.
	Get func(ctx context.Context, key string) (V, error)
	// Change runs a function in a transaction.
	Change func(ctx context.Context, fn func(T) error) error
	// Has reports whether there is one.
	Has func(ctx context.Context, tx T, key string) (bool, error)
	// Add makes one. One that is there is replaced with overwrite, and refused without.
	Add func(ctx context.Context, tx T, body *B, overwrite bool) error
	// Update changes one as one of many.
	Update func(ctx context.Context, tx T, body *B, m rest.Mask) error
	// Delete removes one.
	Delete func(ctx context.Context, tx T, key string) error
	// Patch changes one alone, in a transaction of its own.
	Patch func(ctx context.Context, key string, body *P, m rest.Mask) error
}

// named is the key in a path.
type named struct {
	Key string `path:"*"`
}

// Routes adds the calls, with list for the first, whose filters each kind has of its own.
func Routes[V, B, P, T, In, Out any](s *rest.Server, k *Kind[V, B, P, T], list func(context.Context, *In) (*Out, error)) {
	op := func(id, method, path string, status int, a access.Action) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: k.Tag, Status: status, Action: a, Secret: k.Secret}
	}
	rest.Register(s, op("get_"+k.Many, http.MethodGet, k.All, 0, k.Read), list)
	rest.Register(s, op("post_"+k.One, http.MethodPost, k.All, http.StatusCreated, access.Configure), k.post)
	rest.Register(s, op("bulk_"+k.Many, http.MethodPatch, k.All, 0, access.Configure), k.bulk)
	rest.Register(s, op("get_"+k.One, http.MethodGet, k.Path, 0, k.Read), k.get)
	rest.Register(s, op("patch_"+k.One, http.MethodPatch, k.Path, 0, access.Configure), k.patch)
	rest.Register(s, op("delete_"+k.One, http.MethodDelete, k.Path, http.StatusNoContent, access.Configure), k.remove)
}

func (k *Kind[V, B, P, T]) get(ctx context.Context, in *named) (*V, error) {
	return k.found(ctx, in.Key)
}

func (k *Kind[V, B, P, T]) found(ctx context.Context, key string) (*V, error) {
	v, err := k.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

func (k *Kind[V, B, P, T]) post(ctx context.Context, in *struct{ Body B }) (*V, error) {
	err := k.Change(ctx, func(tx T) error { return k.Add(ctx, tx, &in.Body, false) })
	if err != nil {
		return nil, err
	}
	return k.found(ctx, k.Key(&in.Body))
}

func (k *Kind[V, B, P, T]) patch(ctx context.Context, in *struct {
	named

	Mask rest.Mask `query:"update_mask"`
	Body P
},
) (*V, error) {
	if err := k.Patch(ctx, in.Key, &in.Body, in.Mask); err != nil {
		return nil, err
	}
	return k.found(ctx, in.Key)
}

func (k *Kind[V, B, P, T]) remove(ctx context.Context, in *named) (*struct{}, error) {
	return nil, k.Change(ctx, func(tx T) error { return k.Delete(ctx, tx, in.Key) })
}

func (k *Kind[V, B, P, T]) bulk(ctx context.Context, in *struct{ Body rest.BulkBody[B] }) (*rest.BulkResponse, error) {
	return rest.Bulk(in.Body, func(do func(rest.BulkStore[B]) error) error {
		return k.Change(ctx, func(tx T) error { return do(&bulk[V, B, P, T]{ctx, k, tx}) })
	})
}

// bulk is a transaction of a bulk request.
type bulk[V, B, P, T any] struct {
	ctx context.Context //nolint:containedctx // of the one request
	k   *Kind[V, B, P, T]
	tx  T
}

// Many implements [rest.BulkStore].
func (b *bulk[V, B, P, T]) Many() string { return b.k.Keys }

// Key implements [rest.BulkStore].
func (b *bulk[V, B, P, T]) Key(body *B) string { return b.k.Key(body) }

// There implements [rest.BulkStore].
func (b *bulk[V, B, P, T]) There(keys []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, key := range keys {
		there, err := b.k.Has(b.ctx, b.tx, key)
		if err != nil {
			return nil, err
		}
		if there {
			out[key] = true
		}
	}
	return out, nil
}

// Create implements [rest.BulkStore].
func (b *bulk[V, B, P, T]) Create(body *B, overwrite bool) error {
	return b.k.Add(b.ctx, b.tx, body, overwrite)
}

// Update implements [rest.BulkStore].
func (b *bulk[V, B, P, T]) Update(body *B, m rest.Mask) error {
	return b.k.Update(b.ctx, b.tx, body, m)
}

// Delete implements [rest.BulkStore].
func (b *bulk[V, B, P, T]) Delete(key string) error { return b.k.Delete(b.ctx, b.tx, key) }

// NoTeam refuses a team of a body that is to be applied: there are none.
func NoTeam(name *string, sent rest.Sent, m rest.Mask) error {
	if name != nil && m.Applies(sent, "team_name") {
		return rest.BadRequest("team_name: there are no teams here; leave it out")
	}
	return nil
}
