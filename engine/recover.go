package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// maxLost is how many processes may die over one try before it counts as failed, so
// that a task that kills its process does not do so for ever.
const maxLost = 3

var (
	errLostProcess = errors.New("the process that ran this attempt died")
	errUnknownFate = errors.New("the process that ran this attempt died and nobody knows whether its work was done; it is not repeated because doing it twice would harm: look whether it was done, then run the task again if need be")
)

// recover brings every running run back into memory and settles the attempts that were
// under way when the last process died. What is wrong with one of them does not hold up
// the others.
func (e *Engine) recover(ctx context.Context) error {
	lost, err := e.store.Recover(ctx)
	if err != nil {
		return err
	}
	tried := map[int64]bool{}
	for {
		err := e.change(ctx, func(c *change) error { return c.reload() })
		if err == nil {
			break
		}
		f, ok := errors.AsType[*fault](err)
		if !ok || f.run == 0 || tried[f.run] {
			return err
		}
		tried[f.run] = true // it has failed: the others once more
	}
	e.setWorking(true)
	e.takeOver(ctx, lost)
	return nil
}

// reload makes every running run live again. All are loaded before the first goes on:
// what is under way in one of them takes of the limits that they share.
func (c *change) reload() error {
	runs, err := c.runningRuns()
	if err != nil {
		return err
	}
	of := map[int64][]*store.Instance{}
	all, err := c.InstancesOfRuns(c.ctx, dag.RunRunning)
	oneByOne := err != nil
	for _, in := range all {
		of[in.RunKey] = append(of[in.RunKey], in)
	}
	var live []*liveRun
	for _, r := range runs {
		is := of[r.Key]
		if oneByOne {
			if is, err = c.Instances(c.ctx, r.Key); err != nil {
				if err := c.giveUp(r, &fault{run: r.Key, reason: reasonNotReadable, err: err}, true); err != nil {
					return err
				}
				continue
			}
		}
		lr, err := c.loadOrGiveUp(r, is)
		if err != nil {
			return err
		}
		if lr != nil {
			live = append(live, lr)
		}
	}
	for _, lr := range live {
		if err := c.step(lr); err != nil {
			return err
		}
	}
	return nil
}

// runningRuns reads the running runs, without one whose row can't be read.
func (c *change) runningRuns() ([]*store.Run, error) {
	runs, err := c.Runs(c.ctx, store.RunFilter{States: []dag.RunState{dag.RunRunning}})
	if err == nil {
		return runs, nil
	}
	keys, _, err := c.OpenRuns(c.ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		r, err := c.Run(c.ctx, k)
		if err != nil {
			c.e.logOnce(k, "read a run", err)
			continue
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// logOnce logs what is wrong with a run that will be met again and again.
func (e *Engine) logOnce(run int64, doing string, err error) {
	e.mu.Lock()
	said := e.said[run]
	e.said[run] = err.Error()
	e.mu.Unlock()
	if said != err.Error() {
		e.o.Log.Error("one run is left alone until the next try", "doing", doing, "run", run, "error", err)
	}
}

// takeOver settles attempts whose process died. One that can't be settled is tried again
// with the next.
func (e *Engine) takeOver(ctx context.Context, lost []store.Job) {
	e.mu.Lock()
	lost = append(e.unsettled, lost...)
	e.unsettled = nil
	e.mu.Unlock()
	for _, j := range lost {
		err := e.changeOf(ctx, j.RunKey, func(c *change) error { return c.settleLost(j) })
		if err == nil || errors.Is(err, store.ErrLostLease) {
			continue
		}
		e.logOnce(j.RunKey, "take over the lost attempt of task "+j.TaskID, err)
		e.mu.Lock()
		e.unsettled = append(e.unsettled, j)
		e.mu.Unlock()
	}
}

// settleLost decides what becomes of one lost attempt: work that may be repeated runs
// again and the try is not counted, as Airflow resets orphans; work that must not be
// repeated fails, and says so.
func (c *change) settleLost(j store.Job) error {
	lr, err := c.liveRun(j.RunKey)
	if err != nil {
		return err
	}
	if lr == nil {
		return c.Complete(c.ctx, j)
	}
	i := lr.plan.IndexOf(j.TaskID)
	if i < 0 {
		return c.Complete(c.ctx, j)
	}
	_, row := lr.find(i, j.MapIndex)
	a := &attempt{e: c.e, job: j, plan: lr.plan, i: i, run: lr.run}
	if !a.wanted(row) {
		if err := c.Complete(c.ctx, j); err != nil {
			return err
		}
		return c.restarted(j)
	}
	a.in = *row
	a.try = c.e.worker.Try(lr.plan.Work, i, &lr.run, row)
	safe := lr.plan.Work.Tasks[i].RepeatSafe
	begun := a.in.State == dag.Running || safe
	switch {
	case !begun, safe && a.in.Lost+1 < maxLost:
		c.e.worker.Note(a.try.Instance().Log, errLostProcess.Error()+"; it runs again and is not counted")
		in := c.set(lr, a.slot(lr), dag.Queued)
		if begun {
			in.Lost++
		}
		return c.Release(c.ctx, j)
	case safe:
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
	res := a.try.Lost(o, c.now)
	res.Instance.Lost = 0
	in, err := c.apply(lr, a.i, &res)
	if err != nil {
		return err
	}
	c.Message(c.e.tell.Task(c.ctx, c, lr.plan, a.i, &lr.run, callbackFor(in.State), in)...)
	return c.step(lr)
}
