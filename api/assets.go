package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Asset is an asset with the tasks and DAGs that have to do with it.
type Asset struct {
	URI   string `json:"uri"`
	Name  string `json:"name"`
	Group string `json:"group"`
	// Producers have it among their outlets, Readers among their inlets; Consumers are the DAGs
	// that its updates start.
	Producers []TaskRef `json:"producing_tasks"`
	Consumers []string  `json:"scheduled_dags"`
	Readers   []TaskRef `json:"consuming_tasks"`
	// LastEvent is the last update, null before the first.
	LastEvent *AssetUpdate `json:"last_event"`
	// Extra is what files say besides, a JSON object, and Watchers are the names of those that update it. They
	// are not in JSON.
	Extra    *dag.Map `json:"-"`
	Watchers []string `json:"-"`
}

// TaskRef names a task of a DAG.
type TaskRef struct {
	DAGID  string `json:"dag_id"`
	TaskID string `json:"task_id"`
}

func (r TaskRef) String() string { return r.DAGID + "." + r.TaskID }

// AssetUpdate is what updated an asset, and when.
type AssetUpdate struct {
	Timestamp time.Time `json:"timestamp"`
	// DAGID, RunID and TaskID are empty for an update that no task made.
	DAGID  string `json:"source_dag_id,omitempty"`
	RunID  string `json:"source_run_id,omitempty"`
	TaskID string `json:"source_task_id,omitempty"`
	// MapIndex is -1 for an unmapped task.
	MapIndex int `json:"source_map_index"`
	// Extra is a JSON object with what else there is to know.
	Extra json.RawMessage `json:"extra"`
}

// AssetEvent is one update of an asset.
type AssetEvent struct {
	ID  int64  `json:"id"`
	URI string `json:"uri"`
	AssetUpdate
}

func updateOf(e *store.AssetEvent) AssetUpdate {
	u := AssetUpdate{e.At.UTC(), e.DAGID, e.RunID, e.TaskID, e.MapIndex, e.Extra}
	if len(u.Extra) == 0 {
		u.Extra = json.RawMessage("{}")
	}
	return u
}

// By is the task that made the update, or how it came otherwise.
func (u *AssetUpdate) By() string {
	if u.TaskID == "" {
		return "an event from outside"
	}
	return TaskRef{u.DAGID, u.TaskID}.String()
}

// AssetsOf collects the assets of DAGs, by URI. A name that is not just the URI wins.
func AssetsOf(ds []*dag.DAG) []*Asset {
	byURI := map[string]*Asset{}
	use := func(x *dag.Asset) *Asset {
		u := byURI[x.URI]
		if u == nil {
			u = &Asset{URI: x.URI, Name: x.Name, Group: x.Group, Producers: []TaskRef{}, Consumers: []string{}, Readers: []TaskRef{}}
			byURI[x.URI] = u
		}
		if u.Name == u.URI && x.Name != x.URI {
			u.Name, u.Group = x.Name, x.Group
		}
		if u.Extra.Len() == 0 {
			u.Extra = x.Extra
		}
		for _, w := range x.Watchers {
			if !slices.Contains(u.Watchers, w.Name) {
				u.Watchers = append(u.Watchers, w.Name)
			}
		}
		return u
	}
	for _, d := range ds {
		for _, x := range d.Assets.Assets() {
			u := use(x)
			u.Consumers = append(u.Consumers, d.ID)
		}
		for _, t := range d.Tasks {
			for _, x := range t.Outlets {
				u := use(x)
				u.Producers = append(u.Producers, TaskRef{d.ID, t.ID})
			}
			for _, x := range t.Inlets {
				u := use(x)
				u.Readers = append(u.Readers, TaskRef{d.ID, t.ID})
			}
		}
	}
	out := make([]*Asset, 0, len(byURI))
	for _, u := range byURI {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *Asset) int { return cmp.Compare(a.URI, b.URI) })
	return out
}

// Assets lists the assets of the DAGs folder, by URI. broken says that some of its files are in
// error.
func (a *API) Assets(ctx context.Context) (out []*Asset, broken bool, err error) {
	ds, broken, err := a.o.Folder.Load()
	if err != nil {
		return nil, false, err
	}
	out = AssetsOf(ds)
	if a.o.Store == nil {
		return out, broken, nil
	}
	events, err := a.o.Store.AssetEvents(ctx)
	if err != nil {
		return nil, false, err
	}
	last := map[string]*AssetUpdate{}
	for _, e := range events {
		last[e.URI] = new(updateOf(e))
	}
	for _, x := range out {
		x.LastEvent = last[x.URI]
	}
	return out, broken, nil
}

// AssetEventQuery selects updates of assets. Zero fields select everything.
type AssetEventQuery struct {
	// URI is that of the asset, DAGID, RunID and TaskID what updated it.
	URI, DAGID, RunID, TaskID string
	Page
}

// AssetEvents lists the updates of assets, newest first.
func (a *API) AssetEvents(ctx context.Context, q AssetEventQuery) (List[AssetEvent], error) {
	out := List[AssetEvent]{Items: []AssetEvent{}}
	behind, err := q.behind("asset events")
	if err != nil || a.o.Store == nil {
		return out, err
	}
	f := store.AssetEventFilter{URI: q.URI, DAGID: q.DAGID, RunID: q.RunID, TaskID: q.TaskID, Limit: q.more(), Offset: q.Offset, Behind: behind}
	if q.URI != "" {
		if f.URI, _, err = dag.AssetURI(q.URI); err != nil {
			return out, &FieldError{"uri", err}
		}
	}
	rows, err := a.o.Store.AssetEventLog(ctx, f)
	if err != nil {
		return out, err
	}
	rows, out.Next = cut(q.Page, rows, func(e *store.AssetEvent) string { return strconv.FormatInt(e.ID, 10) })
	for _, e := range rows {
		out.Items = append(out.Items, AssetEvent{e.ID, e.URI, updateOf(e)})
	}
	if q.Count {
		out.Total, err = a.o.Store.CountAssetEvents(ctx, f)
	}
	return out, err
}

// ForgetAssets takes back what DAGs have been told of an asset, or for an empty URI of all, and no run has taken: what
// happened before a moment, or for the zero one everything. It returns how many events there were.
func (a *API) ForgetAssets(ctx context.Context, dagIDs []string, uri string, before time.Time) (int, error) {
	return alter.ForgetAssets(ctx, a.o.Store, dagIDs, uri, before, a.o.By, a.o.Clock())
}

// FindAsset is the asset of DAGs with a URI, or the only one with a name. The error wraps [ErrNotFound]
// when there is none.
func FindAsset(ds []*dag.DAG, uri, name string) (*Asset, error) {
	return assetNamed(AssetsOf(ds), uri, name)
}

// assetNamed is the asset with a URI, or the only one with a name.
func assetNamed(all []*Asset, uri, name string) (*Asset, error) {
	var (
		found       *Asset
		uris, known []string
	)
	for _, x := range all {
		if x.URI == uri {
			return x, nil
		}
		if x.Name == name {
			found, uris = x, append(uris, x.URI)
		}
		known = append(known, x.URI, x.Name)
	}
	asked := cmp.Or(name, uri)
	switch len(uris) {
	case 0:
		return nil, missing("no asset %q in the DAGs folder%s", asked, yamlvalue.DidYouMean(asked, slices.Values(known)))
	case 1:
		return found, nil
	default:
		return nil, fmt.Errorf("%q names more than one asset: %s; say which one by its URI", asked, strings.Join(uris, ", "))
	}
}
