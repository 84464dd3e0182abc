package emit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// folder has a DAG that waits for s3://a, one that makes it, and one that has to do with neither.
type folder struct{ err error }

func (f folder) Load() (all []*dag.DAG, broken bool, err error) {
	a := &dag.Asset{URI: "s3://a", Name: "orders"}
	return []*dag.DAG{
		{ID: "waits", Assets: &dag.AssetCondition{Asset: a}},
		{ID: "makes", Tasks: []*dag.Task{{Settings: &dag.Settings{Outlets: []*dag.Asset{a}}}}},
		{ID: "other", Tasks: []*dag.Task{{Settings: &dag.Settings{Outlets: []*dag.Asset{{URI: "s3://b", Name: "twice"}, {URI: "s3://c", Name: "twice"}}}}}},
	}, false, f.err
}

// asked is an engine that notes what it is asked for.
type asked struct {
	got engine.Emit
	err error
}

func (e *asked) EmitAssets(_ context.Context, r engine.Emit) (*engine.Emitted, error) {
	e.got = r
	return &engine.Emitted{}, e.err
}

func TestEmit(t *testing.T) {
	t.Parallel()
	ann := store.Actor{Name: "ann", Via: store.ViaCLI}
	for name, asset := range map[string]string{"by URI": "S3://a/", "by name": "orders"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &asked{}
			_, err := (&emit.Emitter{Folder: folder{}, Engine: e, By: ann}).Emit(t.Context(), emit.Event{Asset: asset, Extra: json.RawMessage(` {"a": 1} `)})
			require.NoError(t, err)
			assert.Equal(t, engine.Emit{
				Updates: []engine.AssetUpdate{{URI: "s3://a", Extra: json.RawMessage(`{"a": 1}`)}}, Actor: ann, DAGs: []string{"waits", "makes"},
			}, e.got, "the DAGs that name the asset are known to an engine that has none")
		})
	}
}

func TestEmitRefuses(t *testing.T) {
	t.Parallel()
	away := errors.New("the folder is away")
	for name, c := range map[string]struct {
		event emit.Event
		f     folder
		e     asked
		want  string
	}{
		"no asset":        {want: "asset: is empty"},
		"no URI":          {event: emit.Event{Asset: "s3://"}, want: "asset: the URI of an asset has nothing between s3:// and the path"},
		"unknown":         {event: emit.Event{Asset: "order"}, want: `no asset "order" in the DAGs folder; did you mean "orders"`},
		"ambiguous":       {event: emit.Event{Asset: "twice"}, want: `"twice" names more than one asset: s3://b, s3://c`},
		"a list":          {event: emit.Event{Asset: "orders", Extra: json.RawMessage(`[]`)}, want: "extra: must be a JSON object"},
		"no JSON":         {event: emit.Event{Asset: "orders", Extra: json.RawMessage(`{a: 1}`)}, want: "extra: is not valid JSON"},
		"no folder":       {event: emit.Event{Asset: "orders"}, f: folder{away}, want: "the folder is away"},
		"not scheduled":   {event: emit.Event{Asset: "orders"}, e: asked{err: fmt.Errorf("no DAG has it: %w", store.ErrNotFound)}, want: "is running on the store does not have it"},
		"engine is wrong": {event: emit.Event{Asset: "orders"}, e: asked{err: away}, want: "the folder is away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&emit.Emitter{Folder: c.f, Engine: &c.e}).Emit(t.Context(), c.event)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := (&emit.Emitter{Folder: folder{}}).Emit(t.Context(), emit.Event{Asset: "order"})
	require.ErrorIs(t, err, api.ErrNotFound)
}

// Who is limited to some DAGs updates an asset of these that starts no other.
func TestEmitOfWhoIsLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mine  []string
		asset string
		want  string
	}{
		"one's own":             {[]string{"waits", "makes"}, "s3://a", ""},
		"that starts another":   {[]string{"makes"}, "orders", "starts DAGs that are none of those"},
		"that starts none":      {[]string{"other"}, "s3://b", ""},
		"that is not there":     {[]string{"other"}, "orders", `no asset "orders" in the DAGs folder`},
		"that is not suggested": {[]string{"other"}, "order", "DAGs folder"},
	} {
		e := &asked{}
		_, err := (&emit.Emitter{Folder: folder{}, Engine: e, Visible: func(context.Context) ([]string, error) { return c.mine, nil }}).Emit(t.Context(), emit.Event{Asset: c.asset})
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "did you mean", name)
		assert.Empty(t, e.got.Updates, name)
	}
}
