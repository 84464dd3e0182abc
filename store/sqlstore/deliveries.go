package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	deliveryTable = sqlrow.Declare("delivery", func(d *store.Delivery) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &d.ID),
			sqlrow.Col("state", &d.State),
			sqlrow.Col("channel", &d.Channel),
			sqlrow.Col("sender", &d.Sender),
			sqlrow.Col("summary", &d.Summary),
			sqlrow.Col("payload", sqlrow.RawJSON(&d.Payload)),
			sqlrow.Col("event", &d.Owner.Event),
			sqlrow.Col("dag_id", &d.Owner.DAGID),
			sqlrow.Col("run_id", &d.Owner.RunID),
			sqlrow.Col("task_id", &d.Owner.TaskID),
			sqlrow.Col("map_index", &d.Owner.MapIndex),
			sqlrow.Col("try", &d.Owner.Try),
			sqlrow.Col("attempts", &d.Attempts),
			sqlrow.Col("next_try", sqlrow.Moment(&d.NextTry)),
			sqlrow.Col("created_at", sqlrow.Moment(&d.CreatedAt)),
			sqlrow.Col("updated_at", sqlrow.Moment(&d.UpdatedAt)),
			sqlrow.Col("receipt", &d.Receipt),
			sqlrow.Col("error", &d.Error),
			sqlrow.Col("progress", &d.Progress),
			sqlrow.Col("event_data", sqlrow.RawJSON(&d.EventData)),
			sqlrow.Col("stands_in_for", &d.StandsInFor),
			sqlrow.Col("refusals", &d.Refusals),
			sqlrow.Col("hold", &d.Hold),
			sqlrow.Col("node", &d.Node),
			sqlrow.Col("priority", &d.Priority),
			sqlrow.Col("digest_id", &d.DigestID),
			sqlrow.Col("named_in", &d.NamedIn),
			sqlrow.Col("dedupe_key", &d.DedupeKey),
			sqlrow.Col("dedupe_for", sqlrow.Millis(&d.DedupeFor)),
			sqlrow.Col("silence_id", &d.SilenceID),
			sqlrow.Col("acked_at", sqlrow.Moment(&d.AckedAt)),
			sqlrow.Col("acked_by", &d.AckedBy),
			sqlrow.Col("acked_note", &d.AckedNote),
			sqlrow.Col("callback", &d.Callback),
		}
	})
	deliveryNew     = deliveryTable.But("id")
	deliveryText    = deliveryTable.Only("summary", "payload", "event_data", "priority", "created_at")
	deliveryOutcome = deliveryTable.Only("state", "next_try", "updated_at", "receipt", "error", "progress", "event_data", "refusals", "hold")
)

