package plan

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/store"
)

// Plans makes the plans of versions, and keeps them. It is safe for concurrent use.
type Plans struct {
	catalog catalog.Catalog
	current func(dagID string) *dag.DAG
	log     *slog.Logger

	mu   sync.Mutex
	made map[string]*Plan // by version
	// making are the versions whose plan somebody makes, and what is closed then.
	making map[string]chan struct{}
}

// NewPlans returns what makes plans of what a catalog knows. current is a DAG as it is loaded
// now, nil for none.
func NewPlans(c catalog.Catalog, current func(dagID string) *dag.DAG, log *slog.Logger) *Plans {
	return &Plans{catalog: c, current: current, log: log, made: map[string]*Plan{}, making: map[string]chan struct{}{}}
}

// VersionError says that a DAG version can't be loaded by this binary.
type VersionError struct{ Err error }

func (e *VersionError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *VersionError) Unwrap() error { return e.Err }

// Of returns the plan of a version: that of the current DAG, or one read back from the store
// for runs that keep an older version. The error is a [*VersionError] when the version is at
// fault, and another one when the store can't be read.
func (ps *Plans) Of(ctx context.Context, r store.Reader, dagID, version string) (*Plan, error) {
	p, done, err := ps.claim(ctx, version)
	if p != nil || err != nil {
		return p, err
	}
	defer done()
	d := ps.current(dagID)
	if d == nil || d.Version != version {
		src, err := r.Version(ctx, version)
		if errors.Is(err, store.ErrNotFound) {
			return nil, &VersionError{err}
		}
		if err != nil {
			return nil, err
		}
		if d, err = ps.restore(ctx, r, dagID, src, ps.catalog); err != nil {
			return nil, &VersionError{err}
		}
	}
	p, err = New(d, ps.catalog.Operators, ps.catalog.Callbacks)
	if err != nil {
		return nil, &VersionError{err}
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.made[version] = p
	return p, nil
}

// claim returns the plan of a version once there is one, or else what the caller calls when it has made it, or could not. All
// others wait meanwhile: a process that takes many attempts of a run at once would make as many plans of it.
func (ps *Plans) claim(ctx context.Context, version string) (p *Plan, done func(), err error) {
	for {
		ps.mu.Lock()
		p, wait := ps.made[version], ps.making[version]
		if p == nil && wait == nil {
			made := make(chan struct{})
			ps.making[version] = made
			ps.mu.Unlock()
			return nil, func() {
				ps.mu.Lock()
				defer ps.mu.Unlock()
				delete(ps.making, version)
				close(made)
			}, nil
		}
		ps.mu.Unlock()
		if p != nil {
			return p, nil, nil
		}
		select {
		case <-wait: // what went wrong there need not go wrong here: a transaction reads what it has written
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// restore reads a stored version of a DAG as far as a catalog knows what it names.
func (ps *Plans) restore(ctx context.Context, r store.Reader, dagID string, src []byte, c dagfile.Catalog) (*dag.DAG, error) {
	d, err := dagfile.Restore(src, c, dagfile.Options{})
	if err != nil {
		return nil, err
	}
	if st, err := r.DAG(ctx, dagID); err == nil {
		d.Pos.File = st.File // tasks may name files beside it
	}
	return d, nil
}

// Remains is as much of the plan of a run as can still be read, for its callbacks: the plan
// itself, else the stored version without what this binary does not know, else the DAG as its
// file is now; nil when there is nothing.
func (ps *Plans) Remains(ctx context.Context, r store.Reader, run *store.Run) (p *Plan) {
	defer func() {
		if v := recover(); v != nil {
			ps.log.Error("read the callbacks of a run that cannot go on", "dag", run.DAGID, "run", run.RunID, "panic", v)
			p = nil
		}
	}()
	if p, err := ps.Of(ctx, r, run.DAGID, run.Version); err == nil {
		return p
	}
	if src, err := r.Version(ctx, run.Version); err == nil {
		if d, err := ps.restore(ctx, r, run.DAGID, src, catalog.Forgiving{Catalog: ps.catalog}); err == nil {
			p, _ := build(d, ps.catalog.Operators, ps.catalog.Callbacks) // what it lacks is why we are here
			return p
		}
	}
	if d := ps.current(run.DAGID); d != nil {
		if p, err := ps.Of(ctx, r, d.ID, d.Version); err == nil {
			return p
		}
	}
	return nil
}

// most is how many plans a process keeps that holds no runs.
const most = 500

// Trim forgets all plans when there are very many. They are made again when they are needed.
func (ps *Plans) Trim() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.made) > most {
		clear(ps.made)
	}
}

// Keep forgets the plans of all versions but those that runs have, by how many have it. It looks at each
// only if there are more plans than that.
func (ps *Plans) Keep(runs map[string]int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.made) > len(runs) {
		maps.DeleteFunc(ps.made, func(v string, _ *Plan) bool { return runs[v] == 0 })
	}
}
