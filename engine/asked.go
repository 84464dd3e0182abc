package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/scheduler"
	"github.com/dingdag/dingdag/store"
)

// What the engine is asked for, and what it answers.
type (
	// Trigger asks for a manual run.
	Trigger = request.Trigger
	// Triggered is a run that was made because somebody asked for it.
	Triggered = request.Triggered
	// TriggerError is a mistake in one field of a [Trigger].
	TriggerError = request.TriggerError
	// BackfillRequest asks for a backfill.
	BackfillRequest = request.Backfill
	// CreatedBackfill is a backfill that was made because somebody asked for it.
	CreatedBackfill = request.CreatedBackfill
	// BackfillError is a mistake in one field of a [BackfillRequest].
	BackfillError = request.BackfillError
	// ClearRequest selects task instances that are to run again.
	ClearRequest = request.Clear
	// InstanceRef names a task instance of a run.
	InstanceRef = request.InstanceRef
	// MarkRequest gives task instances, or a whole run, a state.
	MarkRequest = request.Mark
	// RespondRequest is an answer to what a task asks people.
	RespondRequest = request.Respond
	// Responded is an ask that was answered.
	Responded = request.Responded
	// RespondError is a mistake in one field of a [RespondRequest].
	RespondError = request.RespondError
	// Affected is what a [ClearRequest] or a [MarkRequest] changed, or would change.
	Affected = request.Affected
	// Emit says that assets were updated though no task did it.
	Emit = request.Emit
	// AssetUpdate is one update of an [Emit].
	AssetUpdate = request.AssetUpdate
	// Emitted are the events that an [Emit] made.
	Emitted = request.Emitted
	// EmittedEvent is one of them.
	EmittedEvent = request.EmittedEvent
	// RemoveRequest names a run, a task instance or a DAG that is to be removed.
	RemoveRequest = request.Remove
	// Removed is what was removed.
	Removed = request.Removed
	// AffectedRun is one run and what became of it.
	AffectedRun = request.AffectedRun
	// AffectedInstance is one task instance and what became of it.
	AffectedInstance = request.AffectedInstance
)

// Why a request was refused.
var (
	ErrExists     = request.ErrExists
	ErrPaused     = request.ErrPaused
	ErrNoSchedule = request.ErrNoSchedule
	// ErrSettled says that an ask was answered before, or needs no answer any more, ErrNotAssigned that it
	// asks others.
	ErrSettled     = request.ErrSettled
	ErrNotAssigned = request.ErrNotAssigned
	// ErrAtWork says that what was to be removed, or to go on in another version, is at work.
	ErrAtWork = request.ErrAtWork
)

// DefaultBackfillRuns is how many runs of a backfill are active at once unless it says so.
const DefaultBackfillRuns = request.DefaultBackfillRuns

// Trigger makes a manual run, queued, as [Engine.TriggerRun] does.
func (e *Engine) Trigger(ctx context.Context, dagID string, t Trigger) (*store.Run, error) {
	done, err := e.TriggerRun(ctx, dagID, t)
	if err != nil {
		return nil, err
	}
	return done.Run, nil
}

// TriggerRun makes a manual run, queued, with the DAG as the process knows it that works
// on the store: this one at once, another one within its next beat, and it starts the run
// as well. While no process works the run is made from this one's DAG, or what
// [Options.FindDAG] finds; the next process to work gives it its own version of the DAG,
// because a version holds what its file took from the environment.
//
// Errors are a [*TriggerError], or wrap [store.ErrNotFound], [ErrExists] or [ErrPaused].
func (e *Engine) TriggerRun(ctx context.Context, dagID string, t Trigger) (*Triggered, error) {
	var (
		done = &Triggered{}
		r    = &request.TriggerOf{DAGID: dagID, Trigger: t}
		err  error
	)
	if _, no := e.store.(nothing); e.runs.Working() || no {
		if no && e.dags.Get(dagID) == nil {
			return nil, fmt.Errorf("trigger: %w", scheduler.UnknownDAG(dagID, nil))
		}
		err = e.runs.Change(ctx, func(tx *live.Tx) (err error) {
			done, err = e.scheduler.Trigger(tx, r)
			return err
		})
		if errors.Is(err, store.ErrNotLeader) {
			err = e.askTrigger(ctx, r, done)
		}
	} else {
		err = e.askTrigger(ctx, r, done)
	}
	if err != nil {
		if te, ok := errors.AsType[*TriggerError](err); ok {
			return nil, te
		}
		return nil, fmt.Errorf("trigger: %w", err)
	}
	return done, nil
}

