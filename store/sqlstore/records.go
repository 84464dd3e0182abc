package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	tickTable = sqlrow.Declare("tick_range", func(t *store.TickRange) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &t.ID),
			sqlrow.Col("dag_id", &t.DAGID),
			sqlrow.Col("first_tick", sqlrow.Moment(&t.First)),
			sqlrow.Col("last_tick", sqlrow.Moment(&t.Last)),
			sqlrow.Col("ticks", &t.Count),
			sqlrow.Col("outcome", &t.Outcome),
			sqlrow.Col("reason", &t.Reason),
			sqlrow.Col("said", sqlrow.RawJSON(&t.Said)),
			sqlrow.Col("recorded_at", sqlrow.Moment(&t.RecordedAt)),
		}
	})
	tickNew = tickTable.But("id")

	pauseTable = sqlrow.Declare("dag_pause", func(p *store.Pause) []sqlrow.Field {
		return []sqlrow.Field{sqlrow.Col("at", sqlrow.Moment(&p.At)), sqlrow.Col("paused", &p.Paused), sqlrow.Col("cause", &p.Cause), sqlrow.Col("owner", &p.Actor.Name), sqlrow.Col("via", &p.Actor.Via)}
	})
	pauseAll = pauseTable.But()

	lifeTable = sqlrow.Declare("scheduler_life", func(l *store.SchedulerLife) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &l.ID), sqlrow.Col("started_at", sqlrow.Moment(&l.StartedAt)), sqlrow.Col("seen_at", sqlrow.Moment(&l.SeenAt)), sqlrow.Col("stopped", &l.Stopped),
			sqlrow.Col("host", &l.By.Host), sqlrow.Col("pid", &l.By.PID), sqlrow.Col("version", &l.By.Version), sqlrow.Col("workers", &l.By.Workers),
		}
	})
	lifeNew = lifeTable.But("id")
	lifeEnd = lifeTable.Only("seen_at", "stopped")

	dailyTable = sqlrow.Declare("daily_digest", func(d *store.DailyDigest) []sqlrow.Field {
		return []sqlrow.Field{sqlrow.Col("day", &d.Day), sqlrow.Col("told_until", sqlrow.Moment(&d.Until))}
	})
	dailyAll = dailyTable.But()
)

// TickRanges returns the recorded ticks of a DAG, newest first, at most limit (0 is all).
func (q Queries) TickRanges(ctx context.Context, dagID string, limit int) ([]*store.TickRange, error) {
	query, args := tickTable.Select()+" WHERE dag_id = ? ORDER BY last_tick DESC, id DESC", []any{dagID}
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	ts, err := sqlrow.Collect(ctx, q.c, tickTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list ticks of %s: %w", dagID, err)
	}
	return ts, nil
}

// TicksBetween returns the records that have ticks in a time, see [store.Ticks].
func (q Queries) TicksBetween(ctx context.Context, dagID string, since, until time.Time) ([]*store.TickRange, error) {
	ts, err := sqlrow.Collect(ctx, q.c, tickTable.Scan, tickTable.Select()+" WHERE dag_id = ? AND last_tick >= ? AND first_tick < ? ORDER BY last_tick, id",
		dagID, sqlrow.UnixMilli(since), sqlrow.UnixMilli(until))
	if err != nil {
		return nil, fmt.Errorf("list ticks of %s: %w", dagID, err)
	}
	return ts, nil
}

// TickRangeAt returns the record that covers a tick, or nil.
func (q Queries) TickRangeAt(ctx context.Context, dagID string, tick time.Time) (*store.TickRange, error) {
	t, err := sqlrow.One(ctx, q.c, tickTable.Scan, tickTable.Select()+`
		WHERE dag_id = ? AND last_tick >= ? AND first_tick <= ? ORDER BY last_tick LIMIT 1`, dagID, sqlrow.UnixMilli(tick), sqlrow.UnixMilli(tick))
	if err != nil {
		return nil, fmt.Errorf("read tick of %s: %w", dagID, err)
	}
	return t, nil
}

// InsertTickRange records ticks and sets the ID.
func (q Queries) InsertTickRange(ctx context.Context, t *store.TickRange) error {
	id, err := sqlrow.Column[int64](ctx, q.c, tickNew.Insert()+" RETURNING id", tickNew.Args(t)...)
	if err != nil {
		return fmt.Errorf("record ticks of %s: %w", t.DAGID, err)
	}
	t.ID = id[0]
	return nil
}

// Pauses returns when a DAG was first seen, paused and unpaused, oldest first.
func (q Queries) Pauses(ctx context.Context, dagID string) ([]*store.Pause, error) {
	ps, err := sqlrow.Collect(ctx, q.c, pauseTable.Scan, pauseTable.Select()+" WHERE dag_id = ? ORDER BY id", dagID)
	if err != nil {
		return nil, fmt.Errorf("list pauses of %s: %w", dagID, err)
	}
	return ps, nil
}

