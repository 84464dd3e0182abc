package schedule

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Deadlines are the moments by which a new run is to have finished. A run of a backfill has
// those that lie ahead: what its dates have missed long ago is nobody's news.
func Deadlines(ctx context.Context, r store.Runs, d *dag.DAG, run *store.Run, now time.Time) (out []*store.RunDeadline, err error) {
	for i := range d.Deadlines {
		l := &d.Deadlines[i]
		from, err := deadlineReference(ctx, r, l, run)
		if err != nil {
			return nil, err
		}
		if from.IsZero() || run.Type == dag.BackfillRun && !from.Add(l.Interval).After(now) {
			continue
		}
		out = append(out, &store.RunDeadline{RunKey: run.Key, Index: i, At: from.Add(l.Interval)})
	}
	return out, nil
}

// deadlineReference is what a deadline counts from, zero when a run has none.
func deadlineReference(ctx context.Context, r store.Runs, l *dag.Deadline, run *store.Run) (time.Time, error) {
	switch l.Reference {
	case dag.DeadlineFixed:
		return l.At, nil
	case dag.DeadlineLogicalDate:
		return run.LogicalDate, nil
	case dag.DeadlineQueuedAt:
		return run.QueuedAt, nil
	}
	last, err := r.Runs(ctx, store.RunFilter{DAGID: run.DAGID, States: []dag.RunState{dag.RunSuccess}, Limit: l.MaxRuns})
	if err != nil || len(last) < l.MinRuns {
		return time.Time{}, err
	}
	var sum time.Duration
	for _, p := range last {
		sum += p.EndDate.Sub(p.StartDate)
	}
	return run.QueuedAt.Add(sum / time.Duration(len(last))), nil
}
