package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// AssetEventColumns are what [ScanAssetEvent] reads, of the table asset_event with the name e.
const AssetEventColumns = "e.id, e.uri, e.at, e.dag_id, e.run_id, e.task_id, e.map_index, e.extra"

// ScanAssetEvent reads an event.
func ScanAssetEvent(rows sqlrow.Rows, e *store.AssetEvent) error {
	return rows.Scan(&e.ID, &e.URI, sqlrow.Moment(&e.At), &e.DAGID, &e.RunID, &e.TaskID, &e.MapIndex, sqlrow.RawJSON(&e.Extra))
}

func (q Queries) assetEvents(ctx context.Context, query string, args ...any) ([]*store.AssetEvent, error) {
	es, err := sqlrow.Collect(ctx, q.c, ScanAssetEvent, "SELECT "+AssetEventColumns+" FROM "+query, args...)
	if err != nil {
		return nil, fmt.Errorf("read asset events: %w", err)
	}
	return es, nil
}

// AssetEvents returns the newest event of each asset, by URI.
func (q Queries) AssetEvents(ctx context.Context) ([]*store.AssetEvent, error) {
	return q.assetEvents(ctx, "asset_event e WHERE e.id IN (SELECT max(id) FROM asset_event GROUP BY uri) ORDER BY e.uri")
}

// AssetEventLog returns the events that match, newest first.
func (q Queries) AssetEventLog(ctx context.Context, f store.AssetEventFilter) ([]*store.AssetEvent, error) {
	where, args := matchingAssetEvents(f)
	if f.Behind > 0 {
		where, args = append(where, "e.id < ?"), append(args, f.Behind)
	}
	query := "asset_event e" + sqlrow.Conditions(where) + " ORDER BY e.id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	return q.assetEvents(ctx, query, args...)
}

func matchingAssetEvents(f store.AssetEventFilter) (where []string, args []any) {
	for _, c := range []struct{ column, value string }{{"e.uri", f.URI}, {"e.dag_id", f.DAGID}, {"e.run_id", f.RunID}, {"e.task_id", f.TaskID}} {
		if c.value != "" {
			where, args = append(where, c.column+" = ?"), append(args, c.value)
		}
	}
	return where, args
}

// WaitingAssetEvents returns the newest event of each of the assets that a DAG has been
// told of and no run has taken, in the order of uris. An asset that is updated again and
// again while another one is awaited costs no more than one that was updated once.
func (q Queries) WaitingAssetEvents(ctx context.Context, dagID string, uris []string) ([]*store.AssetEvent, error) {
	var out []*store.AssetEvent
	for _, uri := range uris {
		es, err := q.assetEvents(ctx, `asset_event e WHERE e.id =
			(SELECT event_id FROM asset_queue WHERE dag_id = ? AND uri = ? AND run_key IS NULL ORDER BY event_id DESC LIMIT 1)`, dagID, uri)
		if err != nil {
			return nil, err
		}
		out = append(out, es...)
	}
	return out, nil
}

// TakenAssetEvents returns what a run took, oldest first.
func (q Queries) TakenAssetEvents(ctx context.Context, runKey int64) ([]*store.AssetEvent, error) {
	return q.assetEvents(ctx, "asset_queue w JOIN asset_event e ON e.id = w.event_id WHERE w.run_key = ? ORDER BY e.id", runKey)
}

// ToldDAGs lists the ids of the DAGs with events that no run has taken.
func (q Queries) ToldDAGs(ctx context.Context) ([]string, error) {
	ids, err := sqlrow.Column[string](ctx, q.c, "SELECT DISTINCT dag_id FROM asset_queue WHERE run_key IS NULL ORDER BY dag_id")
	if err != nil {
		return nil, fmt.Errorf("list dags with updated assets: %w", err)
	}
	return ids, nil
}

