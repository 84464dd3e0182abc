package schedule

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// AssetURIs are the assets that a DAG waits for.
func AssetURIs(d *dag.DAG) (uris []string) {
	for _, a := range d.Assets.Assets() {
		uris = append(uris, a.URI)
	}
	return uris
}

// Updated returns the newest event of each asset that a DAG waits for and no run has taken,
// and whether that is what it waits for. A DAG that waits for no assets has none.
func Updated(ctx context.Context, r store.Assets, d *dag.DAG) (events []*store.AssetEvent, met bool, err error) {
	if d.Assets == nil {
		return nil, false, nil
	}
	events, err = r.WaitingAssetEvents(ctx, d.ID, AssetURIs(d))
	if err != nil {
		return nil, false, err
	}
	updated := map[string]bool{}
	for _, ev := range events {
		updated[ev.URI] = true
	}
	return events, d.Assets.Met(func(uri string) bool { return updated[uri] }), nil
}

// AssetRun is the run that a DAG gets for updates of its assets, queued and not yet stored,
// and the event that was the last to come.
func AssetRun(d *dag.DAG, events []*store.AssetEvent, now time.Time) (*store.Run, *store.AssetEvent) {
	last := slices.MaxFunc(events, func(a, b *store.AssetEvent) int { return cmp.Compare(a.ID, b.ID) })
	return &store.Run{
		DAGID: d.ID, RunID: dag.RunID(dag.AssetRun, last.At), Type: dag.AssetRun, State: dag.RunQueued,
		RunAfter: last.At, QueuedAt: now, Version: d.Version, Actor: store.Actor{Via: store.ViaAsset},
	}, last
}
