package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

var (
	requestTable = declare("request", func(r *store.Request) []field {
		return []field{
			{"id", &r.ID},
			{"kind", &r.Kind},
			{"payload", rawJSON{&r.Payload}},
			{"owner", &r.Actor.Name},
			{"via", &r.Actor.Via},
			{"created_at", moment{&r.CreatedAt}},
			{"done_at", moment{&r.DoneAt}},
			{"result", rawJSON{&r.Result}},
			{"error", &r.Error},
		}
	})
	requestNew    = requestTable.only("kind", "payload", "owner", "via", "created_at")
	requestAnswer = requestTable.only("done_at", "result", "error")
)

// Request returns one request, or an error that wraps [store.ErrNotFound].
func (q Queries) Request(ctx context.Context, id int64) (*store.Request, error) {
	r, err := one(ctx, q.c, requestTable.scan, requestTable.rows()+" WHERE id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("read request %d: %w", id, err)
	}
	if r == nil {
		return nil, fmt.Errorf("request %d: %w", id, store.ErrNotFound)
	}
	return r, nil
}

// OpenRequests returns the requests that nobody has answered, oldest first.
func (q Queries) OpenRequests(ctx context.Context) ([]*store.Request, error) {
	rs, err := collect(ctx, q.c, requestTable.scan, requestTable.rows()+" WHERE done_at IS NULL ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list open requests: %w", err)
	}
	return rs, nil
}

// InsertRequest adds a request and sets its ID.
func (q Queries) InsertRequest(ctx context.Context, r *store.Request) error {
	id, err := column[int64](ctx, q.c, requestNew.insert()+" RETURNING id", requestNew.args(r)...)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	r.ID = id[0]
	return nil
}

// AnswerRequest writes the answer unless there is one.
func (q Queries) AnswerRequest(ctx context.Context, r *store.Request) (bool, error) {
	n, err := q.c.Exec(ctx, requestAnswer.update()+" WHERE id = ? AND done_at IS NULL", requestAnswer.args(r, r.ID)...)
	if err != nil {
		return false, fmt.Errorf("answer request %d: %w", r.ID, err)
	}
	return n > 0, nil
}

// Leased reports whether a process holds a lease beyond now.
func (q Queries) Leased(ctx context.Context, now time.Time) (bool, error) {
	n, err := column[int](ctx, q.c, "SELECT count(*) FROM node_lease WHERE expires > ?", now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("read the leases: %w", err)
	}
	return n[0] > 0, nil
}

// LeasedUntil returns when the lease that runs longest ends, or ended.
func (q Queries) LeasedUntil(ctx context.Context) (time.Time, error) {
	ends, err := collect(ctx, q.c, func(rows Rows, t *time.Time) error { return rows.Scan(moment{t}) }, "SELECT max(expires) FROM node_lease")
	if err != nil {
		return time.Time{}, fmt.Errorf("read the leases: %w", err)
	}
	return *ends[0], nil
}
