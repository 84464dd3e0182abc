package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// waitingIn is the condition of a message that waits in a channel, in the words of the indexes.
const waitingIn = openDelivery + " AND channel = ? AND state = 'waiting'"

// DeliveryLine returns the heads of a channel, see [store.Outbox].
func (q Queries) DeliveryLine(ctx context.Context, channel string, now time.Time) ([]*store.DeliveryHead, time.Time, error) {
	heads, at, err := q.deliveryLine(ctx, channel, now)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read outbox: %w", err)
	}
	return heads, at, nil
}

func (q Queries) deliveryLine(ctx context.Context, channel string, now time.Time) ([]*store.DeliveryHead, time.Time, error) {
	if closed, at, err := q.channelCloses(ctx, channel, now); err != nil || closed {
		return nil, at, err
	}
	// From each priority and DAG the index leads to the next one, over whatever waits between.
	const firsts = `WITH RECURSIVE line (id) AS (
  SELECT (SELECT id FROM delivery WHERE ` + waitingIn + ` AND priority > -1 ORDER BY priority, dag_id, id LIMIT 1)
  UNION ALL
  SELECT coalesce(
    (SELECT n.id FROM delivery n WHERE n.state IN ('waiting', 'sending') AND n.channel = ? AND n.state = 'waiting'
      AND n.priority = d.priority AND n.dag_id > d.dag_id ORDER BY n.dag_id, n.id LIMIT 1),
    (SELECT n.id FROM delivery n WHERE n.state IN ('waiting', 'sending') AND n.channel = ? AND n.state = 'waiting'
      AND n.priority > d.priority ORDER BY n.priority, n.dag_id, n.id LIMIT 1))
  FROM line JOIN delivery d ON d.id = line.id
)
SELECT h.id, h.priority, h.dag_id, h.event, h.attempts, h.created_at FROM line JOIN delivery d ON d.id = line.id
JOIN delivery h ON h.id = (SELECT f.id FROM delivery f WHERE f.state IN ('waiting', 'sending') AND f.channel = ? AND f.state = 'waiting'
  AND f.priority = d.priority AND f.dag_id = d.dag_id AND (f.next_try IS NULL OR f.next_try <= ?) ORDER BY f.id LIMIT 1)
ORDER BY h.priority, h.id`
	heads, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, h *store.DeliveryHead) error {
		return rows.Scan(&h.ID, &h.Priority, &h.DAGID, &h.Event, &h.Attempts, sqlrow.Moment(&h.CreatedAt))
	}, firsts, channel, channel, channel, channel, sqlrow.UnixMilli(now))
	if err != nil || len(heads) > 0 {
		return heads, time.Time{}, err
	}
	at, err := q.nextTryBehind(ctx, channel, now)
	return nil, at, err
}

// LeastTriedDelivery returns the message with the fewest attempts, see [store.Outbox].
func (q Queries) LeastTriedDelivery(ctx context.Context, channel string, now time.Time) (*store.Delivery, time.Time, error) {
	d, at, err := q.leastTriedDelivery(ctx, channel, now)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read outbox: %w", err)
	}
	return d, at, nil
}

func (q Queries) leastTriedDelivery(ctx context.Context, channel string, now time.Time) (*store.Delivery, time.Time, error) {
	if closed, at, err := q.channelCloses(ctx, channel, now); err != nil || closed {
		return nil, at, err
	}
	d, err := sqlrow.One(ctx, q.c, deliveryTable.Scan, deliveryTable.Select()+" WHERE "+waitingIn+
		" AND (next_try IS NULL OR next_try <= ?) ORDER BY attempts, id LIMIT 1", channel, sqlrow.UnixMilli(now))
	if err != nil || d != nil {
		return d, time.Time{}, err
	}
	at, err := q.nextTryBehind(ctx, channel, now)
	return nil, at, err
}

// channelCloses reports whether nothing may leave a channel, and until when if that is known.
func (q Queries) channelCloses(ctx context.Context, channel string, now time.Time) (closed bool, at time.Time, err error) {
	sending, err := sqlrow.Column[int64](ctx, q.c, "SELECT id FROM delivery WHERE "+openDelivery+" AND channel = ? AND state = 'sending' LIMIT 1", channel)
	if err != nil || len(sending) > 0 {
		return true, time.Time{}, err
	}
	at, err = q.firstMoment(ctx, "SELECT max(next_try) FROM delivery WHERE "+waitingIn+" AND next_try > ? AND hold <> ''", channel, sqlrow.UnixMilli(now))
	return !at.IsZero(), at, err
}

// nextTryBehind is the first next try in a channel after a moment.
func (q Queries) nextTryBehind(ctx context.Context, channel string, now time.Time) (time.Time, error) {
	return q.firstMoment(ctx, "SELECT min(next_try) FROM delivery WHERE "+waitingIn+" AND next_try > ?", channel, sqlrow.UnixMilli(now))
}

func (q Queries) firstMoment(ctx context.Context, query string, args ...any) (time.Time, error) {
	found, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, t *time.Time) error { return rows.Scan(sqlrow.Moment(t)) }, query, args...)
	if err != nil || len(found) == 0 {
		return time.Time{}, err
	}
	return *found[0], nil
}

