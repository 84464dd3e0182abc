package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	deliveryDecided = deliveryTable.Only("state", "updated_at", "error")

	attemptTable = sqlrow.Declare("delivery_attempt", func(a *store.DeliveryAttempt) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("delivery_id", &a.DeliveryID),
			sqlrow.Col("attempt", &a.Attempt),
			sqlrow.Col("at", sqlrow.Moment(&a.At)),
			sqlrow.Col("ended_at", sqlrow.Moment(&a.EndedAt)),
			sqlrow.Col("node", &a.Node),
			sqlrow.Col("outcome", &a.Outcome),
			sqlrow.Col("code", &a.Code),
			sqlrow.Col("http_status", &a.HTTPStatus),
			sqlrow.Col("message", &a.Message),
			sqlrow.Col("parts_taken", &a.PartsTaken),
			sqlrow.Col("parts", &a.Parts),
			sqlrow.Col("next_try", sqlrow.Moment(&a.NextTry)),
		}
	})
	attemptAll   = attemptTable.But()
	attemptKnown = attemptTable.But("delivery_id", "attempt")
)

// PutDeliveryAttempt records a try of a message, see [store.OutboxTx].
func (q Queries) PutDeliveryAttempt(ctx context.Context, a *store.DeliveryAttempt) error {
	_, err := q.c.Exec(ctx, attemptAll.Insert()+" ON CONFLICT (delivery_id, attempt) DO UPDATE SET "+attemptKnown.Excluded+
		" WHERE delivery_attempt.outcome = 'uncertain'", attemptAll.Args(a)...)
	if err != nil {
		return fmt.Errorf("record a try of message %d: %w", a.DeliveryID, err)
	}
	return nil
}

// DeliveryAttempts returns the tries of messages, see [store.Alerts].
func (q Queries) DeliveryAttempts(ctx context.Context, ids ...int64) ([]*store.DeliveryAttempt, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	as, err := sqlrow.Collect(ctx, q.c, attemptTable.Scan,
		attemptTable.Select()+" WHERE delivery_id IN ("+sqlrow.Marks(len(ids))+") ORDER BY delivery_id, attempt", args...)
	if err != nil {
		return nil, fmt.Errorf("read the tries of messages: %w", err)
	}
	return as, nil
}

// Delivery returns one message, or an error that wraps [store.ErrNotFound].
func (q Queries) Delivery(ctx context.Context, id int64) (*store.Delivery, error) {
	d, err := sqlrow.One(ctx, q.c, deliveryTable.Scan, deliveryTable.Select()+" WHERE id = ?", id)
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
	order := " ORDER BY id DESC"
	if f.Oldest {
		order = " ORDER BY id"
	} else if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := deliveryTable.Select() + sqlrow.Conditions(where) + order
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	ds, err := sqlrow.Collect(ctx, q.c, deliveryTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	return ds, nil
}

// CountDeliveries counts the messages that match, on whatever page.
func (q Queries) CountDeliveries(ctx context.Context, f store.DeliveryFilter) (int, error) {
	where, args := matchingDeliveries(f)
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM delivery"+sqlrow.Conditions(where), args...)
	if err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	return n[0], nil
}

// failedDelivery is the condition of the index of what a person may decide about, word for word.
const failedDelivery = "state IN ('refused', 'uncertain')"

// asideDelivery is that of the index of what is not sent by itself.
const asideDelivery = "state IN ('folded', 'silenced')"

// matchingDeliveries are the conditions of a filter, without its page.
func matchingDeliveries(f store.DeliveryFilter) (where []string, args []any) {
	for _, c := range []struct{ column, value string }{{"channel", f.Channel}, {"dag_id", f.DAGID}, {"run_id", f.RunID}, {"task_id", f.TaskID}} {
		if c.value != "" {
			where, args = append(where, c.column+" = ?"), append(args, c.value)
		}
	}
	if len(f.States) > 0 {
		where = append(where, "state IN ("+sqlrow.Marks(len(f.States))+")")
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
		case only(store.DeliveryFolded, store.DeliverySilenced):
			where = append(where, asideDelivery)
		}
	}
	where, args = matchingLinks(f, where, args)
	if !f.Since.IsZero() { // what was written since then is found by the index, however much came before
		where = append(where, "created_at >= ?", "id >= (SELECT min(+id) FROM delivery WHERE created_at >= ?)")
		args = append(args, sqlrow.UnixMilli(f.Since), sqlrow.UnixMilli(f.Since))
	}
	if !f.Until.IsZero() {
		where, args = append(where, "created_at < ?"), append(args, sqlrow.UnixMilli(f.Until))
	}
	return where, args
}

