package scheduler

import (
	"context"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// TakeLoaded records what a load has found, and goes by it from now on.
func (sch *Scheduler) TakeLoaded(ctx context.Context, res dagfile.Result) error {
	loaded := make(map[string]*dag.DAG, len(res.DAGs))
	for _, d := range res.DAGs {
		loaded[d.ID] = d
	}
	states, err := sch.o.Store.DAGs(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]*store.DAGState, len(states))
	for _, s := range states {
		known[s.ID] = s
	}
	found := schedule.FindBroken(res.Diagnostics, known, loaded, sch.o.Masker.Mask)
	now := schedule.CompareStates(known, loaded, found, sch.o.PausedAtCreation)
	var broken map[string]*store.ImportError
	err = sch.o.Live.Change(ctx, func(tx *live.Tx) error {
		if err := sch.putStates(tx, now, loaded); err != nil {
			return err
		}
		if err := forgetBroken(tx, now.Changed, loaded); err != nil {
			return err
		}
		broken, err = sch.recordImports(tx, found, known)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the dags: %w", err)
	}
	waiting := map[string][]string{}
	for id := range broken {
		waiting[id] = known[id].Assets
	}
	sch.o.DAGs.Replace(loaded, broken, waiting)
	return nil
}

// putStates writes what a load changes of what the store keeps of DAGs.
func (sch *Scheduler) putStates(tx *live.Tx, now schedule.States, loaded map[string]*dag.DAG) error {
	if sch.o.Shared { // tasks elsewhere may ask for DAGs that have not run yet
		for _, s := range slices.Concat(now.New, now.Changed) {
			if d := loaded[s.ID]; d != nil {
				if err := putVersion(tx, d); err != nil {
					return err
				}
			}
		}
	}
	for _, s := range now.New {
		s.LoadedAt = tx.Now
		if err := store.AddDAG(tx.Ctx, tx, s, tx.Now); err != nil {
			return err
		}
	}
	for _, s := range now.Changed {
		if s.Active {
			s.LoadedAt = tx.Now
		}
		if err := tx.PutDAG(tx.Ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// forgetBroken removes what is broken of DAGs and tasks that are there no more: nothing of them
// will succeed.
func forgetBroken(tx *live.Tx, changed []*store.DAGState, loaded map[string]*dag.DAG) error {
	for _, s := range changed {
		all, err := tx.BrokenOf(tx.Ctx, s.ID)
		if err != nil {
			return err
		}
		for _, b := range all {
			d := loaded[s.ID]
			if s.Active && (d == nil || b.TaskID == "" || d.Task(b.TaskID) != nil) {
				continue
			}
			if err := tx.DeleteBroken(tx.Ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordImports notes what is broken since now and what is mended, and tells on_import_error,
// once each. It returns the DAGs that are broken.
func (sch *Scheduler) recordImports(tx *live.Tx, found *schedule.Broken, known map[string]*store.DAGState) (map[string]*store.ImportError, error) {
	open, err := tx.OpenImportErrors(tx.Ctx)
	if err != nil {
		return nil, err
	}
	im := found.Record(open, known, tx.Now)
	for _, i := range slices.Concat(im.Mended, im.Changed, im.Fresh) {
		if err := tx.PutImportError(tx.Ctx, i); err != nil {
			return nil, err
		}
	}
	tx.Message(sch.o.Tell.Broken(tx.Ctx, tx, im.Fresh)...)
	tx.Message(sch.o.Tell.Mended(tx.Ctx, tx, im.Mended)...)
	return im.DAGs, nil
}

// Adopt gives the runs that were made while no process worked this process's version
// of their DAG. The others wait until their DAG is known.
func (sch *Scheduler) Adopt(ctx context.Context) error {
	if !sch.o.Live.Working() {
		return nil
	}
	rs, err := sch.o.Store.ProvisionalRuns(ctx)
	if err != nil || len(rs) == 0 {
		return err
	}
	return sch.o.Live.Change(ctx, func(tx *live.Tx) error {
		for _, r := range rs {
			d := sch.o.DAGs.Get(r.DAGID)
			if d == nil {
				sch.o.Log.Warn("a run waits, because its DAG is not among those of this process", "dag", r.DAGID, "run", r.RunID)
				continue
			}
			if err := sch.adopt(tx, d, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// adopt gives a run that was made or moved elsewhere the version of its DAG that this process has.
// What somebody has cleared or marked of it meanwhile stays so.
func (sch *Scheduler) adopt(tx *live.Tx, d *dag.DAG, r *store.Run) error {
	is, err := tx.Instances(tx.Ctx, r.Key)
	if err != nil {
		return err
	}
	if r.Version == d.Version {
		r.Provisional = false
		return tx.SetRunVersion(tx.Ctx, r)
	}
	if len(is) > 0 {
		if err := sch.o.Alter.Adapt(tx, r, d); err != nil {
			return err
		}
		r.Provisional = false
		return sch.Moved(tx, d, r)
	}
	r.Version, r.Provisional = d.Version, false
	if err := tx.DeleteDeadlines(tx.Ctx, r.Key); err != nil {
		return err
	}
	if err := sch.armDeadlines(tx, d, r); err != nil {
		return err
	}
	return sch.keepVersion(tx, d, r)
}

// putVersion keeps a version of a DAG with its template files, of which all contents are known where it is new.
func putVersion(tx *live.Tx, d *dag.DAG) error {
	if err := tx.PutVersion(tx.Ctx, d.Version, d.ID, dagfile.Source(d), tx.Now); err != nil || d.TemplateFiles == nil {
		return err
	}
	return tx.PutTemplateFiles(tx.Ctx, d.Version, d.TemplateFiles.Contents())
}

// keepVersion writes which version of its DAG a run has, and what that is.
func (sch *Scheduler) keepVersion(tx *live.Tx, d *dag.DAG, r *store.Run) error {
	if err := putVersion(tx, d); err != nil {
		return err
	}
	return tx.SetRunVersion(tx.Ctx, r)
}

// Latest is a DAG as this process has it loaded. The error wraps [store.ErrNotFound].
func (sch *Scheduler) Latest(id string) (*dag.DAG, error) {
	if d := sch.o.DAGs.Get(id); d != nil {
		return d, nil
	}
	return nil, sch.unknownDAG(id)
}

// Moved notes that a run which had begun goes on in another version of its DAG. It gets the deadlines of that which lie
// ahead. Those that it has missed are told first, as its version so far has them.
func (sch *Scheduler) Moved(tx *live.Tx, d *dag.DAG, r *store.Run) error {
	due, err := tx.DueDeadlines(tx.Ctx, tx.Now)
	if err != nil {
		return err
	}
	for _, l := range due {
		if l.RunKey != r.Key {
			continue
		}
		if err := sch.fireDeadline(tx, l); err != nil {
			return err
		}
	}
	if err := tx.DeleteDeadlines(tx.Ctx, r.Key); err != nil {
		return err
	}
	ahead, err := schedule.Deadlines(tx.Ctx, tx, d, r, tx.Now)
	if err != nil {
		return err
	}
	for _, l := range ahead {
		if !l.At.After(tx.Now) {
			continue
		}
		if err := tx.PutDeadline(tx.Ctx, l); err != nil {
			return err
		}
	}
	return sch.keepVersion(tx, d, r)
}
