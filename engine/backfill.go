package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// CreateBackfill stores a backfill. The process that schedules creates and starts its runs,
// a few at a time; it sees it within its next beat. Dates whose run is in flight or to be
// left alone are settled now. The DAG is that of the process that works on the store, as
// with [Engine.TriggerRun]. The errors are those of [PlanBackfill], [store.ErrNotFound], and
// [ErrExists] when the DAG has an open one.
func (e *Engine) CreateBackfill(ctx context.Context, dagID string, r BackfillRequest) (*CreatedBackfill, error) {
	if _, err := request.CheckConf(r.Conf); err != nil {
		return nil, &request.BackfillError{Field: "dag_run_conf", Err: err}
	}
	done := &CreatedBackfill{}
	if err := e.ask(ctx, request.KindBackfill, r.Actor, &request.BackfillOf{DAGID: dagID, Backfill: r}, done, func() error { return e.find(dagID) }); err != nil {
		return nil, err
	}
	return done, nil
}

// createBackfill makes the backfill that a request wants. Made while nobody schedules it has
// no version yet.
func (c *change) createBackfill(r *request.BackfillOf) (*CreatedBackfill, error) {
	d := c.e.dags.Get(r.DAGID)
	if d == nil {
		return nil, c.unknownDAG(r.DAGID)
	}
	b, dates, err := schedule.PlanBackfill(c.Ctx, c, d, r.Backfill, c.Now)
	if err != nil {
		return nil, err
	}
	done := &CreatedBackfill{Backfill: b, Dates: map[store.BackfillOutcome]int{}}
	if done.Paused, err = c.know(d); err != nil {
		return nil, err
	}
	for i := range dates {
		o := dates[i].Outcome
		done.Dates[o]++
		if o == store.BackfillCreated || o == store.BackfillCleared {
			dates[i].Outcome = "" // it is, once its turn has come
		}
	}
	if !c.e.runs.Working() {
		b.Version = ""
	}
	ok, err := c.InsertBackfill(c.Ctx, b, dates)
	if err != nil {
		return nil, err
	}
	if !ok {
		open, err := c.OpenBackfill(c.Ctx, d.ID)
		if err != nil || open == nil {
			return nil, errors.Join(err, request.ErrExists)
		}
		return nil, fmt.Errorf("dag %q has backfill %d, which is %s: wait for its end or cancel it: %w", d.ID, open.ID, open.State, request.ErrExists)
	}
	if err := tellBackfill(c.Ctx, c, store.EventBackfillCreate, r.Actor, b, c.Now); err != nil || b.Version == "" {
		return done, err
	}
	return done, c.PutVersion(c.Ctx, d.Version, d.ID, dagfile.Source(d))
}

// SetBackfill pauses a backfill, lets it run again, or cancels it. A paused one starts no
// run; what runs goes on. A cancelled one ends: its queued runs fail, those that run go on.
// It returns ErrNotFound for an unknown backfill.
func SetBackfill(ctx context.Context, s store.Transactor, id int64, state store.BackfillState, who store.Actor, now time.Time) (*store.Backfill, error) {
	var b *store.Backfill
	err := s.Tx(ctx, func(tx store.Tx) (err error) {
		if b, err = tx.Backfill(ctx, id); err != nil {
			return err
		}
		if !b.Open() {
			return fmt.Errorf("backfill %d of dag %q is %s and can't be changed any more", id, b.DAGID, b.State)
		}
		kind := map[store.BackfillState]store.EventKind{
			store.BackfillPaused: store.EventBackfillPause, store.BackfillRunning: store.EventBackfillUnpause, store.BackfillCancelled: store.EventBackfillCancel,
		}[state]
		if kind == "" {
			return fmt.Errorf("backfill %d can't be set to %q: use paused, running or cancelled", id, state)
		}
		if err := tellBackfill(ctx, tx, kind, who, b, now); err != nil {
			return err
		}
		b.State = state
		if !b.Open() {
			b.CompletedAt = now.UTC().Truncate(time.Millisecond)
			if err := failQueued(ctx, tx, b); err != nil {
				return err
			}
		}
		return tx.UpdateBackfill(ctx, b)
	})
	return b, err
}

// tellBackfill notes what somebody did with a backfill.
func tellBackfill(ctx context.Context, tx store.EventsTx, kind store.EventKind, who store.Actor, b *store.Backfill, now time.Time) error {
	extra, err := request.Encode(map[string]int64{"backfill_id": b.ID})
	if err != nil {
		return err
	}
	return tx.InsertEvents(ctx, &store.Event{At: now, Actor: who, Kind: kind, DAGID: b.DAGID, MapIndex: -1, Extra: bytes.TrimSpace(extra)})
}

// reasonBackfillCancelled is the reason of a run that failed because it was queued when
// its backfill was cancelled.
const reasonBackfillCancelled = "backfill_cancelled"

