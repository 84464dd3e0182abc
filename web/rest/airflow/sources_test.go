package airflow_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func TestSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const etl = "/api/v2/dagSources/etl"
	masked := strings.ReplaceAll(files, hidden, "***")
	got := w.get("/dagSources/etl")
	assert.Equal(t, masked, got["content"], "the file, with its comments, and no secret")
	assert.InEpsilon(t, 1.0, got["version_number"], 0)
	assert.Equal(t, "By hand", w.get("/dagSources/by_hand")["dag_display_name"])

	text := w.call("ann", "GET", etl, "", "Accept", "text/plain")
	assert.Equal(t, masked, text.body)
	assert.Equal(t, "text/plain; charset=utf-8", text.header.Get("Content-Type"))
	for accept, status := range map[string]int{"*/*": 200, "application/json, text/plain": 200, "text/plain;q=1": 200, "text/html": 406, "image/*, */*": 406} {
		assert.Equal(t, status, w.call("ann", "GET", etl, "", "Accept", accept).status, accept)
	}
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/dagSources/none", "").status)
	assert.Equal(t, 404, w.call("ann", "GET", etl+"?version_number=2", "").status)
	assert.Equal(t, 422, w.call("ann", "GET", etl+"?version_number=x", "").status)

	// Whoever may not see all DAGs of the file sees the one DAG.
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dagSources/by_name", "").status)
	alone := w.call("bob", "GET", etl, "", "Accept", "text/plain").body
	assert.Contains(t, alone, `task_id: "second"`)
	assert.NotContains(t, alone, "by_name")

	// An old version is not what the file is now.
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutVersion(ctx, "newer", "etl", []byte("etl: {newer: s3cr3t}\n"), now)
	})
	assert.Equal(t, "etl: {newer: ***}\n", w.get("/dagSources/etl?version_number=2")["content"])
	assert.Equal(t, masked, w.get("/dagSources/etl?version_number=1")["content"])

	// A file that is gone leaves what it last said.
	require.NoError(t, os.Remove(w.files.Of("etl").Pos.File))
	assert.Contains(t, w.get("/dagSources/by_name")["content"], "by_name:")
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutVersion(ctx, "newer", "etl", []byte("etl: {}\n"), now.Add(time.Minute))
	})
	for query, want := range map[string][]string{
		"": {"1", "2"}, "?order_by=-version_number": {"2", "1"}, "?order_by=bundle_name&order_by=-id": {"2", "1"}, "?version_number=2": {"2"}, "?bundle_name=dags-folder": {"1", "2"},
		"?bundle_name=x": {}, "?bundle_version=x": {}, "?limit=1&offset=1": {"2"},
	} {
		assert.Equal(t, want, ids(w.get("/dags/etl/dagVersions"+query), "dag_versions", "version_number"), query)
	}
	assert.Equal(t, []string{"by_hand", "by_name", "etl", "etl"}, ids(w.get("/dags/~/dagVersions"), "dag_versions", "dag_id"))
	bob := w.json(w.call("bob", "GET", "/api/v2/dags/~/dagVersions", ""), 200)
	assert.Equal(t, []string{"by_hand", "etl", "etl"}, ids(bob, "dag_versions", "dag_id"))
	assert.InEpsilon(t, 3.0, bob["total_entries"], 0)
	one := w.get("/dags/etl/dagVersions/2")
	assert.Equal(t, "2026-03-01T12:01:00Z", one["created_at"])
	assert.Equal(t, w.get("/dags/etl/details")["latest_dag_version"], w.get("/dags/etl/dagVersions/1"))
	for path, status := range map[string]int{"/dags/none/dagVersions": 404, "/dags/etl/dagVersions/3": 404, "/dags/etl/dagVersions/x": 422, "/dags/etl/dagVersions?order_by=x": 400} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dags/by_name/dagVersions", "").status)
}

