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

const fork = `
fork:
  schedule: null
  tasks:
    - {task_id: begin, operator: empty}
    - {task_id: slow, operator: empty, dependencies: [begin]}
    - {task_id: fast, operator: empty, dependencies: [begin]}
    - {task_id: parts, operator: bash, bash_command: "true", expand: {env: [{A: "1"}, {A: "2"}]}}
    - {task_id: finish, operator: empty, dependencies: [slow, fast]}
`

// at is an instance that waited, began and ended so many seconds after a run that is an hour old was due.
func at(id string, state dag.State, queued, start, end int) *store.Instance {
	in := task(id, 1, state)
	begin := in.QueuedAt
	in.QueuedAt, in.StartDate, in.EndDate = begin.Add(time.Duration(queued)*time.Second), begin.Add(time.Duration(start)*time.Second), begin.Add(time.Duration(end)*time.Second)
	return in
}

// bars are the bars of the row of a task: class, x and width.
func bars(t *testing.T, page, label string) (out []string) {
	t.Helper()
	row := regexp.MustCompile(`(?s)<tr data-row[^>]*><th scope="row"[^>]*>(?:<a [^>]*>)?` + regexp.QuoteMeta(label) + `<.*?</tr>`).FindString(page)
	if !assert.NotEmpty(t, row, label) {
		return nil
	}
	for _, m := range regexp.MustCompile(`<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"`).FindAllStringSubmatch(row, -1) {
		out = append(out, strings.Join(m[1:], " "))
	}
	return out
}

func forked(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.files.Parse(t, fork)
	first, second := at("parts", dag.Success, 0, 10, 20), at("parts", dag.Failed, 0, 30, 60)
	first.MapIndex, second.MapIndex = 0, 1
	slow := at("slow", dag.Success, 50, 60, 90)
	slow.Try = 2
	w.run(w.seen("fork"), 1, dag.RunFailed, at("begin", dag.Success, 0, 10, 20), slow, at("fast", dag.Success, 20, 20, 30), first, second, at("finish", dag.Success, 90, 95, 100))
	w.write(func(ctx context.Context, tx store.Tx) error {
		r, err := tx.RunByID(ctx, "fork", "manual__2026-03-01T11:00:00Z")
		if err != nil {
			return err
		}
		past := at("slow", dag.Failed, 20, 25, 40)
		past.RunKey = r.Key
		return tx.PutPastTries(ctx, []*store.Instance{past})
	})
	return w
}

func TestGantt(t *testing.T) {
	t.Parallel()
	w := forked(t)
	got := w.get("/dags/fork/runs/manual__2026-03-01T11:00:00Z/gantt").body
	assert.Equal(t, []string{"queued 0.00 10.00", "success 10.00 10.00"}, bars(t, got, "begin"))
	assert.Equal(t, []string{"queued 20.00 5.00", "failed 25.00 15.00", "queued 50.00 10.00", "success 60.00 30.00"}, bars(t, got, "slow"), "both tries")
	assert.Equal(t, []string{"failed 10.00 50.00"}, bars(t, got, "parts"), "from the first instance to the last")
	has(t, got, `aria-label="Try 1 · failed · 5s in the queue · took 15s · 2026-03-01 11:00:25 · critical; Try 2 · success · 10s in the queue · took 30s · 2026-03-01 11:01:00 · critical"`)
	assert.Len(t, regexp.MustCompile(`<tr data-row class=" critical">`).FindAllString(got, -1), 3, "begin, slow and finish")
	has(t, w.get("/dags/fork/runs/manual__2026-03-01T11:00:00Z/gantt", "Cookie", "dingdag_tz=Asia%2FShanghai").body, "19:00:30")
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, w.get("/dags/fork/runs/manual__2026-03-01T11:00:00Z/gantt").status)
}

func TestGanttOfARunThatGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("etl")
	running, queued := at("load", dag.Running, 0, 1800, 0), at("report", dag.Queued, 2700, 0, 0)
	running.EndDate, queued.StartDate, queued.EndDate = time.Time{}, time.Time{}, time.Time{}
	w.run(d, 1, dag.RunRunning, running, queued)
	w.run(d, 2, dag.RunQueued)
	got := w.get("/dags/etl/runs/manual__2026-03-01T11:00:00Z/gantt").body
	assert.Equal(t, []string{"queued 0.00 50.00", "running 50.00 50.00"}, bars(t, got, "load"), "until now")
	assert.Equal(t, []string{"queued 75.00 25.00"}, bars(t, got, "report"))
	assert.Empty(t, bars(t, got, "extract"))
	has(t, got, `aria-label="has not begun"`)
	has(t, w.get("/dags/etl/runs/manual__2026-03-01T10:00:00Z/gantt").body, "No task of this run has begun yet.")
}

func TestGanttOfAClearedTaskHasItsLastTryOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cleared := at("load", dag.None, 0, 10, 20)
	w.run(w.seen("etl"), 1, dag.RunRunning, cleared)
	w.write(func(ctx context.Context, tx store.Tx) error {
		past := at("load", dag.Failed, 0, 10, 20)
		past.RunKey = cleared.RunKey
		return tx.PutPastTries(ctx, []*store.Instance{past})
	})
	assert.Equal(t, []string{"queued 0.00 50.00", "failed 50.00 50.00"}, bars(t, w.get("/dags/etl/runs/manual__2026-03-01T11:00:00Z/gantt").body, "load"))
}

func TestALargeGanttSaysWhatIsNotDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, wide(2000))
	w.run(w.seen("wide"), 1, dag.RunRunning, at("g0.t0", dag.Success, 0, 10, 20))
	has(t, w.get("/dags/wide/runs/manual__2026-03-01T11:00:00Z/gantt").body, "The first 1000 of 2200 tasks and groups are drawn.")
}
