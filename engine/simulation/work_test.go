package simulation_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
)

// workers run jobs as those of the store on PostgreSQL do.
type workers struct {
	c        *client
	o        store.WorkOptions
	handling context.Context //nolint:containedctx // it is that of all that it starts
	ended    chan struct{}
	running  int
	failing  bool
	looks    int
}

// limited reports whether this process serves some queues only.
func (c *client) limited() bool { return c.served != nil }

// Work runs the workers until ctx ends.
func (c *client) Work(ctx context.Context, o store.WorkOptions) error {
	c.served = o.Queues
	c.process.Serve(o.Queues)
	handling, end := context.WithCancel(context.WithoutCancel(ctx))
	taking, stop := context.WithCancel(ctx)
	defer stop()
	var stopping sync.WaitGroup
	defer stopping.Wait()
	defer end()
	stopping.Go(func() {
		defer end()
		select {
		case <-ctx.Done():
		case <-o.Hurry:
			stop()
			return
		case <-handling.Done():
			return
		}
		grace := time.NewTimer(o.Grace)
		defer grace.Stop()
		select {
		case <-grace.C:
		case <-o.Hurry:
		case <-handling.Done():
		}
	})
	w := &workers{c: c, o: o, handling: handling, ended: make(chan struct{}, o.Workers)}
	wake := make(chan struct{}, 1)
	c.hub.Add(wake)
	defer c.hub.Remove(wake)
	if o.Ready != nil {
		o.Ready()
	}
	w.run(taking, wake)
	return nil
}

func (w *workers) run(ctx context.Context, wake <-chan struct{}) {
	look := time.NewTicker(looks)
	defer look.Stop()
	more := true
	for ctx.Err() == nil {
		if n := w.o.Workers - w.running; more && n > 0 {
			more = w.fetch(ctx, n) == n
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.ended:
			w.running--
		case <-wake:
			more = true
		case <-look.C:
			more = true
			if w.looks++; w.looks >= 10 && w.returnStrays() == nil {
				w.looks = 0
			}
		}
	}
	for ; w.running > 0; w.running-- {
		<-w.ended
	}
}

// fetch takes up to n jobs and starts them.
func (w *workers) fetch(ctx context.Context, n int) int {
	js, err := w.c.fetch(n)
	if err != nil {
		w.failing = true
		return 0
	}
	if w.failing {
		w.failing, w.looks = false, 10 // some may have been taken by a fetch that failed
	}
	for _, j := range js {
		by := w.c.process.Begin(j.Handle.(sqlqueue.Handle)) //nolint:forcetypeassert // fetch made it
		w.running++
		stopped := ctx.Err() != nil
		go func() {
			defer func() { w.ended <- struct{}{} }()
			w.handle(j, by, stopped)
		}()
	}
	return len(js)
}

func (c *client) fetch(n int) (js []store.Job, err error) {
	if err := c.l.trip(context.Background()); err != nil {
		return nil, err
	}
	if err := c.take(); err != nil {
		return nil, err
	}
	among, args := "", []any{c.node}
	if c.served != nil {
		among = " AND coalesce(json_extract(args, '$.queue'), 'default') IN (" + strings.TrimSuffix(strings.Repeat("?, ", len(c.served)), ", ") + ")"
		for _, q := range c.served {
			args = append(args, q)
		}
	}
	rows, err := c.d.write.QueryContext(context.Background(), `UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_by = jsonb_array(?)
		WHERE id IN (SELECT id FROM river_job WHERE state = 'available'`+among+` ORDER BY priority, scheduled_at, id LIMIT ?) RETURNING id, attempt, json(args)`, append(args, n)...)
	if err == nil {
		for rows.Next() {
			h := sqlqueue.Handle{Node: c.node}
			var j store.Job
			var text string
			if err = errors.Join(err, rows.Scan(&h.ID, &h.Attempt, &text)); err == nil {
				err = json.Unmarshal([]byte(text), &j)
			}
			j.Handle = h
			js = append(js, j)
		}
		err = errors.Join(err, rows.Err(), rows.Close()) //nolint:sqlclosecheck // what comes next wants its turn
	}
	<-c.d.turn
	if err != nil {
		c.d.broke("fetch: %v", err)
		return nil, errFetch(err)
	}
	if err := c.l.pass(context.Background(), c.l.latency()); err != nil {
		return nil, err
	}
	if c.l.luck() {
		return nil, errBroken
	}
	return js, nil
}

var errStopped = errors.New("no job is begun any more")

func (w *workers) handle(j store.Job, by *sqlqueue.Holder, stopped bool) {
	err := errStopped
	if !stopped {
		err = sqlcommit.Safely(func() error { return w.o.Handle(w.handling, j) })
	}
	left := w.c.process.End(by)
	if err == nil {
		if len(left) > 0 {
			w.c.log.Debug("the handler has left jobs", "jobs", len(left))
		}
		return
	}
	if len(left) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.handling))
	defer cancel()
	defer context.AfterFunc(w.handling, func() {
		select {
		case <-time.After(5 * time.Second):
			cancel()
		case <-ctx.Done():
		}
	})()
	for {
		if err := w.c.tx(ctx, func(v *view) error { return v.Return(ctx, left) }); err == nil || ctx.Err() != nil || errors.Is(err, sqlcommit.ErrClosed) || errors.Is(err, errDead) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(looks):
		}
	}
}

// returnStrays gives back the jobs that stand under this process and that it does not hold.
func (w *workers) returnStrays() error {
	ctx := context.Background()
	return w.c.tx(ctx, func(v *view) error {
		js, err := v.Running(ctx)
		if err != nil {
			return err
		}
		var hs []sqlqueue.Handle
		for _, j := range js {
			if h := j.Handle.(sqlqueue.Handle); h.Node == w.c.node && !w.c.process.Holds(h) { //nolint:forcetypeassert // Running made it
				hs = append(hs, h)
			}
		}
		return v.Return(ctx, hs)
	})
}
