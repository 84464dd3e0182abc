package pages_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// took stores a run of etl that is n hours old, of which a task took so many seconds, and the run three more.
func (w *world) took(n, seconds int) {
	w.t.Helper()
	d := w.seen("etl")
	begin := now.Add(-time.Duration(n) * time.Hour)
	load := task("load", n, dag.Success)
	load.EndDate = begin.Add(time.Duration(seconds) * time.Second)
	w.run(d, n, dag.RunRunning, load)
	w.write(func(ctx context.Context, tx store.Tx) error {
		r, err := tx.RunByID(ctx, "etl", "manual__"+begin.Format(time.RFC3339))
		if err != nil {
			return err
		}
		r.State, r.EndDate = dag.RunSuccess, begin.Add(time.Duration(seconds+3)*time.Second)
		r.StartDate = begin.Add(time.Second)
		return tx.UpdateRun(ctx, r)
	})
}

// points are the words of the points of a chart.
func points(page string) (out []string) {
	for _, m := range regexp.MustCompile(`<circle class="\w+" cx="[\d.]+%" cy="[\d.]+" r="4"><title>([^<]*)</title>`).FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestDurations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, seconds := range map[int]int{5: 10, 4: 20, 2: 300} {
		w.took(n, seconds)
	}
	w.run(w.seen("etl"), 3, dag.RunRunning, task("load", 3, dag.Running))
	got := w.get("/dags/etl/durations").body
	assert.Equal(t, []string{"12s · success · manual__2026-03-01T07:00:00Z", "22s · success · manual__2026-03-01T08:00:00Z", "5m 02s · success · manual__2026-03-01T10:00:00Z"}, points(got))
	line := regexp.MustCompile(`<path class="line" d="([^"]*)"`).FindStringSubmatch(got)
	assert.Equal(t, []int{2, 1}, []int{strings.Count(line[1], "M"), strings.Count(line[1], "L")}, "a run that goes on is a gap")
	has(t, got, `<span class="dim">Median</span> 22s`)
	has(t, got, `<span class="dim">Longest</span> 5m 02s`)
	has(t, got, `<th scope="row"><a href="/dags/etl/durations?task=load" data-open>load</a></th><td>20s</td><td>5m 00s</td><td>5m 00s</td><td>3</td>`)
	hasNot(t, got, `task=extract" data-open`)

	of := w.get("/dags/etl/durations?task=load").body
	assert.Equal(t, "10s · success · manual__2026-03-01T07:00:00Z", points(of)[0])
	has(t, of, `<a href="/dags/etl/runs/manual__2026-03-01T07:00:00Z/tasks/load"`)
	assert.Empty(t, points(w.get("/dags/etl/durations?task=report").body))
	has(t, w.get("/dags/by_hand/durations").body, "Nothing has ended yet.")
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	for _, path := range []string{"/dags/etl/durations", "/dags/etl/landing"} {
		assert.Equal(t, http.StatusForbidden, w.get(path).status, path)
	}
}

func TestDurationsOfManyTasksAreOfFewerRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, wide(4000))
	d := w.seen("wide")
	for n := 1; n <= 4; n++ {
		w.run(d, n, dag.RunSuccess, at("g0.t0", dag.Success, 0, 10, 20))
	}
	got := w.get("/dags/wide/durations").body
	assert.Len(t, points(got), 4)
	has(t, got, "in the newest 2 runs")
	has(t, got, `data-open>g0.<wbr>t0</a></th><td>10s</td><td>10s</td><td>10s</td><td>2</td>`)
	assert.Len(t, points(w.get("/dags/wide/durations?task=g0.t0").body), 4, "of one task all are read")
}

func TestLandingTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.took(5, 10)
	at := now.Add(-2 * time.Hour)
	early := &store.Run{DAGID: "etl", RunID: "early", Type: dag.ManualRun, State: dag.RunFailed, LogicalDate: at, IntervalStart: at, IntervalEnd: at.Add(time.Hour), RunAfter: at, StartDate: at, EndDate: at.Add(time.Minute), Version: w.seen("etl").Version}
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertRun(ctx, early)
		return err
	})
	assert.Equal(t, []string{"13s · success · manual__2026-03-01T07:00:00Z", "−59m 00s · failed · early"}, points(w.get("/dags/etl/landing").body), "from the end of the data interval")
	assert.Equal(t, []string{"10s · success · manual__2026-03-01T07:00:00Z"}, points(w.get("/dags/etl/landing?task=load").body))
	has(t, w.get("/dags/etl/landing", "Cookie", "dingdag_tz=Asia%2FShanghai").body, ">03-01 15:00</text>")
}

// The median of an even number is in the middle of two.
func TestMedianOfTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.took(5, 10)
	w.took(4, 20)
	has(t, w.get("/dags/etl/durations").body, `<span class="dim">Median</span> 17s`)
}
