package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	silenceTable = sqlrow.Declare("silence", func(s *store.Silence) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &s.ID),
			sqlrow.Col("kind", &s.Kind),
			sqlrow.Col("name", &s.Key),
			sqlrow.Col("dags", sqlrow.List(&s.DAGs)),
			sqlrow.Col("task_id", &s.TaskID),
			sqlrow.Col("robots", sqlrow.List(&s.Robots)),
			sqlrow.Col("urgent", &s.Urgent),
			sqlrow.Col("told_by", &s.ToldBy),
			sqlrow.Col("since", sqlrow.Moment(&s.Since)),
			sqlrow.Col("until", sqlrow.Moment(&s.Until)),
			sqlrow.Col("reason", &s.Reason),
			sqlrow.Col("made_by", &s.MadeBy.Name),
			sqlrow.Col("made_via", &s.MadeBy.Via),
			sqlrow.Col("ended_by", &s.EndedBy.Name),
			sqlrow.Col("ended_via", &s.EndedBy.Via),
			sqlrow.Col("summed_up", sqlrow.Moment(&s.SummedUp)),
		}
	})
	silenceNew = silenceTable.But("id", "summed_up")

	unsilencedTable = sqlrow.Declare("delivery", func(d *store.Unsilenced) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &d.ID),
			sqlrow.Col("channel", &d.Channel),
			sqlrow.Col("event", &d.Event),
			sqlrow.Col("dag_id", &d.DAGID),
			sqlrow.Col("task_id", &d.TaskID),
			sqlrow.Col("priority", &d.Priority),
			sqlrow.Col("created_at", sqlrow.Moment(&d.CreatedAt)),
			sqlrow.Col("dedupe_key", &d.DedupeKey),
			sqlrow.Col("stands_in_for", &d.StandsInFor),
		}
	})
	deliverySilenced = deliveryTable.Only("state", "silence_id", "updated_at", "error")
)

// Silence returns one silence, or an error that wraps [store.ErrNotFound].
func (q Queries) Silence(ctx context.Context, id int64) (*store.Silence, error) {
	s, err := sqlrow.One(ctx, q.c, silenceTable.Scan, silenceTable.Select()+" WHERE id = ?", id)
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
		where = append(where, "kind IN ("+sqlrow.Marks(len(f.Kinds))+")")
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := silenceTable.Select() + sqlrow.Conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ?", append(args, f.Limit)
	}
	return q.silences(ctx, query, args...)
}

// OpenSilences returns what may keep back any message, see [store.Silences].
func (q Queries) OpenSilences(ctx context.Context) ([]*store.Silence, error) {
	return q.silences(ctx, silenceTable.Select()+" WHERE summed_up IS NULL AND kind <> 'double' ORDER BY id")
}

// EndingSilences returns what is to be summed up, see [store.Silences].
func (q Queries) EndingSilences(ctx context.Context, limit int) ([]*store.Silence, error) {
	return q.silences(ctx, silenceTable.Select()+" WHERE summed_up IS NULL ORDER BY until LIMIT ?", limit)
}

// SilenceOfDoubles returns one silence, or an error that wraps [store.ErrNotFound].
func (q Queries) SilenceOfDoubles(ctx context.Context, toldBy int64) (*store.Silence, error) {
	s, err := sqlrow.One(ctx, q.c, silenceTable.Scan, silenceTable.Select()+" WHERE summed_up IS NULL AND told_by > 0 AND told_by = ?", toldBy)
	if err == nil && s == nil {
		err = store.ErrNotFound
	}
	return s, sqlrow.Wrapped(fmt.Sprintf("read the silence after message %d", toldBy), err)
}

func (q Queries) silences(ctx context.Context, query string, args ...any) ([]*store.Silence, error) {
	ss, err := sqlrow.Collect(ctx, q.c, silenceTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read silences: %w", err)
	}
	return ss, nil
}

