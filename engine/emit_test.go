package engine_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

const waiters = `
a: {tasks: [{task_id: write, operator: probe, outlets: [s3://a]}]}
b: {tasks: [{task_id: write, operator: probe, outlets: [s3://b]}]}
d:
  schedule: {datasets: "s3://a | s3://b"}
  tasks:
    - task_id: read
      operator: probe
      text: "{% for uri, es in triggering_asset_events.items() %}{{ uri }} {{ es[0].source_task_id }} {{ es[0].source_map_index }} {{ es[0].extra.payload.text }} {{ es | length }};{% endfor %}"
`

// emits asks for an update of each asset.
func emits(ref, extra string, uris ...string) engine.Emit {
	r := engine.Emit{Actor: store.Actor{Name: "u1", Via: store.ViaChat, Ref: ref}, DAGs: []string{"a", "b", "d"}}
	for _, uri := range uris {
		r.Updates = append(r.Updates, engine.AssetUpdate{URI: uri, Extra: json.RawMessage(extra), Watcher: "w"})
	}
	return r
}

func (b *bench) assetEvents() []*store.AssetEvent {
	b.t.Helper()
	es, err := b.store.AssetEventLog(context.Background(), store.AssetEventFilter{})
	require.NoError(b.t, err)
	return es
}

// What came from outside starts a run that sees what it brought, once for each message.
func TestEmittedAssetsStartRuns(t *testing.T) {
	t.Parallel()
	for name, beside := range map[string]bool{"by this process": false, "by another one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(waiters)
			b.start(engine.RunOptions{Schedule: true})
			e := b.e
			if beside {
				e = b.asking(waiters, false)
			}
			r := emits("c/1", `{"from_trigger":true,"payload":{"text":"你好"}}`, "s3://a", "s3://b")
			done, err := e.EmitAssets(t.Context(), r)
			require.NoError(t, err)
			require.Len(t, done.Events, 2)
			assert.Equal(t, []string{"d"}, done.Events[0].DAGs)
			run := b.untilRuns(1)[0]
			assert.Equal(t, dag.AssetRun, run.Type)
			assert.Equal(t, `"s3://a None -1 你好 1;s3://b None -1 你好 1;"`, b.result(run, "read"), "both are told in one transaction")
			_, err = e.EmitAssets(t.Context(), r)
			require.ErrorIs(t, err, store.ErrRepeated)
			es := b.assetEvents()
			require.Len(t, es, 2, "a repeated message leaves no event behind")
			assert.Equal(t, store.AssetEvent{ID: done.Events[1].ID, URI: "s3://b", At: es[0].At, MapIndex: -1, Extra: r.Updates[1].Extra}, *es[0])
			assert.Equal(t, []string{"asset_emit", "asset_emit"}, b.kinds())
			log, err := b.store.Events(t.Context(), store.EventFilter{Name: "u1", Limit: 1})
			require.NoError(t, err)
			assert.JSONEq(t, `{"uri": "s3://b", "asset_event_id": `+string(encoded(t, es[0].ID))+`, "watcher": "w", "told_dags": ["d"]}`, string(log[0].Extra))
		})
	}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// While no process works, the event waits in the store for the next one.
func TestEmittedAssetsWaitForAScheduler(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ds := b.load(waiters)
	e := b.beside(engine.Options{FindDAG: func(id string) (*dag.DAG, error) {
		for _, d := range ds {
			if d.ID == id {
				return d, nil
			}
		}
		return nil, store.ErrNotFound
	}})
	b.pause(true)
	done, err := e.EmitAssets(t.Context(), emits("", `{"payload": {"text": "paused"}}`, "s3://a"))
	require.NoError(t, err)
	assert.Empty(t, done.Events[0].DAGs, "a paused DAG is told nothing")
	b.pause(false)
	_, err = e.EmitAssets(t.Context(), emits("", `{"payload": {"text": "early"}}`, "s3://b"))
	require.NoError(t, err)
	b.start(engine.RunOptions{Schedule: true})
	assert.Equal(t, `"s3://b None -1 early 1;"`, b.result(b.untilRuns(1)[0], "read"))
}

func TestEmitsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(waiters)
	b.start(engine.RunOptions{Schedule: true})
	_, err := b.e.EmitAssets(t.Context(), emits("", "", "s3://a", "s3://c"))
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, `no DAG has the asset "s3://c"`)
	for extra, want := range map[string]string{`[1]`: "must be a JSON object", `{"a`: "is not valid JSON"} {
		_, err = b.e.EmitAssets(t.Context(), emits("", extra, "s3://a"))
		require.ErrorContains(t, err, "extra of s3://a: "+want)
	}
	assert.Empty(t, b.assetEvents(), "all or none")
	assert.Empty(t, b.events())
}
