package store

import "context"

// Pools reads pools.
type Pools interface {
	// Pools returns the pools that someone made or changed.
	Pools(ctx context.Context) ([]*Pool, error)
}

// PoolsTx changes them in a transaction.
type PoolsTx interface {
	PutPool(ctx context.Context, p *Pool) error
	// DeletePool returns ErrNotFound for an unknown pool.
	DeletePool(ctx context.Context, name string) error
}

// Pool bounds how many slots the queued and running instances of its tasks take, over
// all DAGs.
type Pool struct {
	Name        string
	Slots       int // negative: no bound
	Description string
	// IncludeDeferred says that deferred instances take slots too.
	IncludeDeferred bool
}
