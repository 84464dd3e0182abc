package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// jobs is how many jobs each benchmark runs.
const jobs = 500

// BenchmarkChain500 runs a chain of jobs, each queued in the transaction that ends the
// one before and writes its state, as the engine does it. The floor beside it commits
// as many single rows.
func BenchmarkChain500(b *testing.B) {
	for _, sync := range []string{"FULL", "NORMAL"} {
		b.Run(sync, func(b *testing.B) { benchmarkJobs(b, sync, 1) })
		b.Run(sync+"/floor", func(b *testing.B) { benchmarkCommits(b, sync) })
	}
}

// BenchmarkWide500 runs as many jobs in eight chains side by side.
func BenchmarkWide500(b *testing.B) {
	for _, sync := range []string{"FULL", "NORMAL"} {
		b.Run(sync, func(b *testing.B) { benchmarkJobs(b, sync, 8) })
	}
}

func benchmarkJobs(b *testing.B, sync string, width int) {
	b.Helper()
	b.ReportAllocs()
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "db"), sqlite.Options{Synchronous: sync})
	require.NoError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	ready, ended, last := make(chan struct{}), make(chan error, 1), make(chan struct{}, width)
	go func() {
		ended <- s.Work(ctx, store.WorkOptions{
			Workers: 8,
			Ready:   func() { close(ready) },
			Handle: func(ctx context.Context, j store.Job) error {
				next := j
				next.Try += width
				err := s.Tx(ctx, func(tx store.Tx) error {
					in := &store.Instance{RunKey: j.RunKey, TaskID: j.TaskID, MapIndex: j.Try, State: dag.Success, Try: 1, MaxTries: 1}
					if err := errors.Join(tx.Complete(ctx, j), tx.PutInstances(ctx, []*store.Instance{in})); err != nil || next.Try > jobs {
						return err
					}
					return tx.Enqueue(ctx, []store.Job{next})
				})
				if next.Try > jobs {
					last <- struct{}{}
				}
				return err
			},
		})
	}()
	<-ready
	var run int64
	for b.Loop() {
		run++
		first := make([]store.Job, width)
		for i := range first {
			first[i] = store.Job{RunKey: run, TaskID: "t", MapIndex: -1, Try: i + 1}
		}
		require.NoError(b, s.Tx(b.Context(), func(tx store.Tx) error { return tx.Enqueue(b.Context(), first) }))
		for range width {
			<-last
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/jobs, "µs/job")
	stop()
	require.NoError(b, errors.Join(<-ended, s.Close()))
}

func benchmarkCommits(b *testing.B, sync string) {
	b.Helper()
	b.ReportAllocs()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous("+sync+")")
	require.NoError(b, err)
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(b.Context(), "CREATE TABLE floor (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
	require.NoError(b, err)
	for b.Loop() {
		for range jobs {
			_, err := db.ExecContext(b.Context(), "INSERT INTO floor (state) VALUES ('success')")
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/jobs, "µs/job")
	require.NoError(b, db.Close())
}
