package airflow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

const fills = "/api/v2/backfills"

// week is a body that asks for the days from the first to the last of February that are given.
func week(more string) string {
	return `{"dag_id": "etl", "from_date": "2026-02-01T06:00:00Z", "to_date": "2026-02-03T06:00:00Z"` + more + `}`
}

func TestBackfills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.json(w.call("ann", "POST", fills, week(`, "dag_run_conf": {"a": 1}, "reprocess_behavior": "failed", "max_active_runs": 3`)), 200)
	assert.Equal(t, map[string]any{
		"id": 1.0, "dag_id": "etl", "dag_display_name": "etl", "from_date": "2026-02-01T06:00:00Z", "to_date": "2026-02-03T06:00:00Z", "dag_run_conf": map[string]any{"a": 1.0},
		"is_paused": false, "reprocess_behavior": "failed", "max_active_runs": 3.0, "created_at": "2026-03-01T12:00:00Z", "completed_at": nil, "updated_at": "2026-03-01T12:00:00Z",
	}, made)
	assert.Equal(t, made, w.get("/backfills/1"))
	a := w.call("ann", "POST", fills, week(""))
	assert.Equal(t, 409, a.status, a.body)
	set := func(verb string) map[string]any {
		return w.json(w.call("ann", "PUT", fills+"/1/"+verb, ""), 200)
	}
	assert.Equal(t, true, set("pause")["is_paused"])
	assert.Equal(t, true, set("pause")["is_paused"], "again")
	assert.Equal(t, false, set("unpause")["is_paused"])
	over := set("cancel")
	assert.Equal(t, true, over["is_paused"])
	assert.Equal(t, "2026-03-01T12:00:00Z", over["completed_at"])
	for _, verb := range []string{"pause", "unpause", "cancel"} {
		assert.Equal(t, 409, w.call("ann", "PUT", fills+"/1/"+verb, "").status, verb)
	}

	latest := func(id int64) bool {
		b, err := w.store.Backfill(t.Context(), id)
		require.NoError(t, err)
		return b.Latest
	}
	assert.True(t, latest(1), "the default of run_on_latest_version")

	again := w.json(w.call("ann", "POST", fills, week(`, "run_on_latest_version": false`)), 200)
	assert.False(t, latest(2))
	assert.InDelta(t, 10.0, again["max_active_runs"], 0)
	assert.Equal(t, "none", again["reprocess_behavior"])
	assert.Equal(t, map[string]any{}, again["dag_run_conf"])
	for query, want := range map[string][]string{
		"": {"1", "2"}, "&order_by=-id": {"2", "1"}, "&limit=1": {"1"}, "&limit=1&offset=1": {"2"}, "&limit=1&order_by=-id&offset=1": {"1"}, "&limit=0": {}, "&offset=7": {},
	} {
		got := w.get("/backfills?dag_id=etl" + query)
		assert.Equal(t, want, ids(got, "backfills", "id"), query)
		assert.InDelta(t, 2.0, got["total_entries"], 0)
	}
	assert.Empty(t, w.get("/backfills?dag_id=by_name")["backfills"])
	for path, status := range map[string]int{"": 422, "?dag_id=etl&order_by=dag_id": 400, "/7": 404, "/-1": 422, "/x": 422} {
		assert.Equal(t, status, w.call("ann", "GET", fills+path, "").status, path)
	}
	assert.Equal(t, 404, w.call("ann", "PUT", fills+"/7/pause", "").status)
}

func TestBackfillDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", "failed", 6, dag.RunFailed)
	dates := func(more string) []string {
		return ids(w.json(w.call("ann", "POST", fills+"/dry_run", week(more)), 200), "backfills", "logical_date")
	}
	// Both ends are in; what has a run is left out unless the run is run again.
	assert.Equal(t, []string{"2026-02-02T06:00:00Z", "2026-02-03T06:00:00Z"}, dates(""))
	assert.Equal(t, []string{"2026-02-01T06:00:00Z", "2026-02-02T06:00:00Z", "2026-02-03T06:00:00Z"}, dates(`, "reprocess_behavior": "failed"`))
	assert.Equal(t, []string{"2026-02-03T06:00:00Z", "2026-02-02T06:00:00Z", "2026-02-01T06:00:00Z"}, dates(`, "reprocess_behavior": "completed", "run_backwards": true`))
	assert.Empty(t, w.get("/backfills?dag_id=etl")["backfills"], "nothing was made")
	// A naive moment is in UTC, and dates that have not come are dropped.
	late := `{"dag_id": "etl", "from_date": "2026-02-27T00:00:00", "to_date": "2027-01-01"}`
	assert.Equal(t, []string{"2026-02-27T06:00:00Z", "2026-02-28T06:00:00Z", "2026-03-01T06:00:00Z"}, ids(w.json(w.call("ann", "POST", fills+"/dry_run", late), 200), "backfills", "logical_date"))
}

func TestBackfillsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	past := w.files.Of("by_name")
	past.Tasks[0].DependsOnPast = true
	of := func(id, more string) string { return strings.Replace(week(more), "etl", id, 1) }
	for name, c := range map[string]struct {
		body   string
		status int
		detail string
	}{
		"no such DAG":        {of("none", ""), 404, "none"},
		"no schedule":        {of("by_hand", ""), 422, "no schedule"},
		"the future":         {`{"dag_id": "etl", "from_date": "2027-02-01", "to_date": "2027-02-03"}`, 422, "in the future"},
		"turned round":       {`{"dag_id": "etl", "from_date": "2026-02-02", "to_date": "2026-02-01"}`, 422, "before the first date"},
		"no run in it":       {`{"dag_id": "etl", "from_date": "2026-02-02T07:00:00Z", "to_date": "2026-02-02T08:00:00Z"}`, 422, "has no run that is over"},
		"past, backwards":    {of("by_name", `, "run_backwards": true, "reprocess_behavior": "completed"`), 422, "run_backwards"},
		"past, and no rerun": {of("by_name", ""), 422, "reprocess_behavior"},
		"no runs at once":    {week(`, "max_active_runs": 0`), 422, "at least 1"},
		"an unknown field":   {week(`, "conf": {}`), 422, "extra_forbidden"},
		"an unknown word":    {week(`, "reprocess_behavior": "all"`), 422, "'none', 'failed' or 'completed'"},
		"no end":             {`{"dag_id": "etl", "from_date": "2026-02-02"}`, 422, "to_date"},
		"not all allowed":    {of("by_name", ""), 403, "by_name"},
		"only looking":       {week(""), 403, "operator"},
	} {
		who := map[string]string{"not all allowed": "oli", "only looking": "bob"}[name]
		if who == "" {
			who = "ann"
		}
		for _, path := range []string{"", "/dry_run"} {
			a := w.call(who, "POST", fills+path, c.body)
			assert.Equal(t, c.status, a.status, name+": "+a.body)
			assert.Contains(t, a.body, c.detail, name)
		}
	}
	assert.IsType(t, "", w.json(w.call("ann", "POST", fills, of("by_hand", "")), 422)["detail"], "a text")
}

// Who may not see a DAG sees none of its backfills, and who may only look changes none.
func TestBackfillsAreNotForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	of := func(id string) string { return strings.Replace(week(""), "etl", id, 1) }
	w.json(w.call("ann", "POST", fills, of("by_name")), 200)
	w.json(w.call("oli", "POST", fills, of("etl")), 200)
	for _, who := range []string{"bob", "oli"} {
		assert.Equal(t, 403, w.call(who, "GET", fills+"?dag_id=by_name", "").status, who)
		assert.Equal(t, 404, w.call(who, "GET", fills+"/1", "").status, who)
		assert.Equal(t, 200, w.call(who, "GET", fills+"/2", "").status, who)
	}
	assert.Equal(t, 403, w.call("bob", "PUT", fills+"/2/pause", "").status)
	assert.Equal(t, 404, w.call("oli", "PUT", fills+"/1/pause", "").status)
	assert.Equal(t, 200, w.call("oli", "PUT", fills+"/2/pause", "").status)
	assert.Equal(t, 401, w.call("", "GET", fills+"/2", "").status)
}
