package store

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/engine"
)

const deliveryColumns = `id, state, channel, sender, summary, payload, event, dag_id, run_id, task_id, try, attempts,
	next_try, created_at, updated_at, receipt, error`

func scanDelivery(rows Rows, d *engine.Delivery) error {
	return rows.Scan(&d.ID, &d.State, &d.Channel, &d.Sender, &d.Summary, rawJSON{&d.Payload}, &d.Event, &d.DAGID, &d.RunID, &d.TaskID,
		&d.Try, &d.Attempts, moment{&d.NextTry}, moment{&d.CreatedAt}, moment{&d.UpdatedAt}, &d.Receipt, &d.Error)
}

// Deliveries returns the messages of the outbox in the given states (none: all), in
// the order in which they were written.
func (q Queries) Deliveries(ctx context.Context, states []engine.DeliveryState, limit int) ([]*engine.Delivery, error) {
	query, args := "SELECT "+deliveryColumns+" FROM delivery", []any{}
	if len(states) > 0 {
		query += " WHERE state IN (" + marks(len(states)) + ")"
		for _, s := range states {
			args = append(args, string(s))
		}
	}
	query += " ORDER BY id"
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	ds, err := collect(ctx, q.c, scanDelivery, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// FirstDeliveries returns the first message of each channel that has not left yet.
func (q Queries) FirstDeliveries(ctx context.Context) ([]*engine.Delivery, error) {
	ds, err := collect(ctx, q.c, scanDelivery, "SELECT "+deliveryColumns+` FROM delivery WHERE id IN
		(SELECT min(id) FROM delivery WHERE state IN ('waiting', 'sending') GROUP BY channel) ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return ds, nil
}

// InsertDeliveries adds messages to the outbox and sets their ids.
func (q Queries) InsertDeliveries(ctx context.Context, ds []*engine.Delivery) error {
	for _, d := range ds {
		id, err := column[int64](ctx, q.c,
			`INSERT INTO delivery (state, channel, sender, summary, payload, event, dag_id, run_id, task_id, try, attempts,
				next_try, created_at, updated_at, receipt, error)
			VALUES (`+marks(16)+`) RETURNING id`,
			string(d.State), d.Channel, d.Sender, d.Summary, text(d.Payload), d.Event, d.DAGID, d.RunID, d.TaskID, d.Try, d.Attempts,
			ms(d.NextTry), ms(d.CreatedAt), ms(d.UpdatedAt), d.Receipt, d.Error)
		if err != nil {
			return fmt.Errorf("write to the outbox: %w", err)
		}
		d.ID = id[0]
	}
	return nil
}

// ClaimDelivery marks a message as sending if it still waits as it did when it was read.
func (q Queries) ClaimDelivery(ctx context.Context, d *engine.Delivery) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE delivery SET state = 'sending', attempts = attempts + 1, updated_at = ? WHERE id = ? AND state = 'waiting' AND attempts = ?",
		ms(d.UpdatedAt), d.ID, d.Attempts)
	if err != nil {
		return false, fmt.Errorf("claim a message of the outbox: %w", err)
	}
	return n == 1, nil
}

// UpdateDelivery writes what became of a message.
func (q Queries) UpdateDelivery(ctx context.Context, d *engine.Delivery) error {
	_, err := q.c.Exec(ctx, "UPDATE delivery SET state = ?, attempts = ?, next_try = ?, updated_at = ?, receipt = ?, error = ? WHERE id = ?",
		string(d.State), d.Attempts, ms(d.NextTry), ms(d.UpdatedAt), d.Receipt, d.Error, d.ID)
	if err != nil {
		return fmt.Errorf("update outbox: %w", err)
	}
	return nil
}