// Deliveries returns the messages of the outbox in the given states (none: all), in
// the order in which they were written.
func (q Queries) Deliveries(ctx context.Context, states []store.DeliveryState, limit int) ([]*store.Delivery, error) {
	query, args := deliveryTable.Select(), []any{}
	if len(states) > 0 {
		query += " WHERE state IN (" + sqlrow.Marks(len(states)) + ")"
		open := true
		for _, s := range states {
			args = append(args, string(s))
			open = open && (s == store.DeliveryWaiting || s == store.DeliverySending)
		}
		if open {
			query += " AND " + openDelivery
		}
	}
	query += " ORDER BY id"
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// openDelivery is the condition of the indexes over what has not left yet, so that a query costs
// what waits and not what was ever sent.
const openDelivery = "state IN ('waiting', 'sending')"

// SendingDeliveries returns the messages that are marked as sending.
func (q Queries) SendingDeliveries(ctx context.Context) ([]*store.Delivery, error) {
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan, deliveryTable.Select()+" WHERE "+openDelivery+" AND state = 'sending' ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// OpenChannels returns the channels with messages that wait or are being sent.
func (q Queries) OpenChannels(ctx context.Context) ([]string, error) {
	channels, err := sqlrow.Column[string](ctx, q.c, "SELECT DISTINCT channel FROM delivery WHERE "+openDelivery+" ORDER BY channel")
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return channels, nil
}

// WaitingDeliveries returns what waits in a channel, see [store.Outbox].
func (q Queries) WaitingDeliveries(ctx context.Context, channel string, written time.Time, after int64, limit int) ([]*store.Delivery, error) {
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan,
		deliveryTable.Select()+" WHERE "+openDelivery+" AND id > ? AND channel || '' = ? AND state = 'waiting' AND created_at <= ? ORDER BY id LIMIT ?",
		after, channel, sqlrow.UnixMilli(written), limit)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// ReleaseDeliveries lets what waits in a channel leave now, see [store.OutboxTx].
func (q Queries) ReleaseDeliveries(ctx context.Context, channel string, except []int64, holds ...store.Hold) error {
	query, args := "UPDATE delivery SET next_try = NULL, hold = '' WHERE "+openDelivery+" AND state = 'waiting' AND next_try IS NOT NULL", []any{}
	if channel != "" {
		query, args = query+" AND channel = ?", append(args, channel)
	}
	query += " AND hold IN (" + sqlrow.Marks(len(holds)) + ")"
	for _, h := range holds {
		args = append(args, string(h))
	}
	if len(except) > 0 {
		query += " AND id NOT IN (" + sqlrow.Marks(len(except)) + ")"
		for _, id := range except {
			args = append(args, id)
		}
	}
	if _, err := q.c.Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("release messages of the outbox: %w", err)
	}
	return nil
}

// RestartPauses moves what waits for a moment of a clock that was set back, see [store.OutboxTx].
func (q Queries) RestartPauses(ctx context.Context, now time.Time) error {
	_, err := q.c.Exec(ctx, "UPDATE delivery SET next_try = next_try - updated_at + ?, updated_at = ? WHERE "+openDelivery+
		" AND state = 'waiting' AND next_try IS NOT NULL AND updated_at > ?", sqlrow.UnixMilli(now), sqlrow.UnixMilli(now), sqlrow.UnixMilli(now))
	if err != nil {
		return fmt.Errorf("restart the pauses of the outbox: %w", err)
	}
	return nil
}

// InsertDeliveries adds messages to the outbox and sets their ids.
func (q Queries) InsertDeliveries(ctx context.Context, ds []*store.Delivery) error {
	for _, d := range ds {
		id, err := sqlrow.Column[int64](ctx, q.c, deliveryNew.Insert()+" RETURNING id", deliveryNew.Args(d)...)
		if err != nil {
			return fmt.Errorf("write to the outbox: %w", err)
		}
		d.ID = id[0]
		if d.Card == nil {
			continue
		}
		d.Card.DeliveryID = d.ID
		if _, err := q.InsertCard(ctx, d.Card); err != nil {
			return err
		}
	}
	return nil
}

// ClaimDelivery marks a message as sending if it still waits as it did when it was read.
func (q Queries) ClaimDelivery(ctx context.Context, d *store.Delivery) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE delivery SET state = 'sending', attempts = attempts + 1, updated_at = ?, node = ? WHERE id = ? AND state = 'waiting' AND attempts = ?",
		sqlrow.UnixMilli(d.UpdatedAt), q.node, d.ID, d.Attempts)
	if err != nil {
		return false, fmt.Errorf("claim a message of the outbox: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	d.State, d.Node = store.DeliverySending, q.node
	d.Attempts++
	return true, nil
}

// UpdateDelivery writes what became of a message, see [store.OutboxTx].
func (q Queries) UpdateDelivery(ctx context.Context, d *store.Delivery, from ...store.DeliveryState) error {
	args := deliveryOutcome.Args(d, d.ID, d.Attempts, d.Node)
	for _, s := range from {
		args = append(args, string(s))
	}
	n, err := q.c.Exec(ctx, deliveryOutcome.Update()+" WHERE id = ? AND attempts = ? AND node = ? AND state IN ("+sqlrow.Marks(len(from))+")", args...)
	if err == nil && n == 0 {
		err = store.ErrLostLease
	}
	if err != nil {
		return fmt.Errorf("update outbox: %w", err)
	}
	return nil
}
