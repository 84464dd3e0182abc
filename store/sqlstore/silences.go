package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

var (
	silenceTable = declare("silence", func(s *store.Silence) []field {
		return []field{
			{"id", &s.ID},
			{"kind", &s.Kind},
			{"name", &s.Key},
			{"dags", list{&s.DAGs}},
			{"task_id", &s.TaskID},
			{"robots", list{&s.Robots}},
			{"urgent", &s.Urgent},
			{"told_by", &s.ToldBy},
			{"since", moment{&s.Since}},
			{"until", moment{&s.Until}},
			{"reason", &s.Reason},
			{"made_by", &s.MadeBy.Name},
			{"made_via", &s.MadeBy.Via},
			{"ended_by", &s.EndedBy.Name},
			{"ended_via", &s.EndedBy.Via},
			{"summed_up", moment{&s.SummedUp}},
		}
	})
	silenceNew = silenceTable.but("id", "summed_up")

	unsilencedTable = declare("delivery", func(d *store.Unsilenced) []field {
		return []field{
			{"id", &d.ID},
			{"channel", &d.Channel},
			{"event", &d.Event},
			{"dag_id", &d.DAGID},
			{"task_id", &d.TaskID},
			{"priority", &d.Priority},
			{"created_at", moment{&d.CreatedAt}},
			{"dedupe_key", &d.DedupeKey},
			{"stands_in_for", &d.StandsInFor},
		}
	})
	deliverySilenced = deliveryTable.only("state", "silence_id", "updated_at", "error")
)

// millis is a duration in whole milliseconds.
type millis struct{ d *time.Duration }

// Scan reads it.
func (m millis) Scan(src any) error {
	*m.d = 0
	if v, ok := src.(int64); ok {
		*m.d = time.Duration(v) * time.Millisecond
	}
	return nil
}

// Value writes it.
func (m millis) Value() (driver.Value, error) { return m.d.Milliseconds(), nil }

// Silence returns one silence, or an error that wraps [store.ErrNotFound].
func (q Queries) Silence(ctx context.Context, id int64) (*store.Silence, error) {
	s, err := one(ctx, q.c, silenceTable.scan, silenceTable.rows()+" WHERE id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("read silence %d: %w", id, err)
	}
	if s == nil {
		return nil, fmt.Errorf("silence %d: %w", id, store.ErrNotFound)
	}
	return s, nil
}

// SilenceLog returns the silences that match, newest first.
func (q Queries) SilenceLog(ctx context.Context, f store.SilenceFilter) ([]*store.Silence, error) {
	var (
		where []string
		args  []any
	)
	if f.Open {
		where = append(where, "summed_up IS NULL")
	}
	if len(f.Kinds) > 0 {
		where = append(where, "kind IN ("+marks(len(f.Kinds))+")")
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := silenceTable.rows() + conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ?", append(args, f.Limit)
	}
	return q.silences(ctx, query, args...)
}

// OpenSilences returns what may keep back any message, see [store.Silences].
func (q Queries) OpenSilences(ctx context.Context) ([]*store.Silence, error) {
	return q.silences(ctx, silenceTable.rows()+" WHERE summed_up IS NULL AND kind <> 'double' ORDER BY id")
}

// EndingSilences returns what is to be summed up, see [store.Silences].
func (q Queries) EndingSilences(ctx context.Context, limit int) ([]*store.Silence, error) {
	return q.silences(ctx, silenceTable.rows()+" WHERE summed_up IS NULL ORDER BY until LIMIT ?", limit)
}

// SilenceOfDoubles returns one silence, or an error that wraps [store.ErrNotFound].
func (q Queries) SilenceOfDoubles(ctx context.Context, toldBy int64) (*store.Silence, error) {
	s, err := one(ctx, q.c, silenceTable.scan, silenceTable.rows()+" WHERE summed_up IS NULL AND told_by > 0 AND told_by = ?", toldBy)
	if err == nil && s == nil {
		err = store.ErrNotFound
	}
	return s, wrapped(fmt.Sprintf("read the silence after message %d", toldBy), err)
}

func (q Queries) silences(ctx context.Context, query string, args ...any) ([]*store.Silence, error) {
	ss, err := collect(ctx, q.c, silenceTable.scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read silences: %w", err)
	}
	return ss, nil
}

