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