var (
	assetTable = sqlrow.Declare("asset", func(a *store.Asset) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &a.ID),
			sqlrow.Col("uri", &a.URI),
			sqlrow.Col("name", &a.Name),
			sqlrow.Col("asset_group", &a.Group),
			sqlrow.Col("created_at", sqlrow.Moment(&a.CreatedAt)),
			sqlrow.Col("updated_at", sqlrow.Moment(&a.UpdatedAt)),
		}
	})
	assetNew = assetTable.But("id")
)

// KnownAssets returns the assets that there are or were, by ID.
func (q Queries) KnownAssets(ctx context.Context) ([]*store.Asset, error) {
	as, err := sqlrow.Collect(ctx, q.c, assetTable.Scan, assetTable.Select()+" ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	return as, nil
}

// PutAsset adds an asset, or changes the name and the group of the one with its URI.
func (q Queries) PutAsset(ctx context.Context, a *store.Asset) error {
	id, err := sqlrow.Column[int64](ctx, q.c, assetNew.Insert()+` ON CONFLICT (uri) DO UPDATE SET
		name = excluded.name, asset_group = excluded.asset_group, updated_at = excluded.updated_at RETURNING id`, assetNew.Args(a)...)
	if err != nil {
		return fmt.Errorf("write asset %s: %w", a.URI, err)
	}
	a.ID = id[0]
	return nil
}

// InsertAssetEvent adds an event, sets its ID, and tells it to the DAGs.
func (q Queries) InsertAssetEvent(ctx context.Context, e *store.AssetEvent, dagIDs []string) error {
	a := &store.Asset{URI: e.URI, Name: e.URI, Group: "asset", CreatedAt: e.At, UpdatedAt: e.At}
	if _, err := q.c.Exec(ctx, assetNew.Insert()+" ON CONFLICT (uri) DO NOTHING", assetNew.Args(a)...); err != nil {
		return fmt.Errorf("write asset %s: %w", e.URI, err)
	}
	id, err := sqlrow.Column[int64](ctx, q.c,
		"INSERT INTO asset_event (uri, at, dag_id, run_id, task_id, map_index, extra) VALUES ("+sqlrow.Marks(7)+") RETURNING id",
		e.URI, sqlrow.UnixMilli(e.At), e.DAGID, e.RunID, e.TaskID, e.MapIndex, sqlrow.Text(e.Extra))
	if err != nil {
		return fmt.Errorf("write an event of asset %s: %w", e.URI, err)
	}
	e.ID = id[0]
	for _, dagID := range dagIDs {
		if _, err := q.c.Exec(ctx, "INSERT INTO asset_queue (dag_id, uri, event_id) VALUES (?, ?, ?)", dagID, e.URI, e.ID); err != nil {
			return fmt.Errorf("tell dag %s of asset %s: %w", dagID, e.URI, err)
		}
	}
	return nil
}

// TakeAssetEvents gives a run everything that its DAG has been told and no run has taken.
func (q Queries) TakeAssetEvents(ctx context.Context, dagID string, runKey int64) error {
	if _, err := q.c.Exec(ctx, "UPDATE asset_queue SET run_key = ? WHERE dag_id = ? AND run_key IS NULL", runKey, dagID); err != nil {
		return fmt.Errorf("take the asset events of dag %s: %w", dagID, err)
	}
	return nil
}

// ForgetAssetEvents takes back what a DAG has been told of an asset, or of all, and no run has taken.
func (q Queries) ForgetAssetEvents(ctx context.Context, dagID, uri string, before time.Time) (int, error) {
	where, args := []string{"dag_id = ?", "run_key IS NULL"}, []any{dagID}
	if uri != "" {
		where, args = append(where, "uri = ?"), append(args, uri)
	}
	if !before.IsZero() {
		where, args = append(where, "event_id IN (SELECT e.id FROM asset_event e WHERE e.id = event_id AND e.at < ?)"), append(args, sqlrow.UnixMilli(before))
	}
	gone, err := sqlrow.Column[int64](ctx, q.c, "DELETE FROM asset_queue"+sqlrow.Conditions(where)+" RETURNING event_id", args...)
	if err != nil {
		return 0, fmt.Errorf("forget the asset events of dag %s: %w", dagID, err)
	}
	return len(gone), nil
}
