package sqlqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Renew is [store.Membership]'s.
func (q *Jobs[TTx]) Renew(ctx context.Context, n *store.Node, o store.Renewal) (*store.Renewed, error) {
	if q == nil {
		return nil, errReading
	}
	return q.config.Renew(ctx, n, o)
}

// Canceled is [store.Membership]'s.
func (q *Jobs[TTx]) Canceled(ctx context.Context) ([]*store.Canceled, error) {
	if q == nil {
		return nil, errReading
	}
	return q.config.Canceled(ctx)
}

// Renew is [store.Membership]'s.
func (c *Config) Renew(ctx context.Context, n *store.Node, o store.Renewal) (out *store.Renewed, err error) {
	info, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("encode what a node says of itself: %w", err)
	}
	err = c.Write(ctx, func(t *Tx) error {
		now, err := c.Now(ctx, t.c)
		if err != nil {
			return err
		}
		out, err = t.renew(ctx, string(info), o, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// forgotten is after how long a process that is gone is forgotten.
const forgotten = 7 * 24 * time.Hour

func (t *Tx) renew(ctx context.Context, info string, o store.Renewal, now time.Time) (*store.Renewed, error) {
	until := now.Add(o.Lease).UnixMilli()
	out := &store.Renewed{Now: now}
	var err error
	if out.Epoch, err = t.lead(ctx, o, now.UnixMilli(), until); err != nil {
		return nil, fmt.Errorf("renew the lead: %w", err)
	}
	if out.Epoch != 0 {
		if err := t.renewOthers(ctx, o, now.UnixMilli(), until); err != nil {
			return nil, fmt.Errorf("renew the leases of others: %w", err)
		}
	}
	if err := t.renewLease(ctx, until); err != nil {
		return nil, err
	}
	if out.Epoch != 0 { // nobody else settles them
		if out.Lost, err = t.Lost(ctx, now.UnixMilli()); err != nil {
			return nil, err
		}
	}
	wanted, err := sqlrow.Column[string](ctx, t.c, "UPDATE node_lease SET info = ? WHERE node = ? RETURNING wanted", info, t.process.node)
	if err != nil {
		return nil, fmt.Errorf("renew the lease: %w", err)
	}
	out.Drain = wanted[0] != ""
	t.quiet = o.Lease > 0 && out.Epoch == o.Epoch && (o.Lead || o.Epoch == 0)
	return out, nil
}

// renewOthers begins the leases of others anew when that of this process has ended without its will: the database was away, or
// this process was, and those that were alive with it are not dead for that.
func (t *Tx) renewOthers(ctx context.Context, o store.Renewal, now, until int64) error {
	own, err := sqlrow.Column[int64](ctx, t.c, "SELECT expires FROM node_lease WHERE node = ?", t.process.node)
	if err != nil || len(own) == 0 || own[0] > now {
		return err
	}
	_, err = t.c.Exec(ctx, "UPDATE node_lease SET expires = ? WHERE expires > ? AND expires <= ?", until, own[0]-o.Lease.Milliseconds(), now)
	return err
}

// lead takes, renews or gives up the lead, and returns its epoch, 0 for none.
func (t *Tx) lead(ctx context.Context, o store.Renewal, now, until int64) (int64, error) {
	switch {
	case o.Lead && o.Epoch == 0:
		epochs, err := sqlrow.Column[int64](ctx, t.c, `INSERT INTO leader (id, node, epoch, expires) VALUES (1, ?, 1, ?)
			ON CONFLICT (id) DO UPDATE SET node = excluded.node, epoch = leader.epoch + 1, expires = excluded.expires WHERE leader.expires <= ?
			RETURNING epoch`, t.process.node, until, now)
		if err != nil || len(epochs) == 0 {
			return 0, err
		}
		// Each process has a name of its own: those that are long gone are forgotten.
		_, err = t.c.Exec(ctx, "DELETE FROM node_lease WHERE expires < ?", now-forgotten.Milliseconds())
		return epochs[0], err
	case o.Lead:
		n, err := t.c.Exec(ctx, "UPDATE leader SET expires = ? WHERE epoch = ?", until, o.Epoch)
		if err != nil || n == 0 {
			return 0, err
		}
		return o.Epoch, nil
	case o.Epoch != 0:
		_, err := t.c.Exec(ctx, "UPDATE leader SET expires = 0 WHERE epoch = ?", o.Epoch)
		return 0, err
	default:
		return 0, nil
	}
}

// cancel is the key in the metadata of a job under which stands why its attempt is to end.
const cancel = "cancel"

// CancelJob asks the process that runs an attempt to end it, see [store.NodesTx].
func (t *Tx) CancelJob(ctx context.Context, j store.Job, why string) error {
	set, args := "jsonb_set(metadata, '$."+cancel+"', ?)", argsOf("json_extract(args, '$.%s')")
	if t.c.Dialect() == sqlrow.Postgres {
		set, args = "jsonb_set(metadata, '{"+cancel+"}', to_jsonb(CAST(? AS text)))", argsOf("args ->> '%s'")
	}
	if _, err := t.c.Exec(ctx, "UPDATE river_job SET metadata = "+set+" WHERE state IN ('available', 'running')"+args, why, strconv.FormatInt(j.RunKey, 10), j.TaskID, strconv.Itoa(j.MapIndex), strconv.Itoa(j.Try)); err != nil {
		return fmt.Errorf("cancel an attempt: %w", err)
	}
	return nil
}

// RunningOf returns the attempts of a run that processes have taken, without handles.
func RunningOf(ctx context.Context, c sqlrow.Conn, runKey int64) ([]store.Job, error) {
	w, run := &wordsOf[c.Dialect()], "json_extract(args, '$.run')"
	if c.Dialect() == sqlrow.Postgres {
		run = "CAST(args ->> 'run' AS bigint)"
	}
	js, err := jobs(ctx, c, "SELECT "+w.jobColumns+" FROM river_job WHERE state = 'running' AND "+run+" = ? ORDER BY id", runKey)
	if err != nil {
		return nil, fmt.Errorf("list running attempts: %w", err)
	}
	for i := range js {
		js[i].Handle = nil
	}
	return js, nil
}

// HoldJob reports whether a job is still the holder's, see [store.NodesTx].
func (t *Tx) HoldJob(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(Handle)
	if !ok {
		return errors.New("hold a job that no worker holds")
	}
	n, err := sqlrow.Column[int64](ctx, t.c, "SELECT count(*) FROM river_job WHERE id = ? AND state = 'running' AND attempt = ? AND "+t.words.lastNode+" = ?", h.ID, h.Attempt, h.Node)
	if err != nil {
		return fmt.Errorf("look whether an attempt is held: %w", err)
	}
	if n[0] == 0 {
		return store.ErrLostLease
	}
	return nil
}

// argsOf are the conditions of the job of an attempt; format is how one of its arguments is read.
func argsOf(format string) string {
	var b strings.Builder
	for _, name := range []string{"run", "task", "map", "try"} {
		_, _ = fmt.Fprintf(&b, " AND CAST("+format+" AS text) = CAST(? AS text)", name) // it cannot fail
	}
	return b.String()
}

// Taken is [store.Membership]'s.
func (q *Jobs[TTx]) Taken(ctx context.Context, js []store.Job) ([]store.Job, error) {
	if q == nil {
		return nil, errReading
	}
	return q.config.Taken(ctx, js)
}

// Taken is [store.Membership]'s.
func (c *Config) Taken(ctx context.Context, js []store.Job) (taken []store.Job, err error) {
	if len(js) == 0 {
		return nil, nil
	}
	read := c.Read()
	w := &wordsOf[read.Dialect()]
	ids := make([]int64, len(js))
	for i, j := range js {
		h, ok := j.Handle.(Handle)
		if !ok {
			return nil, errors.New("look for a job that no worker holds")
		}
		ids[i] = h.ID
	}
	own, err := jobs(ctx, read, "SELECT "+w.jobColumns+" FROM river_job WHERE "+w.held+" AND "+w.lastNode+" = ?", list(ids), c.Process.node)
	if err != nil {
		return nil, fmt.Errorf("look which attempts are held: %w", err)
	}
	held := make(map[Handle]bool, len(own))
	for _, j := range own {
		held[j.Handle.(Handle).Held()] = true //nolint:forcetypeassert // jobs made it
	}
	for _, j := range js {
		if !held[j.Handle.(Handle).Held()] { //nolint:forcetypeassert // it was looked at
			taken = append(taken, j)
		}
	}
	return taken, nil
}

// list is the JSON of ids.
func list(ids []int64) string {
	b, _ := json.Marshal(ids) // numbers always have one
	return string(b)
}

// Canceled is [store.Membership]'s.
func (c *Config) Canceled(ctx context.Context) ([]*store.Canceled, error) {
	ids := c.Process.ids()
	if len(ids) == 0 {
		return nil, nil
	}
	read := c.Read()
	why := "json_extract(metadata, '$." + cancel + "')"
	if read.Dialect() == sqlrow.Postgres {
		why = "metadata ->> '" + cancel + "'"
	}
	w := &wordsOf[read.Dialect()]
	out, err := sqlrow.Collect(ctx, read, func(rows sqlrow.Rows, j *store.Canceled) error {
		h := Handle{free: true}
		err := rows.Scan(&h.ID, &h.Attempt, &h.Node, &j.RunKey, &j.TaskID, &j.MapIndex, &j.Try, &j.Queue, &j.Why)
		j.Handle = h
		return err
	}, "SELECT "+w.jobColumns+", "+why+" FROM river_job WHERE "+w.held+" AND "+w.lastNode+" = ? AND "+why+" IS NOT NULL", list(ids), c.Process.node)
	if err != nil {
		return nil, fmt.Errorf("read which attempts are to end: %w", err)
	}
	return out, nil
}