// askTrigger has the process that works on the store make a run.
func (e *Engine) askTrigger(ctx context.Context, r *request.TriggerOf, done *Triggered) error {
	if _, err := request.CheckConf(r.Conf); err != nil {
		return &request.TriggerError{Field: "conf", Err: err}
	}
	return e.desk.ask(ctx, request.KindTrigger, r.Actor, r, done, func() error { return e.find(r.DAGID) })
}

// find makes a DAG known to a process that was given none.
func (e *Engine) find(dagID string) error {
	if e.dags.Get(dagID) != nil || e.o.FindDAG == nil {
		return nil
	}
	d, err := e.o.FindDAG(dagID)
	if err != nil {
		return err
	}
	e.dags.Add(d)
	return nil
}

// CreateBackfill stores a backfill. The process that schedules creates and starts its runs,
// a few at a time; it sees it within its next beat. Dates whose run is in flight or to be
// left alone are settled now. The DAG is that of the process that works on the store, as
// with [Engine.TriggerRun]. The errors are those of [PlanBackfill], [store.ErrNotFound], and
// [ErrExists] when the DAG has an open one.
func (e *Engine) CreateBackfill(ctx context.Context, dagID string, r BackfillRequest) (*CreatedBackfill, error) {
	if _, err := request.CheckConf(r.Conf); err != nil {
		return nil, &request.BackfillError{Field: "dag_run_conf", Err: err}
	}
	done := &CreatedBackfill{}
	if err := e.desk.ask(ctx, request.KindBackfill, r.Actor, &request.BackfillOf{DAGID: dagID, Backfill: r}, done, func() error { return e.find(dagID) }); err != nil {
		return nil, err
	}
	return done, nil
}

