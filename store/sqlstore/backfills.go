package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	backfillTable = sqlrow.Declare("backfill", func(b *store.Backfill) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &b.ID),
			sqlrow.Col("dag_id", &b.DAGID),
			sqlrow.Col("from_date", sqlrow.Moment(&b.From)),
			sqlrow.Col("to_date", sqlrow.Moment(&b.To)),
			sqlrow.Col("reprocess", &b.Reprocess),
			sqlrow.Col("max_active_runs", &b.MaxActiveRuns),
			sqlrow.Col("backwards", &b.Backwards),
			sqlrow.Col("run_on_latest_version", &b.Latest),
			sqlrow.Col("conf", sqlrow.RawJSON(&b.Conf)),
			sqlrow.Col("version", &b.Version),
			sqlrow.Col("triggered_by", &b.Actor.Via),
			sqlrow.Col("triggering_user_name", &b.Actor.Name),
			sqlrow.Col("state", &b.State),
			sqlrow.Col("created_at", sqlrow.Moment(&b.CreatedAt)),
			sqlrow.Col("updated_at", sqlrow.Moment(&b.UpdatedAt)),
			sqlrow.Col("completed_at", sqlrow.Moment(&b.CompletedAt)),
		}
	})
	backfillNew     = backfillTable.But("id")
	backfillChanges = backfillTable.Only("version", "state", "updated_at", "completed_at")

	dateTable = sqlrow.Declare("backfill_date", func(d *store.BackfillDate) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("ordinal", &d.Ordinal),
			sqlrow.Col("logical_date", sqlrow.Moment(&d.LogicalDate)),
			sqlrow.Col("interval_start", sqlrow.Moment(&d.Interval.Start)),
			sqlrow.Col("interval_end", sqlrow.Moment(&d.Interval.End)),
			sqlrow.Col("run_after", sqlrow.Moment(&d.RunAfter)),
			sqlrow.Col("outcome", &d.Outcome),
			sqlrow.Col("run_key", sqlrow.Reference(&d.RunKey)),
		}
	})
	dateNew     = dateTable.But("run_key")
	dateOutcome = dateTable.Only("outcome", "run_key")
)

// Backfill returns one backfill, or an error that wraps [store.ErrNotFound].
func (q Queries) Backfill(ctx context.Context, id int64) (*store.Backfill, error) {
	b, err := sqlrow.One(ctx, q.c, backfillTable.Scan, backfillTable.Select()+" WHERE id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("read backfill %d: %w", id, err)
	}
	if b == nil {
		return nil, fmt.Errorf("backfill %d: %w", id, store.ErrNotFound)
	}
	return b, nil
}

// Backfills returns the backfills that match, newest first unless the filter says otherwise.
func (q Queries) Backfills(ctx context.Context, f store.BackfillFilter) ([]*store.Backfill, error) {
	where, args := sqlrow.OneOf("dag_id", f.DAGIDs)
	if f.DAGID != "" {
		where, args = append(where, "dag_id = ?"), append(args, f.DAGID)
	}
	if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := backfillTable.Select() + sqlrow.Conditions(where) + " ORDER BY id"
	if !f.Oldest {
		query += " DESC"
	}
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	bs, err := sqlrow.Collect(ctx, q.c, backfillTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list backfills: %w", err)
	}
	return bs, nil
}

// CountBackfills counts the backfills of a DAG, or all.
func (q Queries) CountBackfills(ctx context.Context, dagID string) (int, error) {
	query, args := "SELECT count(*) FROM backfill", []any(nil)
	if dagID != "" {
		query, args = query+" WHERE dag_id = ?", []any{dagID}
	}
	n, err := sqlrow.Column[int](ctx, q.c, query, args...)
	if err != nil {
		return 0, fmt.Errorf("count backfills: %w", err)
	}
	return n[0], nil
}

// OpenBackfills returns the backfills that are running or paused, oldest first.
func (q Queries) OpenBackfills(ctx context.Context) ([]*store.Backfill, error) {
	// Not in the order of the ids: SQLite would read all backfills in theirs.
	bs, err := sqlrow.Collect(ctx, q.c, backfillTable.Scan, backfillTable.Select()+" WHERE completed_at IS NULL")
	if err != nil {
		return nil, fmt.Errorf("list open backfills: %w", err)
	}
	slices.SortFunc(bs, func(a, b *store.Backfill) int { return cmp.Compare(a.ID, b.ID) })
	return bs, nil
}

// OpenBackfill returns the backfill of a DAG that is running or paused, or nil.
func (q Queries) OpenBackfill(ctx context.Context, dagID string) (*store.Backfill, error) {
	b, err := sqlrow.One(ctx, q.c, backfillTable.Scan, backfillTable.Select()+" WHERE dag_id = ? AND completed_at IS NULL", dagID)
	if err != nil {
		return nil, fmt.Errorf("read the backfill of %s: %w", dagID, err)
	}
	return b, nil
}