func TestStats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", "one", 1, dag.RunFailed)
	w.run("etl", "two", 2, dag.RunFailed)
	w.run("etl", "three", 3, dag.RunQueued)
	w.run("by_name", "four", 4, dag.RunRunning)
	counts := func(query string) map[string]any {
		got := w.get("/dagStats" + query)
		out := map[string]any{}
		for _, d := range got["dags"].([]any) {
			of := map[string]any{}
			for _, s := range d.(map[string]any)["stats"].([]any) {
				of[s.(map[string]any)["state"].(string)] = s.(map[string]any)["count"]
			}
			out[d.(map[string]any)["dag_id"].(string)] = of
		}
		assert.InDelta(t, float64(len(out)), got["total_entries"], 0)
		return out
	}
	etl := map[string]any{"queued": 1.0, "running": 0.0, "success": 0.0, "failed": 2.0}
	byName := map[string]any{"queued": 0.0, "running": 1.0, "success": 0.0, "failed": 0.0}
	assert.Equal(t, map[string]any{"etl": etl, "by_name": byName}, counts(""))
	assert.Equal(t, map[string]any{"etl": etl, "by_name": byName}, counts("?dag_ids="), "as a client that has none to name asks")
	assert.Equal(t, map[string]any{"etl": etl}, counts("?dag_ids=etl&dag_ids=by_hand&dag_ids=none"))
	assert.Empty(t, counts("?dag_ids=etl,by_name"), "commas are not split")
	assert.Equal(t, []string{"etl"}, ids(w.json(w.call("bob", "GET", "/api/v2/dagStats", ""), 200), "dags", "dag_id"))
	assert.Empty(t, w.json(w.call("bob", "GET", "/api/v2/dagStats?dag_ids=by_name", ""), 200)["dags"])
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string][]any{
		"": {"morning", "sales"}, "?order_by=-name": {"sales", "morning"}, "?tag_name_pattern=ALE": {"sales"}, "?limit=1&offset=1": {"sales"}, "?tag_name_pattern=x": {},
	} {
		assert.Equal(t, want, w.get("/dagTags" + query)["tags"], query)
	}
	assert.InEpsilon(t, 2.0, w.get("/dagTags?limit=0")["total_entries"], 0)
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/dagTags?order_by=x", "").status)
	w.files.Of("etl").Tags = []string{"morning"}
	assert.Equal(t, []any{"morning"}, w.json(w.call("bob", "GET", "/api/v2/dagTags", ""), 200)["tags"], "sales is a tag of DAGs of others alone")
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.get("/dagWarnings")
	assert.Equal(t, []any{map[string]any{
		"dag_id": "etl", "dag_display_name": "etl", "warning_type": "non-existent pool", "message": "Dag 'etl' references non-existent pools: ['big']", "timestamp": "2026-03-01T11:00:00Z",
	}}, got["dag_warnings"])
	assert.Empty(t, w.get("/dagWarnings?dag_id=by_name")["dag_warnings"])
	assert.Empty(t, w.get("/dagWarnings?warning_type=asset+conflict")["dag_warnings"])
	assert.Len(t, w.get("/dagWarnings?warning_type=non-existent+pool&order_by=-timestamp")["dag_warnings"], 1)
	assert.Equal(t, 422, w.call("ann", "GET", "/api/v2/dagWarnings?warning_type=x", "").status)
	w.files.Of("etl").Tags = nil
	assert.Empty(t, w.json(w.call("bob", "GET", "/api/v2/dagWarnings", ""), 200)["dag_warnings"])
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutPool(ctx, &store.Pool{Name: "big", Slots: 3})
	})
	assert.Empty(t, w.get("/dagWarnings")["dag_warnings"])
}

func TestReparse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/api/v2/parseDagFile/" + w.get("/dags/etl")["file_token"].(string)
	got := w.call("ann", "PUT", path, "")
	assert.Equal(t, 201, got.status)
	assert.Equal(t, "null", got.body)
	assert.Equal(t, 1, w.reparsed)
	assert.Equal(t, 403, w.call("bob", "PUT", path, "").status, "a viewer")
	assert.Equal(t, 201, w.call("oli", "PUT", path, "").status)
	for _, token := range []string{"L2V0Yy9wYXNzd2Q", "%2e%2e%2fx", "!"} {
		assert.Equal(t, 404, w.call("ann", "PUT", "/api/v2/parseDagFile/"+token, "").status, token)
	}
	assert.Equal(t, 2, w.reparsed)
}
