package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

var (
	tickTable = declare("tick_range", func(t *store.TickRange) []field {
		return []field{
			{"id", &t.ID},
			{"dag_id", &t.DAGID},
			{"first_tick", moment{&t.First}},
			{"last_tick", moment{&t.Last}},
			{"ticks", &t.Count},
			{"outcome", &t.Outcome},
			{"reason", &t.Reason},
			{"recorded_at", moment{&t.RecordedAt}},
		}
	})
	tickNew = tickTable.but("id")

	pauseTable = declare("dag_pause", func(p *store.Pause) []field {
		return []field{{"at", moment{&p.At}}, {"paused", &p.Paused}, {"cause", &p.Cause}, {"owner", &p.Actor.Name}, {"via", &p.Actor.Via}}
	})
	pauseAll = pauseTable.but()

	lifeTable = declare("scheduler_life", func(l *store.SchedulerLife) []field {
		return []field{{"id", &l.ID}, {"started_at", moment{&l.StartedAt}}, {"seen_at", moment{&l.SeenAt}}, {"stopped", &l.Stopped}}
	})
	lifeNew = lifeTable.but("id")
	lifeEnd = lifeTable.only("seen_at", "stopped")

	dailyTable = declare("daily_digest", func(d *store.DailyDigest) []field {
		return []field{{"day", &d.Day}, {"told_until", moment{&d.Until}}}
	})
	dailyAll = dailyTable.but()
)

// TickRanges returns the recorded ticks of a DAG, newest first, at most limit (0 is all).
func (q Queries) TickRanges(ctx context.Context, dagID string, limit int) ([]*store.TickRange, error) {
	query, args := tickTable.rows()+" WHERE dag_id = ? ORDER BY last_tick DESC, id DESC", []any{dagID}
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	ts, err := collect(ctx, q.c, tickTable.scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list ticks of %s: %w", dagID, err)
	}
	return ts, nil
}

// TickRangeAt returns the record that covers a tick, or nil.
func (q Queries) TickRangeAt(ctx context.Context, dagID string, tick time.Time) (*store.TickRange, error) {
	t, err := one(ctx, q.c, tickTable.scan, tickTable.rows()+`
		WHERE dag_id = ? AND last_tick >= ? AND first_tick <= ? ORDER BY last_tick LIMIT 1`, dagID, ms(tick), ms(tick))
	if err != nil {
		return nil, fmt.Errorf("read tick of %s: %w", dagID, err)
	}
	return t, nil
}

// InsertTickRange records ticks and sets the ID.
func (q Queries) InsertTickRange(ctx context.Context, t *store.TickRange) error {
	id, err := column[int64](ctx, q.c, tickNew.insert()+" RETURNING id", tickNew.args(t)...)
	if err != nil {
		return fmt.Errorf("record ticks of %s: %w", t.DAGID, err)
	}
	t.ID = id[0]
	return nil
}

// Pauses returns when a DAG was first seen, paused and unpaused, oldest first.
func (q Queries) Pauses(ctx context.Context, dagID string) ([]*store.Pause, error) {
	ps, err := collect(ctx, q.c, pauseTable.scan, pauseTable.rows()+" WHERE dag_id = ? ORDER BY id", dagID)
	if err != nil {
		return nil, fmt.Errorf("list pauses of %s: %w", dagID, err)
	}
	return ps, nil
}

// InsertPause notes that a DAG was seen, paused or unpaused.
func (q Queries) InsertPause(ctx context.Context, dagID string, p *store.Pause) error {
	_, err := q.c.Exec(ctx, "INSERT INTO dag_pause (dag_id, "+pauseAll.columns+") VALUES (?, "+pauseAll.marks+")", append([]any{dagID}, pauseAll.args(p)...)...)
	if err != nil {
		return fmt.Errorf("note that dag %s was paused: %w", dagID, err)
	}
	return nil
}

// SchedulerLives returns the stretches in which a scheduler was at work that end at or
// after a moment, oldest first.
func (q Queries) SchedulerLives(ctx context.Context, since time.Time) ([]*store.SchedulerLife, error) {
	ls, err := collect(ctx, q.c, lifeTable.scan, lifeTable.rows()+" WHERE seen_at >= ? ORDER BY seen_at, id", since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list when a scheduler ran: %w", err)
	}
	return ls, nil
}

// LastSchedulerLife returns the newest stretch that began before a moment, or nil.
func (q Queries) LastSchedulerLife(ctx context.Context, before time.Time) (*store.SchedulerLife, error) {
	l, err := one(ctx, q.c, lifeTable.scan, lifeTable.rows()+" WHERE started_at <= ? ORDER BY seen_at DESC, id DESC LIMIT 1", before.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read when a scheduler ran last: %w", err)
	}
	return l, nil
}

// PutSchedulerLife adds a stretch and sets its ID, or moves the end of one.
func (q Queries) PutSchedulerLife(ctx context.Context, l *store.SchedulerLife) error {
	if l.ID != 0 {
		if _, err := q.c.Exec(ctx, lifeEnd.update()+" WHERE id = ?", lifeEnd.args(l, l.ID)...); err != nil {
			return fmt.Errorf("note that the scheduler runs: %w", err)
		}
		return nil
	}
	id, err := column[int64](ctx, q.c, lifeNew.insert()+" RETURNING id", lifeNew.args(l)...)
	if err != nil {
		return fmt.Errorf("note that the scheduler runs: %w", err)
	}
	l.ID = id[0]
	return nil
}

