package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/scheduler"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// The time between two looks for an answer grows from the first to the second.
const (
	firstAskPause = time.Millisecond
	lastAskPause  = 50 * time.Millisecond
)

var (
	errNotAlone = errors.New("another process is running on the store")
	errAnswered = errors.New("the request was answered meanwhile")
)

// desk lets requests be answered: by this process when it works on the store, else by the one
// that does.
type desk struct {
	store     store.Store
	runs      *live.Runs
	alter     *alter.Runs
	scheduler *scheduler.Scheduler
	masker    *connections.Masker
	log       *slog.Logger
	// timeout is how long another process has for its answer.
	timeout time.Duration
	// others, when set, reports whether no other process works on the store, where more than
	// the leases tells.
	others func() (bool, error)

	mu sync.Mutex
	// member says that this process is one of several that work on the store: then others answer, sooner or later.
	member bool
	// reloads is what [RunOptions.Reload] said.
	reloads func(ctx context.Context) error
}

// ask lets the process that works on the store do what is asked for: this one at once,
// another one at its next beat. When none does, this one does it in the store alone,
// and the next to start goes on from there. Whoever does it answers in the same
// transaction, so that it is done once, whatever dies in between. The answer goes to done.
// What this process needs to do it alone is made by prepare, which may be nil.
func (d *desk) ask(ctx context.Context, kind string, who store.Actor, payload, done any, prepare func() error) error {
	b, err := request.Encode(payload)
	if err != nil {
		return err
	}
	var answer json.RawMessage
	if d.runs.Working() {
		err := d.runs.Change(ctx, func(tx *live.Tx) (err error) {
			answer, err = d.perform(tx, kind, b)
			return err
		})
		if err == nil {
			return json.Unmarshal(answer, done)
		}
		if !errors.Is(err, store.ErrNotLeader) {
			return err
		}
	}
	if prepare == nil {
		prepare = func() error { return nil }
	}
	if alone, err := d.alone(ctx); err == nil && alone {
		if err := prepare(); err != nil { // before anything is asked for
			return err
		}
	}
	r := &store.Request{Kind: kind, Payload: b, Actor: who, CreatedAt: d.runs.Now()}
	if err := d.store.Own(ctx, func(tx store.Tx) error { return tx.InsertRequest(ctx, r) }); err != nil {
		return err
	}
	if err := d.await(ctx, r.ID, prepare); err != nil {
		if werr := d.withdraw(context.WithoutCancel(ctx), r.ID, err); werr != nil {
			return werr
		}
	}
	if r, err = d.store.Request(context.WithoutCancel(ctx), r.ID); err != nil {
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
func (d *desk) await(ctx context.Context, id int64, prepare func() error) error {
	pause := firstAskPause
	again := time.NewTimer(pause)
	defer again.Stop()
	limit := time.NewTimer(d.timeout)
	defer limit.Stop()
	var untilLook time.Duration
	for {
		if untilLook <= 0 {
			if err := d.answerAlone(ctx, id, prepare); err != nil {
				return err
			}
			untilLook = lastAskPause
		}
		if r, err := d.store.Request(ctx, id); err != nil || !r.DoneAt.IsZero() {
			return err
		}
		select {
		case <-again.C:
			untilLook -= pause
			pause = min(pause*5/4, lastAskPause)
			again.Reset(pause)
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return silentError{d.timeout}
		}
	}
}

// silentError says that the process that works on the store has not answered, for so long. It is [store.ErrBusy].
type silentError struct{ timeout time.Duration }

func (e silentError) Error() string {
	return fmt.Sprintf("the process running on the store has not answered within %s; check its log, or stop it and try again", e.timeout)
}

func (silentError) Is(target error) bool { return target == store.ErrBusy }

// answerAlone answers a request if no process works on the store.
func (d *desk) answerAlone(ctx context.Context, id int64, prepare func() error) error {
	alone, err := d.alone(ctx)
	if err != nil || !alone {
		return err
	}
	if err := prepare(); err != nil {
		return err
	}
	return ignore(d.answer(ctx, id, true), errNotAlone)
}

// alone reports whether no process works on the store.
func (d *desk) alone(ctx context.Context) (bool, error) {
	d.mu.Lock()
	member := d.member
	d.mu.Unlock()
	if member {
		return false, nil
	}
	leased, err := store.LeasedNow(ctx, d.store)
	if err != nil || leased || d.others == nil {
		return !leased, err
	}
	return d.others()
}

// withdraw takes an open request back, so that it isn't done when its process has given
// up on it. A request that was answered meanwhile stays as it is.
func (d *desk) withdraw(ctx context.Context, id int64, cause error) error {
	r := request.Refusal(phrase.Err("request.withdrawn", cause), d.masker.Mask)
	r.ID, r.DoneAt = id, d.runs.Now()
	return d.store.Tx(ctx, func(tx store.Tx) error {
		_, err := tx.AnswerRequest(ctx, r)
		return err
	})
}

// serve does what other processes asked for.
func (d *desk) serve(ctx context.Context) error {
	rs, err := d.store.OpenRequests(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rs, readsFiles) {
		d.reload(ctx)
	}
	var errs []error
	for _, r := range rs {
		// One that can't be answered must not hold up the others.
		errs = append(errs, d.answer(ctx, r.ID, false))
	}
	return errors.Join(errs...)
}

// readsFiles reports whether a request is about DAGs as their files are now.
func readsFiles(r *store.Request) bool {
	if r.Kind == request.KindClear {
		var c request.Clear
		return json.Unmarshal(r.Payload, &c) == nil && c.Latest // one that can't be read is refused when it is its turn
	}
	return slices.Contains([]string{request.KindTrigger, request.KindBackfill, request.KindEmit}, r.Kind)
}

// join says that this process is one of several that work on the store.
func (d *desk) join() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.member = true
}

// follows reports whether this process is one of several, and does not lead.
func (d *desk) follows() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.member && !d.runs.Leading()
}