// EmitAssets makes events of assets that no task made, and tells the DAGs that wait for them, all in one
// transaction; the process that schedules starts their runs. The DAGs are those of the process that works
// on the store, as with [Engine.TriggerRun]; while none does, this one goes by the DAGs that r names.
//
// The error wraps [store.ErrNotFound] for an asset that no DAG names, and [store.ErrRepeated] when the
// message that the Ref of the actor names has made its events before.
func (e *Engine) EmitAssets(ctx context.Context, r Emit) (*Emitted, error) {
	r.Updates = slices.Clone(r.Updates)
	for i := range r.Updates {
		u := &r.Updates[i]
		extra, err := request.CheckExtra(u.Extra)
		if err != nil {
			return nil, fmt.Errorf("update assets: extra of %s: %w", u.URI, err)
		}
		u.Extra = extra
	}
	done := &Emitted{}
	err := e.desk.ask(ctx, request.KindEmit, r.Actor, &r, done, func() error {
		for _, id := range r.DAGs {
			if err := e.find(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("update assets: %w", err)
	}
	return done, nil
}

// CheckExtra returns the extra of an [AssetUpdate], nil for none, or says what is wrong with it.
func CheckExtra(extra json.RawMessage) (json.RawMessage, error) { return request.CheckExtra(extra) }

// Clear makes task instances run again: they lose their state and their XComs, keep the
// tries they had (numbers and logs go on) and may retry as often as at first. One that
// runs is stopped first, in state restarting. A finished run is queued again and keeps
// its version of the DAG; one under way goes on. A task that a branch did not choose is
// skipped again unless the branch is cleared too. Setups and teardowns are cleared with
// the work in their scope. No callbacks run.
//
// With [ClearRequest.Latest] a finished run goes on in the latest version of its DAG. Tasks
// that are gone are removed and keep their tries, new ones run, mapped ones have as many
// instances as that version says, and all others stay as they are. Its deadlines are those of
// that version that lie ahead. For a run of another version that is under way, and of which
// something would be cleared, the error wraps [ErrAtWork]; for a DAG that is not loaded
// it wraps [store.ErrNotFound].
//
// Another process that works on the store is asked to do it, for at most
// [Options.AskTimeout]. An error means that nothing was changed.
func (e *Engine) Clear(ctx context.Context, r ClearRequest) (*Affected, error) {
	var prepare func() error
	if r.Latest && e.runs.Working() {
		e.desk.reload(ctx)
	} else if r.Latest {
		prepare = func() error { return e.find(r.DAGID) }
	}
	if r.DryRun {
		if prepare != nil {
			if err := prepare(); err != nil {
				return nil, fmt.Errorf("clear: %w", err)
			}
		}
		done, err := e.alter.WouldClear(ctx, e.store, &r)
		if err != nil {
			return nil, fmt.Errorf("clear: %w", err)
		}
		return done, nil
	}
	done := &Affected{}
	if err := e.desk.ask(ctx, request.KindClear, r.Actor, &r, done, prepare); err != nil {
		return nil, fmt.Errorf("clear: %w", err)
	}
	return done, nil
}

// Remove removes a run with its task instances, XComs, notes and logs, a task instance of a run that has ended, or all runs
// of a DAG and what else is known of it. Messages that callbacks have written stay among the alerts, and the audit log has
// who did it. A DAG whose file is still there is a new one afterwards.
//
// Another process that works on the store is asked to do it, for at most [Options.AskTimeout]. Its errors wrap
// [store.ErrNotFound], or [ErrAtWork] when something is at work; of a DAG with many runs some may be removed already then.
func (e *Engine) Remove(ctx context.Context, r RemoveRequest) (*Removed, error) {
	all := &Removed{}
	for {
		done := &Removed{}
		if err := e.desk.ask(ctx, request.KindRemove, r.Actor, &r, done, nil); err != nil {
			return nil, fmt.Errorf("remove: %w", err)
		}
		all.Runs, all.Stays = all.Runs+done.Runs, done.Stays
		if !done.More {
			return all, nil
		}
	}
}

// Mark sets states by hand. No callbacks of the instances or runs that are marked run,
// and what ran is stopped.
//
// Task instances get the state, whatever they had. Those that failed below a task that
// is marked success are cleared, so that the run goes on; without such ones a finished
// run keeps its state. A run under way goes on from the new states, and its end is an
// end like any other.
//
// A run marked failed fails its running instances and skips those that have not begun.
// In a run marked success every instance succeeds. Teardowns that are not finished run
// all the same, and the run has its state once they are done.
//
// Another process that works on the store is asked to do it, for at most
// [Options.AskTimeout]. An error means that nothing was changed.
func (e *Engine) Mark(ctx context.Context, r MarkRequest) (*Affected, error) {
	if r.DryRun {
		done, err := e.alter.WouldMark(ctx, e.store, &r)
		if err != nil {
			return nil, fmt.Errorf("mark: %w", err)
		}
		return done, nil
	}
	done := &Affected{}
	if err := e.desk.ask(ctx, request.KindMark, r.Actor, &r, done, nil); err != nil {
		return nil, fmt.Errorf("mark: %w", err)
	}
	return done, nil
}

// Respond answers what a task asks people. The first answer of those who may counts, and its task goes on
// with it at once.
//
// Another process that works on the store is asked to do it, for at most [Options.AskTimeout]. An error
// means that nothing was changed: it is a [*RespondError], or wraps [store.ErrNotFound], [ErrSettled] or
// [ErrNotAssigned].
func (e *Engine) Respond(ctx context.Context, r RespondRequest) (*Responded, error) {
	done := &Responded{}
	if err := e.desk.ask(ctx, request.KindRespond, r.Actor, &r, done, nil); err != nil {
		return nil, err
	}
	return done, nil
}
