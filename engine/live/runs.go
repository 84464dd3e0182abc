// Package live is the running runs of a process: a copy in memory of what the store holds,
// which goes on in transactions, one after another. A [Run] knows what a run does next, a
// [Tx] is the transaction in which it does it, and [Runs] are all of them, with what they
// share: pools, limits and the wait for each other.
package live

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// Options says what runs need. All are required but Answer and Observe.
type Options struct {
	Store store.Store
	DAGs  *schedule.DAGs
	Plans *plan.Plans
	// Timers run what is due later: retries, looks of sensors, ends of runs.
	Timers *schedule.Timers
	// Tell lets callbacks speak; Stored is told of their messages once they are durable.
	Tell   *tell.Teller
	Stored func([]*store.Delivery)
	// Worker names and notes in the logs of tries.
	Worker   *worker.Worker
	Attempts *Attempts
	// Wake looks what a DAG may begin, in a transaction of its own.
	Wake   func(dagID string)
	Masker *connections.Masker
	// Workers is how many attempts run at once.
	Workers int
	// Shared says that other processes share the store, of which one leads.
	Shared bool
	// MaxMapLength is how many instances a mapped task may have.
	MaxMapLength int
	// Answer, when set, answers what tasks ask at once; none leaves it to the defaults.
	Answer func(a *store.Ask) []string
	// RenderedRuns is for how many runs of a DAG rendered fields are kept.
	RenderedRuns int
	// Clock is the time source.
	Clock func() time.Time
	Log   *slog.Logger
	// Observe, when set, is told of every committed change, in order for each run.
	Observe func(phase.Change)
}

// Runs are the running runs that this process has in memory. Make them with [New]. They are
// safe for concurrent use.
type Runs struct {
	o Options

	mu   sync.Mutex
	live map[int64]*Run
	// versions counts the runs of each version among them.
	versions map[string]int
	// working says that all running runs are in memory: before that nothing may go on, since
	// the limits would not count what is in flight.
	working bool
	// member says that this process is one of several, leading that it leads them, and terms counts when it began to or ended.
	member  bool
	leading bool
	terms   int64
	pools   map[string]dagrun.Pool
	// blocked holds the runs whose tasks wait for something outside of the run.
	blocked map[int64]bool
	// dropped holds the runs whose copy in memory was dropped and whose next step is due.
	dropped map[int64]bool
	// stuck holds the runs that do nothing but wait for a queued one, and which.
	stuck map[int64]int64
	// said is what was logged of runs that are met again and again.
	said map[int64]string
}

// New returns runs of which none is in memory.
func New(o Options) *Runs {
	return &Runs{
		o: o, live: map[int64]*Run{}, versions: map[string]int{}, pools: map[string]dagrun.Pool{}, blocked: map[int64]bool{}, dropped: map[int64]bool{},
		stuck: map[int64]int64{}, said: map[int64]string{},
	}
}

// Now is the time as the store keeps it.
func (rs *Runs) Now() time.Time { return rs.o.Clock().UTC().Truncate(time.Millisecond) }

// Working reports whether this process works on the store: it has all running runs in memory.
func (rs *Runs) Working() bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.working
}

// SetWorking says so, or that it no longer does.
func (rs *Runs) SetWorking(on bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.working = on
}

// Join says that this process is one of several that work on the store: it changes runs only while it leads.
func (rs *Runs) Join() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.member = true
}

// SetLeading says that this process begins to lead others. Of what it held in memory before nothing is left.
func (rs *Runs) SetLeading(on bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.leading = on
	rs.terms++
}

// Leading reports whether this process leads others, or takes up the lead.
func (rs *Runs) Leading() bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.leading
}

// Reset forgets all runs when this process leads no more: others change them from now on. What was to be changed
// meanwhile is not.
func (rs *Runs) Reset() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.working, rs.leading = false, false
	rs.terms++
	for _, m := range []map[int64]bool{rs.blocked, rs.dropped} {
		clear(m)
	}
	clear(rs.live)
	clear(rs.versions)
	clear(rs.stuck)
	clear(rs.said)
	rs.o.Plans.Keep(rs.versions)
}

// term is the number of the stretch in which this process leads, or does not, and whether it may change runs in it.
func (rs *Runs) term() (term int64, may bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.terms, rs.leading || !rs.member
}

