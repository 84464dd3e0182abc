package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// The time between two looks for an answer grows from the first to the second.
const (
	firstAskPause = 2 * time.Millisecond
	lastAskPause  = 50 * time.Millisecond
)

var (
	errNotAlone = errors.New("another process works on the store")
	errAnswered = errors.New("the request was answered meanwhile")
)

// takeWork says to other processes that this one works on the store from now on. Whoever
// would change a run must ask it, because it holds the runs in memory.
func (e *Engine) takeWork(ctx context.Context) error {
	// What dead processes held comes from Recover.
	if _, err := e.store.Beat(ctx, 3*e.o.Beat); err != nil {
		return fmt.Errorf("take the lease: %w", err)
	}
	return nil
}

// leaveWork gives that up, so that nobody waits for this process.
func (e *Engine) leaveWork(ctx context.Context) {
	e.runs.SetWorking(false)
	if _, err := e.store.Beat(ctx, 0); err != nil {
		e.o.Log.Error("give up the lease; it runs out", "error", err)
	}
}

// ask lets the process that works on the store do what is asked for: this one at once,
// another one at its next beat. When none does, this one does it in the store alone,
// and the next to start goes on from there. Whoever does it answers in the same
// transaction, so that it is done once, whatever dies in between. The answer goes to done.
// What this process needs to do it alone is made by prepare, which may be nil.
func (e *Engine) ask(ctx context.Context, kind string, who store.Actor, payload, done any, prepare func() error) error {
	b, err := request.Encode(payload)
	if err != nil {
		return err
	}
	var answer json.RawMessage
	if e.runs.Working() {
		err := e.change(ctx, func(c *change) (err error) {
			answer, err = c.perform(kind, b)
			return err
		})
		if err != nil {
			return err
		}
		return json.Unmarshal(answer, done)
	}
	if prepare == nil {
		prepare = func() error { return nil }
	}
	if alone, err := e.alone(ctx); err == nil && alone {
		if err := prepare(); err != nil { // before anything is asked for
			return err
		}
	}
	r := &store.Request{Kind: kind, Payload: b, Actor: who, CreatedAt: e.runs.Now()}
	if err := e.store.Tx(ctx, func(tx store.Tx) error { return tx.InsertRequest(ctx, r) }); err != nil {
		return err
	}
	if err := e.await(ctx, r.ID, prepare); err != nil {
		if werr := e.withdraw(context.WithoutCancel(ctx), r.ID, err); werr != nil {
			return werr
		}
	}
	if r, err = e.store.Request(context.WithoutCancel(ctx), r.ID); err != nil {
		return err
	}
	if r.Error != "" {
		return request.ReadRefusal(r)
	}
	if err := json.Unmarshal(r.Result, done); err != nil {
		return fmt.Errorf("read the answer to request %d: %w", r.ID, err)
	}
	return nil
}

