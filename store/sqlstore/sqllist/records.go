package sqllist

import (
	"context"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var versionKeys = map[string]string{"id": "created_at", "version_number": "number", "dag_id": "dag_id"}

// ListVersions implements [listing.Records].
func (q Queries) ListVersions(ctx context.Context, f listing.Versions, p listing.Page) ([]*store.Version, int, error) {
	w := &where{}
	in(w, "dag_id", f.DAGIDs)
	if f.Number != nil {
		w.add("number = ?", *f.Number)
	}
	if f.Version != "" {
		w.add("version = ?", f.Version)
	}
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM dag_version"+w.sql(), w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count versions: %w", err)
	}
	by, err := order(p, versionKeys, "dag_id", "number")
	if err != nil {
		return nil, 0, err
	}
	out, err := sqlrow.Collect(ctx, q.c, sqlstore.VersionRows().Scan, sqlstore.VersionRows().Select()+w.sql()+by, append(w.args, p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list versions: %w", err)
	}
	return out, n[0], nil
}

// CountStates implements [listing.Records]. The counts of each state are told by an index alone.
func (q Queries) CountStates(ctx context.Context, dagIDs []string) ([]listing.StateCount, error) {
	var parts []string
	var args []any
	for _, states := range []string{"state = 'success'", "state = 'failed'", "state IN ('queued', 'running')"} {
		w := &where{}
		w.add(states)
		in(w, "dag_id", dagIDs)
		parts, args = append(parts, "SELECT dag_id, state, count(*) FROM dag_run"+w.sql()+" GROUP BY dag_id, state"), append(args, w.args...)
	}
	rows, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, c *listing.StateCount) error { return rows.Scan(&c.DAGID, &c.State, &c.Count) },
		strings.Join(parts, " UNION ALL ")+" ORDER BY 1, 2", args...)
	if err != nil {
		return nil, fmt.Errorf("count runs by state: %w", err)
	}
	out := make([]listing.StateCount, len(rows))
	for i, c := range rows {
		out[i] = *c
	}
	return out, nil
}