// matchingLinks adds the conditions on what a message is to others and to people.
func matchingLinks(f store.DeliveryFilter, where []string, args []any) ([]string, []any) {
	if len(f.IDs) > 0 {
		where = append(where, "id IN ("+sqlrow.Marks(len(f.IDs))+")")
		for _, id := range f.IDs {
			args = append(args, id)
		}
	}
	of, ids := sqlrow.OneOf("dag_id", f.DAGIDs)
	where, args = append(where, of...), append(args, ids...)
	if f.DigestID > 0 {
		where, args = append(where, "digest_id > 0 AND digest_id = ?"), append(args, f.DigestID)
	}
	if len(f.StandsInFor) > 0 {
		where = append(where, "stands_in_for > 0 AND stands_in_for IN ("+sqlrow.Marks(len(f.StandsInFor))+")")
		for _, id := range f.StandsInFor {
			args = append(args, id)
		}
	}
	if f.Unacked {
		where = append(where, "acked_at IS NULL")
	}
	if f.Hold != store.HoldNone {
		where, args = append(where, "hold = ?"), append(args, string(f.Hold))
	}
	if f.Unkept {
		where = append(where, "hold <> 'quota'")
	}
	if f.Untold {
		where = append(where, `NOT (state = 'refused' AND EXISTS
			(SELECT 1 FROM delivery AS instead WHERE instead.stands_in_for > 0 AND instead.stands_in_for = delivery.id AND instead.state <> 'refused'))`)
	}
	return where, args
}

// CountDeliveriesOfRuns counts messages by run and state, see [store.Alerts].
func (q Queries) CountDeliveriesOfRuns(ctx context.Context, dagID string, runIDs ...string) ([]*store.DeliveryCount, error) {
	if len(runIDs) == 0 {
		return nil, nil
	}
	args := []any{dagID}
	for _, id := range runIDs {
		args = append(args, id)
	}
	cs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, c *store.DeliveryCount) error { return rows.Scan(&c.RunID, &c.State, &c.N) },
		"SELECT run_id, state, count(*) FROM delivery WHERE dag_id = ? AND run_id IN ("+sqlrow.Marks(len(runIDs))+") GROUP BY run_id, state ORDER BY run_id, state", args...)
	if err != nil {
		return nil, fmt.Errorf("count the messages about runs: %w", err)
	}
	return cs, nil
}

// AckDeliveries notes who has seen messages, see [store.AlertsTx].
func (q Queries) AckDeliveries(ctx context.Context, f store.DeliveryFilter, a store.Ack) (int, error) {
	f.Unacked = true
	where, args := matchingDeliveries(f)
	n, err := q.c.Exec(ctx, "UPDATE delivery SET acked_at = ?, acked_by = ?, acked_note = ?"+sqlrow.Conditions(where), append([]any{sqlrow.UnixMilli(a.At), a.By, a.Note}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("note who has seen messages: %w", err)
	}
	return int(n), nil
}

// DecideDelivery writes what a person decided about a message, see [store.AlertsTx].
func (q Queries) DecideDelivery(ctx context.Context, d *store.Delivery, from store.DeliveryState) (bool, error) {
	n, err := q.c.Exec(ctx, deliveryDecided.Update()+", next_try = NULL, hold = '', refusals = 0, named_in = 0 WHERE id = ? AND state = ? AND attempts = ?",
		deliveryDecided.Args(d, d.ID, string(from), d.Attempts)...)
	if err != nil {
		return false, fmt.Errorf("decide about message %d: %w", d.ID, err)
	}
	return n > 0, nil
}
