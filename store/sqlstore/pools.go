package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	poolTable = sqlrow.Declare("slot_pool", func(p *store.Pool) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("name", &p.Name), sqlrow.Col("slots", &p.Slots), sqlrow.Col("description", &p.Description), sqlrow.Col("include_deferred", &p.IncludeDeferred),
		}
	})
	poolAll     = poolTable.But()
	poolChanges = poolTable.But("name")
)

// Pools returns the pools that someone made or changed, by name.
func (q Queries) Pools(ctx context.Context) ([]*store.Pool, error) {
	ps, err := sqlrow.Collect(ctx, q.c, poolTable.Scan, poolTable.Select()+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	return ps, nil
}

// PutPool makes or changes a pool.
func (q Queries) PutPool(ctx context.Context, p *store.Pool) error {
	_, err := q.c.Exec(ctx, poolAll.Insert()+" ON CONFLICT (name) DO UPDATE SET "+poolChanges.Excluded, poolAll.Args(p)...)
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
