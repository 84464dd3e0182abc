package engine

import (
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// reset clears the finished run that stands in the way of a new one with the same id or
// logical date: its instances forget their states and it is queued again, with the new
// run's conf and version.
func (c *change) reset(wanted *Run) (*Run, error) {
	r, err := c.RunByID(c.ctx, wanted.DAGID, wanted.RunID)
	if err != nil && !wanted.LogicalDate.IsZero() {
		r, err = c.RunAt(c.ctx, wanted.DAGID, wanted.LogicalDate)
	}
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, fmt.Errorf("run %q of dag %q: %w", wanted.RunID, wanted.DAGID, ErrNotFound)
	case !r.State.Finished():
		return nil, fmt.Errorf("run %q of dag %q is %s and can't be reset: %w", r.RunID, r.DAGID, r.State, ErrExists)
	}
	is, err := c.Instances(c.ctx, r.Key)
	if err != nil {
		return nil, err
	}
	for _, in := range is {
		if err := c.ClearXCom(c.ctx, r.Key, in.TaskID, in.MapIndex); err != nil {
			return nil, err
		}
		// The tries before stay behind it: their logs keep their numbers.
		in.State, in.MaxTries = dag.None, in.MaxTries+in.Try
		in.QueuedAt, in.RetryAt, in.Error, in.Lost = time.Time{}, time.Time{}, "", 0
	}
	if err := c.PutInstances(c.ctx, is); err != nil {
		return nil, err
	}
	r.State, r.Reason, r.QueuedAt, r.StartDate, r.EndDate = dag.RunQueued, "", c.now, time.Time{}, time.Time{}
	c.updates = append(c.updates, Update{Run: *r})
	return r, c.UpdateRun(c.ctx, r)
}
