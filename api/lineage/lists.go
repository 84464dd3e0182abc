package lineage

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// Folder has the DAG files. broken says that some of them are in error.
type Folder interface {
	Load() (all []*dag.DAG, broken bool, err error)
}

// Log lists updates of assets.
type Log interface {
	ListAssetEvents(ctx context.Context, f listing.AssetEvents, p listing.Page) ([]*listing.AssetEvent, int, error)
}

// Lists lists assets and their updates.
type Lists struct {
	Folder Folder
	// Store and Log may be nil while there is no store: then nothing was updated.
	Store store.Assets
	Log   Log
	// Visible are the DAGs that whoever asks may see, see [access.OnlyOf]. Who is limited sees the assets of these, what their tasks
	// have updated, and what was updated from outside.
	Visible func(ctx context.Context) ([]string, error)
}

// every is a page of all.
const every = 1 << 30

// log lists updates that whoever is limited to some DAGs may see, newest first.
func (l *Lists) log(ctx context.Context, mine access.Only, own []*Asset, uri string, limit int) ([]*listing.AssetEvent, error) {
	f := listing.AssetEvents{}
	if uri != "" {
		f.URIs = []string{uri}
	}
	if mine.Limited() {
		f.By, f.Outside = mine.Within(nil), []string{}
		for _, x := range own {
			f.Outside = append(f.Outside, x.URI)
		}
	}
	rows, _, err := l.Log.ListAssetEvents(ctx, f, listing.Page{Limit: limit, Order: []listing.Key{{Name: "timestamp", Desc: true}}})
	return rows, err
}

// own are the assets of the DAGs that whoever asks may see, with the limit.
func (l *Lists) own(ctx context.Context) (own []*Asset, mine access.Only, broken bool, err error) {
	if mine, err = access.OnlyOf(ctx, l.Visible); err != nil {
		return nil, mine, false, err
	}
	ds, broken, err := l.Folder.Load()
	return Assets(Within(ds, mine)), mine, broken, err
}

// Within are those of some DAGs that are within a limit.
func Within(ds []*dag.DAG, mine access.Only) []*dag.DAG {
	if !mine.Limited() {
		return ds
	}
	return slices.DeleteFunc(slices.Clone(ds), func(d *dag.DAG) bool { return !mine.Has(d.ID) })
}

// Event is one update of an asset.
type Event struct {
	ID  int64  `json:"id"`
	URI string `json:"uri"`
	Update
}

func updateOf(e *store.AssetEvent) Update {
	u := Update{Timestamp: e.At.UTC(), DAGID: e.DAGID, RunID: e.RunID, TaskID: e.TaskID, MapIndex: e.MapIndex, Extra: e.Extra}
	if len(u.Extra) == 0 {
		u.Extra = json.RawMessage("{}")
	}
	return u
}

// Assets lists the assets of the DAGs folder, by URI. broken says that some of its files are in error.
func (l *Lists) Assets(ctx context.Context) (out []*Asset, broken bool, err error) {
	out, mine, broken, err := l.own(ctx)
	if err != nil {
		return nil, false, err
	}
	if l.Store == nil {
		return out, broken, nil
	}
	if mine.Limited() {
		for _, x := range out {
			rows, err := l.log(ctx, mine, out, x.URI, 1)
			if err != nil {
				return nil, false, err
			}
			for _, e := range rows {
				x.LastEvent = new(updateOf(&e.AssetEvent))
			}
		}
		return out, broken, nil
	}
	events, err := l.Store.AssetEvents(ctx)
	if err != nil {
		return nil, false, err
	}
	last := map[string]*Update{}
	for _, e := range events {
		last[e.URI] = new(updateOf(e))
	}
	for _, x := range out {
		x.LastEvent = last[x.URI]
	}
	return out, broken, nil
}

// Events lists the updates of an asset, or for an empty URI those of all, newest first, and at most limit; 0 is all. more says that there
// are others.
func (l *Lists) Events(ctx context.Context, uri string, limit int) (out []Event, more bool, err error) {
	out = []Event{}
	if uri != "" {
		if uri, _, err = dag.AssetURI(uri); err != nil {
			return out, false, err
		}
	}
	if l.Log == nil {
		return out, false, nil
	}
	own, mine, _, err := l.own(ctx)
	if err != nil {
		return out, false, err
	}
	most := every
	if limit > 0 {
		most = limit + 1
	}
	rows, err := l.log(ctx, mine, own, uri, most)
	if more = limit > 0 && len(rows) > limit; more {
		rows = rows[:limit]
	}
	for _, e := range rows {
		out = append(out, Event{e.ID, e.URI, updateOf(&e.AssetEvent)})
	}
	return out, more, err
}
