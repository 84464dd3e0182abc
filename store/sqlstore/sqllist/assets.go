package sqllist

import (
	"context"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var assetEventKeys = map[string]string{
	"source_task_id": "=e.task_id", "source_dag_id": "=e.dag_id", "source_run_id": "=e.run_id", "source_map_index": "=e.map_index", "timestamp": "=e.at",
}

// ListAssetEvents implements [listing.Assets].
func (q Queries) ListAssetEvents(ctx context.Context, f listing.AssetEvents, p listing.Page) ([]*listing.AssetEvent, int, error) {
	w := q.where()
	in(w, "e.id", f.IDs)
	in(w, "e.uri", f.URIs)
	for _, c := range []struct {
		column string
		value  *string
	}{{"e.dag_id", f.DAGID}, {"e.task_id", f.TaskID}, {"e.run_id", f.RunID}} {
		if c.value != nil {
			w.add(c.column+" = ?", *c.value)
		}
	}
	if f.MapIndex != nil {
		w.add("e.map_index = ?", *f.MapIndex)
	}
	w.moments("e.at", f.Timestamp)
	if f.TakenBy != 0 {
		w.add("e.id IN (SELECT event_id FROM asset_queue WHERE run_key = ?)", f.TakenBy)
	}
	if f.By != nil || f.Outside != nil {
		by, outside := q.where(), q.where()
		in(by, "e.dag_id", append([]string{}, f.By...))
		outside.add("e.dag_id = ''")
		in(outside, "e.uri", append([]string{}, f.Outside...))
		w.add("("+by.allHold()+" OR "+outside.allHold()+")", append(by.args, outside.args...)...)
	}
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM asset_event e"+w.sql(), w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count asset events: %w", err)
	}
	sorted, err := order(p, assetEventKeys, "e.id")
	if err != nil {
		return nil, 0, err
	}
	rows, err := sqlrow.Collect(ctx, q.c, sqlstore.ScanAssetEvent, "SELECT "+sqlstore.AssetEventColumns+" FROM asset_event e"+w.sql()+sorted, append(w.args, p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list asset events: %w", err)
	}
	out, err := q.withRuns(ctx, rows)
	return out, n[0], err
}

// withRuns adds to events the runs that took them.
func (q Queries) withRuns(ctx context.Context, rows []*store.AssetEvent) ([]*listing.AssetEvent, error) {
	out := make([]*listing.AssetEvent, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	byID, ids := map[int64]*listing.AssetEvent{}, make([]int64, len(rows))
	for i, e := range rows {
		out[i] = &listing.AssetEvent{AssetEvent: *e}
		byID[e.ID], ids[i] = out[i], e.ID
	}
	w := q.where()
	in(w, "event_id", ids)
	w.add("run_key IS NOT NULL")
	type taken struct{ event, run int64 }
	by, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, t *taken) error { return rows.Scan(&t.event, &t.run) },
		"SELECT event_id, run_key FROM asset_queue"+w.sql()+" ORDER BY event_id, run_key", w.args...)
	if err != nil {
		return nil, fmt.Errorf("read the runs of asset events: %w", err)
	}
	keys := make([]int64, len(by))
	for i, t := range by {
		keys[i] = t.run
	}
	runs, err := q.runs(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, t := range by {
		if r := runs[t.run]; r != nil { // else it is history no more
			byID[t.event].Runs = append(byID[t.event].Runs, r)
		}
	}
	return out, nil
}

// QueuedAssetEvents implements [listing.Assets].
func (q Queries) QueuedAssetEvents(ctx context.Context, f listing.Queued) ([]listing.QueuedEvents, error) {
	w := q.where()
	w.add("w.run_key IS NULL")
	if f.URI != "" {
		w.add("w.uri = ?", f.URI)
	}
	if !f.Before.IsZero() {
		w.add("e.at < ?", sqlrow.UnixMilli(f.Before))
	}
	rows, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, e *listing.QueuedEvents) error {
		return rows.Scan(&e.DAGID, &e.URI, sqlrow.Moment(&e.First))
	}, "SELECT w.dag_id, w.uri, min(e.at) FROM asset_queue w JOIN asset_event e ON e.id = w.event_id"+w.sql()+" GROUP BY w.dag_id, w.uri ORDER BY w.dag_id, w.uri", w.args...)
	if err != nil {
		return nil, fmt.Errorf("list queued asset events: %w", err)
	}
	out := []listing.QueuedEvents{}
	for _, e := range rows {
		if f.DAGIDs == nil || slices.Contains(f.DAGIDs, e.DAGID) { // not by SQL, which would read what the DAG was told ever
			out = append(out, *e)
		}
	}
	return out, nil
}
