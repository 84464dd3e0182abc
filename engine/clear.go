package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/store"
)

// ClearRequest selects task instances that are to run again (Airflow, DAG.clear).
type ClearRequest struct {
	DAGID string `json:"dag_id"`
	// RunID is the run; with Past and Future the runs with an earlier or later logical
	// date too. Empty means every run with a logical date from Start to End, which count
	// themselves; a zero one is open.
	RunID  string    `json:"run_id,omitempty"`
	Past   bool      `json:"past,omitempty"`
	Future bool      `json:"future,omitempty"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
	// TaskRegex selects the tasks in whose id it matches somewhere; empty means all.
	// Upstream and Downstream add what lies above and below them.
	TaskRegex  string `json:"task_regex,omitempty"`
	Upstream   bool   `json:"upstream,omitempty"`
	Downstream bool   `json:"downstream,omitempty"`
	// OnlyFailed keeps the instances that are failed or upstream_failed, OnlyRunning
	// those that are running.
	OnlyFailed  bool `json:"only_failed,omitempty"`
	OnlyRunning bool `json:"only_running,omitempty"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// DryRun changes nothing and tells what would be cleared.
	DryRun bool `json:"dry_run,omitempty"`
}

// Clear makes task instances run again: they lose their state and their XComs, keep the
// tries they had (numbers and logs go on) and may retry as often as at first. One that
// runs is stopped first, in state restarting. A finished run is queued again and keeps
// its version of the DAG; one under way goes on. A task that a branch did not choose is
// skipped again unless the branch is cleared too. Setups and teardowns are cleared with
// the work in their scope. No callbacks run.
//
// Another process that works on the store is asked to do it, for at most
// [Options.AskTimeout]. An error means that nothing was changed.
func (e *Engine) Clear(ctx context.Context, r ClearRequest) (*Affected, error) {
	if r.DryRun {
		as, err := e.cleared(ctx, e.store, &r)
		if err != nil {
			return nil, fmt.Errorf("clear: %w", err)
		}
		return affected(as), nil
	}
	done := &Affected{}
	if err := e.ask(ctx, askClear, r.Actor, &r, done, nil); err != nil {
		return nil, fmt.Errorf("clear: %w", err)
	}
	return done, nil
}

