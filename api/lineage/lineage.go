// Package lineage knows which tasks and DAGs have to do with which assets.
package lineage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
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
	Producers []Task   `json:"producing_tasks"`
	Consumers []string `json:"scheduled_dags"`
	Readers   []Task   `json:"consuming_tasks"`
	// LastEvent is the last update, null before the first.
	LastEvent *Update `json:"last_event"`
	// Extra is what files say besides, a JSON object, and Watchers are the names of those that update it. They
	// are not in JSON.
	Extra    *dag.Map `json:"-"`
	Watchers []string `json:"-"`
}

// Task names a task of a DAG.
type Task struct {
	DAGID  string `json:"dag_id"`
	TaskID string `json:"task_id"`
}

func (r Task) String() string { return r.DAGID + "." + r.TaskID }

// Update is what updated an asset, and when.
type Update struct {
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

// By is the task that made the update, or how it came otherwise.
func (u *Update) By() string {
	if u.TaskID == "" {
		return "an event from outside"
	}
	return Task{u.DAGID, u.TaskID}.String()
}

// Assets collects the assets of DAGs, by URI. A name that is not just the URI wins.
func Assets(ds []*dag.DAG) []*Asset {
	byURI := map[string]*Asset{}
	use := func(x *dag.Asset) *Asset {
		u := byURI[x.URI]
		if u == nil {
			u = &Asset{URI: x.URI, Name: x.Name, Group: x.Group, Producers: []Task{}, Consumers: []string{}, Readers: []Task{}}
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
				u.Producers = append(u.Producers, Task{d.ID, t.ID})
			}
			for _, x := range t.Inlets {
				u := use(x)
				u.Readers = append(u.Readers, Task{d.ID, t.ID})
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

// Find is the asset of DAGs with a URI, or the only one with a name. The error wraps [store.ErrNotFound]
// when there is none.
func Find(ds []*dag.DAG, uri, name string) (*Asset, error) {
	var (
		found       *Asset
		uris, known []string
	)
	for _, x := range Assets(ds) {
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
		return nil, store.Missing("no asset %q in the DAGs folder%s", asked, yamlvalue.DidYouMean(asked, slices.Values(known)))
	case 1:
		return found, nil
	default:
		return nil, fmt.Errorf("%q names more than one asset: %s; say which one by its URI", asked, strings.Join(uris, ", "))
	}
}
