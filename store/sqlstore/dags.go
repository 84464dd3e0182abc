package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

var (
	dagTable = declare("dag", func(d *store.DAGState) []field {
		return []field{
			{"dag_id", &d.ID}, {"file", &d.File}, {"version", &d.Version}, {"paused", &d.Paused}, {"active", &d.Active}, {"assets", list{&d.Assets}},
		}
	})
	dagAll     = dagTable.but()
	dagChanges = dagTable.but("dag_id", "paused")
)

// DAG returns what is known of a DAG beside its file.
func (q Queries) DAG(ctx context.Context, dagID string) (*store.DAGState, error) {
	d, err := one(ctx, q.c, dagTable.scan, dagTable.rows()+" WHERE dag_id = ?", dagID)
	if err != nil {
		return nil, fmt.Errorf("read dag %s: %w", dagID, err)
	}
	if d == nil {
		return nil, fmt.Errorf("dag %s: %w", dagID, store.ErrNotFound)
	}
	return d, nil
}

// DAGs returns every known DAG, by id.
func (q Queries) DAGs(ctx context.Context) ([]*store.DAGState, error) {
	ds, err := collect(ctx, q.c, dagTable.scan, dagTable.rows()+" ORDER BY dag_id")
	if err != nil {
		return nil, fmt.Errorf("list dags: %w", err)
	}
	return ds, nil
}

// PausedDAGs lists the ids of the paused DAGs.
func (q Queries) PausedDAGs(ctx context.Context) ([]string, error) {
	ids, err := column[string](ctx, q.c, "SELECT dag_id FROM dag WHERE paused = 1")
	if err != nil {
		return nil, fmt.Errorf("list paused dags: %w", err)
	}
	return ids, nil
}

// PutDAG inserts or updates a DAG. Whether it is paused is set only when it is new.
func (q Queries) PutDAG(ctx context.Context, d *store.DAGState) error {
	if _, err := q.c.Exec(ctx, dagAll.insert()+" ON CONFLICT (dag_id) DO UPDATE SET "+dagChanges.excluded, dagAll.args(d)...); err != nil {
		return fmt.Errorf("write dag %s: %w", d.ID, err)
	}
	return nil
}

// SetPaused pauses or unpauses a DAG.
func (q Queries) SetPaused(ctx context.Context, dagID string, paused bool) error {
	n, err := q.c.Exec(ctx, "UPDATE dag SET paused = ? WHERE dag_id = ?", paused, dagID)
	if err != nil {
		return fmt.Errorf("pause dag %s: %w", dagID, err)
	}
	if n == 0 {
		return fmt.Errorf("dag %s: %w", dagID, store.ErrNotFound)
	}
	return nil
}

// Version returns the source of a DAG version.
func (q Queries) Version(ctx context.Context, version string) ([]byte, error) {
	src, err := one(ctx, q.c, func(rows Rows, b *[]byte) error { return rows.Scan(b) },
		"SELECT source FROM dag_version WHERE version = ?", version)
	if err != nil {
		return nil, fmt.Errorf("read dag version: %w", err)
	}
	if src == nil {
		return nil, fmt.Errorf("dag version %s: %w", version, store.ErrNotFound)
	}
	return *src, nil
}

// PutVersion stores the source of a DAG version once.
func (q Queries) PutVersion(ctx context.Context, version, dagID string, source []byte) error {
	_, err := q.c.Exec(ctx, "INSERT INTO dag_version (version, dag_id, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", version, dagID, source)
	if err != nil {
		return fmt.Errorf("write version of dag %s: %w", dagID, err)
	}
	return nil
}