// foldable is the condition of what a digest may tell, see [store.Fold].
func foldable(f store.Fold) (where string, args []any) {
	free := waitingIn + " AND priority > ?"
	if len(f.Alone) > 0 {
		free += " AND event NOT IN (" + sqlrow.Marks(len(f.Alone)) + ")"
	}
	mine := []any{f.Channel, f.First}
	for _, event := range f.Alone {
		mine = append(mine, event)
	}
	where = free + " AND id <> ? AND refusals = 0 AND progress = '' AND event_data IS NOT NULL AND (next_try IS NULL OR next_try <= ?) AND (id <= ? OR silence_id > 0)"
	args = append(slices.Clone(mine), f.Digest, sqlrow.UnixMilli(f.Now), f.Seen)
	var which []string
	if !f.Old.IsZero() {
		which = append(which, "dag_id IN (SELECT dag_id FROM delivery WHERE "+free+" AND created_at <= ?)")
		args = append(append(args, mine...), sqlrow.UnixMilli(f.Old))
	}
	if f.Whole {
		which, args = append(which, "dag_id = ?"), append(args, f.DAGID)
	}
	if len(which) == 0 {
		return "FALSE", nil
	}
	return where + " AND (" + strings.Join(which, " OR ") + ")", args
}

// CountFoldable counts what a digest may tell.
func (q Queries) CountFoldable(ctx context.Context, f store.Fold, limit int) (int, error) {
	where, args := foldable(f)
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE "+where+" LIMIT ?) AS found", append(args, limit)...)
	if err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	return n[0], nil
}

// FoldDeliveries makes messages part of a digest, see [store.OutboxTx].
func (q Queries) FoldDeliveries(ctx context.Context, f store.Fold) (int, error) {
	where, args := foldable(f)
	n, err := q.c.Exec(ctx, "UPDATE delivery SET state = 'folded', digest_id = ?, updated_at = ?, next_try = NULL, hold = '', error = '' WHERE "+where,
		append([]any{f.Digest, sqlrow.UnixMilli(f.Now)}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("fold messages of the outbox: %w", err)
	}
	return int(n), nil
}

// FoldedDeliveries reads the messages of a digest, see [store.OutboxTx].
func (q Queries) FoldedDeliveries(ctx context.Context, digest int64, each func(d *store.Delivery, mended bool) error) error {
	mended, err := sqlrow.Column[int64](ctx, q.c, `SELECT d.id FROM delivery d JOIN dag_run r ON r.dag_id = d.dag_id AND r.run_id = d.run_id
LEFT JOIN task_instance t ON t.run_key = r.id AND t.task_id = d.task_id AND t.map_index = d.map_index
WHERE d.digest_id = ? AND d.digest_id > 0 AND d.event IN ('on_failure', 'on_retry') AND CASE d.task_id WHEN '' THEN r.state ELSE t.state END = 'success'`, digest)
	if err != nil {
		return fmt.Errorf("read what has been mended: %w", err)
	}
	is := make(map[int64]bool, len(mended))
	for _, id := range mended {
		is[id] = true
	}
	err = sqlrow.Stream(ctx, q.c, deliveryTable.Scan, func(d *store.Delivery) error { return each(d, is[d.ID]) },
		deliveryTable.Select()+" WHERE digest_id = ? AND digest_id > 0 AND state = 'folded' ORDER BY id", digest)
	if err != nil {
		return fmt.Errorf("read the messages of a digest: %w", err)
	}
	return nil
}

// RewriteDelivery writes what a message says, see [store.OutboxTx].
func (q Queries) RewriteDelivery(ctx context.Context, d *store.Delivery) error {
	n, err := q.c.Exec(ctx, deliveryText.Update()+" WHERE id = ? AND state = 'waiting'", deliveryText.Args(d, d.ID)...)
	if err == nil && n == 0 {
		err = store.ErrLostLease
	}
	if err != nil {
		return fmt.Errorf("write a message of the outbox anew: %w", err)
	}
	return nil
}

// unnamed is the condition of an uncertain message that no other one names, in the words of the index.
const unnamed = "state = 'uncertain' AND named_in = 0"

// UnnamedDeliveries returns what is uncertain in a channel, see [store.Outbox].
func (q Queries) UnnamedDeliveries(ctx context.Context, channel string, since time.Time, limit int) ([]*store.Delivery, error) {
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan,
		deliveryTable.Select()+" WHERE "+unnamed+" AND channel = ? AND updated_at >= ? AND acked_at IS NULL ORDER BY id LIMIT ?", channel, sqlrow.UnixMilli(since), limit)
	if err != nil {
		return nil, fmt.Errorf("read what is uncertain in the outbox: %w", err)
	}
	return ds, nil
}

// NameDeliveries sets the message that names others, see [store.OutboxTx].
func (q Queries) NameDeliveries(ctx context.Context, namedIn int64, ids []int64) error {
	args := []any{namedIn}
	for _, id := range ids {
		args = append(args, id)
	}
	if _, err := q.c.Exec(ctx, "UPDATE delivery SET named_in = ? WHERE "+unnamed+" AND id IN ("+sqlrow.Marks(len(ids))+")", args...); err != nil {
		return fmt.Errorf("name messages of the outbox: %w", err)
	}
	return nil
}
