package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
)

// maxLost is how many processes may die over one try before it counts as failed, so
// that a task that kills its process does not do so for ever.
const maxLost = 3

var (
	errLostProcess = errors.New("the process that ran this attempt died")
	errUnknownFate = errors.New("the process that ran this attempt died and nobody knows whether its work was done; it is not repeated because doing it twice would harm: look whether it was done, then run the task again if need be")
)

// recover brings every running run back into memory and settles the attempts that were
// under way when the last process died.
func (e *Engine) recover(ctx context.Context) error {
	lost, err := e.store.Recover(ctx)
	if err != nil {
		return err
	}
	if err := e.change(ctx, func(c *change) error { return c.reload() }); err != nil {
		return err
	}
	return e.takeOver(ctx, lost)
}

// reload makes every running run live again.
func (c *change) reload() error {
	runs, err := c.Runs(c.ctx, RunFilter{States: []dag.RunState{dag.RunRunning}})
	if err != nil {
		return err
	}
	all, err := c.InstancesOfRuns(c.ctx, dag.RunRunning)
	if err != nil {
		return err
	}
	of := map[int64][]*Instance{}
	for _, in := range all {
		of[in.RunKey] = append(of[in.RunKey], in)
	}
	for _, r := range runs {
		lr, err := c.load(r, of[r.Key])
		if err != nil {
			// For instance an operator that this binary no longer has. The run can't go
			// on, and must not be "running" for ever.
			c.e.o.Log.Error("a run can't be taken up again and is failed", "dag", r.DAGID, "run", r.RunID, "error", err)
			r.State, r.Reason, r.EndDate = dag.RunFailed, reasonNotRestorable, c.now
			if err := c.UpdateRun(c.ctx, r); err != nil {
				return err
			}
			continue
		}
		if err := c.step(lr); err != nil {
			return err
		}
	}
	return nil
}

// reasonNotRestorable marks a run whose DAG version this binary can't load.
const reasonNotRestorable = "version_not_loadable"

// takeOver settles attempts whose process died.
func (e *Engine) takeOver(ctx context.Context, lost []Job) error {
	for _, j := range lost {
		if err := e.change(ctx, func(c *change) error { return c.settleLost(j) }); err != nil && !errors.Is(err, ErrLostLease) {
			return fmt.Errorf("take over the lost attempt of task %s: %w", j.TaskID, err)
		}
	}
	return nil
}

// settleLost decides what becomes of one lost attempt: work that may be repeated runs
// again and the try is not counted, as Airflow resets orphans; work that must not be
// repeated fails, and says so.
func (c *change) settleLost(j Job) error {
	lr, err := c.liveRun(j.RunKey)
	if err != nil {
		return err
	}
	if lr == nil {
		return c.Complete(c.ctx, j)
	}
	i := lr.plan.d.TaskIndex(j.TaskID)
	if i < 0 {
		return c.Complete(c.ctx, j)
	}
	_, row := lr.find(i, j.MapIndex)
	a := &attempt{e: c.e, job: j, plan: lr.plan, task: &lr.plan.tasks[i], i: i, run: lr.run}
	if !a.wanted(row) {
		if err := c.Complete(c.ctx, j); err != nil {
			return err
		}
		return c.restarted(j)
	}
	a.in = *row
	begun := a.in.State == dag.Running || a.task.repeatSafe
	switch {
	case !begun, a.task.repeatSafe && a.in.Lost+1 < maxLost:
		a.note("%v; it runs again and is not counted", errLostProcess)
		in := c.set(lr, a.slot(lr), dag.Queued)
		in.Lost += btoi(begun)
		return c.Release(c.ctx, j)
	case a.task.repeatSafe:
		return c.failLost(lr, a, operator.Outcome{Kind: operator.Retry, Err: fmt.Errorf("%w, for the %d. time", errLostProcess, maxLost)})
	default:
		return c.failLost(lr, a, operator.Outcome{Kind: operator.Failed, Err: errUnknownFate})
	}
}

// failLost ends a lost attempt as failed, with its callbacks.
func (c *change) failLost(lr *liveRun, a *attempt, o operator.Outcome) error {
	if err := c.Complete(c.ctx, a.job); err != nil {
		return err
	}
	state, text, retryAt := a.decide(o, c.now)
	a.note("%s", text)
	in := c.set(lr, a.slot(lr), state)
	in.EndDate, in.Error, in.RetryAt, in.Lost = c.now, text, retryAt, 0
	kind := callbacks.Failure
	if state == dag.UpForRetry {
		kind = callbacks.Retry
		c.watchRetry(in)
	}
	c.out = append(c.out, a.deliveries(c.ctx, c, kind, in, text)...)
	if state == dag.Failed && lr.plan.d.FailFast {
		c.stopFast(lr)
	}
	return c.step(lr)
}

// note adds a line to the log of an attempt that runs nowhere.
func (a *attempt) note(format string, args ...any) {
	l, err := a.e.openLog(logPath(&a.run, &a.in))
	if err != nil {
		a.e.o.Log.Error("write to a task log", "error", err)
		return
	}
	l.line(slog.LevelError, fmt.Sprintf(format, args...))
	l.close()
}
