package browse

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// AssetEventFilter selects updates of assets.
type AssetEventFilter = listing.AssetEvents

// Asset is an asset with the DAGs and tasks that have to do with it, of those that whoever asks may read.
type Asset struct {
	store.Asset

	// Active says that a DAG has it; one that none has any more is known by its events alone.
	Active bool
	// Extra is a JSON object.
	Extra     json.RawMessage
	Consumers []Reference
	Producers []Reference
	Readers   []Reference
	Watchers  []string
	// Last is the last update, or nil.
	Last *store.AssetEvent

	all *lineage.Asset // with the DAGs that whoever asks may not read
}

// Reference is a DAG, or a task of one, that has to do with an asset.
type Reference struct {
	DAGID, TaskID string
	// Since is since when the DAG is as it is, as far as that is known.
	Since time.Time
}

// AssetFilter selects assets. Zero fields select everything.
type AssetFilter struct {
	NameLike, URILike Like
	// Text is part of the name, the URI or the group, whatever the case of letters.
	Text string
	// DAGIDs are DAGs of which one must have to do with the asset.
	DAGIDs []string
	// Gone selects also those that no DAG has any more.
	Gone bool
}

// AssetOrder are the names by which assets are ordered.
const AssetOrder = "id,name,uri,created_at,updated_at"

// world is what is known of assets: all of them, those of the DAGs that whoever asks may read, and these DAGs.
type world struct {
	assets []*Asset
	all    bool
	dags   map[string]*dag.DAG
}

// seen are the assets that whoever asks may see. New ones of the DAG files get a number.
func (b *Browser) seen(ctx context.Context) (*world, error) {
	who, ok := access.From(ctx)
	if !ok {
		return nil, access.ErrUnknown
	}
	ds, _, err := b.o.Folder.Load()
	if err != nil {
		return nil, err
	}
	everything := lineage.Assets(ds)
	rows, err := b.numbered(ctx, everything)
	if err != nil {
		return nil, err
	}
	w := &world{all: who.DAGs.All(), dags: map[string]*dag.DAG{}}
	ds = slices.DeleteFunc(slices.Clone(ds), func(d *dag.DAG) bool {
		return !who.May(access.Read, &access.DAG{ID: d.ID, Tags: d.Tags, Owners: owners(d.Owner)})
	})
	for _, d := range ds {
		w.dags[d.ID] = d
	}
	byURI := map[string]*lineage.Asset{}
	for _, x := range everything {
		byURI[x.URI] = x
	}
	for _, x := range lineage.Assets(ds) {
		row := rows[x.URI]
		delete(rows, x.URI)
		a := &Asset{Asset: *row, Active: true, Watchers: x.Watchers, all: byURI[x.URI]}
		for _, id := range x.Consumers {
			a.Consumers = append(a.Consumers, Reference{DAGID: id})
		}
		a.Producers, a.Readers = references(x.Producers), references(x.Readers)
		if a.Extra, err = json.Marshal(x.Extra); err != nil {
			return nil, err
		}
		w.assets = append(w.assets, a)
	}
	if w.all { // an asset that no DAG has any more is nobody's
		for _, row := range rows {
			w.assets = append(w.assets, &Asset{Asset: *row, all: &lineage.Asset{URI: row.URI}})
		}
	}
	return w, nil
}

func references(ts []lineage.Task) (out []Reference) {
	for _, t := range ts {
		out = append(out, Reference{DAGID: t.DAGID, TaskID: t.TaskID})
	}
	return out
}

// byURI are the assets that the store knows: those of all events that it has.
func (b *Browser) byURI(ctx context.Context) (map[string]*store.Asset, error) {
	known, err := b.o.Store.KnownAssets(ctx)
	rows := map[string]*store.Asset{}
	for _, a := range known {
		rows[a.URI] = a
	}
	return rows, err
}

