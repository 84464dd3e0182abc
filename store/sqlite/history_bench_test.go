package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// tasksOfRun is how many instances each run of the history has.
const tasksOfRun = 10

// historyRows makes runs of DAG d in the days before 2026, one a minute, the last hundred of
// them in any case; every eleventh failed.
const historyRows = `
INSERT INTO dag (dag_id, file, version) VALUES ('d', 'd.yaml', 'v');
INSERT INTO dag_version (version, dag_id, source) VALUES ('v', 'd', 'text');
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < RUNS)
INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, run_after, queued_at, start_date, end_date, version, reason)
	SELECT 'd', 'scheduled__' || i, 'scheduled', iif(i % 11 = 0, 'failed', 'success'), AT, AT, AT, AT, AT + 1000, 'v', ''
	FROM (SELECT i, 1767225600000 - (RUNS - i) * 60000 AS AT FROM n);
WITH RECURSIVE k (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM k WHERE i < TASKS)
INSERT INTO task_instance (run_key, task_id, state, try, max_tries, operator, queued_at, start_date, end_date, log)
	SELECT r.id, 't' || k.i, 'success', 1, 1, 'bash', r.start_date, r.start_date, r.end_date, 'd/' || r.run_id || '/t/1.log' FROM dag_run r, k;
INSERT INTO xcom (run_key, task_id, key, value) SELECT id, 't1', 'return_value', '1' FROM dag_run;
INSERT INTO delivery (state, channel, sender, summary, payload, event, dag_id, run_id, task_id, try, created_at, updated_at)
	SELECT 'delivered', 'c', 's', 'sum', '{}', 'on_success', 'd', run_id, '', 1, end_date, end_date FROM dag_run;
INSERT INTO tick_range (dag_id, first_tick, last_tick, ticks, outcome, reason, recorded_at)
	SELECT 'd', run_after, run_after, 1, 'skipped', 'paused', run_after FROM dag_run;
`

// BenchmarkHistory does what a scheduler and people do, in turn in a store with a hundred runs
// and in one with a hundred thousand, of ten task instances each: it is to cost the same. The
// figures are medians of processor time, which other processes disturb less than the clock, each of ten in a
// row; the ratio is that of the large store to the small one.
func BenchmarkHistory(b *testing.B) { besideEachOther(b, historyOps, settles, inARow) }

// BenchmarkGrowth does what costs more the more there is, because it is about all of it.
func BenchmarkGrowth(b *testing.B) { besideEachOther(b, growingOps, 1, 1) }

func besideEachOther(b *testing.B, ops func(s *sqlite.Store, runs int) []historyOp, settles, inARow int) {
	b.Helper()
	open := func(runs int) []historyOp {
		path := filepath.Join(b.TempDir(), "db")
		s, err := sqlite.Open(b.Context(), path, sqlite.Options{Synchronous: "NORMAL"})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, s.Close()) })
		fill(b, path, runs)
		return ops(s, runs)
	}
	small, large := open(100), open(100_000)
	for i := range small {
		b.Run(small[i].name, func(b *testing.B) {
			var took [2][]time.Duration
			for range settles {
				require.NoError(b, errors.Join(small[i].do(b.Context()), large[i].do(b.Context())))
			}
			for b.Loop() {
				for n, op := range []historyOp{small[i], large[i]} {
					began := processor(b)
					for range inARow {
						require.NoError(b, op.do(b.Context()))
					}
					took[n] = append(took[n], processor(b)-began)
				}
			}
			var middle [2]float64
			for n, ds := range took {
				slices.Sort(ds)
				middle[n] = float64(ds[len(ds)/2].Nanoseconds()) / 1e3 / float64(inARow)
			}
			b.ReportMetric(middle[0], "small-µs")
			b.ReportMetric(middle[1], "large-µs")
			b.ReportMetric(middle[1]/middle[0], "ratio")
		})
	}
}

// settles is how often an operation is done before it is measured: the pages of rows that were inserted all at
// once are full, and each is split once by the first that follow.
const settles = 300

// inARow is how often an operation is done for one figure.
const inARow = 10

// processor is the processor time of this process so far.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func fill(b *testing.B, path string, runs int) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(b, err)
	_, err = db.ExecContext(b.Context(), strings.NewReplacer("RUNS", strconv.Itoa(runs), "TASKS", strconv.Itoa(tasksOfRun)).Replace(historyRows))
	require.NoError(b, errors.Join(err, db.Close()))
}

type historyOp struct {
	name string
	do   func(ctx context.Context) error
}

