package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// threeRuns is a world in which etl ran on three days, and failed.
func threeRuns(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	d := w.seen("etl")
	for _, n := range []int{72, 48, 24} {
		w.run(d, n, dag.RunFailed, task("extract", n, dag.Success), task("load", n, dag.Failed), task("report", n, dag.UpstreamFailed))
	}
	return w
}

const middleRun = "/dags/etl/runs/manual__2026-02-27T12:00:00Z"

// states are those of the tasks, run by run.
func (w *world) states() (all []string) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, n := range []int{72, 48, 24} {
			r, err := tx.RunByID(ctx, "etl", "manual__"+now.Add(-time.Duration(n)*time.Hour).Format(time.RFC3339))
			if err != nil {
				return err
			}
			is, err := tx.Instances(ctx, r.Key)
			if err != nil {
				return err
			}
			for _, in := range is {
				all = append(all, in.TaskID+" "+string(in.State))
			}
		}
		return nil
	})
	return all
}

// A look at what would be cleared or marked changes nothing, and a press on the button what was shown.
func TestPreviewsOfChanges(t *testing.T) {
	t.Parallel()
	failed := []string{"extract success", "load failed", "report upstream_failed"}
	for _, c := range []struct {
		query string
		runs  int // how many runs are shown
		// How many instances of each change: what is marked lets report, which it kept from running, run.
		mark, clear int
	}{
		{"task_id=load", 1, 2, 1},
		{"task_id=load&past=on", 2, 2, 1},
		{"task_id=load&future=on", 2, 2, 1},
		{"task_id=load&past=on&future=on", 3, 2, 1},
		{"task_id=load&upstream=on", 1, 2, 2},
		{"task_id=load&downstream=on", 1, 2, 2},
		{"task_id=load&upstream=on&downstream=on&future=on", 2, 2, 3},
	} {
		w := threeRuns(t)
		for page, each := range map[string]int{"/mark?state=success&": c.mark, "/clear?": c.clear} {
			got := w.get(middleRun + page + c.query)
			require.Equal(t, http.StatusOK, got.status, c.query)
			shown := regexp.MustCompile(`<span>(extract|load|report)</span> <span class="state `).FindAllString(got.body, -1)
			assert.Len(t, shown, c.runs*each, "%s%s", page, c.query)
			assert.Equal(t, slices.Concat(failed, failed, failed), w.states(), "%s%s", page, c.query)
			assert.Empty(t, w.events())
		}
	}

	w := threeRuns(t)
	form := url.Values{"state": {"success"}, "task_id": {"load"}, "future": {"on"}}
	require.Equal(t, http.StatusSeeOther, w.post(middleRun+"/mark", form).status)
	got := w.states()
	assert.Equal(t, []string{"load failed", "load success", "load success"}, []string{got[1], got[4], got[7]})
	w = threeRuns(t)
	require.Equal(t, http.StatusSeeOther, w.post(middleRun+"/clear", url.Values{"task_id": {"load"}, "past": {"on"}, "downstream": {"on"}}).status)
	got = w.states()
	assert.Equal(t, []string{"load ", "load ", "load failed"}, []string{got[1], got[4], got[7]})
}
