package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

var (
	deliveryTable = declare("delivery", func(d *store.Delivery) []field {
		return []field{
			{"id", &d.ID},
			{"state", &d.State},
			{"channel", &d.Channel},
			{"sender", &d.Sender},
			{"summary", &d.Summary},
			{"payload", rawJSON{&d.Payload}},
			{"event", &d.Owner.Event},
			{"dag_id", &d.Owner.DAGID},
			{"run_id", &d.Owner.RunID},
			{"task_id", &d.Owner.TaskID},
			{"map_index", &d.Owner.MapIndex},
			{"try", &d.Owner.Try},
			{"attempts", &d.Attempts},
			{"next_try", moment{&d.NextTry}},
			{"created_at", moment{&d.CreatedAt}},
			{"updated_at", moment{&d.UpdatedAt}},
			{"receipt", &d.Receipt},
			{"error", &d.Error},
			{"progress", &d.Progress},
			{"event_data", rawJSON{&d.EventData}},
			{"stands_in_for", &d.StandsInFor},
			{"refusals", &d.Refusals},
			{"hold", &d.Hold},
			{"node", &d.Node},
			{"priority", &d.Priority},
			{"digest_id", &d.DigestID},
			{"named_in", &d.NamedIn},
			{"dedupe_key", &d.DedupeKey},
			{"dedupe_for", millis{&d.DedupeFor}},
			{"silence_id", &d.SilenceID},
			{"acked_at", moment{&d.AckedAt}},
			{"acked_by", &d.AckedBy},
			{"acked_note", &d.AckedNote},
			{"callback", &d.Callback},
		}
	})
	deliveryNew     = deliveryTable.but("id")
	deliveryText    = deliveryTable.only("summary", "payload", "event_data", "priority", "created_at")
	deliveryOutcome = deliveryTable.only("state", "next_try", "updated_at", "receipt", "error", "progress", "event_data", "refusals", "hold")
)

// Deliveries returns the messages of the outbox in the given states (none: all), in
// the order in which they were written.
func (q Queries) Deliveries(ctx context.Context, states []store.DeliveryState, limit int) ([]*store.Delivery, error) {
	query, args := deliveryTable.rows(), []any{}
	if len(states) > 0 {
		query += " WHERE state IN (" + marks(len(states)) + ")"
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
	ds, err := collect(ctx, q.c, deliveryTable.scan, query, args...)
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
	ds, err := collect(ctx, q.c, deliveryTable.scan, deliveryTable.rows()+" WHERE "+openDelivery+" AND state = 'sending' ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// OpenChannels returns the channels with messages that wait or are being sent.
func (q Queries) OpenChannels(ctx context.Context) ([]string, error) {
	channels, err := column[string](ctx, q.c, "SELECT DISTINCT channel FROM delivery WHERE "+openDelivery+" ORDER BY channel")
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return channels, nil
}

// WaitingDeliveries returns what waits in a channel, see [store.Outbox].
func (q Queries) WaitingDeliveries(ctx context.Context, channel string, written time.Time, after int64, limit int) ([]*store.Delivery, error) {
	ds, err := collect(ctx, q.c, deliveryTable.scan,
		deliveryTable.rows()+" WHERE "+openDelivery+" AND id > ? AND +channel = ? AND state = 'waiting' AND created_at <= ? ORDER BY id LIMIT ?",
		after, channel, ms(written), limit)
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
	query += " AND hold IN (" + marks(len(holds)) + ")"
	for _, h := range holds {
		args = append(args, string(h))
	}
	if len(except) > 0 {
		query += " AND id NOT IN (" + marks(len(except)) + ")"
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
		" AND state = 'waiting' AND next_try IS NOT NULL AND updated_at > ?", ms(now), ms(now), ms(now))
	if err != nil {
		return fmt.Errorf("restart the pauses of the outbox: %w", err)
	}
	return nil
}

// InsertDeliveries adds messages to the outbox and sets their ids.
func (q Queries) InsertDeliveries(ctx context.Context, ds []*store.Delivery) error {
	for _, d := range ds {
		id, err := column[int64](ctx, q.c, deliveryNew.insert()+" RETURNING id", deliveryNew.args(d)...)
		if err != nil {
			return fmt.Errorf("write to the outbox: %w", err)
		}
		d.ID = id[0]
	}
	return nil
}

// ClaimDelivery marks a message as sending if it still waits as it did when it was read.
func (q Queries) ClaimDelivery(ctx context.Context, d *store.Delivery) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE delivery SET state = 'sending', attempts = attempts + 1, updated_at = ?, node = ? WHERE id = ? AND state = 'waiting' AND attempts = ?",
		ms(d.UpdatedAt), q.node, d.ID, d.Attempts)
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
	args := deliveryOutcome.args(d, d.ID, d.Attempts, d.Node)
	for _, s := range from {
		args = append(args, string(s))
	}
	n, err := q.c.Exec(ctx, deliveryOutcome.update()+" WHERE id = ? AND attempts = ? AND node = ? AND state IN ("+marks(len(from))+")", args...)
	if err == nil && n == 0 {
		err = store.ErrLostLease
	}
	if err != nil {
		return fmt.Errorf("update outbox: %w", err)
	}
	return nil
}
