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
	errLostProcess = errors.New("the process that ran this try died")
	errUnknownFate = errors.New("the process that ran this try died and it is not known whether its work was done; it is not repeated because doing it twice would do harm: check whether it was done, then run the task again if necessary")
)

// errUnheard puts off what becomes of a lost attempt until it is taken in what its process said of it.
var errUnheard = errors.New("its process has said something of this try that has not been taken in yet")

// takeOver settles attempts whose process died. One that can't be settled is tried again
// with the next.
func (x *executor) takeOver(ctx context.Context, lost []store.Job) {
	x.mu.Lock()
	lost = append(x.unsettled, lost...)
	x.unsettled = nil
	x.mu.Unlock()
	for _, j := range lost {
		err := x.runs.ChangeOf(ctx, j.RunKey, func(tx *live.Tx) error { return x.settleLost(tx, j) })
		if err == nil || errors.Is(err, store.ErrLostLease) {
			continue
		}
		if !errors.Is(err, errUnheard) { // why that is not taken in is in the log
			x.runs.LogOnce(j.RunKey, "take over the lost try of task "+j.TaskID, err)
		}
		x.mu.Lock()
		x.unsettled = append(x.unsettled, j)
		x.mu.Unlock()
	}
}

// settleLost decides what becomes of one lost attempt: work that may be repeated runs
// again and the try is not counted, as Airflow resets orphans; work that must not be
// repeated fails, and says so.
func (x *executor) settleLost(tx *live.Tx, j store.Job) error {
	lr, err := tx.Live(j.RunKey)
	if err != nil {
		return err
	}
	if lr == nil {
		return tx.Complete(tx.Ctx, j)
	}
	i := lr.Plan.IndexOf(j.TaskID)
	if i < 0 {
		return tx.Complete(tx.Ctx, j)
	}
	_, row := lr.Find(i, j.MapIndex)
	a := &attempt{x: x, job: j, plan: lr.Plan, i: i, run: lr.Row}
	if !a.wanted(row) {
		if err := tx.Complete(tx.Ctx, j); err != nil {
			return err
		}
		return tx.Restarted(j)
	}
	a.in = *row
	a.try = x.worker.Try(lr.Plan.Work, i, &lr.Row, row)
	safe := lr.Plan.Work.Tasks[i].RepeatSafe
	begun := a.in.State == dag.Running || safe
	if !begun { // as far as is known here
		if heard, err := x.heard(tx, j); err != nil || !heard {
			return errors.Join(err, errUnheard)
		}
	}
	switch {
	case !begun, safe && a.in.Lost+1 < maxLost:
		x.worker.Note(a.try.Instance().Log, errLostProcess.Error()+"; it runs again and is not counted")
		in := lr.Set(tx, a.slot(lr), dag.Queued)
		if begun {
			in.Lost++
		}
		return tx.Release(tx.Ctx, j)
	case safe:
		return x.failLost(tx, lr, a, operator.Outcome{Kind: operator.Retry, Err: fmt.Errorf("%w, for the %d. time", errLostProcess, maxLost)})
	default:
		return x.failLost(tx, lr, a, operator.Outcome{Kind: operator.Failed, Err: errUnknownFate})
	}
}

// heard reports whether all was taken in that the process of an attempt has said of it. It can't say more after that: a transaction that
// settles the attempt ends its job with it.
func (x *executor) heard(tx *live.Tx, j store.Job) (bool, error) {
	if !x.shared {
		return true, nil
	}
	for after := int64(0); ; {
		rs, err := tx.Reports(tx.Ctx, after, batch)
		if err != nil || len(rs) == 0 {
			return err == nil, err
		}
		for _, r := range rs {
			after = r.ID
			if said, err := readReport(r); err == nil && said.Job.RunKey == j.RunKey && said.Job.TaskID == j.TaskID && said.Job.MapIndex == j.MapIndex && said.Job.Try == j.Try {
				return false, nil
			}
		}
	}
}

// failLost ends a lost attempt as failed, with its callbacks.
func (x *executor) failLost(tx *live.Tx, lr *live.Run, a *attempt, o operator.Outcome) error {
	if err := tx.Complete(tx.Ctx, a.job); err != nil {
		return err
	}
	res := a.try.Lost(o, tx.Now)
	res.Instance.Lost = 0
	in, err := lr.Apply(tx, a.i, &res)
	if err != nil {
		return err
	}
	return lr.Ended(tx, in, x.tell.Task(tx.Ctx, tx, tell.EndOfTry(in.State), lr.Try(a.i, in)))
}