// UnsilencedDeliveries returns what no silence has had yet, see [store.Silences].
func (q Queries) UnsilencedDeliveries(ctx context.Context, behind int64, limit int) ([]*store.Unsilenced, error) {
	ds, err := sqlrow.Collect(ctx, q.c, unsilencedTable.Scan,
		unsilencedTable.Select()+" WHERE "+openDelivery+" AND state = 'waiting' AND silence_id = 0 AND id > ? ORDER BY id LIMIT ?", behind, limit)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// toldOfKey is the condition of the index of messages with a key that tell something.
const toldOfKey = "dedupe_key <> '' AND state NOT IN ('silenced', 'refused')"

// ToldDeliveries returns what a message may be a double of, see [store.Silences].
func (q Queries) ToldDeliveries(ctx context.Context, d *store.Delivery, since time.Time, limit int) ([]*store.Delivery, error) {
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan,
		deliveryTable.Select()+" WHERE "+toldOfKey+" AND dedupe_key = ? AND channel = ? AND event = ? AND created_at > ? AND id < ? ORDER BY created_at, id LIMIT ?",
		d.DedupeKey, d.Channel, d.Owner.Event, sqlrow.UnixMilli(since), d.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("look for messages with a dedupe_key: %w", err)
	}
	return ds, nil
}

// SilencedDeliveries returns what a silence keeps back, see [store.Silences].
func (q Queries) SilencedDeliveries(ctx context.Context, silence, behind int64, limit int) ([]*store.Delivery, error) {
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan,
		deliveryTable.Select()+" WHERE silence_id > 0 AND silence_id = ? AND id > ? AND state = 'silenced' ORDER BY id LIMIT ?", silence, behind, limit)
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
	rows, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, r *row) error { return rows.Scan(&r.id, &r.n) },
		"SELECT silence_id, count(*) FROM delivery WHERE silence_id > 0 AND silence_id IN ("+sqlrow.Marks(len(silences))+") AND state = 'silenced' GROUP BY silence_id", args...)
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
	ids, err := sqlrow.Column[int64](ctx, q.c, silenceNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", silenceNew.Args(s)...)
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
		sqlrow.UnixMilli(until), by.Name, string(by.Via), id, sqlrow.UnixMilli(until))
	return n > 0, sqlrow.Wrapped("end a silence", err)
}

// SumUpSilence notes that a silence was told of, see [store.SilencesTx].
func (q Queries) SumUpSilence(ctx context.Context, id int64, at time.Time) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE silence SET summed_up = ? WHERE id = ? AND summed_up IS NULL", sqlrow.UnixMilli(at), id)
	return n > 0, sqlrow.Wrapped("sum up a silence", err)
}

// SilenceDelivery keeps a message back, see [store.SilencesTx].
func (q Queries) SilenceDelivery(ctx context.Context, d *store.Delivery) (bool, error) {
	n, err := q.c.Exec(ctx, deliverySilenced.Update()+`, next_try = NULL, hold = ''
		WHERE id = ? AND state = 'waiting' AND attempts = ? AND progress = '' AND silence_id = 0
		AND EXISTS (SELECT 1 FROM silence WHERE id = ? AND summed_up IS NULL)`,
		deliverySilenced.Args(d, d.ID, d.Attempts, d.SilenceID)...)
	return n > 0, sqlrow.Wrapped("silence a message", err)
}

// SilenceFolded keeps a message of a digest back, see [store.SilencesTx].
func (q Queries) SilenceFolded(ctx context.Context, d *store.Delivery, digest int64) (bool, error) {
	n, err := q.c.Exec(ctx, deliverySilenced.Update()+`, digest_id = 0
		WHERE id = ? AND state = 'folded' AND digest_id = ? AND silence_id = 0 AND EXISTS (SELECT 1 FROM silence WHERE id = ? AND summed_up IS NULL)`,
		deliverySilenced.Args(d, d.ID, digest, d.SilenceID)...)
	return n > 0, sqlrow.Wrapped("silence a message of a digest", err)
}

// HandOverDelivery gives a message to another silence, see [store.SilencesTx].
func (q Queries) HandOverDelivery(ctx context.Context, d *store.Delivery, from int64) (bool, error) {
	n, err := q.c.Exec(ctx, `UPDATE delivery SET silence_id = ?, error = ? WHERE id = ? AND state = 'silenced' AND silence_id = ?
		AND EXISTS (SELECT 1 FROM silence WHERE id = ? AND summed_up IS NULL)`, d.SilenceID, d.Error, d.ID, from, d.SilenceID)
	return n > 0, sqlrow.Wrapped("hand a silenced message over", err)
}
