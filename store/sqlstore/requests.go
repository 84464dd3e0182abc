package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	requestTable = sqlrow.Declare("request", func(r *store.Request) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &r.ID),
			sqlrow.Col("kind", &r.Kind),
			sqlrow.Col("payload", sqlrow.RawJSON(&r.Payload)),
			sqlrow.Col("owner", &r.Actor.Name),
			sqlrow.Col("via", &r.Actor.Via),
			sqlrow.Col("address", &r.Actor.Address),
			sqlrow.Col("created_at", sqlrow.Moment(&r.CreatedAt)),
			sqlrow.Col("done_at", sqlrow.Moment(&r.DoneAt)),
			sqlrow.Col("result", sqlrow.RawJSON(&r.Result)),
			sqlrow.Col("error", &r.Error),
		}
	})
	requestNew    = requestTable.Only("kind", "payload", "owner", "via", "address", "created_at")
	requestAnswer = requestTable.Only("done_at", "result", "error")
)

// Request returns one request, or an error that wraps [store.ErrNotFound].
func (q Queries) Request(ctx context.Context, id int64) (*store.Request, error) {
	r, err := sqlrow.One(ctx, q.c, requestTable.Scan, requestTable.Select()+" WHERE id = ?", id)
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
	rs, err := sqlrow.Collect(ctx, q.c, requestTable.Scan, requestTable.Select()+" WHERE done_at IS NULL ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list open requests: %w", err)
	}
	return rs, nil
}

// InsertRequest adds a request and sets its ID.
func (q Queries) InsertRequest(ctx context.Context, r *store.Request) error {
	id, err := sqlrow.Column[int64](ctx, q.c, requestNew.Insert()+" RETURNING id", requestNew.Args(r)...)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	r.ID = id[0]
	return nil
}

// AnswerRequest writes the answer unless there is one.
func (q Queries) AnswerRequest(ctx context.Context, r *store.Request) (bool, error) {
	n, err := q.c.Exec(ctx, requestAnswer.Update()+" WHERE id = ? AND done_at IS NULL", requestAnswer.Args(r, r.ID)...)
	if err != nil {
		return false, fmt.Errorf("answer request %d: %w", r.ID, err)
	}
	return n > 0, nil
}

// QueueBacklogs lists the queues in which jobs wait, by name.
func (q Queries) QueueBacklogs(ctx context.Context) ([]store.QueueBacklog, error) {
	return sqlqueue.Waiting(ctx, q.c)
}

// RunningJobs returns the attempts of a run that processes have taken.
func (q Queries) RunningJobs(ctx context.Context, runKey int64) ([]store.Job, error) {
	return sqlqueue.RunningOf(ctx, q.c, runKey)
}

// Leased reports whether a process leads beyond now.
func (q Queries) Leased(ctx context.Context, now time.Time) (bool, error) {
	until, err := q.LeasedUntil(ctx)
	return err == nil && until.After(now), err
}

// LeasedUntil returns when the lead ends, or ended. A process of a version that knew of no lead led.
func (q Queries) LeasedUntil(ctx context.Context) (time.Time, error) {
	ends, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, t *time.Time) error { return rows.Scan(sqlrow.Moment(t)) },
		"SELECT max(expires) FROM (SELECT expires FROM leader UNION ALL SELECT expires FROM node_lease WHERE info = '') AS all_of_them")
	if err != nil {
		return time.Time{}, fmt.Errorf("read the leases: %w", err)
	}
	return *ends[0], nil
}
