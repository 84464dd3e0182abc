package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Space returns how much room the tables take.
func (s *Store) Space(ctx context.Context) (store.Space, error) { return space(ctx, s.conn()) }

// Space is that of the store in the transaction.
func (t *transaction) Space(ctx context.Context) (store.Space, error) { return space(ctx, t.c) }

// space counts nothing as unused: what is removed makes room for what comes, by the database's own autovacuum.
func space(ctx context.Context, c sqlrow.Conn) (store.Space, error) {
	n, err := sqlrow.Column[int64](ctx, c, `SELECT CAST(coalesce(sum(pg_total_relation_size(oid)), 0) AS bigint) FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`)
	if err != nil {
		return store.Space{}, fmt.Errorf("read how large the store is: %w", err)
	}
	return store.Space{Total: n[0], Shrinks: true}, nil
}

// GiveBack does nothing, as there is nothing unused.
func (t *transaction) GiveBack(context.Context, int64) error { return nil }

// Vacuum writes the tables anew, without unused space. It needs as much room again on the disk as the largest has, and nobody
// else reads or writes a table meanwhile.
func (s *Store) Vacuum(ctx context.Context) error {
	tables, err := sqlrow.Column[string](ctx, s.conn(), "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
	if err != nil {
		return fmt.Errorf("rewrite the store: %w", err)
	}
	for _, name := range tables {
		if _, err := s.pool.Exec(ctx, "VACUUM (FULL, ANALYZE) "+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("rewrite the store: table %s: %w", name, explain(err))
		}
	}
	return nil
}
