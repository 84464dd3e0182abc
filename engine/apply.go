package engine

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// apply writes the result of a try of a task into its run: the instance, its XComs, and what
// follows from them for other tasks and runs. It returns the instance.
func (c *change) apply(lr *liveRun, i dagrun.Task, res *worker.Result) (*store.Instance, error) {
	at, _ := lr.m.Slot(i, res.Instance.MapIndex)
	in := c.set(lr, at, res.Instance.State)
	of := &res.Instance
	in.StartDate, in.EndDate, in.FirstStart, in.RetryAt = of.StartDate, of.EndDate, of.FirstStart, of.RetryAt
	in.Error, in.Log, in.RenderedMapIndex, in.Lost = of.Error, of.Log, of.RenderedMapIndex, of.Lost
	if err := c.putXComs(in, res.XComs); err != nil {
		return nil, err
	}
	if res.Rendered != nil {
		if err := c.PutRenderedFields(c.ctx, res.Rendered, c.e.o.RenderedRuns); err != nil {
			return nil, err
		}
	}
	switch in.State {
	case dag.Success:
		if err := c.updateAssets(&lr.run, lr.task(at), in.MapIndex); err != nil {
			return nil, err
		}
	case dag.UpForRetry, dag.UpForReschedule:
		c.watchRetry(in)
	default: // nothing waits for it but the tasks below
	}
	if err := c.rememberSkips(lr, in, res.Skips); err != nil {
		return nil, err
	}
	c.skip(lr, res.Skips)
	if in.State == dag.Failed && lr.plan.DAG.FailFast {
		c.stopFast(lr)
	}
	return in, nil
}

func (c *change) putXComs(in *store.Instance, xs map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(xs)) {
		if err := c.PutXCom(c.ctx, in.RunKey, in.TaskID, in.MapIndex, key, xs[key]); err != nil {
			return err
		}
	}
	return nil
}

// skip marks tasks as skipped that have not begun.
func (c *change) skip(lr *liveRun, skips []dagrun.Task) {
	for _, at := range lr.m.Skip(skips) {
		c.record(lr, at).EndDate = c.now
	}
}

// callbackFor is the kind of callback that hears of the end of a try, empty for none.
func callbackFor(s dag.State) callbacks.Kind {
	switch s {
	case dag.Success:
		return callbacks.Success
	case dag.Failed:
		return callbacks.Failure
	case dag.UpForRetry:
		return callbacks.Retry
	case dag.Skipped:
		return callbacks.Skipped
	default:
		return ""
	}
}