func historyOps(s *sqlite.Store, runs int) []historyOp {
	end := time.UnixMilli(1767225600000).UTC()
	newest := fmt.Sprintf("scheduled__%d", runs)
	success := []dag.RunState{dag.RunSuccess}
	list := func(f store.RunFilter) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := s.Runs(ctx, f); return err }
	}
	made := 0
	return []historyOp{
		{"Schedule", func(ctx context.Context) error {
			_, _, e1 := s.OpenRuns(ctx)
			_, e2 := s.LastScheduled(ctx, "d")
			_, e3 := s.CountOwnRuns(ctx, "d", dag.RunQueued, dag.RunRunning)
			_, e4 := s.Runs(ctx, store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunQueued}})
			_, e5 := s.DueDeadlines(ctx, end)
			_, e6 := s.OpenRequests(ctx)
			_, e7 := s.OpenChannels(ctx)
			return errors.Join(e1, e2, e3, e4, e5, e6, e7)
		}},
		{"Run", func(ctx context.Context) error { // a run is made, worked on and ends
			made++
			at := end.Add(time.Duration(made) * time.Second)
			r := &store.Run{DAGID: "d", RunID: "made" + strconv.Itoa(made), Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: at, RunAfter: end, Version: "v"}
			return s.Tx(ctx, func(tx store.Tx) error {
				if _, err := tx.InsertRun(ctx, r); err != nil {
					return err
				}
				in := &store.Instance{RunKey: r.Key, TaskID: "t", MapIndex: -1, State: dag.Success, Try: 1, MaxTries: 1}
				r.State, r.StartDate, r.EndDate = dag.RunSuccess, at, at
				return errors.Join(tx.PutInstances(ctx, []*store.Instance{in}), tx.PutXCom(ctx, r.Key, "t", -1, "return_value", []byte("1")), tx.UpdateRun(ctx, r))
			})
		}},
		{"ListRuns", list(store.RunFilter{Limit: 50})},
		{"ListRunsOfDAG", list(store.RunFilter{DAGID: "d", Limit: 50})},
		{"ListFailedRuns", list(store.RunFilter{States: []dag.RunState{dag.RunFailed}, Limit: 5})},
		{"ListRunsSince", list(store.RunFilter{Since: end.Add(-10 * time.Minute), Limit: 50})},
		{"ListRunsOfDAGSince", list(store.RunFilter{DAGID: "d", Since: end.Add(-10 * time.Minute), Limit: 50})},
		{"XComOfARunBefore", func(ctx context.Context) error { // one that is there, and one that never was
			_, e1 := s.RunWithXCom(ctx, "d", end, "t1", "return_value")
			_, e2 := s.RunWithXCom(ctx, "d", end, "t1", "never")
			return errors.Join(e1, e2)
		}},
		{"State", func(ctx context.Context) error {
			r, err := s.RunByID(ctx, "d", newest)
			if err == nil {
				_, err = s.Instances(ctx, r.Key)
			}
			return err
		}},
		{"Why", func(ctx context.Context) error {
			_, e1 := s.RunAt(ctx, "d", end)
			_, e2 := s.TickRangeAt(ctx, "d", end)
			_, e3 := s.NearestRun(ctx, "d", end)
			return errors.Join(e1, e2, e3)
		}},
		{"Clear", func(ctx context.Context) error { // the last ten runs
			rs, err := s.Runs(ctx, store.RunFilter{DAGID: "d", From: end.Add(-9 * time.Minute), To: end})
			for _, r := range rs {
				_, ierr := s.Instances(ctx, r.Key)
				err = errors.Join(err, ierr)
			}
			return err
		}},
		{"DeadlineAverage", list(store.RunFilter{DAGID: "d", States: success, Limit: 10})},
		{"PreviousSuccess", func(ctx context.Context) error {
			_, err := s.PreviousSuccess(ctx, &store.Run{DAGID: "d", LogicalDate: end})
			return err
		}},
		{"OutboxAtStart", func(ctx context.Context) error {
			_, e1 := s.SendingDeliveries(ctx)
			_, e2 := s.Deliveries(ctx, []store.DeliveryState{store.DeliveryWaiting}, 0)
			return errors.Join(e1, e2)
		}},
	}
}

func growingOps(s *sqlite.Store, _ int) []historyOp {
	end := time.UnixMilli(1767225600000).UTC()
	count := func(f store.RunFilter) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := s.CountMatching(ctx, f); return err }
	}
	return []historyOp{
		{"CountRuns", count(store.RunFilter{})},
		{"CountRunsOfDAG", count(store.RunFilter{DAGID: "d"})},
		{"CountFailedRuns", count(store.RunFilter{States: []dag.RunState{dag.RunFailed}})},
		{"CountMessages", func(ctx context.Context) error {
			_, err := s.CountDeliveries(ctx, store.DeliveryFilter{})
			return err
		}},
		{"MissingReturnValueOfARunBefore", func(ctx context.Context) error {
			_, err := s.RunWithXCom(ctx, "d", end, "t2", "return_value")
			return err
		}},
		{"ClearPastAndFuture", func(ctx context.Context) error { // what it reads: all runs and all their instances
			rs, err := s.Runs(ctx, store.RunFilter{DAGID: "d"})
			for _, r := range rs {
				_, ierr := s.Instances(ctx, r.Key)
				err = errors.Join(err, ierr)
			}
			return err
		}},
	}
}
