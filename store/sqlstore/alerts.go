package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/store"
)

var deliveryDecided = deliveryTable.only("state", "updated_at", "error")

// Delivery returns one message, or an error that wraps [store.ErrNotFound].
func (q Queries) Delivery(ctx context.Context, id int64) (*store.Delivery, error) {
	d, err := one(ctx, q.c, deliveryTable.scan, deliveryTable.rows()+" WHERE id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("read message %d: %w", id, err)
	}
	if d == nil {
		return nil, fmt.Errorf("message %d: %w", id, store.ErrNotFound)
	}
	return d, nil
}

// DeliveryLog returns the messages that match, newest first.
func (q Queries) DeliveryLog(ctx context.Context, f store.DeliveryFilter) ([]*store.Delivery, error) {
	where, args := matchingDeliveries(f)
	if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := deliveryTable.rows() + conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	ds, err := collect(ctx, q.c, deliveryTable.scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	return ds, nil
}

// CountDeliveries counts the messages that match, on whatever page.
func (q Queries) CountDeliveries(ctx context.Context, f store.DeliveryFilter) (int, error) {
	where, args := matchingDeliveries(f)
	n, err := column[int](ctx, q.c, "SELECT count(*) FROM delivery"+conditions(where), args...)
	if err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	return n[0], nil
}

// failedDelivery is the condition of the index of what a person may decide about, word for word.
const failedDelivery = "state IN ('refused', 'uncertain')"

// matchingDeliveries are the conditions of a filter, without its page.
func matchingDeliveries(f store.DeliveryFilter) (where []string, args []any) {
	for _, c := range []struct{ column, value string }{{"channel", f.Channel}, {"dag_id", f.DAGID}, {"run_id", f.RunID}, {"task_id", f.TaskID}} {
		if c.value != "" {
			where, args = append(where, c.column+" = ?"), append(args, c.value)
		}
	}
	if len(f.States) > 0 {
		where = append(where, "state IN ("+marks(len(f.States))+")")
		for _, s := range f.States {
			args = append(args, string(s))
		}
		only := func(some ...store.DeliveryState) bool {
			return !slices.ContainsFunc(f.States, func(s store.DeliveryState) bool { return !slices.Contains(some, s) })
		}
		switch {
		case only(store.DeliveryWaiting, store.DeliverySending):
			where = append(where, openDelivery)
		case only(store.DeliveryRefused, store.DeliveryUncertain):
			where = append(where, failedDelivery)
		}
	}
	if !f.Since.IsZero() {
		where, args = append(where, "created_at >= ?"), append(args, ms(f.Since))
	}
	return where, args
}

// DecideDelivery writes what a person decided about a message, see [store.AlertsTx].
func (q Queries) DecideDelivery(ctx context.Context, d *store.Delivery, from store.DeliveryState) (bool, error) {
	n, err := q.c.Exec(ctx, deliveryDecided.update()+", next_try = NULL, hold = '', refusals = 0 WHERE id = ? AND state = ? AND attempts = ?",
		deliveryDecided.args(d, d.ID, string(from), d.Attempts)...)
	if err != nil {
		return false, fmt.Errorf("decide about message %d: %w", d.ID, err)
	}
	return n > 0, nil
}
