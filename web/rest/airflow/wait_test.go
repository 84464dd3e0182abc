package airflow_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages/live"
)

func TestWait(t *testing.T) {
	t.Parallel()
	w := withXComs(t)
	const b = "/api/v2/dags/etl/dagRuns/scheduled__b/wait"
	got := w.call("ann", "GET", b+"?interval=1", "")
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "application/x-ndjson", got.header.Get("Content-Type"))
	assert.Equal(t, `{"state":"success"}`+"\n", got.body)
	got = w.call("ann", "GET", b+"?interval=0.001&result=first&result=each&result=second&result=none", "")
	var line struct {
		Results map[string]string `json:"results"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &line))
	assert.Equal(t, map[string]string{"first": `{"key": "v", "n": [1, 2.5, null]}`, "each": `[5, "\u4e2d"]`}, line.Results, "each is JSON text; those without a value are left out")
	assert.Equal(t, `{"state":"success"}`+"\n", w.call("ann", "GET", b+"?interval=1&result=second", "").body)
	for path, status := range map[string]int{b: 422, b + "?interval=0": 422, b + "?interval=x": 422, "/api/v2/dags/etl/dagRuns/none/wait?interval=1": 404} {
		assert.Equal(t, status, w.call("ann", "GET", path, "").status, path)
	}
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dags/by_name/dagRuns/other+1:2/wait?interval=1", "").status)
}

// A run that is under way is told of as it changes, however long the interval is.
func TestWaitIsToldOfChanges(t *testing.T) {
	t.Parallel()
	w := withXComs(t)
	srv := httptest.NewServer(w.srv)
	t.Cleanup(srv.Close)
	ask := func(ctx context.Context) *http.Response {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/api/v2/dags/etl/dagRuns/scheduled__a/wait?interval=1e300", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer ann")
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		return resp
	}
	resp := ask(t.Context())
	t.Cleanup(func() { assert.NoError(t, resp.Body.Close()) })
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	assert.JSONEq(t, `{"state":"running"}`, lines.Text())

	// No more than there may be, and one that goes makes room.
	ctx, leave := context.WithCancel(t.Context())
	second := ask(ctx)
	full := ask(t.Context())
	assert.Equal(t, http.StatusServiceUnavailable, full.StatusCode)
	assert.Equal(t, "30", full.Header.Get("Retry-After"))
	require.NoError(t, full.Body.Close())
	leave()
	require.NoError(t, errors.Join(second.Body.Close()))

	r := w.keys["etl/scheduled__a"]
	w.hub.Changed(live.Topic{DAGID: "etl", RunID: "scheduled__a"}) // a task of it: there is nothing to say
	w.write(func(ctx context.Context, tx store.Tx) error {
		r.State, r.EndDate = dag.RunFailed, now
		return tx.UpdateRun(ctx, r)
	})
	w.hub.Changed(live.Topic{DAGID: "etl", RunID: "scheduled__a"})
	require.True(t, lines.Scan())
	assert.JSONEq(t, `{"state":"failed"}`, lines.Text())
	assert.False(t, lines.Scan(), "that is all")
}

func TestAboutInstances(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	w.run("etl", "queued", 6, dag.RunQueued)
	const a, b, q = "/dags/etl/dagRuns/scheduled__a/taskInstances/", "/dags/etl/dagRuns/scheduled__b/taskInstances/", "/dags/etl/dagRuns/queued/taskInstances/"
	waits := []any{map[string]any{"name": "Trigger Rule", "reason": "trigger rule all_success: first is running"}}
	assert.Equal(t, waits, w.get(a + "second/dependencies")["dependencies"])
	assert.Equal(t, waits, w.get(a + "second/-1/dependencies")["dependencies"])
	assert.Equal(t, []any{}, w.get(b + "first/dependencies")["dependencies"], "it has run")
	assert.Equal(t, "Dagrun Running", w.get(q + "first/dependencies")["dependencies"].([]any)[0].(map[string]any)["name"])
	assert.Equal(t, map[string]any{"extra_links": map[string]any{}, "total_entries": 0.0}, w.get(b+"first/links"))
	for path, status := range map[string]int{
		b + "none/dependencies": 404, b + "each/dependencies": 404, b + "each/7/dependencies": 404, b + "each/dependencies?map_index=0": 200, b + "none/links": 404, b + "each/links?map_index=1": 200,
		b + "first/externalLogUrl/1": 400, b + "first/externalLogUrl/0": 422, b + "none/externalLogUrl/1": 404,
	} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dags/by_name/dagRuns/other+1:2/taskInstances/only/dependencies", "").status)
}