// cleared is what a request makes of the runs that it means.
func (e *Engine) cleared(ctx context.Context, rd store.Reader, r *ClearRequest) (out []*alteration, err error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	match, err := regexp.Compile(r.TaskRegex)
	if err != nil {
		return nil, err
	}
	runs, err := e.runsOf(ctx, rd, r.DAGID, r.RunID, r.Past, r.Future, r.Start, r.End)
	if err != nil {
		return nil, err
	}
	matched := len(runs) == 0
	var last *dagrun.Graph
	for _, run := range runs {
		a, err := e.alteration(ctx, rd, run)
		if err != nil {
			return nil, err
		}
		last = a.p.Graph
		tasks := matching(a.p, match)
		matched = matched || len(tasks) > 0
		tasks = spread(a.p.Graph, tasks, r.Upstream, r.Downstream)
		picked := a.pick(withScopes(a.p, tasks), r.keeps)
		// A whole run begins anew even if no task of it has got anywhere.
		whole := r.RunID != "" && r.TaskRegex == "" && !r.OnlyFailed && !r.OnlyRunning && run.State.Finished()
		if len(picked) == 0 && !whole {
			continue
		}
		if err := e.clear(ctx, rd, a, picked); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	if !matched && last != nil {
		return nil, fmt.Errorf("no task of dag %q matches %q; it has %s: %w", r.DAGID, r.TaskRegex, last.Names(last.All()), store.ErrNotFound)
	}
	return out, nil
}

// Check reports what is wrong with a request in itself: options that exclude each other,
// or an expression that is none.
func (r *ClearRequest) Check() error {
	switch {
	case r.OnlyFailed && r.OnlyRunning:
		return errors.New("only failed and only running exclude each other: no instance is both")
	case r.RunID == "" && (r.Past || r.Future):
		return errors.New("past and future need a run")
	case r.RunID != "" && (!r.Start.IsZero() || !r.End.IsZero()):
		return errors.New("a run and dates exclude each other: name the run, or from when to when")
	case !r.Start.IsZero() && !r.End.IsZero() && r.End.Before(r.Start):
		return fmt.Errorf("the end %s is before the start %s", r.End.Format(time.RFC3339), r.Start.Format(time.RFC3339))
	}
	if _, err := regexp.Compile(r.TaskRegex); err != nil {
		return fmt.Errorf("task expression %q: %w", r.TaskRegex, err)
	}
	return nil
}

// keeps reports whether the request means an instance with that state. What has no
// state has nothing to clear.
func (r *ClearRequest) keeps(s dag.State) bool {
	switch {
	case r.OnlyFailed:
		return dagrun.Failed(s)
	case r.OnlyRunning:
		return s == dag.Running
	default:
		return s != dag.None
	}
}

func matching(p *plan.Plan, match *regexp.Regexp) (out []dagrun.Task) {
	for i, t := range p.DAG.Tasks {
		if match.MatchString(t.ID) {
			out = append(out, dagrun.Task(i))
		}
	}
	return out
}

// withScopes adds the setups and teardowns that go with some tasks, ascending.
func withScopes(p *plan.Plan, tasks []dagrun.Task) []dagrun.Task {
	out := slices.Clone(tasks)
	for _, i := range tasks {
		out = append(out, p.Graph.ClearedWith(i)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// pick are the stored instances of some tasks whose state is wanted.
func (a *alteration) pick(tasks []dagrun.Task, wanted func(dag.State) bool) (out []*store.Instance) {
	in := make(map[dagrun.Task]bool, len(tasks))
	for _, i := range tasks {
		in[i] = true
	}
	for _, row := range a.rows {
		// What a mapped task was before it was expanded does not come back.
		gone := row.State == dag.Removed && row.MapIndex < 0
		if in[a.p.IndexOf(row.TaskID)] && wanted(row.State) && !gone {
			out = append(out, row)
		}
	}
	return out
}

// clear clears instances of a run, and queues the run again if it had ended.
func (e *Engine) clear(ctx context.Context, rd store.Reader, a *alteration, picked []*store.Instance) error {
	for _, in := range picked {
		in.MaxTries, in.FirstStart = in.Try+1, time.Time{}
		if t := a.p.DAG.Task(in.TaskID); t != nil {
			in.MaxTries += t.Retries
		}
		in.QueuedAt, in.RetryAt, in.Error, in.Lost = time.Time{}, time.Time{}, "", 0
		a.cleared[in] = true
		switch k := live.AttemptOf(in); {
		case a.live && (in.State == dag.Running || in.State == dag.Restarting || in.State == dag.Queued && e.attempts.Running(k)):
			a.set(in, dag.Restarting) // until its attempt has ended
			a.stop[k] = errCleared
		default:
			if in.State == dag.Queued {
				a.stop[k] = errCleared // a worker may be about to begin
			}
			a.set(in, dag.None)
			in.StartDate, in.EndDate = time.Time{}, time.Time{}
		}
	}
	if err := e.skipAgain(ctx, rd, a); err != nil {
		return err
	}
	a.run.Reason = "" // of a run that was marked and is under way, too
	if a.run.State.Finished() {
		a.run.State, a.run.QueuedAt, a.run.StartDate, a.run.EndDate = dag.RunQueued, e.runs.Now(), time.Time{}, time.Time{}
	}
	return nil
}

// skipAgain skips the cleared tasks that a task directly before them did not choose and
// whose choice stands.
func (e *Engine) skipAgain(ctx context.Context, rd store.Reader, a *alteration) error {
	choices := map[int][]string{}
	again := map[string]bool{}
	for _, in := range a.changed {
		again[in.TaskID] = true
	}
	for _, in := range a.changed {
		i := a.p.IndexOf(in.TaskID)
		if i < 0 || in.State != dag.None {
			continue
		}
		for _, up := range a.p.DAG.Tasks[i].Upstream {
			id := a.p.DAG.Tasks[up].ID
			if again[id] { // it chooses anew
				continue
			}
			if _, known := choices[up]; !known {
				ids, err := live.Skipped(ctx, rd, a.run.Key, id)
				if err != nil {
					return err
				}
				choices[up] = ids
			}
			if slices.Contains(choices[up], in.TaskID) {
				a.set(in, dag.Skipped)
				in.EndDate = e.runs.Now()
			}
		}
	}
	return nil
}

// reset clears the finished run that stands in the way of a new one with the same id or
// logical date: it is queued again, with its own conf and version.
func (c *change) reset(wanted *store.Run, who store.Actor) (*store.Run, error) {
	r, err := c.RunByID(c.Ctx, wanted.DAGID, wanted.RunID)
	if err != nil && !wanted.LogicalDate.IsZero() {
		r, err = c.RunAt(c.Ctx, wanted.DAGID, wanted.LogicalDate)
	}
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, fmt.Errorf("run %q of dag %q: %w", wanted.RunID, wanted.DAGID, store.ErrNotFound)
	case !r.State.Finished():
		return nil, fmt.Errorf("run %q of dag %q is %s and can't be reset: %w", r.RunID, r.DAGID, r.State, ErrExists)
	}
	a, err := c.e.alteration(c.Ctx, c, r)
	if err != nil {
		return nil, err
	}
	a.run.MadeBy = wanted.MadeBy
	all := ClearRequest{}
	if err := c.e.clear(c.Ctx, c, a, a.pick(a.p.Graph.All(), all.keeps)); err != nil {
		return nil, err
	}
	_, err = c.alter(asked{kind: store.EventClear, who: who}, []*alteration{a})
	return &a.run, err
}