// InsertPause notes that a DAG was seen, paused or unpaused.
func (q Queries) InsertPause(ctx context.Context, dagID string, p *store.Pause) error {
	_, err := q.c.Exec(ctx, "INSERT INTO dag_pause (dag_id, "+pauseAll.Columns+") VALUES (?, "+pauseAll.Marks+")", append([]any{dagID}, pauseAll.Args(p)...)...)
	if err != nil {
		return fmt.Errorf("note that dag %s was paused: %w", dagID, err)
	}
	return nil
}

// SchedulerLives returns the stretches in which a scheduler was at work that end at or
// after a moment, oldest first.
func (q Queries) SchedulerLives(ctx context.Context, since time.Time) ([]*store.SchedulerLife, error) {
	ls, err := sqlrow.Collect(ctx, q.c, lifeTable.Scan, lifeTable.Select()+" WHERE seen_at >= ? ORDER BY seen_at, id", since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list when a scheduler ran: %w", err)
	}
	return ls, nil
}

// LastSchedulerLife returns the newest stretch that began before a moment, or nil.
func (q Queries) LastSchedulerLife(ctx context.Context, before time.Time) (*store.SchedulerLife, error) {
	l, err := sqlrow.One(ctx, q.c, lifeTable.Scan, lifeTable.Select()+" WHERE started_at <= ? ORDER BY seen_at DESC, id DESC LIMIT 1", before.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read when a scheduler ran last: %w", err)
	}
	return l, nil
}

// PutSchedulerLife adds a stretch and sets its ID, or moves the end of one.
func (q Queries) PutSchedulerLife(ctx context.Context, l *store.SchedulerLife) error {
	if l.ID != 0 {
		if _, err := q.c.Exec(ctx, lifeEnd.Update()+" WHERE id = ?", lifeEnd.Args(l, l.ID)...); err != nil {
			return fmt.Errorf("note that the scheduler runs: %w", err)
		}
		return nil
	}
	id, err := sqlrow.Column[int64](ctx, q.c, lifeNew.Insert()+" RETURNING id", lifeNew.Args(l)...)
	if err != nil {
		return fmt.Errorf("note that the scheduler runs: %w", err)
	}
	l.ID = id[0]
	return nil
}

// DailyDigest returns which digest was told last, or nil.
func (q Queries) DailyDigest(ctx context.Context) (*store.DailyDigest, error) {
	d, err := sqlrow.One(ctx, q.c, dailyTable.Scan, dailyTable.Select()+" WHERE id = 1")
	if err != nil {
		return nil, fmt.Errorf("read which daily digest was told: %w", err)
	}
	return d, nil
}

// PutDailyDigest writes which digest was told last.
func (q Queries) PutDailyDigest(ctx context.Context, d *store.DailyDigest) error {
	_, err := q.c.Exec(ctx, "INSERT INTO daily_digest (id, "+dailyAll.Columns+") VALUES (1, "+dailyAll.Marks+") ON CONFLICT (id) DO UPDATE SET day = excluded.day, told_until = excluded.told_until", dailyAll.Args(d)...)
	if err != nil {
		return fmt.Errorf("note that the daily digest was told: %w", err)
	}
	return nil
}

func scanRunCount(rows sqlrow.Rows, c *store.RunCount) error {
	return rows.Scan(&c.DAGID, &c.State, &c.Count)
}

// endedIn is the condition of runs that ended from one moment on and before another.
const endedIn = "end_date IS NOT NULL AND end_date >= ? AND end_date < ?"

// EndedRunCounts counts the runs that ended in a time, by DAG and state.
func (q Queries) EndedRunCounts(ctx context.Context, since, until time.Time) ([]*store.RunCount, error) {
	cs, err := sqlrow.Collect(ctx, q.c, scanRunCount, "SELECT dag_id, state, count(*) FROM dag_run WHERE "+endedIn+" GROUP BY dag_id, state ORDER BY dag_id, state", sqlrow.UnixMilli(since), sqlrow.UnixMilli(until))
	if err != nil {
		return nil, fmt.Errorf("count the runs that ended: %w", err)
	}
	return cs, nil
}

// OpenRunCounts counts the queued and the running runs, by DAG and state.
func (q Queries) OpenRunCounts(ctx context.Context) ([]*store.RunCount, error) {
	cs, err := sqlrow.Collect(ctx, q.c, scanRunCount, "SELECT dag_id, state, count(*) FROM dag_run WHERE "+isOpen+" GROUP BY dag_id, state ORDER BY dag_id, state")
	if err != nil {
		return nil, fmt.Errorf("count open runs: %w", err)
	}
	return cs, nil
}

