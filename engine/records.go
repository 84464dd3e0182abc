package engine

import (
	"context"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// noteLife keeps the record of when a scheduler was at work.
func (e *Engine) noteLife(ctx context.Context, stopping bool) error {
	if !e.schedules() {
		return nil
	}
	e.mu.Lock()
	l, changed := schedule.LifeAt(e.life, e.runs.Now(), stopping)
	e.mu.Unlock()
	if !changed {
		return nil
	}
	if err := e.store.Tx(ctx, func(tx store.Tx) error { return tx.PutSchedulerLife(ctx, &l) }); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.life = l
	return nil
}

// stopLife notes that the scheduler stops now.
func (e *Engine) stopLife(ctx context.Context) {
	if err := e.noteLife(ctx, true); err != nil {
		e.o.Log.Error("note that the scheduler stops", "error", err)
	}
}

// recordTicks writes what became of the ticks between the last run and the tick that is
// due, and tells on_missed_callback. It is part of the transaction that creates the run,
// so each tick is recorded once.
func (c *change) recordTicks(d *dag.DAG, last *store.Run, due timetable.Run) error {
	rs, err := schedule.PassedOver(c.Ctx, c, d, last, due, c.Now)
	if err != nil {
		return err
	}
	for i := range rs {
		if err := c.putTicks(d, &rs[i]); err != nil {
			return err
		}
	}
	return nil
}

// recordTaken notes that a tick started no run because one with its logical date exists.
func (c *change) recordTaken(d *dag.DAG, due timetable.Run) error {
	r, err := schedule.Taken(c.Ctx, c, d, due, c.Now)
	if err != nil || r == nil {
		return err
	}
	return c.putTicks(d, r)
}

// putTicks writes a record of ticks, and tells of it if need be.
func (c *change) putTicks(d *dag.DAG, r *schedule.Record) error {
	if err := c.InsertTickRange(c.Ctx, r.TickRange); err != nil || !r.Tell {
		return err
	}
	return c.tellMissed(d, r.TickRange)
}

// tellMissed lets on_missed_callback speak of recorded ticks, in the transaction that
// records them.
func (c *change) tellMissed(d *dag.DAG, r *store.TickRange) error {
	if len(d.OnMissed) == 0 {
		return nil
	}
	p, err := c.e.plans.Of(c.Ctx, c, d.ID, d.Version)
	if err != nil {
		return err
	}
	c.Message(c.e.tell.Missed(c.Ctx, c, p, r)...)
	return nil
}
