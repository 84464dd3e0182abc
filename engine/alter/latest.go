package alter

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// toClear reads a run to clear it. With latest one that has ended goes on in the version of its DAG
// that is loaded now.
func (rs *Runs) toClear(ctx context.Context, rd store.Reader, r *store.Run, latest bool) (*alteration, error) {
	if !latest || !r.State.Finished() {
		return rs.alteration(ctx, rd, r)
	}
	d, err := rs.Latest(r.DAGID)
	if err != nil {
		return nil, err
	}
	return rs.toVersion(ctx, rd, r, d.Version)
}

// keptVersion refuses to clear a run on the latest version that is under way in another one: as in Airflow only
// one that has ended gets another version, but there nobody is told.
func (rs *Runs) keptVersion(a *alteration, latest bool) error {
	if !latest || a.run.State.Finished() {
		return nil
	}
	d, err := rs.Latest(a.run.DAGID)
	if err != nil || d.Version == a.run.Version {
		return err
	}
	return fmt.Errorf("run %s of dag %q %w: it is %s, and only a run that has ended goes on in the latest version of its DAG; wait for its end, or end it with dingdag dags mark-failed %s %s, or clear it in the version that it has",
		a.run.RunID, a.run.DAGID, request.ErrAtWork, a.run.State, a.run.DAGID, a.run.RunID)
}

// toVersion reads a run to let it go on in another version of its DAG. The version that it has need not
// be one that this program can load.
func (rs *Runs) toVersion(ctx context.Context, rd store.Reader, r *store.Run, version string) (*alteration, error) {
	if r.Version == version {
		return rs.alteration(ctx, rd, r)
	}
	p, err := rs.Plans.Of(ctx, rd, r.DAGID, version)
	if err != nil {
		return nil, fmt.Errorf("the version of dag %q that run %s is to go on in: %w", r.DAGID, r.RunID, err)
	}
	before, err := rs.Plans.Of(ctx, rd, r.DAGID, r.Version)
	if _, unloadable := errors.AsType[*plan.VersionError](err); err != nil && !unloadable {
		return nil, fmt.Errorf("run %s of dag %q: %w", r.RunID, r.DAGID, err)
	}
	a, err := rs.altering(ctx, rd, r, p)
	if err != nil {
		return nil, err
	}
	a.before, a.formerly, a.run.Version = before, r.Version, version
	a.run.Provisional = !rs.Live.Working() // the process that comes next has its own
	a.reshape(rs.Live.Now())
	return a, nil
}

// Adapt lets a queued run that was made, or moved to another version, while no process worked go on in
// the version of its DAG that this one has, with what people have done to it meanwhile.
func (rs *Runs) Adapt(tx *live.Tx, r *store.Run, d *dag.DAG) error {
	a, err := rs.toVersion(tx.Ctx, tx, r, d.Version)
	if err != nil {
		return err
	}
	if err := rs.fit(tx.Ctx, tx, a); err != nil {
		return err
	}
	if err := a.writeRows(tx, "a new version of the DAG"); err != nil {
		return err
	}
	*r = a.run
	return nil
}

// left reports whether an instance is removed because its task is gone in the version that the run gets.
func (a *alteration) left(in *store.Instance) bool {
	_, changed := a.was[in]
	return changed && a.p.IndexOf(in.TaskID) < 0
}

// moves reports whether a request that picked nothing means something of another version all the same: one of these
// tasks that is new in it, or one that is gone.
func (a *alteration) moves(r *request.Clear, meant []dagrun.Task, match *regexp.Regexp) bool {
	byName := r.TaskRegex != "" || len(r.Instances) == 0
	return slices.ContainsFunc(a.changed, func(in *store.Instance) bool {
		if a.left(in) {
			return byName && match.MatchString(in.TaskID) && r.Keeps(a.was[in])
		}
		return in.State == dag.None && !r.OnlyFailed && !r.OnlyRunning && slices.Contains(meant, a.p.IndexOf(in.TaskID))
	})
}
