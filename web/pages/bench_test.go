package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// many is a world with so many DAGs, each with so many runs, beside one whose 25 runs have 200 tasks each.
func many(tb testing.TB, dags, runs int) *world {
	tb.Helper()
	w := newWorld(tb)
	var text strings.Builder
	for i := range dags {
		fmt.Fprintf(&text, "d%04d:\n  schedule: \"@hourly\"\n  start_date: 2026-01-01\n  tags: [team-%d]\n  tasks: [{task_id: only, operator: empty}]\n", i, i%20)
	}
	text.WriteString("wide:\n  schedule: \"@hourly\"\n  start_date: 2026-01-01\n  tasks:\n")
	for i := range 200 {
		fmt.Fprintf(&text, "    - {task_id: task_number_%03d, operator: empty}\n", i)
	}
	w.files.parse(tb, text.String())
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
				in := task("only", n+1, dag.Success)
				in.RunKey = r.Key
				if err := tx.PutInstances(ctx, []*store.Instance{in}); err != nil {
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

// BenchmarkPages measures pages over 1,000 DAGs with 20 runs each, of which those of 24 hours count at home, and a grid of 25 runs
// and 200 tasks. The size is that on the wire.
func BenchmarkPages(b *testing.B) {
	w := many(b, 1000, 20)
	for name, path := range map[string]string{"home": "/", "dags": "/dags", "grid": "/dags/wide", "run": "/dags/wide/runs/manual__2026-03-01T11:00:00Z"} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				rec := httptest.NewRecorder()
				w.ServeHTTP(rec, r)
				require.Equal(b, http.StatusOK, rec.Code)
				size = rec.Body.Len()
			}
			b.ReportMetric(float64(size)/1024, "KB")
		})
	}
}
