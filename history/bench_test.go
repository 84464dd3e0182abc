package history_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// manyRuns are 5,000 runs that ended long ago, of ten tasks with an XCom each, and a message.
const manyRuns = `
INSERT INTO dag (dag_id, file, version) VALUES ('d', 'd.yaml', 'v');
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, run_after, start_date, end_date, version)
	SELECT 'd', 'scheduled__' || i, 'scheduled', 'success', i * 1000, i * 1000, i * 1000, i * 1000, 'v' FROM n;
WITH RECURSIVE k (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM k WHERE i < 10)
INSERT INTO task_instance (run_key, task_id, state, try, max_tries, operator, log)
	SELECT r.id, 't' || k.i, 'success', 1, 1, 'bash', 'dag_id=d/run_id=' || r.run_id || '/task_id=t' || k.i || '/attempt=1.log' FROM dag_run r, k;
INSERT INTO xcom (run_key, task_id, key, value) SELECT run_key, task_id, 'return_value', '"' || hex(randomblob(200)) || '"' FROM task_instance;
INSERT INTO delivery (state, channel, sender, summary, payload, event, dag_id, run_id, task_id, try, created_at, updated_at)
	SELECT 'delivered', 'c', 's', 'sum', hex(randomblob(500)), 'on_success', 'd', run_id, '', 1, end_date, end_date FROM dag_run;
`

// BenchmarkClean removes it, beside somebody who writes a little again and again. It reports the longest
// time for which a step held the writer, the longest one that the other had to wait, and how
// many runs go in a second.
func BenchmarkClean(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		path := filepath.Join(b.TempDir(), "db")
		s, err := sqlite.Open(b.Context(), path, sqlite.Options{})
		require.NoError(b, err)
		db, err := sql.Open("sqlite", "file:"+path)
		require.NoError(b, err)
		_, err = db.ExecContext(b.Context(), manyRuns)
		require.NoError(b, errors.Join(err, db.Close()))
		c := history.New(history.Options{
			Store: s, LogDir: b.TempDir(), Clock: time.Now, Rest: history.Rest(1),
			Needs: func(context.Context, string) (history.Needs, error) { return history.Needs{}, nil },
		})
		var over atomic.Bool
		waited := make(chan time.Duration)
		b.StartTimer()
		began := time.Now()
		go func() {
			var longest time.Duration
			for !over.Load() {
				at := time.Now()
				_ = s.Tx(context.Background(), func(tx store.Tx) error {
					return tx.PutVersion(context.Background(), "other", "d", nil, time.Unix(1, 0))
				})
				longest = max(longest, time.Since(at))
			}
			waited <- longest
		}()
		r, err := c.Clean(b.Context(), everything())
		took := time.Since(began)
		over.Store(true)
		b.ReportMetric(float64(r.Longest.Microseconds())/1e3, "ms-held")
		b.ReportMetric(float64((<-waited).Microseconds())/1e3, "ms-waited")
		b.ReportMetric(float64(r.Counts[history.Runs])/took.Seconds(), "runs/s")
		require.NoError(b, err)
		require.Greater(b, r.Counts[history.Runs], 4_900)
		require.NoError(b, s.Close())
	}
}
