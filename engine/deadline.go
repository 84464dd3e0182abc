package engine

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// armDeadlines notes by when a new run is to have finished.
func (c *change) armDeadlines(d *dag.DAG, r *store.Run) error {
	ls, err := schedule.Deadlines(c.Ctx, c, d, r, c.Now)
	if err != nil {
		return err
	}
	for _, l := range ls {
		if err := c.PutDeadline(c.Ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// fireDeadlines tells of the runs whose deadline has passed. That it was told is stored
// with the messages, so each deadline is told once, also when nothing ran at its moment.
func (e *Engine) fireDeadlines(ctx context.Context) error {
	due, err := e.store.DueDeadlines(ctx, e.runs.Now())
	if err != nil || len(due) == 0 {
		return err
	}
	var errs []error
	for _, l := range due {
		// One that can't be told must not hold up the others.
		errs = append(errs, e.change(ctx, func(c *change) error { return c.fireDeadline(l) }))
	}
	return errors.Join(errs...)
}

func (c *change) fireDeadline(l *store.RunDeadline) error {
	found, err := c.DeleteDeadline(c.Ctx, l)
	if err != nil || !found {
		return err
	}
	r, err := c.Run(c.Ctx, l.RunKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.State.Finished() && !r.EndDate.After(l.At) {
		return nil
	}
	p, err := c.e.plans.Of(c.Ctx, c, r.DAGID, r.Version)
	if err != nil {
		c.e.o.Log.Error("a missed deadline can't be told", "dag", r.DAGID, "run", r.RunID, "error", err)
		return nil
	}
	c.Message(c.e.tell.Deadline(c.Ctx, c, p, r, l)...)
	return nil
}
