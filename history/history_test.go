package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/timetable"
	"github.com/dingdag/dingdag/worker"
)

// day is a moment of the month of these tests; now is its last.
func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

func now() time.Time { return day(31) }

// world is a store with logs.
type world struct {
	*sqlite.Store
	t    *testing.T
	logs string
	// needs are those of every DAG.
	needs history.Needs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	s := sqlitetest.Open(t, filepath.Join(dir, "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return &world{Store: s, t: t, logs: filepath.Join(dir, "logs")}
}

func (w *world) write(fn func(ctx context.Context, tx store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// options are those of a cleaner on a store.
func (w *world) options(s store.Store) history.Options {
	return history.Options{Store: s, LogDir: w.logs, Clock: now, Needs: func(context.Context, string) (history.Needs, error) { return w.needs, nil }}
}

func (w *world) clean(p history.Plan) *history.Report {
	w.t.Helper()
	r, err := history.New(w.options(w)).Clean(w.t.Context(), p)
	require.NoError(w.t, err)
	return r
}

// everything is a plan by which all is old.
func everything() history.Plan {
	p := history.Plan{Bounds: map[history.Kind]history.Bound{}}
	for _, kind := range history.Kinds {
		p.Bounds[kind] = history.Bound{Before: day(31).AddDate(9, 0, 0)}
	}
	return p
}

func only(b history.Bound, kinds ...history.Kind) history.Plan {
	p := history.Plan{Bounds: map[history.Kind]history.Bound{}}
	for _, kind := range kinds {
		p.Bounds[kind] = b
	}
	return p
}

// run adds a run that was due on a day. It has a task with an XCom and a log.
func (w *world) run(id string, due int, state dag.RunState, set func(*store.Run)) *store.Run {
	w.t.Helper()
	r := &store.Run{
		DAGID: "d", RunID: id, Type: dag.ScheduledRun, State: dag.RunQueued, LogicalDate: day(due), IntervalStart: day(due), IntervalEnd: day(due),
		RunAfter: day(due), QueuedAt: day(due), Version: "v",
	}
	if set != nil {
		set(r)
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		if ok, err := tx.InsertRun(ctx, r); err != nil || !ok {
			return fmt.Errorf("run %s: %t %w", id, ok, err)
		}
		if r.State = state; state != dag.RunQueued {
			r.StartDate = r.RunAfter
		}
		if state.Finished() {
			r.EndDate = r.RunAfter.Add(time.Hour)
		}
		in := &store.Instance{RunKey: r.Key, TaskID: "t", MapIndex: -1, State: dag.Success, Try: 1, MaxTries: 1}
		in.Log = worker.LogPath(r, in, 1)
		return errors.Join(tx.UpdateRun(ctx, r), tx.PutInstances(ctx, []*store.Instance{in}), tx.PutXCom(ctx, r.Key, "t", -1, "k", json.RawMessage("1")),
			tx.PutVersion(ctx, r.Version, r.DAGID, []byte("text"), time.Unix(1, 0)))
	})
	w.log(r)
	return r
}

// log writes the log of a run.
func (w *world) log(r *store.Run) {
	w.t.Helper()
	path := filepath.Join(w.logs, worker.LogPath(r, &store.Instance{TaskID: "t", MapIndex: -1}, 1))
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(w.t, os.WriteFile(path, []byte("line\n"), 0o600))
}

func (w *world) ids() (ids []string) {
	w.t.Helper()
	rs, err := w.Runs(w.t.Context(), store.RunFilter{})
	require.NoError(w.t, err)
	for _, r := range rs {
		ids = append(ids, r.RunID)
	}
	return ids
}

// logged are the runs of DAG d with logs, and the names of what else lies there.
func (w *world) logged() (ids []string) {
	w.t.Helper()
	for _, pattern := range []string{"dag_id=d/*", ".removed/*"} {
		found, err := filepath.Glob(filepath.Join(w.logs, pattern))
		require.NoError(w.t, err)
		for _, name := range found {
			ids = append(ids, filepath.Base(name))
		}
	}
	return ids
}

func TestRunsEndByAgeAndNumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan history.Plan
		want []string
	}{
		"nothing is old":        {only(history.Bound{}, history.Runs), []string{"1", "2", "3", "4", "5", "6", "7"}},
		"by age":                {only(history.Bound{Before: day(4)}, history.Runs), []string{"4", "5", "6", "7"}},
		"by number":             {only(history.Bound{Newest: 3}, history.Runs), []string{"5", "6", "7"}},
		"by either":             {only(history.Bound{Before: day(3), Newest: 4}, history.Runs), []string{"4", "5", "6", "7"}},
		"the last ones stay":    {history.Plan{Bounds: map[history.Kind]history.Bound{history.Runs: {Before: day(31)}}, KeepLast: 2}, []string{"6", "7"}},
		"fewer than stay":       {history.Plan{Bounds: map[history.Kind]history.Bound{history.Runs: {Before: day(31)}}, KeepLast: 7}, []string{"1", "2", "3", "4", "5", "6", "7"}},
		"none has to stay":      {everything(), []string{"7"}},
		"another kind is asked": {only(history.Bound{Before: day(31)}, history.Alerts), []string{"1", "2", "3", "4", "5", "6", "7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i := 1; i <= 7; i++ {
				w.run(strconv.Itoa(i), i, dag.RunSuccess, nil)
			}
			would, err := history.New(w.options(w)).Would(t.Context(), c.plan)
			require.NoError(t, err)
			assert.Len(t, w.ids(), 7, "it only looks")
			done := w.clean(c.plan)
			assert.Equal(t, c.want, w.ids())
			assert.Equal(t, 7-len(c.want), done.Counts[history.Runs])
			assert.Equal(t, would.Counts[history.Runs], done.Counts[history.Runs])
			assert.Equal(t, would.Instances, done.Instances)
			assert.Equal(t, would.Counts[history.XComs], done.Counts[history.XComs])
			assert.Equal(t, would.Counts[history.Logs], done.Counts[history.Logs])
			var logs []string
			for _, id := range c.want {
				logs = append(logs, "run_id="+id)
			}
			if _, ok := c.plan.Bounds[history.Logs]; !ok {
				assert.Equal(t, logs, w.logged(), "the others have none")
			}
		})
	}
}

