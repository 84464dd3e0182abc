package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// asked is the form of a backfill of etl of four days in February, with some fields other than the defaults.
func asked(change ...string) url.Values {
	f := url.Values{"from_date": {"2026-02-02T00:00"}, "to_date": {"2026-02-05T23:00"}, "reprocess_behavior": {"none"}, "max_active_runs": {"10"}}
	for i := 0; i < len(change); i += 2 {
		f.Set(change[i], change[i+1])
	}
	return f
}

// ranOn stores a run of etl for a day in February.
func (w *world) ranOn(day int, state dag.RunState) {
	w.t.Helper()
	at := time.Date(2026, 2, day, 6, 0, 0, 0, time.UTC)
	w.run(w.seen("etl"), int(now.Sub(at).Hours()), state)
}

func TestBackfillPreviewChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ranOn(3, dag.RunFailed)
	w.ranOn(4, dag.RunRunning)
	has(t, w.get("/dags/etl/backfills").body, `href="/dags/etl/backfills/new"`)
	has(t, w.get("/dags/etl/backfills").body, "There are no backfills.")
	hasNot(t, w.get("/dags/etl/backfills/new").body, "What would happen")

	got := w.post("/dags/etl/backfills/new", asked())
	assert.Equal(t, http.StatusOK, got.status)
	has(t, got.body, `What would happen to 4 dates <small>2 new run · 1 queued or running already · 1 left as it is</small>`)
	has(t, got.body, `value="2026-02-02T00:00"`)
	has(t, got.body, `name="from_date" value="2026-02-02T00:00:00Z"`)
	has(t, w.post("/dags/etl/backfills/new", asked("reprocess_behavior", "failed")).body, "1 cleared")
	forwards := w.post("/dags/etl/backfills/new", asked()).body
	backwards := w.post("/dags/etl/backfills/new", asked("run_backwards", "on")).body
	assert.Less(t, strings.Index(forwards, "2026-02-02 06:00:00"), strings.Index(forwards, "2026-02-05 06:00:00"))
	assert.Less(t, strings.Index(backwards, "2026-02-05 06:00:00"), strings.Index(backwards, "2026-02-02 06:00:00"))
	has(t, w.post("/dags/etl/backfills/new", asked("to_date", "2026-04-01T00:00")).body, "Dates that are not over yet are left out, up to")
	has(t, w.post("/dags/etl/backfills/new", asked("from_date", "2020-01-01T00:00")).body, "The first 500 of ")

	l, err := w.api.Backfills(t.Context(), api.BackfillQuery{DAGID: "etl"})
	require.NoError(t, err)
	assert.Empty(t, l.Items)
}

func TestBackfillDatesAreInTheZoneOfWhoeverAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	zone := []string{"Cookie", "dingdag_tz=Asia%2FShanghai"}
	got := w.post("/dags/etl/backfills/new", asked("from_date", "2026-02-02T14:00", "to_date", "2026-02-03T14:00"), zone...).body
	has(t, got, "Both inclusive, in Asia/Shanghai.")
	has(t, got, "What would happen to 2 dates")
	has(t, got, "2026-02-02 14:00:00")
	has(t, got, `name="from_date" value="2026-02-02T14:00:00&#43;08:00"`)
}

func TestBackfillMistakesComeBackWithTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	for _, path := range []string{"/dags/etl/backfills/new", "/dags/etl/backfills"} {
		for want, form := range map[string]url.Values{
			"from_date: give the first logical date":      asked("from_date", ""),
			"is before the first date":                    asked("to_date", "2026-02-01"),
			"&#34;31.2.&#34; is not a date":               asked("to_date", "31.2."),
			"The number of runs at once must be":          asked("max_active_runs", "0"),
			"can be treated as none":                      asked("reprocess_behavior", "all"),
			"dag_run_conf: conf is not valid JSON":        asked("dag_run_conf", "{day}"),
			"are in the future: a backfill runs what":     asked("from_date", "2027-01-01", "to_date", "2027-01-02"),
			"has no run that is over from 2026-02-02T07:": asked("from_date", "2026-02-02T07:00", "to_date", "2026-02-02T08:00"),
		} {
			got := w.post(path, form)
			assert.Equal(t, http.StatusUnprocessableEntity, got.status, want)
			has(t, got.body, want)
			has(t, got.body, `<textarea id="dag_run_conf" name="dag_run_conf" rows="3" spellcheck="false">`+form.Get("dag_run_conf"))
			hasNot(t, got.body, "What would happen")
		}
	}
	w.seen("by_hand")
	has(t, w.get("/dags/by_hand/backfills").body, "This DAG has no schedule of its own")
	hasNot(t, w.get("/dags/by_hand/backfills").body, `backfills/new"`)
	got := w.post("/dags/by_hand/backfills/new", asked())
	assert.Equal(t, http.StatusConflict, got.status)
	has(t, got.body, "has no schedule of its own")
}

func TestBackfillIsMadePausedAndCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ranOn(3, dag.RunFailed)
	w.ranOn(4, dag.RunSuccess)
	const offer = `<input type="checkbox" name="run_on_latest_version"`
	has(t, w.get("/dags/etl/backfills/new").body, offer+" checked>")
	kept := w.post("/dags/etl/backfills/new", asked()).body
	has(t, kept, offer+">")
	has(t, kept, `<input type="hidden" name="run_on_latest_version" value="">`)
	has(t, w.post("/dags/etl/backfills/new", asked("run_on_latest_version", "on")).body, `<input type="hidden" name="run_on_latest_version" value="on">`)
	got := w.post("/dags/etl/backfills", asked("max_active_runs", "2", "dag_run_conf", `{"a": 1}`, "reprocess_behavior", "failed", "run_on_latest_version", "on"))
	assert.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, "/dags/etl/backfills", got.header.Get("Location"))
	b, err := w.api.Backfill(t.Context(), 1)
	require.NoError(t, err)
	assert.JSONEq(t, `{"a": 1}`, string(b.Conf))
	assert.Equal(t, []any{2, "ann", 4, true}, []any{b.MaxActiveRuns, b.TriggeringUser, b.Total, b.Latest})

	list := w.get("/dags/etl/backfills").body
	has(t, list, "4 dates, 3 left, 1 left as it was")
	has(t, list, `<span class="dim">on the latest version of the DAG</span>`)
	has(t, list, `<span class="tag ok">running</span>`)
	again := w.post("/dags/etl/backfills", asked())
	assert.Equal(t, http.StatusConflict, again.status, "one is open")
	has(t, again.body, "has backfill 1, which is running")

	set := func(state string) int {
		return w.post("/dags/etl/backfills/1/state", url.Values{"state": {state}}).status
	}
	state := func() store.BackfillState {
		b, err := w.api.Backfill(t.Context(), 1)
		require.NoError(t, err)
		return b.State
	}
	assert.Equal(t, http.StatusSeeOther, set("paused"))
	assert.Equal(t, store.BackfillPaused, state())
	has(t, w.get("/dags/etl/backfills").body, `name="state" value="running"`)
	assert.Equal(t, http.StatusSeeOther, set("running"))
	assert.Equal(t, store.BackfillRunning, state())
	assert.Equal(t, http.StatusUnprocessableEntity, set("over"))
	assert.Equal(t, http.StatusSeeOther, set("cancelled"))
	assert.Equal(t, store.BackfillCancelled, state())
	assert.Equal(t, http.StatusConflict, set("paused"), "a tab that is stale")
	hasNot(t, w.get("/dags/etl/backfills").body, `name="state"`)
	assert.Equal(t, http.StatusNotFound, w.post("/dags/etl/backfills/7/state", url.Values{"state": {"paused"}}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/dags/etl/backfills/x/state", url.Values{"state": {"paused"}}).status)
}

func TestBackfillsOfOthersAreOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	w.seen("hourly")
	require.Equal(t, http.StatusSeeOther, w.post("/dags/etl/backfills", asked()).status)
	state := url.Values{"state": {"cancelled"}}
	assert.Equal(t, http.StatusNotFound, w.post("/dags/hourly/backfills/1/state", state).status, "it is another DAG's")

	w.visitor.Operates = func(id string, _, _ []string) bool { return id != "etl" }
	list := w.get("/dags/etl/backfills")
	assert.Equal(t, http.StatusOK, list.status)
	hasNot(t, list.body, `name="state"`)
	hasNot(t, list.body, "backfills/new")
	assert.Equal(t, http.StatusForbidden, w.get("/dags/etl/backfills/new").status)
	for _, path := range []string{"/dags/etl/backfills", "/dags/etl/backfills/new"} {
		assert.Equal(t, http.StatusForbidden, w.post(path, asked()).status, path)
	}
	assert.Equal(t, http.StatusForbidden, w.post("/dags/etl/backfills/1/state", state).status)

	w.visitor.Sees = func(id string, _, _ []string) bool { return id != "etl" }
	assert.Equal(t, http.StatusForbidden, w.get("/dags/etl/backfills").status)
	b, err := w.api.Backfill(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, store.BackfillRunning, b.State)
}