// RunsByTime counts the runs of a DAG by when they were due, see [store.Daily]. Each state has an index of its own.
func (q Queries) RunsByTime(ctx context.Context, dagID string, since, until time.Time) ([]*store.TimeCount, error) {
	const quarter = "run_after - run_after % 900000"
	var parts []string
	var args []any
	for _, state := range []string{"state = 'success'", "state = 'failed'", isOpen} {
		parts = append(parts, "SELECT "+quarter+" AS at, state, count(*) FROM dag_run WHERE "+state+" AND dag_id = ? AND run_after >= ? AND run_after < ? GROUP BY 1, 2")
		args = append(args, dagID, sqlrow.UnixMilli(since), sqlrow.UnixMilli(until))
	}
	cs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, c *store.TimeCount) error {
		return rows.Scan(sqlrow.Moment(&c.At), &c.State, &c.Count)
	}, strings.Join(parts, " UNION ALL ")+" ORDER BY 1, 2", args...)
	if err != nil {
		return nil, fmt.Errorf("count the runs of %s by time: %w", dagID, err)
	}
	return cs, nil
}

// FirstFailure returns the run of a DAG that failed first in a time, and what failed first in it.
func (q Queries) FirstFailure(ctx context.Context, dagID string, since, until time.Time) (*store.Run, *store.Instance, error) {
	// Without what is added to nothing, all runs of the DAG that ever failed would be looked at.
	r, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+" WHERE "+endedIn+" AND dag_id || '' = ? AND state || '' = 'failed' ORDER BY end_date, id LIMIT 1", sqlrow.UnixMilli(since), sqlrow.UnixMilli(until), dagID)
	if err != nil {
		return nil, nil, fmt.Errorf("read the first failure of %s: %w", dagID, err)
	}
	if r == nil {
		return nil, nil, nil
	}
	in, err := sqlrow.One(ctx, q.c, instanceTable.Scan, instanceTable.Select()+" WHERE run_key = ? AND state = 'failed' ORDER BY end_date NULLS FIRST, rowid LIMIT 1", r.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("read the first failure of %s: %w", dagID, err)
	}
	return r, in, nil
}

// UnstartedTicks sums up the ticks of which was recorded in a time that they started no run.
func (q Queries) UnstartedTicks(ctx context.Context, since, until time.Time) ([]*store.UnstartedTicks, error) {
	ts, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, t *store.UnstartedTicks) error {
		return rows.Scan(&t.DAGID, &t.Outcome, sqlrow.Moment(&t.First), sqlrow.Moment(&t.Last), &t.Count, &t.Reason, &t.Reasons, sqlrow.RawJSON(&t.Said))
	}, `SELECT u.*, (SELECT r.said FROM tick_range r WHERE r.dag_id = u.dag_id AND r.first_tick <= u.last_tick AND r.last_tick >= u.first_tick
			AND r.outcome = u.outcome AND r.reason = u.reason ORDER BY r.id DESC LIMIT 1)
		FROM (SELECT dag_id, outcome, min(first_tick) AS first_tick, max(last_tick) AS last_tick, CAST(sum(ticks) AS BIGINT) AS ticks,
				max(reason) AS reason, count(DISTINCT reason) AS reasons
			FROM tick_range WHERE recorded_at >= ? AND recorded_at < ? GROUP BY dag_id, outcome) u
		ORDER BY u.dag_id, u.outcome`, sqlrow.UnixMilli(since), sqlrow.UnixMilli(until))
	if err != nil {
		return nil, fmt.Errorf("sum up the ticks without a run: %w", err)
	}
	return ts, nil
}

// UndeliveredCounts counts what did not reach people, see [store.Daily].
func (q Queries) UndeliveredCounts(ctx context.Context, since, until, waitedSince time.Time) (map[store.DeliveryState]int, error) {
	type counted struct {
		state store.DeliveryState
		n     int
	}
	cs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, c *counted) error { return rows.Scan(&c.state, &c.n) },
		`SELECT state, count(*) FROM delivery WHERE state IN ('refused', 'uncertain') AND updated_at >= ? AND updated_at < ?
			AND acked_at IS NULL AND hold <> 'quota' AND error NOT LIKE ?
			AND NOT EXISTS (SELECT 1 FROM delivery s WHERE s.stands_in_for > 0 AND s.stands_in_for = delivery.id)
			AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.stands_in_for > 0 AND o.stands_in_for = delivery.stands_in_for AND o.state IN ('delivered', 'folded'))
			GROUP BY state`, sqlrow.UnixMilli(since), sqlrow.UnixMilli(until), store.DroppedPrefix+"%")
	if err != nil {
		return nil, fmt.Errorf("count the messages that were not delivered: %w", err)
	}
	out := map[store.DeliveryState]int{}
	for _, c := range cs {
		out[c.state] = c.n
	}
	// The plus keeps it from the index over all messages that were ever written.
	waiting, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM delivery WHERE "+openDelivery+" AND state = 'waiting' AND +created_at < ?", sqlrow.UnixMilli(waitedSince))
	if err != nil {
		return nil, fmt.Errorf("count the messages that wait: %w", err)
	}
	if waiting[0] > 0 {
		out[store.DeliveryWaiting] = waiting[0]
	}
	return out, nil
}