// Each run that somebody still reads stays, and no other.
func TestRunsThatOthersRead(t *testing.T) {
	t.Parallel()
	manual := func(r *store.Run) { r.Type = dag.ManualRun }
	undated := func(r *store.Run) { r.Type, r.LogicalDate = dag.AssetRun, time.Time{} }
	for name, c := range map[string]struct {
		make func(w *world)
		want []string
	}{
		"the run from which the schedule goes on": {func(w *world) {
			w.run("scheduled", 1, dag.RunSuccess, nil)
			w.run("manual", 2, dag.RunSuccess, manual)
			w.run("newest", 3, dag.RunSuccess, manual)
		}, []string{"scheduled", "newest"}},
		"one that a backfill took over": {func(w *world) {
			w.run("scheduled__1", 1, dag.RunSuccess, func(r *store.Run) { r.Type = dag.BackfillRun })
			w.run("manual", 2, dag.RunSuccess, manual)
			w.run("newest", 3, dag.RunSuccess, manual)
		}, []string{"scheduled__1", "newest"}},
		"what the next scheduled run reads, beside one with a date ahead": {func(w *world) {
			w.run("old", 1, dag.RunSuccess, nil)
			w.run("success", 2, dag.RunSuccess, nil)
			w.run("scheduled", 3, dag.RunFailed, nil)
			w.run("ahead", 4, dag.RunSuccess, func(r *store.Run) { r.Type, r.LogicalDate = dag.ManualRun, day(30).AddDate(0, 0, -1) })
			w.run("newest", 5, dag.RunSuccess, func(r *store.Run) { r.Type, r.LogicalDate = dag.ManualRun, day(30) })
		}, []string{"success", "scheduled", "newest"}},
		"what a run for this moment reads, beside one with a date ahead": {func(w *world) {
			w.run("old", 1, dag.RunSuccess, manual)
			w.run("before", 2, dag.RunSuccess, manual)
			w.run("ahead", 3, dag.RunSuccess, func(r *store.Run) { r.Type, r.LogicalDate = dag.ManualRun, now().AddDate(9, 0, 0) })
		}, []string{"before", "ahead"}},
		"the last success": {func(w *world) {
			w.run("success", 1, dag.RunSuccess, nil)
			w.run("failed", 2, dag.RunFailed, nil)
			w.run("again", 3, dag.RunFailed, nil)
		}, []string{"success", "again"}},
		"the last one without a date": {func(w *world) {
			w.run("first", 1, dag.RunSuccess, undated)
			w.run("second", 2, dag.RunSuccess, undated)
		}, []string{"second"}},
		"what stands before an open run": {func(w *world) {
			w.run("old", 1, dag.RunSuccess, nil)
			w.run("success", 2, dag.RunSuccess, nil)
			w.run("failed", 3, dag.RunFailed, nil)
			w.run("by hand", 4, dag.RunFailed, manual)
			w.run("cleared", 5, dag.RunRunning, nil)
			w.run("later", 6, dag.RunSuccess, nil)
			w.run("newest", 7, dag.RunSuccess, nil)
		}, []string{"success", "failed", "by hand", "cleared", "newest"}},
		"what stands before very many open runs": {func(w *world) {
			w.run("old", 1, dag.RunSuccess, nil)
			w.run("before", 2, dag.RunSuccess, nil)
			w.run("open", 3, dag.RunQueued, nil)
			w.run("between", 4, dag.RunSuccess, nil)
			for i := range 100 {
				w.run("q"+strconv.Itoa(i), 5, dag.RunQueued, func(r *store.Run) { r.LogicalDate = day(5).Add(time.Duration(i) * time.Minute) })
			}
		}, []string{"before", "open", "between"}},
		"what a deadline averages": {func(w *world) {
			w.needs.Successes = 2
			w.run("old", 1, dag.RunSuccess, nil)
			w.run("second", 2, dag.RunSuccess, nil)
			w.run("first", 3, dag.RunSuccess, nil)
			w.run("failed", 4, dag.RunFailed, nil)
		}, []string{"second", "first", "failed"}},
		"failures that are counted": {func(w *world) {
			w.needs.Ended = 3
			for i := 1; i <= 5; i++ {
				w.run(strconv.Itoa(i), i, dag.RunFailed, nil)
			}
		}, []string{"3", "4", "5"}},
		"runs of an open backfill": {func(w *world) {
			b := &store.Backfill{DAGID: "d", From: day(1), To: day(2), State: store.BackfillRunning, CreatedAt: day(1)}
			w.write(func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertBackfill(ctx, b, nil); return err })
			of := func(r *store.Run) { r.Type, r.BackfillID = dag.BackfillRun, b.ID }
			w.run("b1", 1, dag.RunSuccess, of)
			w.run("b2", 2, dag.RunSuccess, of)
			w.run("scheduled", 3, dag.RunSuccess, nil)
			w.run("newest", 4, dag.RunSuccess, nil)
		}, []string{"b1", "b2", "newest"}},
		"what a task of an open run has made": {func(w *world) {
			by := func(run string) func(r *store.Run) {
				return func(r *store.Run) { r.Type, r.MadeBy = dag.ManualRun, "parent/"+run+"/t/-1/1/0" }
			}
			w.run("p1", 1, dag.RunRunning, func(r *store.Run) { r.DAGID = "parent" })
			w.run("p2", 2, dag.RunSuccess, func(r *store.Run) { r.DAGID = "parent" })
			w.run("child", 1, dag.RunSuccess, by("p1"))
			w.run("of one that has ended", 2, dag.RunSuccess, by("p2"))
			w.run("of one that is gone", 3, dag.RunSuccess, by("p3"))
			w.run("newest", 4, dag.RunSuccess, nil)
		}, []string{"p1", "child", "p2", "newest"}},
		"one whose task is at work": {func(w *world) {
			r := w.run("ended", 1, dag.RunFailed, nil)
			w.write(func(ctx context.Context, tx store.Tx) error {
				return tx.PutInstances(ctx, []*store.Instance{{RunKey: r.Key, TaskID: "t", MapIndex: -1, State: dag.Running}})
			})
			w.run("newest", 2, dag.RunSuccess, nil)
		}, []string{"ended", "newest"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.make(w)
			w.clean(everything())
			got := slices.DeleteFunc(w.ids(), func(id string) bool { return id[0] == 'q' })
			assert.ElementsMatch(t, c.want, got)
		})
	}
}

