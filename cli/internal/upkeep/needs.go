package upkeep

import (
	"context"
	"errors"
	"sync"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
)

// Needs knows what DAGs need of their runs. It is safe for concurrent use.
type Needs struct {
	store store.Store
	// read reads a DAG that no run has had in its present version.
	read func(dagID string) (*dag.DAG, error)
	// restore makes the DAG of a stored version.
	restore func(source []byte) (*dag.DAG, error)

	mu sync.Mutex
	// loaded are those of the DAGs of the process, versions those of stored versions.
	loaded, versions map[string]history.Needs
}

// NewNeeds returns what DAGs need by the store and the DAG files.
func NewNeeds(a *app.App, s store.Store) (*Needs, error) {
	c, err := a.Catalog()
	if err != nil {
		return nil, err
	}
	return &Needs{
		store: s, read: func(id string) (*dag.DAG, error) { return a.DAGs.Find(id) }, loaded: map[string]history.Needs{}, versions: map[string]history.Needs{},
		restore: func(source []byte) (*dag.DAG, error) { return dagfile.Restore(source, c, dagfile.Options{}) },
	}, nil
}

// Loading takes in what a process has loaded, before it goes on to whoever works with it.
func (n *Needs) Loading(to func(context.Context, dagfile.Result) error) func(context.Context, dagfile.Result) error {
	return func(ctx context.Context, res dagfile.Result) error {
		loaded := make(map[string]history.Needs, len(res.DAGs))
		for _, d := range res.DAGs {
			loaded[d.ID] = needsOf(d)
		}
		n.mu.Lock()
		n.loaded = loaded
		n.mu.Unlock()
		return to(ctx, res)
	}
}

// needsOf is what a DAG reads of its runs.
func needsOf(d *dag.DAG) history.Needs {
	out := history.Needs{Ended: d.MaxConsecutiveFailedRuns}
	for _, l := range d.Deadlines {
		if l.Reference == dag.DeadlineAverageRuntime {
			out.Successes = max(out.Successes, l.MaxRuns)
		}
	}
	return out
}

// Of tells what a DAG needs: as it was loaded, else by the version that the store has of it, else by
// its file. A DAG that is gone for good needs nothing.
func (n *Needs) Of(ctx context.Context, dagID string) (history.Needs, error) {
	n.mu.Lock()
	found, ok := n.loaded[dagID]
	n.mu.Unlock()
	if ok {
		return found, nil
	}
	st, err := n.store.DAG(ctx, dagID)
	if errors.Is(err, store.ErrNotFound) {
		return history.Needs{}, nil
	}
	if err != nil {
		return history.Needs{}, err
	}
	found, err = n.ofVersion(ctx, st.Version)
	switch {
	case err == nil:
		return found, nil
	case !st.Active:
		return history.Needs{}, nil
	case !errors.Is(err, store.ErrNotFound):
		return history.Needs{}, err
	}
	d, err := n.read(dagID)
	if err != nil {
		return history.Needs{}, err
	}
	return needsOf(d), nil
}

func (n *Needs) ofVersion(ctx context.Context, version string) (history.Needs, error) {
	n.mu.Lock()
	found, ok := n.versions[version]
	n.mu.Unlock()
	if ok {
		return found, nil
	}
	source, err := n.store.Version(ctx, version)
	if err != nil {
		return history.Needs{}, err
	}
	d, err := n.restore(source)
	if err != nil {
		return history.Needs{}, err
	}
	found = needsOf(d)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.versions[version] = found
	return found, nil
}
