package scheduler

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// armDeadlines notes by when a new run is to have finished.
func (sch *Scheduler) armDeadlines(tx *live.Tx, d *dag.DAG, r *store.Run) error {
	ls, err := schedule.Deadlines(tx.Ctx, tx, d, r, tx.Now)
	if err != nil {
		return err
	}
	for _, l := range ls {
		if err := tx.PutDeadline(tx.Ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// fireDeadline tells of one.
func (sch *Scheduler) fireDeadline(tx *live.Tx, l *store.RunDeadline) error {
	found, err := tx.DeleteDeadline(tx.Ctx, l)
	if err != nil || !found {
		return err
	}
	r, err := tx.Run(tx.Ctx, l.RunKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.State.Finished() && !r.EndDate.After(l.At) {
		return nil
	}
	p, err := sch.o.Plans.Of(tx.Ctx, tx, r.DAGID, r.Version)
	if err != nil {
		sch.o.Log.Error("a missed deadline cannot be told", "dag", r.DAGID, "run", r.RunID, "error", err)
		return nil
	}
	tx.Message(sch.o.Tell.Deadline(tx.Ctx, tx, p, r, l)...)
	return nil
}

// FireDeadlines tells of the runs whose deadline has passed. That it was told is stored
// with the messages, so each deadline is told once, also when nothing ran at its moment.
func (sch *Scheduler) FireDeadlines(ctx context.Context) error {
	due, err := sch.o.Store.DueDeadlines(ctx, sch.o.Live.Now())
	if err != nil || len(due) == 0 {
		return err
	}
	var errs []error
	for _, l := range due {
		// One that can't be told must not hold up the others.
		errs = append(errs, sch.o.Live.Change(ctx, func(tx *live.Tx) error { return sch.fireDeadline(tx, l) }))
	}
	return errors.Join(errs...)
}
