package pages_test

import (
	"context"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// days are what a calendar says of days: the class and the words, by date.
func days(page string) map[string][2]string {
	out := map[string][2]string{}
	for _, m := range regexp.MustCompile(`<a class="day ([^"]*)" href="[^"]*day=([\d-]+)#day" title="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		out[m[2]] = [2]string{m[1], m[3]}
	}
	return out
}

// scheduled stores a run that the schedule of a DAG made at a moment.
func (w *world) scheduled(d *dag.DAG, at time.Time, state dag.RunState) {
	w.t.Helper()
	r := &store.Run{DAGID: d.ID, RunID: "scheduled__" + at.Format(time.RFC3339), Type: dag.ScheduledRun, State: state, LogicalDate: at, IntervalStart: at, IntervalEnd: at, RunAfter: at, QueuedAt: at, Version: d.Version}
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertRun(ctx, r)
		return err
	})
}

func february(day, hour int) time.Time { return time.Date(2026, 2, day, hour, 0, 0, 0, time.UTC) }

func TestCalendar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("etl")
	w.scheduled(d, february(10, 6), dag.RunSuccess)
	w.scheduled(d, february(11, 6), dag.RunFailed)
	w.scheduled(d, february(28, 6), dag.RunRunning)
	w.scheduled(d, february(28, 6).AddDate(0, 0, 1), dag.RunQueued)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, r := range []*store.TickRange{
			{First: february(11, 7), Last: february(13, 6), Count: 3, Outcome: store.TickMissed, Reason: "no scheduler <b>orders</b> hush-hush was running"},
			{First: february(14, 6), Last: february(16, 6), Count: 3, Outcome: store.TickSkipped, Reason: "ann had paused it"},
			{First: february(20, 6), Last: february(20, 6), Count: 1, Outcome: store.TickStarted, Reason: "a run has this logical date"},
		} {
			r.DAGID, r.RecordedAt = "etl", now
			if err := tx.InsertTickRange(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	page := w.get("/dags/etl/calendar").body
	got := days(page)
	for date, want := range map[string][2]string{
		"2026-02-10": {"success", "1 success"}, "2026-02-11": {"failed lacks", "1 failed, 1 started no run"}, "2026-02-13": {"missed", "1 started no run"},
		"2026-02-14": {"passed", "1 passed over"}, "2026-02-16": {"passed", "1 passed over"}, "2026-02-28": {"running", "1 running"}, "2026-03-01": {"queued today", "1 queued"},
		"2026-03-02": {"planned", "1 planned"}, "2026-12-31": {"planned", "1 planned"}, "2026-02-20": {}, "2026-02-09": {},
	} {
		assert.Equal(t, want, got[date], date)
	}
	has(t, page, `href="/dags/etl/calendar?year=2025"`)
	has(t, page, `href="/dags/etl/calendar?year=2027"`)
	assert.Empty(t, days(w.get("/dags/etl/calendar?year=2025").body))
	next := w.get("/dags/etl/calendar?year=2027").body
	assert.Equal(t, [2]string{"planned", "1 planned"}, days(next)["2027-06-01"])
	hasNot(t, next, "year=2028")

	day := w.get("/dags/etl/calendar?day=2026-02-11").body
	has(t, day, `href="/dags/etl/runs/scheduled__2026-02-11T06:00:00Z"`)
	hasNot(t, day, "scheduled__2026-02-10")
	has(t, day, "no scheduler &lt;b&gt;orders&lt;/b&gt; *** was running")
	hasNot(t, day, "ann had paused it")
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, w.get("/dags/etl/calendar").status)
}

func TestCalendarIsInTheZoneOfWhoeverAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.scheduled(w.seen("by_hand"), february(10, 20), dag.RunSuccess)
	zone := []string{"Cookie", "dingdag_tz=Asia%2FShanghai"}
	assert.Contains(t, days(w.get("/dags/by_hand/calendar").body), "2026-02-10")
	got := days(w.get("/dags/by_hand/calendar", zone...).body)
	assert.NotContains(t, got, "2026-02-10")
	assert.Equal(t, [2]string{"success", "1 success"}, got["2026-02-11"])
	has(t, w.get("/dags/by_hand/calendar?day=2026-02-11", zone...).body, "2026-02-11 04:00:00")
}

// What nobody has put on record yet shows too: a DAG that is paused puts nothing on record.
func TestCalendarShowsWhatIsNotOnRecordYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, `
workdays:
  schedule: "0 6 * * 1-5"
  start_date: 2026-01-01
  tasks: [{task_id: only, operator: empty}]
`)
	d := w.seen("workdays")
	w.scheduled(d, february(19, 6), dag.RunSuccess) // a Thursday
	w.write(func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutSchedulerLife(ctx, &store.SchedulerLife{StartedAt: february(1, 0), SeenAt: now}); err != nil {
			return err
		}
		return tx.InsertPause(ctx, "workdays", &store.Pause{At: february(19, 12), Paused: true, Actor: store.Actor{Name: "ann"}})
	})
	require.NoError(t, w.api.Pause(t.Context(), "workdays", true))
	page := w.get("/dags/workdays/calendar").body
	got := days(page)
	for _, date := range []string{"2026-02-20", "2026-02-23", "2026-02-26"} {
		assert.Equal(t, [2]string{"passed", "1 passed over"}, got[date], date)
	}
	assert.Equal(t, [2]string{"waiting", "1 due and waiting"}, got["2026-02-27"])
	assert.NotContains(t, got, "2026-02-21", "a Saturday")
	assert.Equal(t, [2]string{"planned", "1 planned"}, got["2026-03-02"])
	has(t, page, "The DAG is paused: planned runs start only once it is unpaused.")
}

func TestCalendarOfADAGThatRunsOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, `
often:
  schedule: "* * * * *"
  start_date: 2026-01-01
  tasks: [{task_id: only, operator: empty}]
`)
	d := w.seen("often")
	w.scheduled(d, now, dag.RunSuccess)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertTickRange(ctx, &store.TickRange{DAGID: "often", First: february(1, 0), Last: february(15, 0), Count: 14*24*60 + 1, Outcome: store.TickMissed, Reason: "no scheduler was running", RecordedAt: now})
	})
	got := days(w.get("/dags/often/calendar").body)
	assert.Equal(t, [2]string{"missed", "1440 started no run"}, got["2026-02-10"])
	assert.Equal(t, [2]string{"missed", "1 started no run"}, got["2026-02-15"])
	for _, date := range []string{"2026-03-02", "2026-12-31"} {
		assert.Equal(t, [2]string{"planned", "100 planned, and more"}, got[date], date)
	}
}

// A schedule of seconds has more ticks in a year than anybody waits for.
func TestCalendarSaysWhatItDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, `
seconds:
  schedule: {every: 1s}
  start_date: 2024-01-01
  tasks: [{task_id: only, operator: empty}]
`)
	d := w.seen("seconds")
	w.scheduled(d, now.AddDate(-1, 0, 0), dag.RunSuccess)
	got := w.get("/dags/seconds/calendar").body
	has(t, got, "The schedule has more moments than are counted here.")
	first := now.AddDate(-1, 0, 0).Add(time.Second)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertTickRange(ctx, &store.TickRange{DAGID: "seconds", First: first, Last: now, Count: int(now.Sub(first)/time.Second) + 1, Outcome: store.TickMissed, Reason: "no scheduler was running", RecordedAt: now})
	})
	got = w.get("/dags/seconds/calendar").body
	hasNot(t, got, "more moments than are counted")
	assert.Equal(t, [2]string{"missed", "86400 started no run"}, days(got)["2026-02-10"])
	assert.Equal(t, "43201 started no run", days(got)["2026-03-01"][1][:20])
}

func TestCalendarOfDAGsWithoutTicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Empty(t, days(w.get("/dags/by_hand/calendar").body))
	w.run(w.seen("by_hand"), 1, dag.RunSuccess)
	assert.Len(t, days(w.get("/dags/by_hand/calendar").body), 1)
	w.run(w.seen("etl"), 1, dag.RunSuccess)
	w.files.Broken = map[string]string{"etl": "dags.yaml:3:1: error: odd"}
	w.files.All = w.files.All[:1]
	got := w.get("/dags/etl/calendar").body
	assert.Len(t, days(got), 1)
	has(t, got, "What nobody has noted yet is missing here")
}
