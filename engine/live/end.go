package live

import (
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/store"
)

// end finishes a run: its state, its callbacks, and the next run that waited for it.
func (lr *Run) end(tx *Tx, state dag.RunState, reason string) error {
	marked := markOf(&lr.Row)
	if marked != "" { // its teardowns have run: now it gets the state that somebody gave it
		state, reason = marked, lr.Row.Reason
	}
	lr.Row.State, lr.Row.Reason, lr.Row.EndDate = state, reason, tx.Now
	if err := tx.UpdateRun(tx.Ctx, &lr.Row); err != nil {
		return err
	}
	paused, err := lr.pauseAfterFailures(tx)
	if err != nil {
		return err
	}
	kind, cbs := callbacks.Success, lr.Plan.OnSuccess
	if state == dag.RunFailed {
		kind, cbs = callbacks.Failure, lr.Plan.OnFailure
	}
	// The callbacks may read what this transaction wrote.
	if marked == "" && (len(cbs) > 0 || tx.runs.o.Tell.HearsRun(tx.Ctx, kind, lr.told())) {
		if err := tx.Rows(tx.Ctx, tx); err != nil {
			return err
		}
		ev := tx.runs.o.Tell.Ended(lr.told(), kind, tx.Now)
		ev.Paused = paused
		said := tx.runs.o.Tell.OfRun(tx.Ctx, tx, lr.told(), ev, cbs)
		if err := lr.said(tx, said); err != nil {
			return err
		}
	}
	if state == dag.RunSuccess {
		if err := tx.RunMended(lr.told()); err != nil {
			return err
		}
	}
	if paused != "" {
		tx.Message(tx.runs.o.Tell.Paused(tx.Ctx, tx, lr.told(), paused)...)
	}
	tx.Changed(phase.Change{Run: lr.Row})
	tx.over(&lr.Row)
	return nil
}

// said notes what the callbacks of the DAG had to say about the end of the run.
func (lr *Run) said(tx *Tx, said []*store.Delivery) error {
	if lr.Row.State == dag.RunFailed {
		return tx.runFailed(lr.told(), said)
	}
	tx.Message(said...)
	return nil
}

// over forgets a run that has ended, and lets its DAG look what it may begin. Somebody may have
// cleared the run before that: its new copy stays.
func (tx *Tx) over(r *store.Run) {
	key, dagID, ended := r.Key, r.DAGID, tx.runs.Find(r.Key)
	tx.After(func() {
		tx.runs.dropIf(key, ended)
		tx.runs.o.Wake(dagID)
	})
}

// The reasons of a run whose state a person set.
const (
	ReasonMarkedSuccess = "marked_success"
	ReasonMarkedFailed  = "marked_failed"
)

// markOf is the state that a person gave a run which still runs its teardowns, or "".
func markOf(r *store.Run) dag.RunState {
	switch r.Reason {
	case ReasonMarkedSuccess:
		return dag.RunSuccess
	case ReasonMarkedFailed:
		return dag.RunFailed
	default:
		return ""
	}
}

// pauseAfterFailures pauses a DAG whose last runs all failed, as many in a row as
// max_consecutive_failed_dag_runs says. It returns why, or nothing when it paused nothing.
func (lr *Run) pauseAfterFailures(tx *Tx) (cause string, err error) {
	n := lr.Plan.DAG.MaxConsecutiveFailedRuns
	if n == 0 || lr.Row.State != dag.RunFailed {
		return "", nil
	}
	last, err := tx.Runs(tx.Ctx, store.RunFilter{DAGID: lr.Row.DAGID, States: []dag.RunState{dag.RunSuccess, dag.RunFailed}, Limit: n})
	if err != nil || len(last) < n || tx.runs.o.DAGs.Paused(lr.Row.DAGID) {
		return "", err
	}
	for _, r := range last {
		if r.State != dag.RunFailed {
			return "", nil
		}
	}
	cause = fmt.Sprintf("max_consecutive_failed_dag_runs: %d runs failed in a row", n)
	if err := store.SetPaused(tx.Ctx, tx, lr.Row.DAGID, store.Pause{At: tx.Now, Paused: true, Cause: cause}); err != nil {
		return "", err
	}
	id := lr.Row.DAGID
	tx.After(func() {
		tx.runs.o.Log.Error("dag paused: too many runs failed in a row", "dag", id, "max_consecutive_failed_dag_runs", n)
		tx.runs.o.DAGs.Pause(id)
	})
	return cause, nil
}
