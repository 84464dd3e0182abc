package bench_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
)

const (
	// workers is how many processes run tasks, and slots how many each of them runs at once.
	workers, slots = 4, 25
	// queued is how many jobs the benchmark of a queue has done.
	queued = 10_000
)

// BenchmarkQueue has jobs that do nothing fetched and ended by as many stores as there are workers, each with the report that a leader
// would take in. The floor are as many of River's own clients, which end jobs some time later, many at once.
func BenchmarkQueue(b *testing.B) {
	var took, least time.Duration
	for b.Loop() {
		took += storeJobs(b, queued)
		least += riverJobs(b, queued)
	}
	reportRate(b, queued, took, least)
}

// reportRate reports what each of so many tasks or jobs took, and how many were done in a second, with the floor.
func reportRate(b *testing.B, n int, took, least time.Duration) {
	b.Helper()
	all := float64(b.N * n)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took.Seconds()*1e6/all, "µs/task")
	b.ReportMetric(least.Seconds()*1e6/all, "floor-µs/task")
	b.ReportMetric(all/took.Seconds(), "tasks/s")
	b.ReportMetric(all/least.Seconds(), "floor-tasks/s")
}

// storeJobs has n jobs done by stores, and returns how long that took.
func storeJobs(b *testing.B, n int) time.Duration {
	b.Helper()
	u := postgresSchema(b)
	var stores []*postgres.Store
	for i := range workers {
		s, err := postgres.Open(b.Context(), u, postgres.Options{Node: strconv.Itoa(i)})
		require.NoError(b, err)
		defer func() { require.NoError(b, s.Close()) }()
		stores = append(stores, s)
	}
	for from := 0; from < n; from += 1000 {
		js := make([]store.Job, min(1000, n-from))
		for i := range js {
			js[i] = store.Job{RunKey: int64(from), TaskID: strconv.Itoa(i), MapIndex: -1, Try: 1}
		}
		require.NoError(b, stores[0].Tx(b.Context(), func(tx store.Tx) error { return tx.Enqueue(b.Context(), js) }))
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var left atomic.Int64
	left.Store(int64(n))
	begin := time.Now()
	var working sync.WaitGroup
	for _, s := range stores {
		working.Go(func() {
			err := s.Work(ctx, store.WorkOptions{Workers: slots, Grace: time.Minute, Handle: func(ctx context.Context, j store.Job) error {
				err := s.End(ctx, j, &store.Report{Payload: json.RawMessage(`{"kind": "over"}`), At: begin})
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
	return time.Since(begin)
}

// riverJobs has n jobs done by River's clients on tables of its own, and returns how long that took.
func riverJobs(b *testing.B, n int) time.Duration {
	b.Helper()
	u := postgresSchema(b)
	var left atomic.Int64
	left.Store(int64(n))
	done := make(chan struct{})
	var clients []*river.Client[pgx.Tx]
	for i := range workers {
		pool, err := pgxpool.New(b.Context(), u)
		require.NoError(b, err)
		defer pool.Close()
		driver := riverpgxv5.New(pool)
		if i == 0 {
			m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
			require.NoError(b, err)
			_, err = m.Migrate(b.Context(), rivermigrate.DirectionUp, nil)
			require.NoError(b, err)
		}
		ws := river.NewWorkers()
		river.AddWorker(ws, river.WorkFunc(func(context.Context, *river.Job[nothing]) error {
			if left.Add(-1) == 0 {
				close(done)
			}
			return nil
		}))
		c, err := river.NewClient(driver, &river.Config{
			ID: strconv.Itoa(i), Workers: ws, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}}, FetchCooldown: time.Millisecond,
			Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(b, err)
		clients = append(clients, c)
	}
	for from := 0; from < n; from += 1000 {
		ps := make([]river.InsertManyParams, min(1000, n-from))
		for i := range ps {
			ps[i] = river.InsertManyParams{Args: nothing{Task: strconv.Itoa(i)}}
		}
		_, err := clients[0].InsertManyFast(b.Context(), ps)
		require.NoError(b, err)
	}
	begin := time.Now()
	for _, c := range clients {
		require.NoError(b, c.Start(b.Context()))
	}
	<-done
	for _, c := range clients { // all is written then
		require.NoError(b, c.Stop(b.Context()))
	}
	return time.Since(begin)
}

// nothing is a job that does nothing.
type nothing struct {
	Task string `json:"task"`
}

// Kind names it in River's tables.
func (nothing) Kind() string { return "nothing" }
