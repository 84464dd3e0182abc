package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

var (
	poolTable = declare("slot_pool", func(p *store.Pool) []field {
		return []field{{"name", &p.Name}, {"slots", &p.Slots}, {"description", &p.Description}}
	})
	poolAll     = poolTable.but()
	poolChanges = poolTable.but("name")
)

// Pools returns the pools that someone made or changed, by name.
func (q Queries) Pools(ctx context.Context) ([]*store.Pool, error) {
	ps, err := collect(ctx, q.c, poolTable.scan, poolTable.rows()+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	return ps, nil
}

// PutPool makes or changes a pool.
func (q Queries) PutPool(ctx context.Context, p *store.Pool) error {
	_, err := q.c.Exec(ctx, poolAll.insert()+" ON CONFLICT (name) DO UPDATE SET "+poolChanges.excluded, poolAll.args(p)...)
	if err != nil {
		return fmt.Errorf("write pool %q: %w", p.Name, err)
	}
	return nil
}

// DeletePool removes a pool, or returns an error that wraps [store.ErrNotFound].
func (q Queries) DeletePool(ctx context.Context, name string) error {
	n, err := q.c.Exec(ctx, "DELETE FROM slot_pool WHERE name = ?", name)
	if err != nil {
		return fmt.Errorf("delete pool %q: %w", name, err)
	}
	if n == 0 {
		return fmt.Errorf("pool %q: %w", name, store.ErrNotFound)
	}
	return nil
}
