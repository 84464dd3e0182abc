package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

const tickColumns = "id, dag_id, first_tick, last_tick, ticks, outcome, reason, recorded_at"

func scanTicks(rows Rows, t *store.TickRange) error {
	return rows.Scan(&t.ID, &t.DAGID, moment{&t.First}, moment{&t.Last}, &t.Count, &t.Outcome, &t.Reason, moment{&t.RecordedAt})
}

// TickRanges returns the recorded ticks of a DAG, newest first, at most limit (0 is all).
func (q Queries) TickRanges(ctx context.Context, dagID string, limit int) ([]*store.TickRange, error) {
	query, args := "SELECT "+tickColumns+" FROM tick_range WHERE dag_id = ? ORDER BY last_tick DESC, id DESC", []any{dagID}
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	ts, err := collect(ctx, q.c, scanTicks, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list ticks of %s: %w", dagID, err)
	}
	return ts, nil
}

// TickRangeAt returns the record that covers a tick, or nil.
func (q Queries) TickRangeAt(ctx context.Context, dagID string, tick time.Time) (*store.TickRange, error) {
	t, err := one(ctx, q.c, scanTicks, "SELECT "+tickColumns+` FROM tick_range
		WHERE dag_id = ? AND last_tick >= ? AND first_tick <= ? ORDER BY last_tick LIMIT 1`, dagID, ms(tick), ms(tick))
	if err != nil {
		return nil, fmt.Errorf("read tick of %s: %w", dagID, err)
	}
	return t, nil
}

// InsertTickRange records ticks and sets the ID.
func (q Queries) InsertTickRange(ctx context.Context, t *store.TickRange) error {
	id, err := column[int64](ctx, q.c, `INSERT INTO tick_range (dag_id, first_tick, last_tick, ticks, outcome, reason, recorded_at)
		VALUES (`+marks(7)+`) RETURNING id`,
		t.DAGID, ms(t.First), ms(t.Last), t.Count, string(t.Outcome), t.Reason, ms(t.RecordedAt))
	if err != nil {
		return fmt.Errorf("record ticks of %s: %w", t.DAGID, err)
	}
	t.ID = id[0]
	return nil
}

// Pauses returns when a DAG was first seen, paused and unpaused, oldest first.
func (q Queries) Pauses(ctx context.Context, dagID string) ([]*store.Pause, error) {
	ps, err := collect(ctx, q.c, func(rows Rows, p *store.Pause) error {
		return rows.Scan(moment{&p.At}, &p.Paused, &p.Cause)
	}, "SELECT at, paused, cause FROM dag_pause WHERE dag_id = ? ORDER BY id", dagID)
	if err != nil {
		return nil, fmt.Errorf("list pauses of %s: %w", dagID, err)
	}
	return ps, nil
}

// InsertPause notes that a DAG was seen, paused or unpaused.
func (q Queries) InsertPause(ctx context.Context, dagID string, p *store.Pause) error {
	_, err := q.c.Exec(ctx, "INSERT INTO dag_pause (dag_id, at, paused, cause) VALUES ("+marks(4)+")", dagID, ms(p.At), p.Paused, p.Cause)
	if err != nil {
		return fmt.Errorf("note that dag %s was paused: %w", dagID, err)
	}
	return nil
}

// SchedulerLives returns the stretches in which a scheduler was at work that end at or
// after a moment, oldest first.
func (q Queries) SchedulerLives(ctx context.Context, since time.Time) ([]*store.SchedulerLife, error) {
	ls, err := collect(ctx, q.c, scanLife, "SELECT id, started_at, seen_at, stopped FROM scheduler_life WHERE seen_at >= ? ORDER BY seen_at, id", since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list when a scheduler ran: %w", err)
	}
	return ls, nil
}

// LastSchedulerLife returns the newest stretch that began before a moment, or nil.
func (q Queries) LastSchedulerLife(ctx context.Context, before time.Time) (*store.SchedulerLife, error) {
	l, err := one(ctx, q.c, scanLife, "SELECT id, started_at, seen_at, stopped FROM scheduler_life WHERE started_at <= ? ORDER BY seen_at DESC, id DESC LIMIT 1", before.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read when a scheduler ran last: %w", err)
	}
	return l, nil
}

func scanLife(rows Rows, l *store.SchedulerLife) error {
	return rows.Scan(&l.ID, moment{&l.StartedAt}, moment{&l.SeenAt}, &l.Stopped)
}

// PutSchedulerLife adds a stretch and sets its ID, or moves the end of one.
func (q Queries) PutSchedulerLife(ctx context.Context, l *store.SchedulerLife) error {
	if l.ID != 0 {
		if _, err := q.c.Exec(ctx, "UPDATE scheduler_life SET seen_at = ?, stopped = ? WHERE id = ?", ms(l.SeenAt), l.Stopped, l.ID); err != nil {
			return fmt.Errorf("note that the scheduler runs: %w", err)
		}
		return nil
	}
	id, err := column[int64](ctx, q.c, "INSERT INTO scheduler_life (started_at, seen_at, stopped) VALUES (?, ?, ?) RETURNING id", ms(l.StartedAt), ms(l.SeenAt), l.Stopped)
	if err != nil {
		return fmt.Errorf("note that the scheduler runs: %w", err)
	}
	l.ID = id[0]
	return nil
}