func (d *desk) setReload(f func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reloads = f
}

// reload brings the DAGs up to date, as far as that is possible.
func (d *desk) reload(ctx context.Context) {
	d.mu.Lock()
	f := d.reloads
	d.mu.Unlock()
	if f == nil {
		return
	}
	if err := f(ctx); err != nil {
		d.log.Error("read the dag files again", "error", err) // the DAGs as they were are used
	}
}

// answer does what a request asks for and writes the answer with it, unless that has
// happened. With alone it returns errNotAlone if a process has begun to work.
func (d *desk) answer(ctx context.Context, id int64, alone bool) error {
	now, err := d.store.LeaseClock(ctx)
	if err != nil {
		return err
	}
	err = d.runs.Change(ctx, func(tx *live.Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil || !r.DoneAt.IsZero() {
			return err
		}
		if alone {
			if leased, err := tx.Leased(ctx, now); err != nil || leased {
				return errors.Join(err, errNotAlone)
			}
		}
		if r.Result, err = d.perform(tx, r.Kind, r.Payload); err != nil {
			return err
		}
		return answered(tx, r)
	})
	if err == nil || errors.Is(err, errNotAlone) || errors.Is(err, errAnswered) || ctx.Err() != nil {
		return ignore(err, errAnswered)
	}
	// What it had changed was taken back with the transaction: the error is the answer.
	// When that can't be written either, the next beat tries again.
	return ignore(d.runs.Change(ctx, func(tx *live.Tx) error {
		r := request.Refusal(err, d.masker.Mask)
		r.ID = id
		return answered(tx, r)
	}), errAnswered)
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

func answered(tx *live.Tx, r *store.Request) error {
	r.DoneAt = tx.Now
	ok, err := tx.AnswerRequest(tx.Ctx, r)
	if err == nil && !ok {
		err = errAnswered
	}
	return err
}

// perform does what a request asks for, and returns the answer.
func (d *desk) perform(tx *live.Tx, kind string, payload json.RawMessage) (json.RawMessage, error) {
	switch kind {
	case request.KindClear:
		return performed(payload, func(r *request.Clear) (*Affected, error) { return d.alter.Clear(tx, r) })
	case request.KindMark:
		return performed(payload, func(r *request.Mark) (*Affected, error) { return d.alter.Mark(tx, r) })
	case request.KindTrigger:
		return performed(payload, func(r *request.TriggerOf) (*Triggered, error) { return d.scheduler.Trigger(tx, r) })
	case request.KindRespond:
		return performed(payload, func(r *request.Respond) (*request.Responded, error) { return d.alter.Respond(tx, r) })
	case request.KindBackfill:
		return performed(payload, func(r *request.BackfillOf) (*CreatedBackfill, error) { return d.scheduler.CreateBackfill(tx, r) })
	case request.KindEmit:
		return performed(payload, func(r *request.Emit) (*Emitted, error) { return d.scheduler.Emit(tx, r) })
	case request.KindRemove:
		return performed(payload, func(r *request.Remove) (*request.Removed, error) { return d.scheduler.Remove(tx, r) })
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
