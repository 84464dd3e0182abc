package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/watch"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/trigger"
	"github.com/dingdag/dingdag/trigger/dingtalk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const files = `
deploys:
  schedule:
    - __type__: airflow.sdk.Asset
      name: deploys
      watchers: [{name: asked, trigger: {trigger: dingtalk, regex: '^deploy (?P<what>\w+)'}}]
  tasks: [{task_id: t, operator: empty}]
also:
  schedule: {__or__: [s3://x, {__type__: airflow.sdk.Asset, name: deploys, watchers: [{name: asked_too, trigger: {trigger: dingtalk, kind: message, regex: '^deploy (?P<what>\w+)'}}]}]}
  tasks: [{task_id: t, operator: empty}]
people:
  tasks:
    - task_id: t
      operator: empty
      outlets:
        - __type__: airflow.sdk.Asset
          name: people
          watchers:
            - {name: joined, trigger: {trigger: dingtalk, kind: event, event_type: user_add_org}}
            - {name: pressed, trigger: {trigger: dingtalk, kind: card, action_id: ok}}
`

type world struct {
	*watch.Watcher

	mu      sync.Mutex
	loaded  map[string]*dag.DAG
	asked   []engine.Emit
	err     error
	command string
	cards   map[string]error
	apps    map[string]any // the key of an application, or an error
	catalog catalog.Catalog
	log     strings.Builder
}

func (w *world) DAGs() map[string]*dag.DAG {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loaded
}

func (w *world) EmitAssets(_ context.Context, r engine.Emit) (*engine.Emitted, error) {
	w.asked = append(w.asked, r)
	done := &engine.Emitted{}
	for _, u := range r.Updates {
		done.Events = append(done.Events, engine.EmittedEvent{URI: u.URI})
	}
	return done, w.err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ops, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	cbs, err := callbacks.NewRegistry(nil, nil)
	require.NoError(t, err)
	triggers, err := trigger.NewRegistry(dingtalk.Specs()...)
	require.NoError(t, err)
	w := &world{command: "help", cards: map[string]error{}, apps: map[string]any{"other_app": "other"}}
	w.catalog = catalog.Catalog{Operators: ops, Callbacks: cbs, Triggers: triggers, Templates: template.New(template.Options{})}
	w.Watcher = watch.New(watch.Options{
		Engine: w, Triggers: triggers, Masker: connections.NewMasker(), Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Command: func(_ context.Context, it *chat.Item) (bool, error) {
			return strings.HasPrefix(it.Message.Text, w.command), nil
		},
		App: func(_ context.Context, id string) (string, error) {
			switch app := w.apps[id].(type) {
			case string:
				return app, nil
			case error:
				return "", app
			}
			return "", fmt.Errorf("connection %s: %w", id, connections.ErrNotFound)
		},
		OurCard: func(_ context.Context, id string) (bool, error) {
			err, ours := w.cards[id]
			return ours && err == nil, err
		},
	})
	w.load(t, files)
	return w
}

func (w *world) load(t *testing.T, text string) {
	t.Helper()
	ds, problems := dagfile.Parse("dags.yaml", []byte(text), w.catalog, dagfile.Options{})
	require.False(t, problems.HasErrors(), problems.String())
	loaded := map[string]*dag.DAG{}
	for _, d := range ds {
		loaded[d.ID] = d
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loaded = loaded
}

func said(text string) *chat.Item {
	m := &incoming.Message{ID: "m1", Text: text, Kind: "text", ConversationID: "cid1", Sender: incoming.Sender{UserID: "u1", Nick: "Ann & <Co>"}}
	return &chat.Item{Received: chat.Received{Message: m}, Row: &store.ChatMessage{ConnID: "dingtalk_default", Kind: store.ChatText, Key: "m1", UserID: "u1"}}
}

func pressed(card string) *chat.Item {
	p := &incoming.Press{ID: "p1", OutTrackID: card, UserID: "u2", ActionIDs: []string{"ok"}}
	return &chat.Item{Received: chat.Received{Press: p}, Row: &store.ChatMessage{ConnID: "dingtalk_default", Kind: store.ChatPress, Key: "p1", UserID: "u2"}}
}

func TestWhatMatchesUpdatesAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, taken, err := w.Came(t.Context(), said("deploy billing"))
	require.NoError(t, err)
	assert.True(t, taken)
	assert.Equal(t, "Assets updated: deploys", made)
	require.Len(t, w.asked, 1)
	assert.Equal(t, store.Actor{Name: "u1", Via: store.ViaChat, Ref: "watch/" + string(store.ChatText) + "/dingtalk_default/m1"}, w.asked[0].Actor)
	require.Len(t, w.asked[0].Updates, 1, "one for each asset and what is waited for")
	u := w.asked[0].Updates[0]
	assert.Equal(t, "deploys", u.URI)
	assert.Equal(t, "asked_too", u.Watcher)
	assert.Contains(t, string(u.Extra), "Ann & <Co>", "as it was written")
	var extra struct {
		From    bool          `json:"from_trigger"`
		Payload dingtalk.Said `json:"payload"`
	}
	require.NoError(t, json.Unmarshal(u.Extra, &extra))
	assert.True(t, extra.From)
	assert.Equal(t, "deploy billing", extra.Payload.Text)

	event := &incoming.Event{ID: "e1", Type: "user_add_org", Data: json.RawMessage(`{"userId": ["u9"]}`)}
	_, taken, err = w.Came(t.Context(), &chat.Item{Received: chat.Received{Event: event}, Row: &store.ChatMessage{ConnID: "dingtalk_default", Kind: store.ChatEvent, Key: "e1"}})
	require.NoError(t, err)
	assert.True(t, taken)
	assert.Equal(t, "joined", w.asked[1].Updates[0].Watcher)
	assert.Empty(t, w.asked[1].Actor.Name, "nobody asked")
}

func TestWhatDoesNotMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.command = "deploy"
	for name, it := range map[string]*chat.Item{"a command": said("deploy billing"), "another text": said("hello"), "nothing": {Row: &store.ChatMessage{}}} {
		_, taken, err := w.Came(t.Context(), it)
		require.NoError(t, err, name)
		assert.False(t, taken, name)
	}
	w.command = "help"
	other := said("deploy billing")
	other.Row.ConnID = "other_app"
	_, taken, err := w.Came(t.Context(), other)
	require.NoError(t, err)
	assert.False(t, taken, "through another connection")
	assert.Empty(t, w.asked)
}

func TestPressesOfOurCards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, taken, err := w.Came(t.Context(), pressed("theirs"))
	require.NoError(t, err)
	assert.True(t, taken)
	w.cards["ours"] = nil
	_, taken, err = w.Came(t.Context(), pressed("ours"))
	require.NoError(t, err)
	assert.False(t, taken, "the buttons of an alert are carried out")
	away := errors.New("the store is away")
	w.cards["unsure"] = away
	_, _, err = w.Came(t.Context(), pressed("unsure"))
	require.ErrorIs(t, err, away)
	assert.Len(t, w.asked, 1)
}

func TestAnItemThatComesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.err = fmt.Errorf("update assets: %w", store.ErrRepeated)
	_, taken, err := w.Came(t.Context(), said("deploy billing"))
	require.NoError(t, err)
	assert.True(t, taken, "it was done before, and is no unknown command")
	busy := errors.New("the store is busy")
	w.err = busy
	_, taken, err = w.Came(t.Context(), said("deploy billing"))
	require.ErrorIs(t, err, busy)
	assert.False(t, taken)
}

// Watchers that wait for the same are one, as in Airflow; others all count, also when they share a name or their asset
// stands in several places.
func TestWatchersOfOneAsset(t *testing.T) {
	t.Parallel()
	const asset = "{__type__: airflow.sdk.Asset, name: a, watchers: %s}"
	for name, c := range map[string]struct {
		schedule, outlets string
		want              []string
	}{
		"twice":                    {"[{name: v, trigger: dingtalk}, {name: w, trigger: {trigger: dingtalk, kind: message}}]", "[]", []string{"v"}},
		"two conditions":           {"[{name: v, trigger: dingtalk}, {name: w, trigger: {trigger: dingtalk, contains: deploy}}]", "[]", []string{"v", "w"}},
		"two places":               {"[{name: v, trigger: {trigger: dingtalk, contains: ship}}]", "[{name: w, trigger: {trigger: dingtalk, contains: deploy}}]", []string{"w"}},
		"one name, two conditions": {"[{name: v, trigger: {trigger: dingtalk, contains: bill}}]", "[{name: v, trigger: {trigger: dingtalk, contains: deploy}}]", []string{"v", "v"}},
		"one watcher, two places":  {"[{name: v, trigger: dingtalk}]", "[{name: v, trigger: dingtalk}]", []string{"v"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.load(t, fmt.Sprintf("d:\n  schedule: ["+asset+"]\n  tasks: [{task_id: t, operator: empty, outlets: ["+asset+"]}]\n", c.schedule, c.outlets))
			_, _, err := w.Came(t.Context(), said("deploy billing"))
			require.NoError(t, err)
			var got []string
			for _, u := range w.asked[0].Updates {
				got = append(got, u.Watcher)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// Of two connections with one application the first receives: what comes is for the watchers of both.
func TestConnectionsOfOneApplication(t *testing.T) {
	t.Parallel()
	const asset = "d:\n  schedule: [{__type__: airflow.sdk.Asset, name: a, watchers: [{name: v, trigger: {trigger: dingtalk, dingtalk_conn_id: second}}, {name: w, trigger: dingtalk}]}]\n  tasks: [{task_id: t, operator: empty}]\n"
	busy := fmt.Errorf("it is locked: %w", store.ErrBusy)
	for name, c := range map[string]struct {
		second any
		want   []string
		conn   string
		err    error
	}{
		"the same":              {"app1", []string{"v"}, "second", nil},
		"another one":           {"app2", []string{"w"}, "dingtalk_default", nil},
		"no such connection":    {nil, []string{"w"}, "dingtalk_default", nil},
		"one that is broken":    {errors.New("no key"), []string{"w"}, "dingtalk_default", nil},
		"while the store waits": {busy, nil, "", busy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.load(t, asset)
			w.apps["second"] = c.second
			it := said("hello")
			it.Row.App = "app1"
			_, _, err := w.Came(t.Context(), it)
			require.ErrorIs(t, err, c.err)
			if c.err != nil {
				assert.Empty(t, w.asked)
				return
			}
			require.Len(t, w.asked, 1)
			var got []string
			for _, u := range w.asked[0].Updates {
				got = append(got, u.Watcher)
			}
			assert.Equal(t, c.want, got)
			assert.Contains(t, string(w.asked[0].Updates[0].Extra), `"conn_id":"`+c.conn+`"`)
			assert.Equal(t, name == "one that is broken", strings.Contains(w.log.String(), "no key"))
		})
	}
}

// A DAG that is loaded anew has the watchers of its new file at once, and one that is gone none.
func TestWatchersFollowTheFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	came := func() bool {
		_, taken, err := w.Came(t.Context(), said("deploy billing"))
		require.NoError(t, err)
		return taken
	}
	assert.True(t, came())
	w.load(t, strings.ReplaceAll(files, "deploy", "ship"))
	assert.False(t, came())
	w.load(t, files)
	assert.True(t, came())
	w.load(t, "none: {tasks: [{task_id: t, operator: empty}]}")
	assert.False(t, came())
	w.load(t, files)
	for _, d := range w.loaded { // a file of a newer program
		for _, a := range d.AllAssets() {
			for i := range a.Watchers {
				a.Watchers[i].Trigger.Name = "kafka"
			}
		}
	}
	assert.False(t, came())
	assert.Contains(t, w.log.String(), `unknown trigger \"kafka\"`)
}
