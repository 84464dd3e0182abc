// Package browse lists what there is with the filters, orders, offsets and totals of Airflow's REST API,
// and tells of single things what its objects have. It asks the store for pages, and the folder for DAGs,
// and shows whoever asks only the DAGs that they may read.
package browse

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// What lists are asked with, see the package listing.
type (
	// Page is a part of a list.
	Page = listing.Page
	// Key orders by something.
	Key = listing.Key
	// Like matches texts.
	Like = listing.Like
	// Range bounds a value.
	Range[T any] = listing.Range[T]
	// RunFilter selects runs.
	RunFilter = listing.Runs
)

// ParseLike reads a pattern.
func ParseLike(pattern string) Like { return listing.ParseLike(pattern) }

// Options are what a [Browser] stands on. All but Reparse are required.
type Options struct {
	API    *api.API
	Store  store.Store
	Lists  listing.Reader
	Folder api.Folder
	// Root is the folder of the DAG files as it is set; files in it are named from there. Empty names them as they are.
	Root  string
	Clock func() time.Time
	// Reparse has this process take over what has changed of the DAG files. It may be nil where another
	// process works on the store, which looks at the files from time to time.
	Reparse func(ctx context.Context) error
}

// Browser answers. It may be used by several at once.
type Browser struct {
	o Options

	mu       sync.Mutex
	versions map[string]*dag.DAG
	order    []string // of the versions, the one that was read last at the end
}

// New returns a browser.
func New(o Options) *Browser { return &Browser{o: o, versions: map[string]*dag.DAG{}} }

// keptVersions is how many versions of DAGs are kept, which never change.
const keptVersions = 512

// version is the DAG of a stored version.
func (b *Browser) version(ctx context.Context, version string) (*dag.DAG, error) {
	b.mu.Lock()
	d := b.versions[version]
	b.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := b.o.API.DAGOf(ctx, version)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.versions[version] == nil {
		if len(b.order) == keptVersions {
			delete(b.versions, b.order[0])
			b.order = b.order[1:]
		}
		b.versions[version], b.order = d, append(b.order, version)
	}
	return d, nil
}

// restored is the DAG of a stored version, or nil for one that can't be read any more, of which less is told.
func (b *Browser) restored(ctx context.Context, version string) *dag.DAG {
	d, err := b.version(ctx, version)
	if err != nil {
		return nil
	}
	return d
}

// Owners are the owners of a DAG.
func owners(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(text, ", ")
}

// AccessDAG is what the right to a DAG depends on.
func (b *Browser) AccessDAG(ctx context.Context, dagID string) (access.DAG, error) {
	out := access.DAG{ID: dagID}
	if who, ok := access.From(ctx); ok && who.DAGs.All() {
		return out, nil // it does not depend on more
	}
	d, err := b.current(ctx, dagID)
	switch {
	case errors.Is(err, api.ErrNotFound):
		return out, nil
	case err != nil:
		return out, err
	}
	out.Tags, out.Owners = d.Tags, owners(d.Owner)
	return out, nil
}

// current is a DAG as its file has it, or as it was when it was read last. The error of one that nobody knows
// wraps [api.ErrNotFound].
func (b *Browser) current(ctx context.Context, dagID string) (*dag.DAG, error) {
	d, err := b.o.Folder.DAG(dagID)
	if err == nil {
		return d, nil
	}
	st, serr := b.o.Store.DAG(ctx, dagID)
	switch {
	case errors.Is(serr, store.ErrNotFound):
		return nil, b.unknownDAG(ctx, dagID)
	case serr != nil:
		return nil, serr
	}
	return b.version(ctx, st.Version)
}

// unknownDAG is the error of a DAG that nobody knows, with the one that may be meant of those that whoever asks may read.
func (b *Browser) unknownDAG(ctx context.Context, dagID string) error {
	var known []string
	who, _ := access.From(ctx)
	if all, _, err := b.o.Folder.DAGs(); err == nil { // without them there is none to suggest
		for _, d := range all {
			if who.May(access.Read, &access.DAG{ID: d.ID, Tags: d.Tags, Owners: owners(d.Owner)}) {
				known = append(known, d.ID)
			}
		}
	}
	return store.Missing("The Dag with ID: `%s` was not found%s", dagID, api.Suggest(dagID, known))
}

// SuggestTask names the task of a DAG that may be meant, as the end of a sentence; or nothing.
func SuggestTask(d *dag.DAG, taskID string) string {
	if d == nil {
		return ""
	}
	ids := make([]string, len(d.Tasks))
	for i, t := range d.Tasks {
		ids[i] = t.ID
	}
	return api.SuggestTask(taskID, ids)
}

// Visible are the DAGs that whoever asks may read; nil stands for every one.
func (b *Browser) Visible(ctx context.Context) ([]string, error) { return b.visible(ctx, nil) }

// visible are the DAGs that whoever asks may read, of those that are named; nil stands for every one.
func (b *Browser) visible(ctx context.Context, named []string) ([]string, error) {
	who, ok := access.From(ctx)
	switch {
	case !ok:
		return nil, access.ErrUnknown
	case who.DAGs.All():
		return named, nil
	}
	all, err := b.summaries(ctx)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, d := range all {
		if (named == nil || slices.Contains(named, d.ID)) && who.May(access.Read, &access.DAG{ID: d.ID, Tags: d.Tags, Owners: owners(d.Owner)}) {
			out = append(out, d.ID)
		}
	}
	return out, nil
}

// known is nil when there is a DAG, or was one.
func (b *Browser) known(ctx context.Context, dagID string) error {
	_, err := b.o.Store.DAG(ctx, dagID)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := b.o.Folder.DAG(dagID); err != nil {
		return b.unknownDAG(ctx, dagID)
	}
	return nil
}
