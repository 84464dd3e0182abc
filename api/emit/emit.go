// Package emit updates assets that no task updates: something outside did, and the DAGs that wait for
// them are to run.
package emit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Folder finds the assets of the DAG files. [api.Folder] is one.
type Folder interface {
	Load() (all []*dag.DAG, broken bool, err error)
}

// Engine makes the events. [*engine.Engine] is one.
type Engine interface {
	EmitAssets(ctx context.Context, r engine.Emit) (*engine.Emitted, error)
}

// Event asks for an event of an asset.
type Event struct {
	// Asset is the URI of the asset, or its name.
	Asset string `json:"asset"`
	// Extra is a JSON object that templates see, or nil.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// Emitter makes events of assets for somebody.
type Emitter struct {
	Folder Folder
	Engine Engine
	// By is who asks.
	By store.Actor
	// Visible are the DAGs that whoever asks may see and operate, see [access.OnlyOf]. Who is limited updates assets of these that start no
	// other DAG.
	Visible func(ctx context.Context) ([]string, error)
}

// Emit makes an event: by the process that works on the store, with its DAGs, or in the store alone while
// none does. A mistake of the request is an [*api.FieldError]; an asset that there is not is an error that
// wraps [api.ErrNotFound], and [*api.NotScheduledError] says that only that process does not have it.
func (m *Emitter) Emit(ctx context.Context, e Event) (*engine.Emitted, error) {
	extra, err := engine.CheckExtra(e.Extra)
	if err != nil {
		return nil, &api.FieldError{Field: "extra", Err: err}
	}
	if e.Asset == "" {
		return nil, &api.FieldError{Field: "asset", Err: phrase.Err("asset.unnamed")}
	}
	ds, _, err := m.Folder.Load()
	if err != nil {
		return nil, err
	}
	mine, err := access.OnlyOf(ctx, m.Visible)
	if err != nil {
		return nil, err
	}
	found, err := named(lineage.Within(ds, mine), e.Asset)
	if err != nil {
		return nil, err
	}
	for _, x := range lineage.Assets(ds) {
		if x.URI == found.URI && !mine.All(x.Consumers) {
			return nil, fmt.Errorf("an update of %q starts DAGs that are none of those that the user or the token is limited to: somebody who may operate all of them has to make it", found.URI)
		}
	}
	done, err := m.Engine.EmitAssets(ctx, engine.Emit{
		Updates: []engine.AssetUpdate{{URI: found.URI, Extra: extra}}, Actor: m.By, DAGs: concerned(ds, found.URI),
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, &api.NotScheduledError{Err: err}
	}
	return done, err
}

// named is the asset with a URI, or the only one with that name.
func named(ds []*dag.DAG, asked string) (*lineage.Asset, error) {
	uri, _, err := dag.AssetURI(asked)
	if err != nil {
		return nil, &api.FieldError{Field: "asset", Err: err}
	}
	return lineage.Find(ds, uri, asked)
}

// concerned are the DAGs that name an asset, by id.
func concerned(ds []*dag.DAG, uri string) (ids []string) {
	for _, d := range ds {
		if slices.ContainsFunc(d.AllAssets(), func(a *dag.Asset) bool { return a.URI == uri }) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}