// UnsilencedDeliveries returns what no silence has had yet, see [store.Silences].
func (q Queries) UnsilencedDeliveries(ctx context.Context, behind int64, limit int) ([]*store.Unsilenced, error) {
	ds, err := collect(ctx, q.c, unsilencedTable.scan,
		unsilencedTable.rows()+" WHERE "+openDelivery+" AND state = 'waiting' AND silence_id = 0 AND id > ? ORDER BY id LIMIT ?", behind, limit)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// toldOfKey is the condition of the index of messages with a key that tell something.
const toldOfKey = "dedupe_key <> '' AND state NOT IN ('silenced', 'refused')"

// ToldDeliveries returns what a message may be a double of, see [store.Silences].
func (q Queries) ToldDeliveries(ctx context.Context, d *store.Delivery, since time.Time, limit int) ([]*store.Delivery, error) {
	ds, err := collect(ctx, q.c, deliveryTable.scan,
		deliveryTable.rows()+" WHERE "+toldOfKey+" AND dedupe_key = ? AND channel = ? AND event = ? AND created_at > ? AND id < ? ORDER BY created_at, id LIMIT ?",
		d.DedupeKey, d.Channel, d.Owner.Event, ms(since), d.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("look for messages with a dedupe_key: %w", err)
	}
	return ds, nil
}

// SilencedDeliveries returns what a silence keeps back, see [store.Silences].
func (q Queries) SilencedDeliveries(ctx context.Context, silence, behind int64, limit int) ([]*store.Delivery, error) {
	ds, err := collect(ctx, q.c, deliveryTable.scan,
		deliveryTable.rows()+" WHERE silence_id > 0 AND silence_id = ? AND id > ? AND state = 'silenced' ORDER BY id LIMIT ?", silence, behind, limit)
	if err != nil {
		return nil, fmt.Errorf("read what silence %d keeps back: %w", silence, err)
	}
	return ds, nil
}

// CountSilenced counts it.
func (q Queries) CountSilenced(ctx context.Context, silences ...int64) (map[int64]int, error) {
	counts := map[int64]int{}
	if len(silences) == 0 {
		return counts, nil
	}
	args := make([]any, len(silences))
	for i, id := range silences {
		args[i] = id
	}
	type row struct {
		id int64
		n  int
	}
	rows, err := collect(ctx, q.c, func(rows Rows, r *row) error { return rows.Scan(&r.id, &r.n) },
		"SELECT silence_id, count(*) FROM delivery WHERE silence_id > 0 AND silence_id IN ("+marks(len(silences))+") AND state = 'silenced' GROUP BY silence_id", args...)
	if err != nil {
		return nil, fmt.Errorf("count what silences keep back: %w", err)
	}
	for _, r := range rows {
		counts[r.id] = r.n
	}
	return counts, nil
}

// InsertSilence adds a silence, see [store.SilencesTx].
func (q Queries) InsertSilence(ctx context.Context, s *store.Silence) (bool, error) {
	ids, err := column[int64](ctx, q.c, silenceNew.insert()+" ON CONFLICT DO NOTHING RETURNING id", silenceNew.args(s)...)
	if err != nil {
		return false, fmt.Errorf("write a silence: %w", err)
	}
	if len(ids) == 0 {
		return false, nil
	}
	s.ID = ids[0]
	return true, nil
}

// EndSilence lets a silence end, see [store.SilencesTx].
func (q Queries) EndSilence(ctx context.Context, id int64, until time.Time, by store.Actor) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE silence SET until = ?, ended_by = ?, ended_via = ? WHERE id = ? AND summed_up IS NULL AND until > ?",
		ms(until), by.Name, string(by.Via), id, ms(until))
	return n > 0, wrapped("end a silence", err)
}

// SumUpSilence notes that a silence was told of, see [store.SilencesTx].
func (q Queries) SumUpSilence(ctx context.Context, id int64, at time.Time) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE silence SET summed_up = ? WHERE id = ? AND summed_up IS NULL", ms(at), id)
	return n > 0, wrapped("sum up a silence", err)
}

// SilenceDelivery keeps a message back, see [store.SilencesTx].
func (q Queries) SilenceDelivery(ctx context.Context, d *store.Delivery) (bool, error) {
	n, err := q.c.Exec(ctx, deliverySilenced.update()+`, next_try = NULL, hold = ''
		WHERE id = ? AND state = 'waiting' AND attempts = ? AND progress = '' AND silence_id = 0
		AND EXISTS (SELECT 1 FROM silence WHERE id = ? AND summed_up IS NULL)`,
		deliverySilenced.args(d, d.ID, d.Attempts, d.SilenceID)...)
	return n > 0, wrapped("silence a message", err)
}

// SilenceFolded keeps a message of a digest back, see [store.SilencesTx].
func (q Queries) SilenceFolded(ctx context.Context, d *store.Delivery, digest int64) (bool, error) {
	n, err := q.c.Exec(ctx, deliverySilenced.update()+`, digest_id = 0
		WHERE id = ? AND state = 'folded' AND digest_id = ? AND silence_id = 0 AND EXISTS (SELECT 1 FROM silence WHERE id = ? AND summed_up IS NULL)`,
		deliverySilenced.args(d, d.ID, digest, d.SilenceID)...)
	return n > 0, wrapped("silence a message of a digest", err)
}

// HandOverDelivery gives a message to another silence, see [store.SilencesTx].
func (q Queries) HandOverDelivery(ctx context.Context, d *store.Delivery, from int64) (bool, error) {
	n, err := q.c.Exec(ctx, `UPDATE delivery SET silence_id = ?, error = ? WHERE id = ? AND state = 'silenced' AND silence_id = ?
		AND EXISTS (SELECT 1 FROM silence WHERE id = ? AND summed_up IS NULL)`, d.SilenceID, d.Error, d.ID, from, d.SilenceID)
	return n > 0, wrapped("hand a silenced message over", err)
}