// answers are what a scheduler, the open runs and the next ones read of the history.
func (w *world) answers() map[string]any {
	ctx, t := w.t.Context(), w.t
	out := map[string]any{}
	put := func(name string, v any, err error) {
		require.NoError(t, err, name)
		out[name] = v
	}
	last, err := w.LastScheduled(ctx, "d")
	put("the last scheduled run", last, err)
	asks := []*store.Run{{DAGID: "d", LogicalDate: now()}, {DAGID: "d", RunAfter: now(), Key: 1 << 60}}
	if last != nil {
		asks = append(asks, &store.Run{DAGID: "d", LogicalDate: last.LogicalDate.Add(time.Second)})
	}
	open, err := w.Runs(ctx, store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunQueued, dag.RunRunning}})
	put("the open runs", open, err)
	for i, r := range append(asks, open...) {
		for _, automatic := range []bool{false, true} {
			p, err := w.PreviousRun(ctx, r, automatic)
			put(fmt.Sprintf("before %d %s, %t", i, r.RunID, automatic), p, err)
			if p != nil {
				is, err := w.Instances(ctx, p.Key)
				put(fmt.Sprintf("tasks before %d %s, %t", i, r.RunID, automatic), is, err)
			}
		}
		p, err := w.PreviousSuccess(ctx, r)
		put(fmt.Sprintf("success before %d %s", i, r.RunID), p, err)
	}
	for _, r := range open {
		es, err := w.TakenAssetEvents(ctx, r.Key)
		put("events of "+r.RunID, es, err)
		xs, err := w.RunXComs(ctx, r.Key)
		put("xcoms of "+r.RunID, xs, err)
		src, err := w.Version(ctx, r.Version)
		put("version of "+r.RunID, src, err)
	}
	es, err := w.WaitingAssetEvents(ctx, "d", []string{"s3://a", "s3://b"})
	put("events", es, err)
	all, err := w.AssetEvents(ctx)
	put("the newest events", all, err)
	bs, err := w.OpenBackfills(ctx)
	put("backfills", bs, err)
	for _, b := range bs {
		n, err := w.BackfillCounts(ctx, b.ID)
		put("counts of a backfill", n, err)
	}
	ds, err := w.Deliveries(ctx, []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending, store.DeliveryUncertain}, 0)
	put("messages", ds, err)
	rs, err := w.OpenRequests(ctx)
	put("requests", rs, err)
	newest, err := w.Runs(ctx, store.RunFilter{DAGID: "d", Limit: 1})
	put("the newest run", newest, err)
	counted, err := w.Runs(ctx, store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunSuccess, dag.RunFailed}, Limit: w.needs.Ended})
	put("the runs that count as failed in a row", counted, err)

	tt, err := timetable.Cron("0 0 * * *", time.UTC)
	require.NoError(t, err)
	d := &dag.DAG{
		ID: "d", Timetable: tt, StartDate: day(1), Version: "v",
		Deadlines: []dag.Deadline{{Reference: dag.DeadlineAverageRuntime, Interval: time.Minute, MinRuns: 2, MaxRuns: w.needs.Successes}},
	}
	next, due := schedule.Next(d, last, now())
	put("the next run", []any{next, due}, nil)
	ls, err := schedule.Deadlines(ctx, w, d, &store.Run{DAGID: "d", Type: dag.ScheduledRun, QueuedAt: now()}, now())
	put("deadlines", ls, err)
	ticks, err := schedule.PassedOver(ctx, w, d, last, next, now())
	put("ticks that start nothing", ticks, err)
	return out
}