func failQueued(ctx context.Context, tx store.Tx, b *store.Backfill) error {
	queued, err := tx.Runs(ctx, store.RunFilter{BackfillID: b.ID, States: []dag.RunState{dag.RunQueued}})
	if err != nil {
		return err
	}
	for _, r := range queued {
		r.State, r.Reason, r.EndDate = dag.RunFailed, reasonBackfillCancelled, b.CompletedAt
		if err := tx.UpdateRun(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// stepBackfill starts runs of the DAG's backfill while its max_active_runs permits, in a
// transaction of its own: what is wrong with it must not hold up the DAG's other runs.
func (e *Engine) stepBackfill(dagID string) {
	err := e.change(context.Background(), func(c *change) error { return c.backfill(dagID) })
	if err != nil {
		e.o.Log.Error("backfill", "dag", dagID, "error", err) // the next beat tries again
	}
}

func (c *change) backfill(dagID string) error {
	if !c.e.schedules() || c.e.dags.Paused(dagID) {
		return nil
	}
	b, err := c.OpenBackfill(c.Ctx, dagID)
	if err != nil || b == nil || b.State == store.BackfillPaused {
		return err
	}
	if b.Version == "" {
		d := c.e.dags.Get(dagID)
		if d == nil {
			return nil // its file is broken, or gone
		}
		b.Version = d.Version
		if err := c.PutVersion(c.Ctx, d.Version, d.ID, dagfile.Source(d)); err != nil {
			return err
		}
		if err := c.UpdateBackfill(c.Ctx, b); err != nil {
			return err
		}
	}
	queued, running, err := c.CountBackfillRuns(c.Ctx, b.ID)
	if err != nil {
		return err
	}
	for open := queued + running; open < b.MaxActiveRuns; {
		d, err := c.BackfillDateLeft(c.Ctx, b.ID)
		if err != nil {
			return err
		}
		if d == nil {
			return c.completeBackfill(b)
		}
		begun, err := c.backfillDate(b, d)
		if err != nil {
			return fmt.Errorf("logical date %s: %w", request.ISO(d.LogicalDate), err)
		}
		if begun {
			open++
		}
	}
	return nil
}

// completeBackfill ends a backfill whose dates have all had their turn, once their runs
// have ended.
func (c *change) completeBackfill(b *store.Backfill) error {
	queued, running, err := c.CountBackfillRuns(c.Ctx, b.ID)
	if err != nil || queued+running > 0 {
		return err
	}
	b.State, b.CompletedAt = store.BackfillCompleted, c.Now
	return c.UpdateBackfill(c.Ctx, b)
}

// backfillDate settles a date and starts its run, if it gets one.
func (c *change) backfillDate(b *store.Backfill, d *store.BackfillDate) (begun bool, err error) {
	r := &store.Run{
		DAGID: b.DAGID, RunID: dag.RunID(dag.BackfillRun, d.RunAfter), Type: dag.BackfillRun, State: dag.RunQueued, BackfillID: b.ID,
		LogicalDate: d.LogicalDate, IntervalStart: d.Interval.Start, IntervalEnd: d.Interval.End,
		RunAfter: d.RunAfter, QueuedAt: c.Now, Conf: b.Conf, Version: b.Version, Actor: store.Actor{Name: b.Actor.Name, Via: store.ViaBackfill},
	}
	there, err := c.standsFor(r)
	if err != nil {
		return false, err
	}
	switch d.Outcome = schedule.Treat(b, there); d.Outcome {
	case store.BackfillCreated:
		p, err := c.e.plans.Of(c.Ctx, c, b.DAGID, b.Version)
		if err != nil {
			return false, err
		}
		ok, err := c.insertRun(p.DAG, r)
		if err == nil && !ok {
			err = fmt.Errorf("run %q: %w", r.RunID, request.ErrExists)
		}
		if err != nil {
			return false, err
		}
	case store.BackfillCleared:
		if r, err = c.e.alter.Reset(c.Tx, there, r.Actor); err != nil {
			return false, err
		}
		r.Type, r.BackfillID = dag.BackfillRun, b.ID // start writes it
	case store.BackfillInFlight, store.BackfillExists:
		return false, c.SettleBackfillDate(c.Ctx, b.ID, d)
	}
	d.RunKey = r.Key
	if err := c.SettleBackfillDate(c.Ctx, b.ID, d); err != nil {
		return false, err
	}
	return true, c.Start(r)
}

// standsFor finds the run with the logical date or the id of a wanted one, or nil.
func (c *change) standsFor(wanted *store.Run) (*store.Run, error) {
	r, err := c.RunAt(c.Ctx, wanted.DAGID, wanted.LogicalDate)
	if err != nil || r != nil {
		return r, err
	}
	r, err = c.RunByID(c.Ctx, wanted.DAGID, wanted.RunID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return r, err
}

// startCleared starts queued runs of backfills, which someone cleared, while the own
// max_active_runs of each permits. A paused backfill starts none.
func (c *change) startCleared(queued []*store.Run) error {
	free := map[int64]int{}
	for _, r := range queued {
		if _, known := free[r.BackfillID]; !known {
			b, err := c.Backfill(c.Ctx, r.BackfillID)
			if err != nil {
				return err
			}
			_, running, err := c.CountBackfillRuns(c.Ctx, b.ID)
			if err != nil {
				return err
			}
			free[b.ID] = b.MaxActiveRuns - running
			if b.State == store.BackfillPaused {
				free[b.ID] = 0
			}
		}
		if free[r.BackfillID] <= 0 {
			continue
		}
		free[r.BackfillID]--
		if err := c.Start(r); err != nil {
			return err
		}
	}
	return nil
}
