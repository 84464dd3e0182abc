package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	reportTable = sqlrow.Declare("report", func(r *store.Report) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &r.ID), sqlrow.Col("payload", sqlrow.RawJSON(&r.Payload)), sqlrow.Col("at", sqlrow.Moment(&r.At)),
		}
	})
	reportNew = reportTable.But("id")
)

// Nodes returns the processes whose lease ends after a moment, see [store.Nodes].
func (q Queries) Nodes(ctx context.Context, after time.Time) ([]*store.Node, error) {
	ns, err := sqlrow.Collect(ctx, q.c, scanNode, `SELECT l.node, l.expires, l.info, l.wanted, l.node = coalesce((SELECT node FROM leader), '')
		FROM node_lease l WHERE l.expires > ? ORDER BY l.node`, after.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return ns, nil
}

// drained is what is wanted of a process that is to take no more attempts.
const drained = "drain"

func scanNode(rows sqlrow.Rows, n *store.Node) error {
	var info, wanted string
	if err := rows.Scan(&n.ID, sqlrow.Moment(&n.LeasedUntil), &info, &wanted, &n.Leads); err != nil {
		return err
	}
	n.Drain = wanted == drained
	if info == "" { // of a version that told nothing
		return nil
	}
	if err := json.Unmarshal([]byte(info), n); err != nil {
		return fmt.Errorf("what node %s says of itself: %w", n.ID, err)
	}
	return nil
}

// DrainNode asks a process to take no more attempts, see [store.NodesTx].
func (q Queries) DrainNode(ctx context.Context, id string, drain bool) error {
	wanted := ""
	if drain {
		wanted = drained
	}
	n, err := q.c.Exec(ctx, "UPDATE node_lease SET wanted = ? WHERE node = ?", wanted, id)
	if err != nil {
		return fmt.Errorf("drain node %s: %w", id, err)
	}
	if n == 0 {
		return store.Missing("there is no node %s", id)
	}
	return nil
}

// Reports returns what processes that do not lead have said, see [store.Nodes].
func (q Queries) Reports(ctx context.Context, after int64, limit int) ([]*store.Report, error) {
	rs, err := sqlrow.Collect(ctx, q.c, reportTable.Scan, reportTable.Select()+" WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read reports of attempts: %w", err)
	}
	return rs, nil
}

// InsertReports adds reports and sets their ids.
func (q Queries) InsertReports(ctx context.Context, rs ...*store.Report) error {
	for _, r := range rs {
		id, err := sqlrow.Column[int64](ctx, q.c, reportNew.Insert()+" RETURNING id", reportNew.Args(r)...)
		if err != nil {
			return fmt.Errorf("report an attempt: %w", err)
		}
		r.ID = id[0]
	}
	return nil
}

// DeleteReports removes reports that were taken in.
func (q Queries) DeleteReports(ctx context.Context, ids ...int64) error {
	for some := range slices.Chunk(ids, 500) {
		list, err := json.Marshal(some)
		if err != nil {
			return err
		}
		if _, err := q.c.Exec(ctx, "DELETE FROM report WHERE id IN ("+q.c.Dialect().Numbers()+")", string(list)); err != nil {
			return fmt.Errorf("remove reports of attempts: %w", err)
		}
	}
	return nil
}
