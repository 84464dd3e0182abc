package scheduler

import (
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// recordTicks writes what became of the ticks between the last run and the tick that is
// due, and tells on_missed_callback. It is part of the transaction that creates the run,
// so each tick is recorded once.
func (sch *Scheduler) recordTicks(tx *live.Tx, d *dag.DAG, last *store.Run, due timetable.Run) error {
	rs, err := schedule.PassedOver(tx.Ctx, tx, d, last, due, tx.Now)
	if err != nil {
		return err
	}
	for i := range rs {
		if err := sch.putTicks(tx, d, &rs[i]); err != nil {
			return err
		}
	}
	return nil
}

// recordTaken notes that a tick started no run because one with its logical date exists.
func (sch *Scheduler) recordTaken(tx *live.Tx, d *dag.DAG, due timetable.Run) error {
	r, err := schedule.Taken(tx.Ctx, tx, d, due, tx.Now)
	if err != nil || r == nil {
		return err
	}
	return sch.putTicks(tx, d, r)
}

// putTicks writes a record of ticks, and tells of it if need be.
func (sch *Scheduler) putTicks(tx *live.Tx, d *dag.DAG, r *schedule.Record) error {
	if err := tx.InsertTickRange(tx.Ctx, r.TickRange); err != nil || !r.Tell {
		return err
	}
	return sch.tellMissed(tx, d, r.TickRange)
}

// tellMissed lets on_missed_callback speak of recorded ticks, in the transaction that
// records them.
func (sch *Scheduler) tellMissed(tx *live.Tx, d *dag.DAG, r *store.TickRange) error {
	if !sch.o.Tell.HearsMissed(tx.Ctx, d) {
		return nil
	}
	p, err := sch.o.Plans.Of(tx.Ctx, tx, d.ID, d.Version)
	if err != nil {
		return err
	}
	tx.Message(sch.o.Tell.Missed(tx.Ctx, tx, p, r)...)
	return nil
}
