package history

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/dingdag/dingdag/store"
)

// runs ends the runs of every DAG, and what runs that stay have lost their time for.
func (r *pass) runs(ctx context.Context) error {
	var errs []error
	for _, kind := range []Kind{Runs, Logs, XComs} {
		b := r.p.Bounds[kind]
		if b.none() {
			continue
		}
		dags, err := r.c.o.Store.RunsOfDAGs(ctx, prunable[kind], b.Newest)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, d := range dags {
			// A run is due before it ends: most DAGs have nothing that is old.
			old := !d.Earliest.IsZero() && d.Earliest.Before(b.Before)
			if !old && (b.Newest == 0 || !d.More) {
				continue
			}
			if err := r.runsOf(ctx, d.DAGID, kind); err != nil {
				errs = append(errs, fmt.Errorf("dag %s: %w", d.DAGID, err))
			}
			if err := ctx.Err(); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
	}
	return errors.Join(errs...)
}

// prunable is what runs lose that stay.
var prunable = map[Kind]store.Prunable{Logs: store.PrunableLogs, XComs: store.PrunableXComs}

// runsOf does it for one kind and the runs of one DAG, from the oldest to the newest.
func (r *pass) runsOf(ctx context.Context, dagID string, kind Kind) error {
	f, err := r.old(ctx, dagID, kind)
	if err != nil || f == nil {
		return err
	}
	needs, err := r.c.o.Needs(ctx, dagID)
	if err != nil {
		return fmt.Errorf("its runs are kept, because it is not known which of them it needs: %w", err)
	}
	if r.dry != nil {
		return r.count(ctx, *f, kind, needs)
	}
	for more := true; more && err == nil; {
		err = r.step(ctx, string(kind), func(tx store.Tx, s share) (looked int, err error) {
			f.Limit = s.n
			looked, more, err = r.endSome(ctx, tx, s, f, kind, needs)
			return looked, err
		})
	}
	return errors.Join(err, r.emptyTrash())
}

// old selects the runs of a DAG that are old; nil when there is none.
func (r *pass) old(ctx context.Context, dagID string, kind Kind) (*store.EndedRuns, error) {
	b := r.p.Bounds[kind]
	f := &store.EndedRuns{DAGID: dagID, Before: b.Before, Limit: 1}
	f.With = prunable[kind]
	var err error
	if b.Newest > 0 {
		if f.OrUpTo, err = r.placeBehind(ctx, dagID, b.Newest); err != nil {
			return nil, err
		}
	}
	first, err := r.c.o.Store.EndedRuns(ctx, *f)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	if r.p.KeepLast == 0 {
		return f, nil
	}
	if f.UpTo, err = r.placeBehind(ctx, dagID, r.p.KeepLast); err != nil || f.UpTo == nil {
		return nil, err
	}
	return f, nil
}

// placeBehind is where the first run stands that is not among the newest n; nil for none.
func (r *pass) placeBehind(ctx context.Context, dagID string, n int) (*store.RunPlace, error) {
	rs, err := r.c.o.Store.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: 1, Offset: n})
	if err != nil || len(rs) == 0 {
		return nil, err
	}
	return placeOf(rs[0]), nil
}

func placeOf(r *store.Run) *store.RunPlace { return &store.RunPlace{RunAfter: r.RunAfter, Key: r.Key} }

// endSome ends the next of the selected runs, and moves the selection behind them.
func (r *pass) endSome(ctx context.Context, tx store.Tx, s share, f *store.EndedRuns, kind Kind, needs Needs) (looked int, more bool, err error) {
	rs, err := tx.EndedRuns(ctx, *f)
	if err != nil || len(rs) == 0 {
		return 0, false, err
	}
	h, err := holds(ctx, tx, f.DAGID, needs, r.c.o.Clock())
	if err != nil {
		return 0, false, err
	}
	left := s.n
	for i, run := range rs {
		if i > 0 && (left <= 0 || s.over()) {
			break
		}
		keep, err := h.keeps(ctx, tx, run)
		if err != nil {
			return 0, false, err
		}
		if keep {
			left--
		} else if left, err = r.end(ctx, tx, run, kind, left); err != nil {
			return 0, false, err
		}
		if left < 0 { // there is more of this one
			break
		}
		f.Behind = placeOf(run)
	}
	return s.n - max(left, 0), true, nil
}

