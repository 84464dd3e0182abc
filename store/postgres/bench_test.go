package postgres_test

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
)

// BenchmarkWork has four processes with 25 workers each run jobs that do nothing: those of the store, which end in a transaction of
// their own, beside River's own clients, which end them some time later, many at once. Each has a pool of 10 connections.
func BenchmarkWork(b *testing.B) {
	const processes, workers = 4, 25
	b.Run("store", func(b *testing.B) {
		u := benchDatabase(b)
		var stores []*postgres.Store
		for i := range processes {
			s, err := postgres.Open(b.Context(), u, postgres.Options{Node: strconv.Itoa(i)})
			require.NoError(b, err)
			defer s.Close()
			stores = append(stores, s)
		}
		for from := 0; from < b.N; from += 1000 {
			js := make([]store.Job, min(1000, b.N-from))
			for i := range js {
				js[i] = store.Job{RunKey: int64(from), TaskID: strconv.Itoa(i), MapIndex: -1, Try: 1}
			}
			require.NoError(b, stores[0].Tx(b.Context(), func(tx store.Tx) error { return tx.Enqueue(b.Context(), js) }))
		}
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		var left atomic.Int64
		left.Store(int64(b.N))
		b.ResetTimer()
		var working sync.WaitGroup
		for _, s := range stores {
			working.Go(func() {
				err := s.Work(ctx, store.WorkOptions{Workers: workers, Grace: time.Minute, Handle: func(ctx context.Context, j store.Job) error {
					err := s.Tx(ctx, func(tx store.Tx) error { return tx.Complete(ctx, j) })
					if err == nil && left.Add(-1) == 0 {
						cancel()
					}
					return err
				}})
				if err != nil {
					b.Error(err)
				}
			})
		}
		working.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
	b.Run("river", func(b *testing.B) {
		u := benchDatabase(b)
		s, err := postgres.Open(b.Context(), u, postgres.Options{}) // it makes the tables
		require.NoError(b, err)
		require.NoError(b, s.Close())
		var left atomic.Int64
		left.Store(int64(b.N))
		done := make(chan struct{})
		var clients []interface {
			Start(ctx context.Context) error
		}
		for i := range processes {
			pool, err := pgxpool.New(b.Context(), u)
			require.NoError(b, err)
			defer pool.Close()
			ws := river.NewWorkers()
			river.AddWorker(ws, river.WorkFunc(func(context.Context, *river.Job[nothing]) error {
				if left.Add(-1) == 0 {
					close(done)
				}
				return nil
			}))
			c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
				ID: strconv.Itoa(i), Workers: ws, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}, FetchCooldown: time.Millisecond,
				Logger: slog.New(slog.DiscardHandler),
			})
			require.NoError(b, err)
			if i == 0 {
				for from := 0; from < b.N; from += 1000 {
					ps := make([]river.InsertManyParams, min(1000, b.N-from))
					for i := range ps {
						ps[i] = river.InsertManyParams{Args: nothing{Task: strconv.Itoa(i)}}
					}
					_, err := c.InsertManyFast(b.Context(), ps)
					require.NoError(b, err)
				}
			}
			clients = append(clients, c)
		}
		b.ResetTimer()
		for _, c := range clients {
			require.NoError(b, c.Start(b.Context()))
		}
		<-done
		for _, c := range clients {
			require.NoError(b, c.(interface {
				Stop(ctx context.Context) error
			}).Stop(b.Context()))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
}

// nothing is a job that does nothing.
type nothing struct {
	Task string `json:"task"`
}

// Kind names it in River's tables.
func (nothing) Kind() string { return "nothing" }

// benchDatabase is the URL of an empty schema of the benchmark's own.
func benchDatabase(b *testing.B) string {
	b.Helper()
	return with(b, database(b), func(_ *url.URL, q url.Values) { q.Set("pool_max_conns", "10") })
}
