package airflow_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	v1 "github.com/dingdag/dingdag/web/rest/v1"
)

// The client for Python of Airflow 2 refuses a whole answer for one null, or one field of another kind, that its document
// does not have.
func TestVersion1ForStrictClients(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	o.run("etl", "waits", 7, "running", store.Instance{TaskID: "second", MapIndex: -1, State: "scheduled", MaxTries: 3})
	const at = "/dags/etl/dagRuns/waits/taskInstances"
	instance := []string{
		"dag_id", "dag_run_id", "task_id", "task_display_name", "execution_date", "map_index", "try_number", "max_tries", "hostname", "unixname", "pool", "pool_slots", "executor_config",
		"rendered_fields",
	}
	never := map[string][]string{
		at + "/second":            instance,
		"/dags/etl/tasks/second":  {"task_id", "task_display_name", "owner", "retries", "retry_delay", "pool", "pool_slots", "priority_weight", "weight_rule", "trigger_rule", "class_ref", "extra_links"},
		"/dags/etl/dagRuns/waits": {"dag_run_id", "dag_id", "logical_date", "execution_date", "run_type", "state", "external_trigger", "conf"},
		"/dags/by_hand":           {"dag_id", "is_active", "is_paused", "is_subdag", "fileloc", "file_token", "owners", "tags", "max_active_tasks", "max_active_runs"},
	}
	for path, fields := range never {
		got := o.get(path)
		for _, name := range fields {
			assert.NotNil(t, got[name], "%s of %s", name, path)
		}
	}
	listed := o.get(at)["task_instances"].([]any)
	require.Len(t, listed, 3)
	for _, item := range listed {
		for _, name := range instance {
			assert.NotNil(t, item.(map[string]any)[name], name)
		}
	}
	assert.Empty(t, o.get(at + "/second")["hostname"], "it has not begun")
	task := o.get("/dags/etl/tasks/second")
	assert.NotContains(t, task, "sub_dag", "a DAG, when it is there")
	assert.Contains(t, task, "executor")
}

// What a task waits for is not one of its instances.
func TestVersion1Dependencies(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	for _, at := range []string{"/first", "/each/0"} {
		got := o.get("/dags/etl/dagRuns/scheduled__b/taskInstances" + at + "/dependencies")
		assert.Equal(t, map[string]any{"dependencies": []any{}}, got)
	}
	assert.Equal(t, 404, o.call("ann", "GET", "/dags/etl/dagRuns/scheduled__b/taskInstances/none/dependencies", "").status)
	assert.Equal(t, 400, o.call("ann", "GET", "/dags/etl/dagRuns/scheduled__b/taskInstances/first/x", "").status, "no index")
}

func TestVersion1ReadsFilesAgain(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	token := o.get("/dags/etl")["file_token"].(string)
	a := o.call("ann", "PUT", "/parseDagFile/"+token, "")
	assert.Equal(t, 201, a.status)
	assert.Empty(t, a.body)
	assert.Equal(t, 1, o.reparsed)
	assert.Equal(t, 404, o.call("ann", "PUT", "/parseDagFile/none", "").status)
	assert.Equal(t, 403, o.call("bob", "PUT", "/parseDagFile/"+token, "").status)
}

