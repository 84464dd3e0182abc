package sqlite

import (
	"context"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// Connections is the store's connections, sealed with [Options.Cipher].
func (s *Store) Connections() connections.Store {
	return stored{s, sqlstore.NewConnections(s.pool(), s.opts.Cipher)}
}

// stored reads connections from the pool and writes them in transactions.
type stored struct {
	s    *Store
	read sqlstore.Connections
}

func (c stored) Connections(ctx context.Context) ([]*connections.Connection, error) {
	return c.read.Connections(ctx)
}

func (c stored) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	return c.read.Connection(ctx, id)
}

func (c stored) PutConnection(ctx context.Context, conn *connections.Connection, overwrite bool) error {
	return c.write(ctx, func(w sqlstore.Connections) error { return w.PutConnection(ctx, conn, overwrite) })
}

func (c stored) DeleteConnection(ctx context.Context, id string) error {
	return c.write(ctx, func(w sqlstore.Connections) error { return w.DeleteConnection(ctx, id) })
}

func (c stored) write(ctx context.Context, fn func(sqlstore.Connections) error) error {
	return c.s.tx(ctx, func(t *transaction) error {
		return fn(sqlstore.NewConnections(sqlTx{t.tx}, c.s.opts.Cipher))
	})
}