// numbered are the assets that the store knows by URI, after it has got to know those of DAG files.
func (b *Browser) numbered(ctx context.Context, of []*lineage.Asset) (map[string]*store.Asset, error) {
	rows, err := b.byURI(ctx)
	if err != nil {
		return nil, err
	}
	var news []*store.Asset
	now := b.o.Clock().UTC().Truncate(time.Millisecond)
	for _, x := range of {
		if row := rows[x.URI]; row == nil {
			news = append(news, &store.Asset{URI: x.URI, Name: x.Name, Group: x.Group, CreatedAt: now, UpdatedAt: now})
		} else if row.Name != x.Name || row.Group != x.Group {
			row.Name, row.Group, row.UpdatedAt = x.Name, x.Group, now
			news = append(news, row)
		}
	}
	if len(news) == 0 {
		return rows, nil
	}
	err = b.o.Store.Tx(ctx, func(tx store.Tx) error {
		for _, a := range news {
			if err := tx.PutAsset(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
	for _, a := range news {
		rows[a.URI] = a
	}
	return rows, err
}

// Assets lists the assets of DAGs that whoever asks may read.
func (b *Browser) Assets(ctx context.Context, f AssetFilter, p Page) ([]*Asset, int, error) {
	w, err := b.seen(ctx)
	if err != nil {
		return nil, 0, err
	}
	all := slices.DeleteFunc(w.assets, func(a *Asset) bool {
		return !a.Active && !f.Gone || !f.NameLike.Match(a.Name) || !f.URILike.Match(a.URI) || !a.has(f.Text) || len(f.DAGIDs) > 0 && !a.of(f.DAGIDs)
	})
	slices.SortFunc(all, func(x, y *Asset) int {
		for _, k := range p.Order {
			if c := compareAssets(x, y, k.Name); c != 0 {
				return turned(c, k.Desc)
			}
		}
		return turned(cmp.Compare(x.ID, y.ID), len(p.Order) > 0 && p.Order[0].Desc)
	})
	from := min(p.Offset, len(all))
	page := all[from:min(from+p.Limit, len(all))]
	for _, a := range page {
		if err := b.fill(ctx, w, a); err != nil {
			return nil, 0, err
		}
	}
	return page, len(all), nil
}

func turned(c int, desc bool) int {
	if desc {
		return -c
	}
	return c
}

func compareAssets(x, y *Asset, name string) int {
	switch name {
	case "name":
		return cmp.Compare(x.Name, y.Name)
	case "uri":
		return cmp.Compare(x.URI, y.URI)
	case "created_at":
		return x.CreatedAt.Compare(y.CreatedAt)
	case "updated_at":
		return x.UpdatedAt.Compare(y.UpdatedAt)
	default:
		return cmp.Compare(x.ID, y.ID)
	}
}

// AssetMap are all assets that DAGs have which whoever asks may read, by name, without what the store alone knows of each.
func (b *Browser) AssetMap(ctx context.Context) ([]*Asset, error) {
	w, err := b.seen(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(w.assets, func(a *Asset) bool { return !a.Active })
	slices.SortFunc(all, func(x, y *Asset) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return all, nil
}

// has reports whether a text is part of what the asset is called.
func (a *Asset) has(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{a.Name, a.URI, a.Group}, func(name string) bool { return strings.Contains(strings.ToLower(name), text) })
}

// of reports whether one of the DAGs has to do with the asset.
func (a *Asset) of(ids []string) bool {
	return slices.ContainsFunc(slices.Concat(a.Consumers, a.Producers, a.Readers), func(r Reference) bool { return slices.Contains(ids, r.DAGID) })
}

// fill adds what only the store knows.
func (b *Browser) fill(ctx context.Context, w *world, a *Asset) error {
	for _, refs := range [][]Reference{a.Consumers, a.Producers, a.Readers} {
		for i := range refs {
			at, err := b.since(ctx, w.dags[refs[i].DAGID])
			if err != nil {
				return err
			}
			refs[i].Since = at
		}
	}
	last, err := b.o.Store.AssetEventLog(ctx, store.AssetEventFilter{URI: a.URI, Limit: 1})
	if err == nil && len(last) > 0 {
		a.Last = last[0]
	}
	return err
}

// Asset is the asset with a number. The error wraps [api.ErrNotFound] when there is none that whoever asks may see.
func (b *Browser) Asset(ctx context.Context, id int64) (*Asset, error) {
	w, err := b.seen(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range w.assets {
		if a.ID == id {
			return a, b.fill(ctx, w, a)
		}
	}
	return nil, store.Missing("The Asset with ID: `%d` was not found", id)
}

// MayUpdate is nil when whoever asks may say that an asset was updated: they may operate all DAGs that it starts, or if it
// starts none, one that has to do with it.
func (b *Browser) MayUpdate(ctx context.Context, a *Asset) error {
	for _, id := range a.all.Consumers {
		if err := b.AllowUnseen(ctx, access.Operate, id); err != nil {
			return err
		}
	}
	if len(a.all.Consumers) > 0 {
		return nil
	}
	err := access.Check(ctx, access.Operate, nil)
	for _, r := range slices.Concat(a.Producers, a.Readers) {
		if b.Allow(ctx, access.Operate, r.DAGID) == nil {
			return nil
		}
	}
	return err
}

// Maker is the DAG that makes the asset if it is the only one and whoever asks may operate it, and empty otherwise.
func (b *Browser) Maker(ctx context.Context, a *Asset) string {
	if by := a.MadeBy(); len(by) == 1 && b.Allow(ctx, access.Operate, by[0]) == nil {
		return by[0]
	}
	return ""
}

// MadeBy are the DAGs that produce the asset, by id: those too that whoever asks may not read.
func (a *Asset) MadeBy() []string {
	ids := map[string]bool{}
	for _, p := range a.all.Producers {
		ids[p.DAGID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// AssetEvent is an update of an asset with the runs of DAGs that it led to.
type AssetEvent struct {
	store.AssetEvent

	Asset *store.Asset
	Runs  []*listing.Run
}

// AssetEvents lists updates of assets by tasks of DAGs that whoever asks may read, and those from outside of their assets.
// assetID, if it is not nil, and what names of assets are like select the assets.
func (b *Browser) AssetEvents(ctx context.Context, f AssetEventFilter, assetID *int64, nameLike Like, p Page) ([]*AssetEvent, int, error) {
	w, err := b.seen(ctx)
	if err != nil {
		return nil, 0, err
	}
	rows, err := b.o.Store.KnownAssets(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, a := range rows {
		if (assetID != nil || nameLike != nil) && (assetID == nil || *assetID == a.ID) && nameLike.Match(a.Name) {
			f.URIs = append(f.URIs, a.URI)
		}
	}
	if (assetID != nil || nameLike != nil) && f.URIs == nil {
		return nil, 0, nil
	}
	if !w.all {
		f.By, f.Outside = slices.Sorted(maps.Keys(w.dags)), []string{}
		for _, a := range w.assets {
			f.Outside = append(f.Outside, a.URI)
		}
	}
	found, n, err := b.o.Lists.ListAssetEvents(ctx, f, p)
	if err != nil {
		return nil, 0, err
	}
	byURI, err := b.byURI(ctx)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*AssetEvent, len(found))
	for i, e := range found {
		out[i] = &AssetEvent{AssetEvent: e.AssetEvent, Asset: byURI[e.URI]}
		for _, r := range e.Runs {
			if !w.all && w.dags[r.DAGID] == nil {
				continue
			}
			out[i].Runs = append(out[i].Runs, r)
		}
	}
	return out, n, nil
}

// Upstream are the updates of assets that a run took, oldest first.
func (b *Browser) Upstream(ctx context.Context, dagID, runID string) ([]*AssetEvent, error) {
	r, err := b.Run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	out, _, err := b.AssetEvents(ctx, AssetEventFilter{TakenBy: r.Key}, nil, nil, Page{Limit: everyEvent, Order: []Key{{Name: "timestamp"}}})
	return out, err
}

// everyEvent is a page of all that a run took.
const everyEvent = 1 << 30

// QueuedEvents are the events of an asset that a DAG has been told, and no run has taken.
type QueuedEvents struct {
	Asset              *store.Asset
	DAGID, DisplayName string
	First              time.Time
}

// Queued lists what DAGs that whoever asks may read have been told of assets. The zero dagID and assetID stand for all.
func (b *Browser) Queued(ctx context.Context, dagID string, assetID int64, before time.Time) ([]QueuedEvents, error) {
	f := listing.Queued{Before: before}
	if dagID != "" {
		f.DAGIDs = []string{dagID}
	}
	var err error
	if f.DAGIDs, err = b.visible(ctx, f.DAGIDs); err != nil {
		return nil, err
	}
	if assetID != 0 {
		a, err := b.Asset(ctx, assetID)
		if err != nil {
			return nil, err
		}
		f.URI = a.URI
	}
	found, err := b.o.Lists.QueuedAssetEvents(ctx, f)
	if err != nil {
		return nil, err
	}
	byURI, err := b.byURI(ctx)
	if err != nil {
		return nil, err
	}
	name, err := b.names()
	if err != nil {
		return nil, err
	}
	out := make([]QueuedEvents, len(found))
	for i, e := range found {
		out[i] = QueuedEvents{Asset: byURI[e.URI], DAGID: e.DAGID, DisplayName: name(e.DAGID), First: e.First}
	}
	slices.SortStableFunc(out, func(x, y QueuedEvents) int {
		return cmp.Or(strings.Compare(x.DAGID, y.DAGID), cmp.Compare(x.Asset.ID, y.Asset.ID))
	})
	return out, nil
}