// await returns once a request is answered, which it does itself when nobody else works.
func (e *Engine) await(ctx context.Context, id int64, prepare func() error) error {
	pause := firstAskPause
	again := time.NewTimer(pause)
	defer again.Stop()
	limit := time.NewTimer(e.o.AskTimeout)
	defer limit.Stop()
	for {
		alone, err := e.alone(ctx)
		if err == nil && alone {
			err = prepare()
		}
		if err == nil && alone {
			if err = e.answer(ctx, id, true); errors.Is(err, errNotAlone) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
		if r, err := e.store.Request(ctx, id); err != nil || !r.DoneAt.IsZero() {
			return err
		}
		select {
		case <-again.C:
			pause = min(pause*3/2, lastAskPause)
			again.Reset(pause)
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("the process that works on the store has not answered within %s; look at its log, or stop it and try again", e.o.AskTimeout)
		}
	}
}

// alone reports whether no process works on the store.
func (e *Engine) alone(ctx context.Context) (bool, error) {
	leased, err := e.store.Leased(ctx, e.runs.Now())
	if err != nil || leased || e.o.Alone == nil {
		return !leased, err
	}
	return e.o.Alone()
}

// withdraw takes an open request back, so that it isn't done when its process has given
// up on it. A request that was answered meanwhile stays as it is.
func (e *Engine) withdraw(ctx context.Context, id int64, cause error) error {
	r := &store.Request{ID: id, DoneAt: e.runs.Now(), Error: fmt.Sprintf("nothing was changed: %v", cause)}
	return e.store.Tx(ctx, func(tx store.Tx) error {
		_, err := tx.AnswerRequest(ctx, r)
		return err
	})
}

// serve does what other processes asked for.
func (e *Engine) serve(ctx context.Context) error {
	rs, err := e.store.OpenRequests(ctx)
	if err != nil {
		return err
	}
	makes := func(r *store.Request) bool { return r.Kind == request.KindTrigger || r.Kind == request.KindBackfill }
	if slices.ContainsFunc(rs, makes) {
		e.reload(ctx)
	}
	var errs []error
	for _, r := range rs {
		// One that can't be answered must not hold up the others.
		errs = append(errs, e.answer(ctx, r.ID, false))
	}
	return errors.Join(errs...)
}

// answer does what a request asks for and writes the answer with it, unless that has
// happened. With alone it returns errNotAlone if a process has begun to work.
func (e *Engine) answer(ctx context.Context, id int64, alone bool) error {
	err := e.change(ctx, func(c *change) error {
		r, err := c.Request(ctx, id)
		if err != nil || !r.DoneAt.IsZero() {
			return err
		}
		if alone {
			if leased, err := c.Leased(ctx, c.Now); err != nil || leased {
				return errors.Join(err, errNotAlone)
			}
		}
		if r.Result, err = c.perform(r.Kind, r.Payload); err != nil {
			return err
		}
		return c.answered(r)
	})
	if err == nil || errors.Is(err, errNotAlone) || errors.Is(err, errAnswered) || ctx.Err() != nil {
		return ignore(err, errAnswered)
	}
	// What it had changed was taken back with the transaction: the error is the answer.
	// When that can't be written either, the next beat tries again.
	return ignore(e.change(ctx, func(c *change) error {
		r := request.Refusal(err)
		r.ID, r.Error = id, e.o.Masker.Mask(r.Error)
		return c.answered(r)
	}), errAnswered)
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

func (c *change) answered(r *store.Request) error {
	r.DoneAt = c.Now
	ok, err := c.AnswerRequest(c.Ctx, r)
	if err == nil && !ok {
		err = errAnswered
	}
	return err
}

// perform does what a request asks for, and returns the answer.
func (c *change) perform(kind string, payload json.RawMessage) (json.RawMessage, error) {
	switch kind {
	case request.KindClear:
		return performed(payload, func(r *request.Clear) (*Affected, error) { return c.e.alter.Clear(c.Tx, r) })
	case request.KindMark:
		return performed(payload, func(r *request.Mark) (*Affected, error) { return c.e.alter.Mark(c.Tx, r) })
	case request.KindTrigger:
		return performed(payload, c.trigger)
	case request.KindBackfill:
		return performed(payload, c.createBackfill)
	default:
		return nil, fmt.Errorf("unknown request %q: it comes from a newer program", kind)
	}
}

// performed reads a request, does it and writes the answer.
func performed[R, A any](payload json.RawMessage, do func(*R) (A, error)) (json.RawMessage, error) {
	var r R
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	done, err := do(&r)
	if err != nil {
		return nil, err
	}
	return request.Encode(done)
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
		done, err := e.alter.WouldClear(ctx, e.store, &r)
		if err != nil {
			return nil, fmt.Errorf("clear: %w", err)
		}
		return done, nil
	}
	done := &Affected{}
	if err := e.ask(ctx, request.KindClear, r.Actor, &r, done, nil); err != nil {
		return nil, fmt.Errorf("clear: %w", err)
	}
	return done, nil
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
	if err := e.ask(ctx, request.KindMark, r.Actor, &r, done, nil); err != nil {
		return nil, fmt.Errorf("mark: %w", err)
	}
	return done, nil
}