// end ends one run, or its logs or XComs. It returns how much may be done beside it, less than 0 when
// it was too much for one step.
func (r *pass) end(ctx context.Context, tx store.Tx, run *store.Run, kind Kind, left int) (int, error) {
	switch kind {
	case Runs:
		gone, err := tx.RemoveRun(ctx, run.Key)
		if gone {
			r.report.Counts[Runs]++
			r.c.removed = true
			err = errors.Join(err, r.c.discardStored(ctx, tx, run))
		}
		return left - 1, err
	case XComs:
		n, err := tx.RemoveXComs(ctx, run.Key, left)
		r.report.Counts[XComs] += n
		if err != nil || n == left {
			return -1, err
		}
		_, err = tx.MarkPruned(ctx, run.Key, store.PrunableXComs)
		return left - n - 1, err
	default:
		ok, err := tx.MarkPruned(ctx, run.Key, store.PrunableLogs)
		if err == nil && ok {
			// What can't be moved away goes with its run.
			r.failed(r.c.discard(run.LogFolder(), run.Key))
			err = r.c.discardStored(ctx, tx, run)
		}
		return left - 1, err
	}
}

// count tells what would go of the selected runs.
func (r *pass) count(ctx context.Context, f store.EndedRuns, kind Kind, needs Needs) error {
	f.Limit = math.MaxInt32
	rs, err := r.c.o.Store.EndedRuns(ctx, f)
	if err != nil {
		return err
	}
	h, err := holds(ctx, r.c.o.Store, f.DAGID, needs, r.c.o.Clock())
	if err != nil {
		return err
	}
	for _, run := range rs {
		if keep, err := h.keeps(ctx, r.c.o.Store, run); err != nil || keep || r.dry[run.Key] {
			if err != nil {
				return err
			}
			continue
		}
		n, err := r.c.o.Store.RowsOfRun(ctx, run.Key)
		if err != nil {
			return err
		}
		switch kind {
		case Runs:
			r.dry[run.Key] = true
			r.report.Counts[Runs]++
			r.report.Instances += n.Instances
			r.report.Counts[XComs] += n.XComs
			err = r.countLogs(ctx, run)
		case XComs:
			r.report.Counts[XComs] += n.XComs
		default:
			err = r.countLogs(ctx, run)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// leftovers ends what is left of runs that are gone.
func (r *pass) leftovers(ctx context.Context) error {
	const leftoversAtOnce = 64 // a short step ends few of them, and would read all of them again
	err := r.emptyTrash()      // of a process that has died
	for after, more := int64(0), true; more && err == nil; {
		rs, rerr := r.c.o.Store.RemovedRuns(ctx, after, leftoversAtOnce)
		if rerr != nil {
			return rerr
		}
		if more = len(rs) > 0; !more {
			break
		}
		err = r.step(ctx, "leftovers", func(tx store.Tx, s share) (int, error) {
			left := s.n
			for i, run := range rs {
				if i > 0 && s.over() {
					break
				}
				gone, err := tx.RemoveRowsOfRun(ctx, run.Key, left)
				r.report.Instances += gone.Instances
				r.report.Counts[XComs] += gone.XComs
				if left -= gone.Total(); err != nil || left <= 0 {
					return s.n, err // perhaps not all of it
				}
				r.failed(r.forget(ctx, tx, run))
				after = run.Key
				left--
			}
			return s.n - left, nil
		})
		err = errors.Join(err, r.emptyTrash())
	}
	return err
}

// forget ends the logs of a run of which no rows are left. A run that was made since then and has its
// id has its logs in the same folder, which stays.
func (r *pass) forget(ctx context.Context, tx store.Tx, run *store.RemovedRun) error {
	_, err := tx.RunByID(ctx, run.DAGID, run.RunID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if err := r.c.discard(run.LogFolder(), run.Key); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	return tx.ForgetRun(ctx, run.Key)
}