// DailyDigest returns which digest was told last, or nil.
func (q Queries) DailyDigest(ctx context.Context) (*store.DailyDigest, error) {
	d, err := one(ctx, q.c, dailyTable.scan, dailyTable.rows()+" WHERE id = 1")
	if err != nil {
		return nil, fmt.Errorf("read which daily digest was told: %w", err)
	}
	return d, nil
}

// PutDailyDigest writes which digest was told last.
func (q Queries) PutDailyDigest(ctx context.Context, d *store.DailyDigest) error {
	_, err := q.c.Exec(ctx, "INSERT INTO daily_digest (id, "+dailyAll.columns+") VALUES (1, "+dailyAll.marks+") ON CONFLICT (id) DO UPDATE SET day = excluded.day, told_until = excluded.told_until", dailyAll.args(d)...)
	if err != nil {
		return fmt.Errorf("note that the daily digest was told: %w", err)
	}
	return nil
}

func scanRunCount(rows Rows, c *store.RunCount) error { return rows.Scan(&c.DAGID, &c.State, &c.Count) }

// endedIn is the condition of runs that ended from one moment on and before another.
const endedIn = "end_date IS NOT NULL AND end_date >= ? AND end_date < ?"

// EndedRunCounts counts the runs that ended in a time, by DAG and state.
func (q Queries) EndedRunCounts(ctx context.Context, since, until time.Time) ([]*store.RunCount, error) {
	cs, err := collect(ctx, q.c, scanRunCount, "SELECT dag_id, state, count(*) FROM dag_run WHERE "+endedIn+" GROUP BY dag_id, state ORDER BY dag_id, state", ms(since), ms(until))
	if err != nil {
		return nil, fmt.Errorf("count the runs that ended: %w", err)
	}
	return cs, nil
}

// OpenRunCounts counts the queued and the running runs, by DAG and state.
func (q Queries) OpenRunCounts(ctx context.Context) ([]*store.RunCount, error) {
	cs, err := collect(ctx, q.c, scanRunCount, "SELECT dag_id, state, count(*) FROM dag_run WHERE "+isOpen+" GROUP BY dag_id, state ORDER BY dag_id, state")
	if err != nil {
		return nil, fmt.Errorf("count open runs: %w", err)
	}
	return cs, nil
}

// FirstFailure returns the run of a DAG that failed first in a time, and what failed first in it.
func (q Queries) FirstFailure(ctx context.Context, dagID string, since, until time.Time) (*store.Run, *store.Instance, error) {
	// Without the pluses all runs of the DAG that ever failed would be looked at.
	r, err := one(ctx, q.c, runTable.scan, runTable.rows()+" WHERE "+endedIn+" AND +dag_id = ? AND +state = 'failed' ORDER BY end_date, id LIMIT 1", ms(since), ms(until), dagID)
	if err != nil {
		return nil, nil, fmt.Errorf("read the first failure of %s: %w", dagID, err)
	}
	if r == nil {
		return nil, nil, nil
	}
	in, err := one(ctx, q.c, instanceTable.scan, instanceTable.rows()+" WHERE run_key = ? AND state = 'failed' ORDER BY end_date, rowid LIMIT 1", r.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("read the first failure of %s: %w", dagID, err)
	}
	return r, in, nil
}

// UnstartedTicks sums up the ticks of which was recorded in a time that they started no run.
func (q Queries) UnstartedTicks(ctx context.Context, since, until time.Time) ([]*store.UnstartedTicks, error) {
	ts, err := collect(ctx, q.c, func(rows Rows, t *store.UnstartedTicks) error {
		return rows.Scan(&t.DAGID, &t.Outcome, moment{&t.First}, moment{&t.Last}, &t.Count, &t.Reason, &t.Reasons)
	}, `SELECT dag_id, outcome, min(first_tick), max(last_tick), sum(ticks), max(reason), count(DISTINCT reason) FROM tick_range
		WHERE recorded_at >= ? AND recorded_at < ? GROUP BY dag_id, outcome ORDER BY dag_id, outcome`, ms(since), ms(until))
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
	cs, err := collect(ctx, q.c, func(rows Rows, c *counted) error { return rows.Scan(&c.state, &c.n) },
		`SELECT state, count(*) FROM delivery WHERE state IN ('refused', 'uncertain') AND updated_at >= ? AND updated_at < ?
			AND acked_at IS NULL AND hold <> 'quota' AND error NOT LIKE ?
			AND NOT EXISTS (SELECT 1 FROM delivery s WHERE s.stands_in_for > 0 AND s.stands_in_for = delivery.id)
			AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.stands_in_for > 0 AND o.stands_in_for = delivery.stands_in_for AND o.state IN ('delivered', 'folded'))
			GROUP BY state`, ms(since), ms(until), store.DroppedPrefix+"%")
	if err != nil {
		return nil, fmt.Errorf("count the messages that were not delivered: %w", err)
	}
	out := map[store.DeliveryState]int{}
	for _, c := range cs {
		out[c.state] = c.n
	}
	// The plus keeps it from the index over all messages that were ever written.
	waiting, err := column[int](ctx, q.c, "SELECT count(*) FROM delivery WHERE "+openDelivery+" AND state = 'waiting' AND +created_at < ?", ms(waitedSince))
	if err != nil {
		return nil, fmt.Errorf("count the messages that wait: %w", err)
	}
	if waiting[0] > 0 {
		out[store.DeliveryWaiting] = waiting[0]
	}
	return out, nil
}
