package alter

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

const (
	// runsAtOnce is how many runs of a DAG one transaction removes.
	runsAtOnce = 50
	// rowsAtOnce is how many rows of a run go with it. The others go with the next removal of old history.
	rowsAtOnce = 1000
)

// Remove removes a run or a task instance, or some runs of a DAG; More says that there are others.
func (rs *Runs) Remove(tx *live.Tx, r *request.Remove) (*request.Removed, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	if r.RunID == "" {
		return rs.removeRuns(tx, r)
	}
	run, err := meant{dagID: r.DAGID, runID: r.RunID}.one(tx.Ctx, tx)
	if err != nil {
		return nil, err
	}
	if r.TaskID != "" {
		return &request.Removed{}, rs.removeInstance(tx, run, r)
	}
	if err := rs.removeRun(tx, run, true); err != nil {
		return nil, err
	}
	tx.Wake(r.DAGID) // there may be room for another one
	return &request.Removed{Runs: 1}, note(tx, store.EventRunDelete, r, map[string]any{"state": run.State, "run_type": run.Type})
}

// removeRuns removes some runs of a DAG of which none is at work.
func (rs *Runs) removeRuns(tx *live.Tx, r *request.Remove) (*request.Removed, error) {
	busy, err := tx.Runs(tx.Ctx, store.RunFilter{DAGID: r.DAGID, States: []dag.RunState{dag.RunRunning}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(busy) > 0 {
		return nil, atWork(busy[0])
	}
	some, err := tx.Runs(tx.Ctx, store.RunFilter{DAGID: r.DAGID, Limit: runsAtOnce + 1})
	if err != nil {
		return nil, err
	}
	done := &request.Removed{More: len(some) > runsAtOnce}
	for _, run := range some[:min(len(some), runsAtOnce)] {
		if err := rs.removeRun(tx, run, false); err != nil {
			return nil, err
		}
		done.Runs++
	}
	return done, nil
}

// atWork says that a run is.
func atWork(r *store.Run) error {
	return fmt.Errorf("run %s of dag %q %w: it is %s; wait for its end, or end it with dingdag dags mark-failed %s %s", r.RunID, r.DAGID, request.ErrAtWork, r.State, r.DAGID, r.RunID)
}

// removeRun removes a run that has ended, or has not begun. alone says that its DAG stays, whose open backfill needs it.
func (rs *Runs) removeRun(tx *live.Tx, r *store.Run, alone bool) error {
	if r.State == dag.RunRunning {
		return atWork(r)
	}
	if r.BackfillID != 0 && alone {
		b, err := tx.Backfill(tx.Ctx, r.BackfillID)
		if err != nil {
			return err
		}
		if b.Open() {
			return fmt.Errorf("run %s of dag %q %w: it belongs to backfill %d, which is %s; cancel that first: dingdag backfill cancel %d",
				r.RunID, r.DAGID, request.ErrAtWork, b.ID, b.State, b.ID)
		}
	}
	if !r.State.Finished() { // it has not begun, and never will
		r.State, r.EndDate = dag.RunFailed, tx.Now
		if err := tx.UpdateRun(tx.Ctx, r); err != nil {
			return err
		}
	}
	gone, err := tx.RemoveRun(tx.Ctx, r.Key)
	if err != nil {
		return err
	}
	if !gone { // a try may outlast its run for a moment
		return atWork(r)
	}
	tx.Forget(r.Key)
	if err := tx.PutLogRemoval(tx.Ctx, &store.LogRemoval{Folder: r.LogFolder(), Before: tx.Now}); err != nil {
		return err
	}
	rows, err := tx.RemoveRowsOfRun(tx.Ctx, r.Key, rowsAtOnce)
	if err != nil || rows.Total() == rowsAtOnce || rs.Discard == nil {
		return err
	}
	if err := rs.Discard(r.LogFolder(), r.Key); err != nil {
		return err
	}
	return tx.ForgetRun(tx.Ctx, r.Key)
}

// removeInstance removes a task instance of a run that has ended: its task has no state then.
func (rs *Runs) removeInstance(tx *live.Tx, run *store.Run, r *request.Remove) error {
	begun, err := rs.Live.Begun(tx.Ctx, tx, run.Key)
	if err != nil {
		return err
	}
	found, err := tx.FindInstances(tx.Ctx, store.InstanceFilter{RunKey: run.Key, TaskID: r.TaskID, MapIndex: &r.MapIndex})
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return fmt.Errorf("run %q of dag %q has no instance of task %q with the map index %d: %w", r.RunID, r.DAGID, r.TaskID, r.MapIndex, store.ErrNotFound)
	case !run.State.Finished():
		return fmt.Errorf("task %q of run %s of dag %q %w: the run is %s, and would run it again; clear it for that, or wait for the end of the run",
			r.TaskID, r.RunID, r.DAGID, request.ErrAtWork, run.State)
	case begun(found[0]):
		return fmt.Errorf("task %q of run %s of dag %q %w: a try of it has not ended yet", r.TaskID, r.RunID, r.DAGID, request.ErrAtWork)
	}
	if err := tx.RemoveInstance(tx.Ctx, found[0]); err != nil {
		return err
	}
	tx.Forget(run.Key)
	folder := filepath.Join(run.LogFolder(), "task_id="+r.TaskID)
	if r.MapIndex >= 0 {
		folder = filepath.Join(folder, "map_index="+strconv.Itoa(r.MapIndex))
	}
	if err := tx.PutLogRemoval(tx.Ctx, &store.LogRemoval{Folder: folder, Before: tx.Now}); err != nil {
		return err
	}
	if rs.Discard != nil {
		if err := rs.Discard(folder, run.Key); err != nil {
			return err
		}
	}
	return note(tx, store.EventTaskDelete, r, map[string]any{"state": found[0].State, "try_number": found[0].Try})
}

// note keeps who removed something, and what it was.
func note(tx *live.Tx, kind store.EventKind, r *request.Remove, what map[string]any) error {
	extra, err := request.Encode(what)
	if err != nil {
		return err
	}
	e := &store.Event{At: tx.Now, Actor: r.Actor, Kind: kind, DAGID: r.DAGID, RunID: r.RunID, TaskID: r.TaskID, MapIndex: -1, Extra: bytes.TrimSpace(extra)}
	if r.TaskID != "" {
		e.MapIndex = r.MapIndex
	}
	return tx.InsertEvents(tx.Ctx, e)
}
