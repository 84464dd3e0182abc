package live

import (
	"context"
	"errors"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
)

// watchRetry arms the timer of an instance that waits for its retry, its next look or the end of the
// time in which people may answer.
func (tx *Tx) watchRetry(in *store.Instance) {
	key, try, at := AttemptOf(in), in.Try, in.RetryAt
	if at.IsZero() { // it is deferred without an end
		return
	}
	tx.After(func() {
		tx.runs.o.Timers.At(at, func() { tx.runs.retry(key, try) })
	})
}

// retry schedules an instance whose retry or next look is due, or whose time for an answer is over.
func (rs *Runs) retry(key Attempt, try int) {
	err := rs.Change(context.Background(), func(tx *Tx) error {
		lr, err := tx.Live(key.Run)
		if err != nil || lr == nil {
			return err
		}
		i := lr.Plan.IndexOf(key.Task)
		if i < 0 {
			return nil
		}
		at, in := lr.Find(i, key.MapIndex)
		if in == nil || !waitsForAMoment(in.State) || in.Try != try || in.RetryAt.After(tx.Now) {
			return nil
		}
		if in.State == dag.Deferred {
			if err := tx.overdue(in); err != nil {
				return err
			}
		}
		lr.Set(tx, at, dag.Scheduled)
		return lr.Step(tx)
	})
	if err != nil {
		rs.LogOnce(key.Run, "schedule a retry of task "+key.Task, err)
		rs.again(err, func() { rs.retry(key, try) })
	}
}

// untilAgain is how long it is waited before what was due at a moment is tried again.
const untilAgain = time.Second

// again has something due tried again that has failed, as while the database is away. A transaction that did not begin has
// dropped no run, which would be read again otherwise, and have its timers armed.
func (rs *Runs) again(err error, due func()) {
	if !errors.Is(err, store.ErrNotLeader) {
		rs.o.Timers.At(rs.o.Clock().Add(untilAgain), due)
	}
}

// waitsForAMoment reports whether an instance in a state goes on at its RetryAt.
func waitsForAMoment(s dag.State) bool {
	return s == dag.UpForRetry || s == dag.UpForReschedule || s == dag.Deferred
}

// watchTimeout arms the timer of dagrun_timeout.
func (lr *Run) watchTimeout(tx *Tx) {
	if d := lr.Plan.DAG.DagrunTimeout; d > 0 {
		key, at := lr.Row.Key, lr.Row.StartDate.Add(d)
		tx.After(func() { tx.runs.o.Timers.At(at, func() { tx.runs.timeOut(key) }) })
	}
}

// timeOut ends a run that took longer than dagrun_timeout: what is unfinished is
// skipped and running tries are stopped (Airflow, DAG argument dagrun_timeout).
func (rs *Runs) timeOut(key int64) {
	err := rs.Change(context.Background(), func(tx *Tx) error {
		lr, err := tx.Live(key)
		if err != nil || lr == nil {
			return err
		}
		if tx.Now.Before(lr.Row.StartDate.Add(lr.Plan.DAG.DagrunTimeout)) {
			lr.watchTimeout(tx) // it was cleared and has begun anew
			return nil
		}
		for _, at := range lr.Machine.TimeOut() {
			if in := lr.Instance(at); holdsSlot(in.State) {
				tx.Cancel(AttemptOf(in), errRunTimedOut)
			}
			lr.record(tx, at).EndDate = tx.Now
		}
		return lr.end(tx, dag.RunFailed, dagrun.ReasonTimedOut)
	})
	if err != nil {
		rs.LogOnce(key, "time out a run", err)
		rs.again(err, func() { rs.timeOut(key) })
	}
}

var errRunTimedOut = errors.New("the DAG run took longer than its dagrun_timeout")
