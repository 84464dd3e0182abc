package scheduler

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Emit makes events of assets that no task made, and tells the DAGs that wait for them. Who asked
// is recorded with each: a message that asks a second time gets store.ErrRepeated.
func (sch *Scheduler) Emit(tx *live.Tx, r *request.Emit) (*request.Emitted, error) {
	done := &request.Emitted{Events: []request.EmittedEvent{}}
	for _, u := range r.Updates {
		if err := sch.knowsAsset(u.URI); err != nil {
			return nil, err
		}
		paused, err := sch.pausedInStore(tx)
		if err != nil {
			return nil, err
		}
		e := &store.AssetEvent{URI: u.URI, At: tx.Now, MapIndex: -1, Extra: u.Extra}
		told, err := tx.UpdateAsset(e, paused)
		if err != nil {
			return nil, err
		}
		if err := recordEmit(tx, r.Actor, e, u.Watcher, told); err != nil {
			return nil, err
		}
		done.Events = append(done.Events, request.EmittedEvent{ID: e.ID, URI: e.URI, DAGs: told})
	}
	return done, nil
}

// recordEmit writes who updated an asset.
func recordEmit(tx *live.Tx, who store.Actor, e *store.AssetEvent, watcher string, told []string) error {
	about, err := json.Marshal(struct {
		URI     string   `json:"uri"`
		Event   int64    `json:"asset_event_id"`
		Watcher string   `json:"watcher,omitempty"`
		DAGs    []string `json:"told_dags,omitempty"`
	}{e.URI, e.ID, watcher, told})
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return tx.InsertEvents(tx.Ctx, &store.Event{At: tx.Now, Actor: who, Kind: store.EventAssetEmit, MapIndex: -1, Extra: about})
}

// knowsAsset refuses an asset that no loaded DAG names, and none that cannot be loaded waits for.
func (sch *Scheduler) knowsAsset(uri string) error {
	if len(sch.o.DAGs.Consumers(uri)) > 0 {
		return nil
	}
	var known []string
	for _, d := range sch.o.DAGs.Loaded() {
		for _, a := range d.AllAssets() {
			if a.URI == uri {
				return nil
			}
			known = append(known, a.URI)
		}
	}
	return fmt.Errorf("no DAG has the asset %q%s: %w", uri, yamlvalue.DidYouMean(uri, slices.Values(known)), store.ErrNotFound)
}

// pausedInStore are the DAGs that the store says are paused, in a process that does not follow them.
func (sch *Scheduler) pausedInStore(tx *live.Tx) (map[string]bool, error) {
	if sch.o.Live.Working() {
		return nil, nil
	}
	paused := map[string]bool{}
	for id, d := range sch.o.DAGs.Loaded() {
		s, err := tx.DAG(tx.Ctx, id)
		switch {
		case err == nil:
			paused[id] = s.Paused
		case errors.Is(err, store.ErrNotFound):
			paused[id] = schedule.NewState(d, sch.o.PausedAtCreation).Paused
		default:
			return nil, err
		}
	}
	return paused, nil
}
