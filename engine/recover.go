package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/tell"
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
	if err := e.runs.Reload(ctx); err != nil {
		return err
	}
	e.runs.SetWorking(true)
	e.takeOver(ctx, lost)
	return nil
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
		e.runs.LogOnce(j.RunKey, "take over the lost attempt of task "+j.TaskID, err)
		e.mu.Lock()
		e.unsettled = append(e.unsettled, j)
		e.mu.Unlock()
	}
}

// settleLost decides what becomes of one lost attempt: work that may be repeated runs
// again and the try is not counted, as Airflow resets orphans; work that must not be
// repeated fails, and says so.
func (c *change) settleLost(j store.Job) error {
	lr, err := c.Live(j.RunKey)
	if err != nil {
		return err
	}
	if lr == nil {
		return c.Complete(c.Ctx, j)
	}
	i := lr.Plan.IndexOf(j.TaskID)
	if i < 0 {
		return c.Complete(c.Ctx, j)
	}
	_, row := lr.Find(i, j.MapIndex)
	a := &attempt{e: c.e, job: j, plan: lr.Plan, i: i, run: lr.Row}
	if !a.wanted(row) {
		if err := c.Complete(c.Ctx, j); err != nil {
			return err
		}
		return c.Restarted(j)
	}
	a.in = *row
	a.try = c.e.worker.Try(lr.Plan.Work, i, &lr.Row, row)
	safe := lr.Plan.Work.Tasks[i].RepeatSafe
	begun := a.in.State == dag.Running || safe
	switch {
	case !begun, safe && a.in.Lost+1 < maxLost:
		c.e.worker.Note(a.try.Instance().Log, errLostProcess.Error()+"; it runs again and is not counted")
		in := lr.Set(c.Tx, a.slot(lr), dag.Queued)
		if begun {
			in.Lost++
		}
		return c.Release(c.Ctx, j)
	case safe:
		return c.failLost(lr, a, operator.Outcome{Kind: operator.Retry, Err: fmt.Errorf("%w, for the %d. time", errLostProcess, maxLost)})
	default:
		return c.failLost(lr, a, operator.Outcome{Kind: operator.Failed, Err: errUnknownFate})
	}
}

// failLost ends a lost attempt as failed, with its callbacks.
func (c *change) failLost(lr *live.Run, a *attempt, o operator.Outcome) error {
	if err := c.Complete(c.Ctx, a.job); err != nil {
		return err
	}
	res := a.try.Lost(o, c.Now)
	res.Instance.Lost = 0
	in, err := lr.Apply(c.Tx, a.i, &res)
	if err != nil {
		return err
	}
	c.Message(c.e.tell.Task(c.Ctx, c, lr.Plan, a.i, &lr.Row, tell.EndOfTry(in.State), in)...)
	return lr.Step(c.Tx)
}
