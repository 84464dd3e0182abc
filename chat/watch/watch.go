// Package watch lets what comes from DingTalk start DAGs: it compares each message, press and event with
// what the watchers of assets wait for, and what matches becomes an event of the asset.
package watch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/trigger"
	"github.com/dingdag/dingdag/trigger/dingtalk"
)

// Engine knows the DAGs and makes the events. [*engine.Engine] is one.
type Engine interface {
	// DAGs are those that are loaded, by id, in a map that nobody changes.
	DAGs() map[string]*dag.DAG
	EmitAssets(ctx context.Context, r engine.Emit) (*engine.Emitted, error)
}

// Options are what a [Watcher] stands on. All are needed.
type Options struct {
	Engine   Engine
	Triggers *trigger.Registry
	// Command reports whether a message is a command that there is: then it is that and nothing else.
	Command func(ctx context.Context, it *chat.Item) (bool, error)
	// OurCard reports whether a card is one that this program sent, whose buttons it carries out itself.
	OurCard func(ctx context.Context, outTrackID string) (bool, error)
	// App is the key of the application of a connection, which is that of [store.ChatMessage]. The error of one that
	// is not there wraps [connections.ErrNotFound].
	App    func(ctx context.Context, connID string) (string, error)
	Masker *connections.Masker
	Log    *slog.Logger
}

// Watcher is the [chat.Watcher] of the watchers of assets. Make one with [New].
type Watcher struct {
	o Options

	mu sync.Mutex
	// known are the watchers of each DAG that is loaded.
	known map[*dag.DAG][]watcher
}

var _ chat.Watcher = (*Watcher)(nil)

// New returns a watcher.
func New(o Options) *Watcher { return &Watcher{o: o, known: map[*dag.DAG][]watcher{}} }

// watcher is one watcher of an asset.
type watcher struct {
	uri, name string
	trigger   *dingtalk.Trigger
	// waits says what it waits for, whatever the connection is called: two that wait for the same are one, as in
	// Airflow, whatever their names are.
	waits string
}

// Came makes the events of an item, all in one transaction and once, however often it comes. It
// reports whether there are any, and names their assets.
func (w *Watcher) Came(ctx context.Context, it *chat.Item) (made string, taken bool, err error) {
	updates, err := w.matching(ctx, it)
	if err != nil || len(updates) == 0 {
		return "", false, err
	}
	if meant, err := w.meantForOthers(ctx, it); err != nil || meant {
		return "", false, err
	}
	uris := make([]string, len(updates))
	for i, u := range updates {
		uris[i] = u.URI
	}
	slices.Sort(uris)
	made = it.Say("Assets updated: %s", "资产已更新：%s", strings.Join(slices.Compact(uris), ", "))
	done, err := w.o.Engine.EmitAssets(ctx, engine.Emit{
		Updates: updates, Actor: store.Actor{Name: it.Row.UserID, Via: store.ViaChat, Ref: "watch/" + string(it.Row.Kind) + "/" + it.Row.Ref()},
	})
	if errors.Is(err, store.ErrRepeated) {
		return made, true, nil // an attempt that was cut off had made them
	}
	if err != nil {
		return "", false, err
	}
	for _, e := range done.Events {
		w.o.Log.Info("chat: an asset was updated", "conn_id", it.Row.ConnID, "id", it.Row.ID, "uri", e.URI, "dags", e.DAGs)
	}
	return made, true, nil
}

// meantForOthers reports whether an item is a command, or the press of a button of ours.
func (w *Watcher) meantForOthers(ctx context.Context, it *chat.Item) (bool, error) {
	switch {
	case it.Message != nil:
		return w.o.Command(ctx, it)
	case it.Press != nil:
		return w.o.OurCard(ctx, it.Press.OutTrackID)
	default:
		return false, nil
	}
}