// BackfillDateLeft returns the next date of a backfill without an outcome, or nil.
func (q Queries) BackfillDateLeft(ctx context.Context, id int64) (*store.BackfillDate, error) {
	d, err := sqlrow.One(ctx, q.c, dateTable.Scan, dateTable.Select()+" WHERE backfill_id = ? AND outcome = '' ORDER BY ordinal LIMIT 1", id)
	if err != nil {
		return nil, fmt.Errorf("read the next date of backfill %d: %w", id, err)
	}
	return d, nil
}

// BackfillCounts counts what has become of the dates of a backfill.
func (q Queries) BackfillCounts(ctx context.Context, id int64) (store.BackfillCounts, error) {
	var c store.BackfillCounts
	type group struct {
		outcome store.BackfillOutcome
		state   dag.RunState
		n       int
	}
	gs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, g *group) error { return rows.Scan(&g.outcome, &g.state, &g.n) },
		`SELECT d.outcome, coalesce(r.state, ''), count(*) FROM backfill_date d LEFT JOIN dag_run r ON r.id = d.run_key
		WHERE d.backfill_id = ? GROUP BY 1, 2`, id)
	if err != nil {
		return c, fmt.Errorf("count the runs of backfill %d: %w", id, err)
	}
	for _, g := range gs {
		c.Total += g.n
		switch {
		case g.outcome == "":
			c.Left += g.n
		case g.state == dag.RunSuccess:
			c.Success += g.n
		case g.state == dag.RunFailed:
			c.Failed += g.n
		case g.state != "":
			c.Active += g.n
		case g.outcome == store.BackfillCreated, g.outcome == store.BackfillCleared:
			c.Removed += g.n
		default:
			c.Untouched += g.n
		}
	}
	return c, nil
}

// CountBackfillRuns counts the runs of a backfill that are queued or running.
func (q Queries) CountBackfillRuns(ctx context.Context, id int64) (queued, running int, err error) {
	n, err := sqlrow.Column[int](ctx, q.c, `SELECT count(*) FROM dag_run WHERE backfill_id = ? AND state = 'queued'
		UNION ALL SELECT count(*) FROM dag_run WHERE backfill_id = ? AND state = 'running'`, id, id)
	if err != nil {
		return 0, 0, fmt.Errorf("count the open runs of backfill %d: %w", id, err)
	}
	return n[0], n[1], nil
}

// InsertBackfill adds a backfill and its dates unless the DAG has an open one.
func (q Queries) InsertBackfill(ctx context.Context, b *store.Backfill, dates []store.BackfillDate) (bool, error) {
	id, err := sqlrow.Column[int64](ctx, q.c, backfillNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", backfillNew.Args(b)...)
	if err != nil {
		return false, fmt.Errorf("create a backfill of %s: %w", b.DAGID, err)
	}
	if len(id) == 0 {
		return false, nil
	}
	b.ID = id[0]
	const atOnce = 500
	for len(dates) > 0 {
		part := dates[:min(atOnce, len(dates))]
		dates = dates[len(part):]
		var args []any
		for i := range part {
			args = append(append(args, b.ID), dateNew.Args(&part[i])...)
		}
		rows := strings.TrimSuffix(strings.Repeat("(?, "+dateNew.Marks+"), ", len(part)), ", ")
		if _, err := q.c.Exec(ctx, "INSERT INTO backfill_date (backfill_id, "+dateNew.Columns+") VALUES "+rows, args...); err != nil {
			return false, fmt.Errorf("write the dates of backfill %d: %w", b.ID, err)
		}
	}
	return true, nil
}

// UpdateBackfill writes the version and the state of a backfill and when they were changed.
func (q Queries) UpdateBackfill(ctx context.Context, b *store.Backfill) error {
	if _, err := q.c.Exec(ctx, backfillChanges.Update()+" WHERE id = ?", backfillChanges.Args(b, b.ID)...); err != nil {
		return fmt.Errorf("update backfill %d: %w", b.ID, err)
	}
	return nil
}

// SettleBackfillDate writes what has become of a date of a backfill.
func (q Queries) SettleBackfillDate(ctx context.Context, id int64, d *store.BackfillDate) error {
	if _, err := q.c.Exec(ctx, dateOutcome.Update()+" WHERE backfill_id = ? AND ordinal = ?", dateOutcome.Args(d, id, d.Ordinal)...); err != nil {
		return fmt.Errorf("settle a date of backfill %d: %w", id, err)
	}
	return nil
}
