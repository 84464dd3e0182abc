package history

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// held are the runs of one DAG that others still read.
type held struct {
	keys map[int64]bool
	// backfill is the open backfill of the DAG, whose runs it counts; 0 for none.
	backfill int64
	// from, unless it is zero, is a logical date from which on all are held.
	from time.Time
}

// looksEach is for how many open runs it is looked which ones stand before each. When there are
// more, everything from the first of them on is held.
const looksEach = 100

// endOfTime is after all that is due.
var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// holds finds the runs of a DAG that others still read, see [Cleaner.Clean].
func holds(ctx context.Context, r store.Reader, dagID string, needs Needs, now time.Time) (*held, error) {
	h := &held{keys: map[int64]bool{}}
	last, err := r.LastScheduled(ctx, dagID)
	if err != nil {
		return nil, err
	}
	// What a run would read that is made next: for this moment, without a date, and by the schedule. The
	// run before the last of these is the one from which the schedule goes on.
	next := []*store.Run{
		{DAGID: dagID, LogicalDate: now},
		{DAGID: dagID, RunAfter: endOfTime, Key: math.MaxInt64},
	}
	if last != nil {
		next = append(next, &store.Run{DAGID: dagID, LogicalDate: last.LogicalDate.Add(time.Millisecond)})
	}
	open, err := r.Runs(ctx, store.RunFilter{DAGID: dagID, States: []dag.RunState{dag.RunQueued, dag.RunRunning}})
	if err != nil {
		return nil, err
	}
	if len(open) > looksEach {
		first := earliestDated(open)
		h.from = first.LogicalDate
		open = []*store.Run{first}
	}
	for _, run := range append(next, open...) {
		if err := h.before(ctx, r, run); err != nil {
			return nil, err
		}
	}
	for _, newest := range []struct {
		n      int
		states []dag.RunState
	}{{needs.Ended, []dag.RunState{dag.RunSuccess, dag.RunFailed}}, {needs.Successes, []dag.RunState{dag.RunSuccess}}} {
		if newest.n == 0 {
			continue
		}
		rs, err := r.Runs(ctx, store.RunFilter{DAGID: dagID, States: newest.states, Limit: newest.n})
		if err != nil {
			return nil, err
		}
		for _, run := range rs {
			h.keys[run.Key] = true
		}
	}
	b, err := r.OpenBackfill(ctx, dagID)
	if err != nil {
		return nil, err
	}
	if b != nil {
		h.backfill = b.ID
	}
	return h, nil
}

// earliestDated is the run with the earliest logical date, of those that have one.
func earliestDated(rs []*store.Run) *store.Run {
	first := rs[0]
	for _, r := range rs {
		if !r.LogicalDate.IsZero() && (first.LogicalDate.IsZero() || r.LogicalDate.Before(first.LogicalDate)) {
			first = r
		}
	}
	return first
}

// before holds what a run reads of the ones before it.
func (h *held) before(ctx context.Context, r store.Reader, run *store.Run) error {
	for _, automatic := range []bool{false, true} {
		p, err := r.PreviousRun(ctx, run, automatic)
		if err != nil {
			return err
		}
		if p != nil {
			h.keys[p.Key] = true
		}
	}
	if run.LogicalDate.IsZero() {
		return nil // prev_…_success goes by logical dates
	}
	p, err := r.PreviousSuccess(ctx, run)
	if err == nil && p != nil {
		h.keys[p.Key] = true
	}
	return err
}

// keeps reports whether a run is held.
func (h *held) keeps(ctx context.Context, r store.Runs, run *store.Run) (bool, error) {
	switch {
	case h.keys[run.Key], h.backfill != 0 && run.BackfillID == h.backfill:
		return true, nil
	case !h.from.IsZero() && !run.LogicalDate.Before(h.from):
		return true, nil
	case run.MadeBy == "":
		return false, nil
	}
	return madeByOpen(ctx, r, run.MadeBy)
}

// madeByOpen reports whether the run is open of which a task made a run. When the task is tried
// again it finds its run by that, and waits for it or makes no other.
func madeByOpen(ctx context.Context, r store.Runs, by string) (bool, error) {
	// DAG, run, task, map index, try and number; none of them has a slash.
	parts := strings.Split(by, "/")
	if len(parts) < 2 {
		return false, nil
	}
	maker, err := r.RunByID(ctx, parts[0], parts[1])
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && !maker.State.Finished(), err
}