// Change runs fn in a transaction. What fn changed in memory is dropped when the transaction
// fails; observers hear of it when it succeeds. After a [*RunError] of a run, which the error
// then is, that run has failed.
func (rs *Runs) Change(ctx context.Context, fn func(*Tx) error) error {
	return rs.ChangeOf(ctx, 0, fn)
}

// ChangeOf is Change for a run, by its key, to which a fault belongs unless another one is met.
func (rs *Runs) ChangeOf(ctx context.Context, run int64, fn func(*Tx) error) error {
	err := rs.try(ctx, run, func(tx *Tx) error {
		tx.reloadDropped()
		tx.on = run
		return fn(tx)
	})
	if f, ok := errors.AsType[*RunError](err); ok && f.Run != 0 {
		rs.giveUpRun(ctx, f)
	}
	return err
}

// try is ChangeOf without care for faults.
func (rs *Runs) try(ctx context.Context, run int64, fn func(*Tx) error) error {
	tx := rs.begin(ctx, run)
	term, may := rs.term()
	if !may {
		return store.ErrNotLeader
	}
	done, err := phase.Run(ctx, rs.o.Store, func(stored store.Tx) (phase.Prepared, error) {
		if now, _ := rs.term(); rs.o.Shared && now != term {
			return phase.Prepared{}, store.ErrNotLeader
		}
		tx.Tx, tx.Now = stored, rs.Now()
		stored.OnFailure(tx.undo)
		defer tx.unlock()
		return tx.guarded(fn)
	})
	if err != nil {
		return err
	}
	done.Follow(rs.observe)
	rs.o.Stored(done.Messages())
	if done.FreedSlot() {
		rs.PumpBlocked(ctx)
	}
	return nil
}

func (rs *Runs) observe(c phase.Change) {
	if rs.o.Observe != nil {
		rs.o.Observe(c)
	}
}

