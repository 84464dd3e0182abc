package scheduler

import (
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// wake creates due runs up to max_active_runs and starts queued ones.
func (sch *Scheduler) wake(tx *live.Tx, id string) error {
	d := sch.o.DAGs.Get(id)
	scheduling := sch.schedules()
	if d != nil && scheduling && !sch.o.DAGs.Paused(id) {
		if err := sch.createDue(tx, d); err != nil {
			return err
		}
		if err := sch.createTriggered(tx, d); err != nil {
			return err
		}
	}
	if err := sch.startQueued(tx, id, d); err != nil {
		return err
	}
	b, err := tx.OpenBackfill(tx.Ctx, id)
	if err == nil && b != nil && scheduling {
		tx.After(func() { sch.stepBackfill(id) })
	}
	return err
}

// createDue creates the runs that are due by the schedule, up to max_active_runs.
func (sch *Scheduler) createDue(tx *live.Tx, d *dag.DAG) error {
	last, err := tx.LastScheduled(tx.Ctx, d.ID)
	if err != nil {
		return err
	}
	open, err := tx.CountOwnRuns(tx.Ctx, d.ID, dag.RunQueued, dag.RunRunning)
	if err != nil {
		return err
	}
	for open < d.MaxActiveRuns {
		due, ok := schedule.Next(d, last, tx.Now)
		if !ok {
			if schedule.Over(d, due, tx.Now) {
				return sch.recordTicks(tx, d, last, timetable.Run{RunAfter: tx.Now.Add(time.Millisecond)})
			}
			return nil
		}
		r := schedule.Run(d, due, tx.Now)
		if err := sch.recordTicks(tx, d, last, due); err != nil {
			return err
		}
		created, err := sch.insertRun(tx, d, r)
		if err == nil && !created {
			err = sch.recordTaken(tx, d, due)
		}
		if err != nil {
			return err
		}
		if created { // else a backfill or a person was first
			open++
		}
		last = r
	}
	return nil
}

// insertRun adds a run with its deadlines and the version of its DAG. Every run that
// there is comes from here.
func (sch *Scheduler) insertRun(tx *live.Tx, d *dag.DAG, r *store.Run) (bool, error) {
	ok, err := tx.InsertRun(tx.Ctx, r)
	if err != nil || !ok {
		return ok, err
	}
	tx.Changed(phase.Change{Run: *r, Created: true})
	if err := sch.armDeadlines(tx, d, r); err != nil {
		return false, err
	}
	return true, putVersion(tx, d)
}

// startQueued starts queued runs in the order of run_after while max_active_runs permits.
// Runs of backfills do not count: they have a max_active_runs of their own.
func (sch *Scheduler) startQueued(tx *live.Tx, id string, d *dag.DAG) error {
	if sch.o.DAGs.Paused(id) {
		return nil
	}
	queued, err := tx.Runs(tx.Ctx, store.RunFilter{DAGID: id, States: []dag.RunState{dag.RunQueued}})
	if err != nil || len(queued) == 0 {
		return err
	}
	var own, backfilled []*store.Run
	for _, r := range queued {
		switch {
		case r.RunAfter.After(tx.Now), r.Provisional:
		case r.BackfillID != 0:
			backfilled = append(backfilled, r)
		default:
			own = append(own, r)
		}
	}
	running, err := tx.CountOwnRuns(tx.Ctx, id, dag.RunRunning)
	if err != nil {
		return err
	}
	limit := 1
	if d != nil {
		limit = d.MaxActiveRuns
	}
	for _, r := range own[:min(len(own), max(limit-running, 0))] {
		if err := tx.Start(r); err != nil {
			return err
		}
	}
	if err := sch.startCleared(tx, backfilled); err != nil {
		return err
	}
	return tx.StartWaitedFor(append(own, backfilled...))
}
