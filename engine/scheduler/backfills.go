package scheduler

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// CreateBackfill makes the backfill that a request wants. Made while nobody schedules it has
// no version yet.
func (sch *Scheduler) CreateBackfill(tx *live.Tx, r *request.BackfillOf) (*request.CreatedBackfill, error) {
	d := sch.o.DAGs.Get(r.DAGID)
	if d == nil {
		return nil, sch.unknownDAG(r.DAGID)
	}
	b, dates, err := schedule.PlanBackfill(tx.Ctx, tx, d, r.Backfill, tx.Now)
	if err != nil {
		return nil, err
	}
	done := &request.CreatedBackfill{Backfill: b, Dates: map[store.BackfillOutcome]int{}}
	if done.Paused, err = sch.know(tx, d); err != nil {
		return nil, err
	}
	for i := range dates {
		o := dates[i].Outcome
		done.Dates[o]++
		if o == store.BackfillCreated || o == store.BackfillCleared {
			dates[i].Outcome = "" // it is, once its turn has come
		}
	}
	if !sch.o.Live.Working() {
		b.Version = ""
	}
	ok, err := tx.InsertBackfill(tx.Ctx, b, dates)
	if err != nil {
		return nil, err
	}
	if !ok {
		open, err := tx.OpenBackfill(tx.Ctx, d.ID)
		if err != nil || open == nil {
			return nil, errors.Join(err, request.ErrExists)
		}
		return nil, fmt.Errorf("dag %q has backfill %d, which is %s: wait for its end or cancel it: %w", d.ID, open.ID, open.State, request.ErrExists)
	}
	if err := alter.NoteBackfill(tx.Ctx, tx, store.EventBackfillCreate, r.Actor, b, tx.Now); err != nil || b.Version == "" {
		return done, err
	}
	return done, putVersion(tx, d)
}

// stepBackfill starts runs of the DAG's backfill while its max_active_runs permits, in a
// transaction of its own: what is wrong with it must not hold up the DAG's other runs.
func (sch *Scheduler) stepBackfill(dagID string) {
	err := sch.o.Live.Change(context.Background(), func(tx *live.Tx) error { return sch.backfill(tx, dagID) })
	if err != nil {
		sch.o.Log.Error("backfill", "dag", dagID, "error", err) // the next beat tries again
	}
}

// backfill starts dates of the open backfill of a DAG while there is room.
func (sch *Scheduler) backfill(tx *live.Tx, dagID string) error {
	if !sch.schedules() || sch.o.DAGs.Paused(dagID) {
		return nil
	}
	b, err := tx.OpenBackfill(tx.Ctx, dagID)
	if err != nil || b == nil || b.State == store.BackfillPaused {
		return err
	}
	if err := sch.adoptBackfill(tx, b); err != nil || b.Version == "" { // its file is broken, or gone
		return err
	}
	queued, running, err := tx.CountBackfillRuns(tx.Ctx, b.ID)
	if err != nil {
		return err
	}
	for open := queued + running; open < b.MaxActiveRuns; {
		d, err := tx.BackfillDateLeft(tx.Ctx, b.ID)
		if err != nil {
			return err
		}
		if d == nil {
			return sch.completeBackfill(tx, b)
		}
		begun, err := sch.backfillDate(tx, b, d)
		if err != nil {
			return fmt.Errorf("logical date %s: %w", request.ISO(d.LogicalDate), err)
		}
		if begun {
			open++
		}
	}
	return nil
}

// adoptBackfill gives a backfill that was made while no process worked the version that its DAG
// has here, if it is loaded.
func (sch *Scheduler) adoptBackfill(tx *live.Tx, b *store.Backfill) error {
	d := sch.o.DAGs.Get(b.DAGID)
	if b.Version != "" || d == nil {
		return nil
	}
	b.Version = d.Version
	if err := putVersion(tx, d); err != nil {
		return err
	}
	return tx.UpdateBackfill(tx.Ctx, b)
}

// completeBackfill ends a backfill whose dates have all had their turn, once their runs
// have ended.
func (sch *Scheduler) completeBackfill(tx *live.Tx, b *store.Backfill) error {
	queued, running, err := tx.CountBackfillRuns(tx.Ctx, b.ID)
	if err != nil || queued+running > 0 {
		return err
	}
	b.State, b.UpdatedAt, b.CompletedAt = store.BackfillCompleted, tx.Now, tx.Now
	return tx.UpdateBackfill(tx.Ctx, b)
}

// backfillDate settles a date and starts its run, if it gets one.
func (sch *Scheduler) backfillDate(tx *live.Tx, b *store.Backfill, d *store.BackfillDate) (begun bool, err error) {
	r := &store.Run{
		DAGID: b.DAGID, RunID: dag.RunID(dag.BackfillRun, d.RunAfter), Type: dag.BackfillRun, State: dag.RunQueued, BackfillID: b.ID,
		LogicalDate: d.LogicalDate, IntervalStart: d.Interval.Start, IntervalEnd: d.Interval.End,
		RunAfter: d.RunAfter, QueuedAt: tx.Now, Conf: b.Conf, Version: b.Version, Actor: store.Actor{Name: b.Actor.Name, Via: store.ViaBackfill},
	}
	there, err := sch.standsFor(tx, r)
	if err != nil {
		return false, err
	}
	switch d.Outcome = schedule.Treat(b, there); d.Outcome {
	case store.BackfillCreated:
		p, err := sch.o.Plans.Of(tx.Ctx, tx, b.DAGID, b.Version)
		if err != nil {
			return false, err
		}
		ok, err := sch.insertRun(tx, p.DAG, r)
		if err == nil && !ok {
			err = fmt.Errorf("run %q: %w", r.RunID, request.ErrExists)
		}
		if err != nil {
			return false, err
		}
	case store.BackfillCleared:
		if r, err = sch.o.Alter.Refill(tx, *there, b, r.Actor); err != nil {
			return false, err
		}
	case store.BackfillInFlight, store.BackfillExists:
		return false, tx.SettleBackfillDate(tx.Ctx, b.ID, d)
	}
	d.RunKey = r.Key
	if err := tx.SettleBackfillDate(tx.Ctx, b.ID, d); err != nil {
		return false, err
	}
	return true, tx.Start(r)
}

// standsFor finds the run with the logical date or the id of a wanted one, or nil.
func (sch *Scheduler) standsFor(tx *live.Tx, wanted *store.Run) (*store.Run, error) {
	r, err := tx.RunAt(tx.Ctx, wanted.DAGID, wanted.LogicalDate)
	if err != nil || r != nil {
		return r, err
	}
	r, err = tx.RunByID(tx.Ctx, wanted.DAGID, wanted.RunID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return r, err
}

// startCleared starts queued runs of backfills, which someone cleared, while the own
// max_active_runs of each permits. A paused backfill starts none.
func (sch *Scheduler) startCleared(tx *live.Tx, queued []*store.Run) error {
	free := map[int64]int{}
	for _, r := range queued {
		if _, known := free[r.BackfillID]; !known {
			b, err := tx.Backfill(tx.Ctx, r.BackfillID)
			if err != nil {
				return err
			}
			_, running, err := tx.CountBackfillRuns(tx.Ctx, b.ID)
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
		if err := tx.Start(r); err != nil {
			return err
		}
	}
	return nil
}