// matching are the updates of the watchers that an item is meant for: one for each asset and what it waits for, which
// several places may declare alike.
func (w *Watcher) matching(ctx context.Context, it *chat.Item) (out []engine.AssetUpdate, err error) {
	seen, apps := map[[2]string]bool{}, map[string]bool{}
	for _, one := range w.watchers() {
		key := [2]string{one.uri, one.waits}
		payload, ok := match(one.trigger, it)
		if !ok || seen[key] {
			continue
		}
		through, known := apps[one.trigger.Conn]
		if !known {
			if through, err = w.through(ctx, one.trigger.Conn, it.Row); err != nil {
				return nil, fmt.Errorf("watcher %q of asset %s: %w", one.name, one.uri, err)
			}
			apps[one.trigger.Conn] = through
		}
		if !through {
			continue
		}
		seen[key] = true
		extra, err := encode(payload)
		if err != nil {
			return nil, fmt.Errorf("watcher %q of asset %s: %w", one.name, one.uri, err)
		}
		out = append(out, engine.AssetUpdate{URI: one.uri, Watcher: one.name, Extra: extra})
	}
	return out, nil
}

// through reports whether what a row tells of came through a connection. Of several connections with one
// application one receives, for all of them.
func (w *Watcher) through(ctx context.Context, connID string, row *store.ChatMessage) (bool, error) {
	if connID == row.ConnID {
		return true, nil
	}
	app, err := w.o.App(ctx, connID)
	switch {
	case err == nil:
		return app == row.App, nil
	case store.Temporary(err):
		return false, fmt.Errorf("read connection %s: %w", connID, err)
	case !errors.Is(err, connections.ErrNotFound):
		w.o.Log.Warn("chat: the connection of a watcher cannot be read", "conn_id", connID, "error", w.o.Masker.Mask(err.Error()))
	}
	return false, nil
}

// match asks a trigger about an item, as if that came through its connection.
func match(t *dingtalk.Trigger, it *chat.Item) (payload any, ok bool) {
	switch {
	case it.Message != nil:
		return t.Message(t.Conn, it.Message)
	case it.Press != nil:
		return t.Press(t.Conn, it.Press)
	case it.Event != nil:
		return t.Event(t.Conn, it.Event)
	default:
		return nil, false
	}
}

// encode is the extra of an event, as Airflow's triggers have it.
func encode(payload any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		FromTrigger bool `json:"from_trigger"`
		Payload     any  `json:"payload"`
	}{true, payload})
	return bytes.TrimSpace(b.Bytes()), err
}

// watchers are those of all DAGs that are loaded, in the order of their ids. Those of a DAG are read
// once, as long as it is not loaded anew.
func (w *Watcher) watchers() (out []watcher) {
	loaded := w.o.Engine.DAGs()
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.known, func(d *dag.DAG, _ []watcher) bool { return loaded[d.ID] != d })
	for _, d := range slices.SortedFunc(maps.Values(loaded), func(a, b *dag.DAG) int { return cmp.Compare(a.ID, b.ID) }) {
		list, known := w.known[d]
		if !known {
			list = w.read(d)
			w.known[d] = list
		}
		out = append(out, list...)
	}
	return out
}

// read makes the watchers of a DAG, which were checked when it was loaded.
func (w *Watcher) read(d *dag.DAG) (out []watcher) {
	for _, a := range d.AllAssets() {
		for _, one := range a.Watchers {
			t, err := w.decode(one.Trigger)
			if err != nil {
				w.o.Log.Error("chat: a watcher cannot be read", "dag_id", d.ID, "uri", a.URI, "watcher", one.Name, "error", w.o.Masker.Mask(err.Error()))
				continue
			}
			waits := *t
			waits.Conn = ""
			text, err := json.Marshal(&waits) //nolint:musttag // it is compared with others of this process, and nobody reads it
			if err != nil {
				w.o.Log.Error("chat: a watcher cannot be read", "dag_id", d.ID, "uri", a.URI, "watcher", one.Name, "error", err)
				continue
			}
			out = append(out, watcher{a.URI, one.Name, t, string(text)})
		}
	}
	return out
}

func (w *Watcher) decode(t dag.Trigger) (*dingtalk.Trigger, error) {
	spec, found := w.o.Triggers.Lookup(t.Name)
	if !found {
		return nil, fmt.Errorf("unknown trigger %q", t.Name)
	}
	v, problems := spec.Decode(t.Args)
	if err := params.FirstError(problems); err != nil {
		return nil, err
	}
	ding, ok := v.(*dingtalk.Trigger)
	if !ok {
		return nil, fmt.Errorf("trigger %q waits for nothing that comes from DingTalk", t.Name)
	}
	return ding, nil
}