// What DAGs were told of datasets goes by their URIs too.
func TestVersion1QueuedEvents(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	o := &old{w, v1.New(w.srv)}
	orders := url.PathEscape("s3://warehouse/orders")
	tell := func() {
		for hour, uri := range []string{"s3://warehouse/orders", "s3://warehouse/shops"} {
			w.write(func(ctx context.Context, tx store.Tx) error {
				return tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: uri, At: now.Add(time.Duration(hour) * time.Hour), MapIndex: -1}, []string{"by_name", "etl"})
			})
		}
	}
	tell()
	one := map[string]any{"uri": "s3://warehouse/orders", "dag_id": "by_name", "created_at": "2026-03-01T12:00:00Z"}
	assert.Equal(t, one, o.get("/dags/by_name/datasets/queuedEvent/"+orders))
	of := o.get("/datasets/queuedEvent/" + orders)
	assert.Equal(t, []string{"by_name", "etl"}, ids(of, "queued_events", "dag_id"))
	assert.Equal(t, one, of["queued_events"].([]any)[0])
	assert.ElementsMatch(t, []string{"s3://warehouse/orders", "s3://warehouse/shops"}, ids(o.get("/dags/by_name/datasets/queuedEvent"), "queued_events", "uri"))

	assert.Equal(t, 204, o.call("ann", "DELETE", "/dags/by_name/datasets/queuedEvent?before=2026-03-01T12:30:00Z", "").status)
	assert.Equal(t, []string{"s3://warehouse/shops"}, ids(o.get("/dags/by_name/datasets/queuedEvent"), "queued_events", "uri"), "the later one stays")
	assert.Equal(t, 204, o.call("ann", "DELETE", "/datasets/queuedEvent/"+orders, "").status)
	assert.Equal(t, []string{"s3://warehouse/shops"}, ids(o.get("/dags/etl/datasets/queuedEvent"), "queued_events", "uri"))
	tell()
	assert.Equal(t, 204, o.call("ann", "DELETE", "/dags/etl/datasets/queuedEvent/"+orders, "").status)
	assert.Equal(t, []string{"by_name"}, ids(o.get("/datasets/queuedEvent/"+orders), "queued_events", "dag_id"))
	for path, status := range map[string]int{
		"/datasets/queuedEvent/s3%3A%2F%2Fnone": 404, "/dags/none/datasets/queuedEvent": 404, "/dags/by_hand/datasets/queuedEvent/" + orders: 404,
	} {
		assert.Equal(t, status, o.call("ann", "GET", path, "").status, path)
	}
	assert.Equal(t, 403, o.call("bob", "DELETE", "/datasets/queuedEvent/"+orders, "").status)
}

// A run that an update has started has the date by which version 1 knows it.
func TestVersion1ExpressionsAndDates(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	o := &old{w, v1.New(w.srv)}
	assert.Equal(t, map[string]any{"all": []any{"s3://warehouse/orders"}}, o.get("/dags/by_name/details")["dataset_expression"])
	assert.Nil(t, o.get("/dags/etl/details")["dataset_expression"])
	asset := func(uri string) *dag.AssetCondition {
		return &dag.AssetCondition{Asset: &dag.Asset{URI: uri, Name: uri, Group: "asset"}}
	}
	w.files.Of("by_name").Assets = &dag.AssetCondition{Any: true, Of: []*dag.AssetCondition{asset("a"), {Of: []*dag.AssetCondition{asset("b"), asset("c")}}}}
	assert.Equal(t, map[string]any{"any": []any{"a", map[string]any{"all": []any{"b", "c"}}}}, o.get("/dags/by_name/details")["dataset_expression"])

	for _, id := range []string{"asset_triggered__2026-02-01T04:59:58.123000+00:00_x7", "by_itself"} {
		r := &store.Run{
			DAGID: "by_name", RunID: id, Type: dag.AssetRun, State: dag.RunRunning, RunAfter: now, QueuedAt: now, StartDate: now, Version: w.files.Of("by_name").Version,
			Actor: store.Actor{Via: store.ViaAsset},
		}
		w.write(func(ctx context.Context, tx store.Tx) error {
			if err := tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: "s3://warehouse/orders", At: now, MapIndex: -1}, []string{"by_name"}); err != nil {
				return err
			}
			if _, err := tx.InsertRun(ctx, r); err != nil {
				return err
			}
			return tx.TakeAssetEvents(ctx, "by_name", r.Key)
		})
	}
	var dates []any
	for _, e := range o.get("/datasets/events")["dataset_events"].([]any) {
		for _, r := range e.(map[string]any)["created_dagruns"].([]any) {
			dates = append(dates, r.(map[string]any)["logical_date"])
		}
	}
	assert.Equal(t, []any{"2026-02-01T04:59:58.123000Z", "2026-03-01T12:00:00Z"}, dates)
}