// fill makes a history at random.
func (w *world) fill(rnd *rand.Rand) {
	w.needs = history.Needs{Ended: 1 + rnd.IntN(5), Successes: 1 + rnd.IntN(5)}
	states := []dag.RunState{dag.RunSuccess, dag.RunSuccess, dag.RunFailed, dag.RunFailed, dag.RunQueued, dag.RunRunning}
	b := &store.Backfill{DAGID: "d", From: day(1), To: day(9), State: store.BackfillRunning, CreatedAt: day(1)}
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertBackfill(ctx, b, nil)
		return errors.Join(err, store.AddDAG(ctx, tx, &store.DAGState{ID: "d", Version: "v", Active: true}, day(1)))
	})
	for i, at := range rnd.Perm(28)[:10+rnd.IntN(18)] {
		r := w.run(fmt.Sprintf("r%d", i), at+1, states[rnd.IntN(len(states))], func(r *store.Run) {
			r.Version = "v" + strconv.Itoa(rnd.IntN(5))
			switch rnd.IntN(5) {
			case 0:
				r.Type = dag.ManualRun
			case 1:
				r.Type, r.BackfillID = dag.BackfillRun, b.ID
			case 2:
				r.Type, r.LogicalDate = dag.AssetRun, time.Time{}
			default:
				r.RunID = dag.RunID(dag.ScheduledRun, r.RunAfter)
			}
		})
		w.write(func(ctx context.Context, tx store.Tx) error {
			var told []string
			if rnd.IntN(2) == 0 {
				told = []string{"d"}
			}
			e := &store.AssetEvent{URI: []string{"s3://a", "s3://b"}[rnd.IntN(2)], At: day(i + 1), DAGID: "p", RunID: "r", TaskID: "t", MapIndex: -1}
			err := tx.InsertAssetEvent(ctx, e, told)
			if rnd.IntN(3) == 0 {
				err = errors.Join(err, tx.TakeAssetEvents(ctx, "d", r.Key))
			}
			all := []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending, store.DeliveryDelivered, store.DeliveryRefused, store.DeliveryUncertain}
			m := &store.Delivery{State: all[rnd.IntN(len(all))], Channel: "c", Payload: json.RawMessage("{}"), CreatedAt: day(i + 1), UpdatedAt: day(i + 1)}
			ask := &store.Request{Kind: "clear", Payload: json.RawMessage("{}"), CreatedAt: day(i + 1)}
			err = errors.Join(err, tx.InsertDeliveries(ctx, []*store.Delivery{m}), tx.InsertRequest(ctx, ask))
			if ask.DoneAt = day(i + 1); rnd.IntN(2) == 0 {
				_, aerr := tx.AnswerRequest(ctx, ask)
				err = errors.Join(err, aerr)
			}
			if rnd.IntN(3) == 0 {
				err = errors.Join(err, store.SetPaused(ctx, tx, "d", store.Pause{At: day(i + 1), Paused: rnd.IntN(2) == 0}))
			}
			if rnd.IntN(3) == 0 {
				err = errors.Join(err, tx.PutSchedulerLife(ctx, &store.SchedulerLife{StartedAt: day(i + 1), SeenAt: day(i + 1).Add(20 * time.Hour)}))
			}
			if rnd.IntN(4) == 0 {
				err = errors.Join(err, tx.PutImportError(ctx, &store.ImportError{File: "f", DAGID: "d", Since: day(i + 1), Until: day(i + 1).Add(30 * time.Hour), Text: "wrong"}))
			}
			if rnd.IntN(6) == 0 {
				err = errors.Join(err, tx.InsertTickRange(ctx, &store.TickRange{DAGID: "d", First: day(i + 1), Last: day(i + 1), Count: 1, RecordedAt: day(i + 1)}))
			}
			return err
		})
	}
}

// Whatever the history is: when all of it has gone that may go, a scheduler, the open runs and
// the next ones read what they read before.
func TestNobodyMissesWhatHasGone(t *testing.T) {
	t.Parallel()
	var gone atomic.Int64
	t.Cleanup(func() { assert.Greater(t, gone.Load(), int64(100), "runs have gone") })
	for seed := range uint64(25) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(rand.New(rand.NewPCG(seed, 1)))
			before, n := w.answers(), len(w.ids())
			w.clean(everything())
			assert.Equal(t, before, w.answers())
			gone.Add(int64(n - len(w.ids())))
		})
	}
}
