package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/dag"
)

const backfillColumns = `id, dag_id, from_date, to_date, reprocess, max_active_runs, backwards, conf, version, state, created_at, completed_at`

func scanBackfill(rows Rows, b *store.Backfill) error {
	return rows.Scan(&b.ID, &b.DAGID, moment{&b.From}, moment{&b.To}, &b.Reprocess, &b.MaxActiveRuns, &b.Backwards, rawJSON{&b.Conf},
		&b.Version, &b.State, moment{&b.CreatedAt}, moment{&b.CompletedAt})
}

// Backfill returns one backfill, or an error that wraps [store.ErrNotFound].
func (q Queries) Backfill(ctx context.Context, id int64) (*store.Backfill, error) {
	b, err := one(ctx, q.c, scanBackfill, "SELECT "+backfillColumns+" FROM backfill WHERE id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("read backfill %d: %w", id, err)
	}
	if b == nil {
		return nil, fmt.Errorf("backfill %d: %w", id, store.ErrNotFound)
	}
	return b, nil
}

// Backfills returns the backfills of a DAG, or all, oldest first.
func (q Queries) Backfills(ctx context.Context, dagID string) ([]*store.Backfill, error) {
	query, args := "SELECT "+backfillColumns+" FROM backfill", []any(nil)
	if dagID != "" {
		query, args = query+" WHERE dag_id = ?", []any{dagID}
	}
	bs, err := collect(ctx, q.c, scanBackfill, query+" ORDER BY id", args...)
	if err != nil {
		return nil, fmt.Errorf("list backfills: %w", err)
	}
	return bs, nil
}

// OpenBackfills returns the backfills that are running or paused, oldest first.
func (q Queries) OpenBackfills(ctx context.Context) ([]*store.Backfill, error) {
	// Not in the order of the ids: SQLite would read all backfills in theirs.
	bs, err := collect(ctx, q.c, scanBackfill, "SELECT "+backfillColumns+" FROM backfill WHERE completed_at IS NULL")
	if err != nil {
		return nil, fmt.Errorf("list open backfills: %w", err)
	}
	slices.SortFunc(bs, func(a, b *store.Backfill) int { return cmp.Compare(a.ID, b.ID) })
	return bs, nil
}

// OpenBackfill returns the backfill of a DAG that is running or paused, or nil.
func (q Queries) OpenBackfill(ctx context.Context, dagID string) (*store.Backfill, error) {
	b, err := one(ctx, q.c, scanBackfill, "SELECT "+backfillColumns+" FROM backfill WHERE dag_id = ? AND completed_at IS NULL", dagID)
	if err != nil {
		return nil, fmt.Errorf("read the backfill of %s: %w", dagID, err)
	}
	return b, nil
}

// BackfillDateLeft returns the next date of a backfill without an outcome, or nil.
func (q Queries) BackfillDateLeft(ctx context.Context, id int64) (*store.BackfillDate, error) {
	d, err := one(ctx, q.c, func(rows Rows, d *store.BackfillDate) error {
		return rows.Scan(&d.Ordinal, moment{&d.LogicalDate}, moment{&d.Interval.Start}, moment{&d.Interval.End}, moment{&d.RunAfter})
	}, `SELECT ordinal, logical_date, interval_start, interval_end, run_after FROM backfill_date
		WHERE backfill_id = ? AND outcome = '' ORDER BY ordinal LIMIT 1`, id)
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
	gs, err := collect(ctx, q.c, func(rows Rows, g *group) error { return rows.Scan(&g.outcome, &g.state, &g.n) },
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
		default:
			c.Untouched += g.n
		}
	}
	return c, nil
}

// CountBackfillRuns counts the runs of a backfill that are queued or running.
func (q Queries) CountBackfillRuns(ctx context.Context, id int64) (queued, running int, err error) {
	n, err := column[int](ctx, q.c, `SELECT count(*) FROM dag_run WHERE backfill_id = ? AND state = 'queued'
		UNION ALL SELECT count(*) FROM dag_run WHERE backfill_id = ? AND state = 'running'`, id, id)
	if err != nil {
		return 0, 0, fmt.Errorf("count the open runs of backfill %d: %w", id, err)
	}
	return n[0], n[1], nil
}

// InsertBackfill adds a backfill and its dates unless the DAG has an open one.
func (q Queries) InsertBackfill(ctx context.Context, b *store.Backfill, dates []store.BackfillDate) (bool, error) {
	id, err := column[int64](ctx, q.c, `INSERT INTO backfill (dag_id, from_date, to_date, reprocess, max_active_runs, backwards, conf, version,
			state, created_at, completed_at)
		VALUES (`+marks(11)+`) ON CONFLICT DO NOTHING RETURNING id`,
		b.DAGID, ms(b.From), ms(b.To), string(b.Reprocess), b.MaxActiveRuns, b.Backwards, text(b.Conf), b.Version,
		string(b.State), ms(b.CreatedAt), ms(b.CompletedAt))
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
		args := make([]any, 0, 7*len(part))
		for _, d := range part {
			args = append(args, b.ID, d.Ordinal, ms(d.LogicalDate), ms(d.Interval.Start), ms(d.Interval.End), ms(d.RunAfter), string(d.Outcome))
		}
		rows := strings.TrimSuffix(strings.Repeat("("+marks(7)+"), ", len(part)), ", ")
		if _, err := q.c.Exec(ctx, `INSERT INTO backfill_date (backfill_id, ordinal, logical_date, interval_start, interval_end, run_after, outcome)
			VALUES `+rows, args...); err != nil {
			return false, fmt.Errorf("write the dates of backfill %d: %w", b.ID, err)
		}
	}
	return true, nil
}

// UpdateBackfill writes the version and the state of a backfill and when it was completed.
func (q Queries) UpdateBackfill(ctx context.Context, b *store.Backfill) error {
	if _, err := q.c.Exec(ctx, "UPDATE backfill SET version = ?, state = ?, completed_at = ? WHERE id = ?", b.Version, string(b.State), ms(b.CompletedAt), b.ID); err != nil {
		return fmt.Errorf("update backfill %d: %w", b.ID, err)
	}
	return nil
}

// SettleBackfillDate writes what has become of a date of a backfill.
func (q Queries) SettleBackfillDate(ctx context.Context, id int64, d *store.BackfillDate) error {
	if _, err := q.c.Exec(ctx, "UPDATE backfill_date SET outcome = ?, run_key = ? WHERE backfill_id = ? AND ordinal = ?",
		string(d.Outcome), number(d.RunKey), id, d.Ordinal); err != nil {
		return fmt.Errorf("settle a date of backfill %d: %w", id, err)
	}
	return nil
}
