package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// many is a world with so many DAGs, each with so many runs of so many tasks, beside one whose 25 runs have 200 tasks each.
func many(tb testing.TB, dags, runs, tasks int) *world {
	tb.Helper()
	w := newWorld(tb)
	var text strings.Builder
	for i := range dags {
		fmt.Fprintf(&text, "d%04d:\n  schedule: \"@hourly\"\n  start_date: 2026-01-01\n  tags: [team-%d]\n  tasks:\n", i, i%20)
		for k := range tasks {
			fmt.Fprintf(&text, "    - {task_id: task_%d, operator: empty}\n", k)
		}
	}
	text.WriteString("wide:\n  schedule: \"@hourly\"\n  start_date: 2026-01-01\n  tasks:\n")
	for i := range 200 {
		fmt.Fprintf(&text, "    - {task_id: task_number_%03d, operator: empty}\n", i)
	}
	w.files.Parse(tb, text.String())
	for i := range dags {
		d := w.seen(fmt.Sprintf("d%04d", i))
		w.write(func(ctx context.Context, tx store.Tx) error {
			for n := range runs {
				at := now.Add(-time.Duration(n+1) * time.Hour)
				state := dag.RunSuccess
				if (i+n)%50 == 0 {
					state = dag.RunFailed
				}
				r := &store.Run{DAGID: d.ID, RunID: "scheduled__" + at.Format(time.RFC3339), Type: dag.ScheduledRun, State: state, LogicalDate: at, RunAfter: at, StartDate: at, EndDate: at.Add(time.Minute), Version: d.Version}
				if _, err := tx.InsertRun(ctx, r); err != nil {
					return err
				}
				is := make([]*store.Instance, tasks)
				for k := range is {
					is[k] = task(fmt.Sprintf("task_%d", k), n+1, dag.Success)
					is[k].RunKey = r.Key
				}
				if state == dag.RunFailed {
					is[0].State, is[0].Error = dag.Failed, "exit status 1"
				}
				if err := tx.PutInstances(ctx, is); err != nil {
					return err
				}
			}
			return nil
		})
	}
	wide := w.seen("wide")
	for n := range 25 {
		var is []*store.Instance
		for i := range 200 {
			is = append(is, task(fmt.Sprintf("task_number_%03d", i), n+1, dag.Success))
		}
		w.run(wide, n+1, dag.RunSuccess, is...)
	}
	return w
}

// BenchmarkPages measures pages over 1,000 DAGs with 100 runs of 10 tasks each, of which those of 24 hours count at home, and a grid of 25 runs
// and 200 tasks. The size is that on the wire.
func BenchmarkPages(b *testing.B) {
	w := many(b, 1000, 100, 10)
	for name, path := range map[string]string{"home": "/", "dags": "/dags", "grid": "/dags/wide", "run": "/dags/wide/runs/manual__2026-03-01T11:00:00Z"} {
		b.Run(name, func(b *testing.B) {
			size, took := 0, []time.Duration{}
			for b.Loop() {
				begin := time.Now()
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				rec := httptest.NewRecorder()
				w.ServeHTTP(rec, r)
				require.Equal(b, http.StatusOK, rec.Code)
				size, took = rec.Body.Len(), append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-at-p95")
			b.ReportMetric(float64(size)/1024, "KB")
		})
	}
}