// PumpBlocked lets runs go on whose tasks wait for something outside of the run: slots of a
// pool, other instances of a task, or the run before.
func (rs *Runs) PumpBlocked(ctx context.Context) {
	rs.mu.Lock()
	keys := slices.Sorted(maps.Keys(rs.blocked))
	rs.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	err := rs.Change(ctx, func(tx *Tx) error {
		for _, k := range keys {
			if err := tx.GoOn(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		rs.o.Log.Error("look at waiting tasks", "error", err) // the next one that ends tries again
	}
}

func (rs *Runs) setBlocked(key int64, blocked bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if blocked {
		rs.blocked[key] = true
	} else {
		delete(rs.blocked, key)
	}
}

// Find returns a run that is in memory, or nil.
func (rs *Runs) Find(key int64) *Run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.live[key]
}

func (rs *Runs) put(lr *Run) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.takeOut(lr.Row.Key)
	rs.live[lr.Row.Key] = lr
	rs.versions[lr.Row.Version]++
}

// takeOut takes a run out of those in memory, if it is there. The caller holds the lock.
func (rs *Runs) takeOut(key int64) {
	lr := rs.live[key]
	if lr == nil {
		return
	}
	delete(rs.live, key)
	if rs.versions[lr.Row.Version]--; rs.versions[lr.Row.Version] == 0 {
		delete(rs.versions, lr.Row.Version)
	}
}

// Of are the keys of the runs of a DAG that are in memory, ascending.
func (rs *Runs) Of(dagID string) (keys []int64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for k, lr := range rs.live {
		if lr.Row.DAGID == dagID {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// Counts say what is under way.
type Counts struct {
	// Own counts the runs of each DAG that are of no backfill, Backfilled those of each backfill.
	Own        map[string]int
	Backfilled map[int64]int
	// Stuck are the DAGs with a run that does nothing but wait for a queued one.
	Stuck map[string]bool
}

// Count counts what is under way.
func (rs *Runs) Count() Counts {
	c := Counts{Own: map[string]int{}, Backfilled: map[int64]int{}, Stuck: map[string]bool{}}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for k, lr := range rs.live {
		if lr.Row.BackfillID == 0 {
			c.Own[lr.Row.DAGID]++
		} else {
			c.Backfilled[lr.Row.BackfillID]++
		}
		if rs.stuck[k] != 0 {
			c.Stuck[lr.Row.DAGID] = true
		}
	}
	return c
}

// Drop forgets a run in memory; it is read again when it is needed.
func (rs *Runs) Drop(key int64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.drop(key)
}

// dropIf is Drop while the copy in memory is the given one, nil for none: between a look and what
// follows from it the run may have begun again, and then takes of the limits.
func (rs *Runs) dropIf(key int64, is *Run) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.live[key] == is {
		rs.drop(key)
	}
}

// drop is Drop. The caller holds the lock.
func (rs *Runs) drop(key int64) {
	rs.takeOut(key)
	delete(rs.blocked, key)
	delete(rs.dropped, key)
	delete(rs.stuck, key)
	rs.o.Plans.Keep(rs.versions)
}

// dropForNow is Drop for a run whose copy in memory is not what the store has.
func (rs *Runs) dropForNow(key int64) {
	rs.Drop(key)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.dropped[key] = true
}

// StepDropped lets the runs go on whose copy in memory was dropped with a transaction that
// failed. One that can't does not hold up the others. running are the keys of the runs that
// are running.
func (rs *Runs) StepDropped(ctx context.Context, running []int64) {
	rs.mu.Lock()
	due := slices.DeleteFunc(slices.Clone(running), func(k int64) bool { return rs.live[k] != nil && !rs.dropped[k] })
	rs.mu.Unlock()
	for _, k := range due {
		if err := rs.ChangeOf(ctx, k, func(tx *Tx) error { return tx.GoOn(k) }); err != nil {
			rs.LogOnce(k, "let a run go on", err)
			continue
		}
		rs.mu.Lock()
		delete(rs.dropped, k)
		rs.mu.Unlock()
	}
}

var errRunEnded = errors.New("the DAG run was ended by someone")

// DropEnded forgets the runs that another process has ended, and stops their attempts.
// running are the keys of the runs that are running.
func (rs *Runs) DropEnded(ctx context.Context, running []int64) {
	alive := make(map[int64]bool, len(running))
	for _, k := range running {
		alive[k] = true
	}
	rs.mu.Lock()
	ended := slices.DeleteFunc(slices.Sorted(maps.Keys(rs.live)), func(k int64) bool { return alive[k] })
	rs.mu.Unlock()
	for _, k := range ended {
		// The list was read before: a run that started since is still running.
		if r, err := rs.o.Store.Run(ctx, k); err != nil || r.State == dag.RunRunning {
			continue
		}
		if err := rs.ChangeOf(ctx, k, func(tx *Tx) error { return tx.dropEnded(k) }); err != nil {
			rs.LogOnce(k, "forget a run that has ended", err)
		}
	}
}

// dropEnded is DropEnded for one run. Only a transaction knows: outside of it a run that is about to
// start is in memory, and not running in the store yet. Forgotten then, it would take of no limits.
func (tx *Tx) dropEnded(k int64) error {
	r, err := tx.Run(tx.Ctx, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.State == dag.RunRunning {
		return nil
	}
	if err != nil {
		return err
	}
	tx.forget(k)
	tx.After(func() { tx.runs.o.Attempts.CancelRun(k, errRunEnded) })
	return nil
}

// poolOf is a pool of which nothing is taken yet.
func poolOf(p *store.Pool) dagrun.Pool {
	return dagrun.Pool{Known: true, Slots: p.Slots, IncludeDeferred: p.IncludeDeferred}
}

// SetPools takes over the sizes of the pools and what they include; a change may let waiting tasks go on.
func (rs *Runs) SetPools(ctx context.Context, pools []*store.Pool) {
	next := make(map[string]dagrun.Pool, len(pools))
	for _, p := range pools {
		next[p.Name] = poolOf(p)
	}
	rs.mu.Lock()
	same := maps.Equal(rs.pools, next)
	rs.pools = next
	rs.mu.Unlock()
	if !same {
		rs.PumpBlocked(ctx)
	}
}

// LogOnce logs what is wrong with a run that will be met again and again.
func (rs *Runs) LogOnce(run int64, doing string, err error) {
	rs.mu.Lock()
	said := rs.said[run]
	rs.said[run] = err.Error()
	rs.mu.Unlock()
	if said != err.Error() {
		rs.o.Log.Error("one run is left alone until the next try", "doing", doing, "run", run, "error", err)
	}
}
