package engine

import (
	"context"

	"github.com/dingdag/dingdag/store"
)

// kept is what the tries of one instance keep of their work.
type kept struct{ a *attempt }

// Load returns what was saved last under a key, or "".
func (p kept) Load(ctx context.Context, key string) (string, error) {
	return p.a.e.store.TaskProgress(ctx, &p.a.in, key)
}

// Save keeps a value under a key. It is written although the try is told to end meanwhile:
// what was done, was done.
func (p kept) Save(ctx context.Context, key, value string) error {
	write := context.WithoutCancel(ctx)
	return p.a.e.persist(ctx, func() error {
		return p.a.e.store.Tx(write, func(tx store.Tx) error { return tx.PutTaskProgress(write, &p.a.in, key, value) })
	})
}
