package history

import (
	"context"
	"math"

	"github.com/dingdag/dingdag/store"
)

// rows ends the rows that end by their age alone.
func (r *pass) rows(ctx context.Context) error {
	for _, kind := range Kinds {
		b := r.p.Bounds[kind]
		if b.none() {
			continue
		}
		for _, old := range rows[kind] {
			r.failed(r.rowsOf(ctx, kind, store.OldRows{Kind: old, Before: b.Before, Newest: b.Newest}))
		}
	}
	return ctx.Err()
}

func (r *pass) rowsOf(ctx context.Context, kind Kind, f store.OldRows) error {
	if r.dry != nil {
		f.Limit = math.MaxInt32
	}
	if f.Kind == store.OldLives {
		bounded, err := r.livesBound(ctx, f)
		if err != nil {
			return err
		}
		f = bounded
	}
	for {
		if r.dry == nil {
			f.Limit = r.c.sized(string(f.Kind)).n
		}
		p, err := r.c.o.Store.OldRows(ctx, f)
		if err != nil {
			return err
		}
		if r.dry != nil {
			r.report.Counts[kind] += len(p.IDs)
			return nil
		}
		if len(p.IDs) > 0 {
			err := r.step(ctx, string(f.Kind), func(tx store.Tx, s share) (int, error) {
				f.Limit = s.n
				if p, err = tx.OldRows(ctx, f); err != nil {
					return 0, err
				}
				r.report.Counts[kind] += len(p.IDs)
				return len(p.IDs), tx.RemoveRows(ctx, f.Kind, p.IDs)
			})
			if err != nil {
				return err
			}
		}
		if f.After = p.Next; f.After == 0 {
			return ctx.Err()
		}
	}
}

// livesBound keeps the records of when a scheduler was at work since the last scheduled run of any DAG:
// by them it is told why a tick after it started nothing.
func (r *pass) livesBound(ctx context.Context, f store.OldRows) (store.OldRows, error) {
	f.Newest = 0 // the last ones are no measure of that
	if r.dry == nil {
		f.Limit = 1
	}
	some, err := r.c.o.Store.OldRows(ctx, f)
	if err != nil || len(some.IDs) == 0 && some.Next == 0 {
		return f, err
	}
	dags, err := r.c.o.Store.DAGs(ctx)
	if err != nil {
		return f, err
	}
	for _, d := range dags {
		if !d.Active {
			continue
		}
		last, err := r.c.o.Store.LastScheduled(ctx, d.ID)
		if err != nil {
			return f, err
		}
		if last != nil && last.RunAfter.Before(f.Before) {
			f.Before = last.RunAfter
		}
	}
	return f, nil
}

// versions ends the DAG versions to which nothing refers any more.
func (r *pass) versions(ctx context.Context) error {
	if _, ok := r.p.Bounds[Versions]; !ok || !r.c.removed {
		return nil
	}
	for after, more := "", true; more; {
		err := r.eachVersion(ctx, &after)
		if err != nil {
			return err
		}
		more = after != ""
	}
	if r.dry == nil {
		r.c.removed = false
	}
	return ctx.Err()
}

// eachVersion looks at the next versions, and moves after behind them.
func (r *pass) eachVersion(ctx context.Context, after *string) error {
	if r.dry != nil {
		unused, _, err := r.c.o.Store.UnusedVersions(ctx, "", math.MaxInt32)
		r.report.Counts[Versions] += len(unused)
		return err
	}
	unused, last, err := r.c.o.Store.UnusedVersions(ctx, *after, r.c.sized(string(Versions)).n)
	if err != nil {
		return err
	}
	if len(unused) > 0 {
		err = r.step(ctx, string(Versions), func(tx store.Tx, s share) (int, error) {
			if unused, last, err = tx.UnusedVersions(ctx, *after, s.n); err != nil {
				return 0, err
			}
			r.report.Counts[Versions] += len(unused)
			return len(unused), tx.RemoveVersions(ctx, unused)
		})
	}
	*after = last
	return err
}

const (
	// page is the step in which space is given back.
	page = 4096
	// worthwhile is how much unused space is worth the work, in bytes.
	worthwhile = 1 << 20
)

// space gives unused space of the store back to the operating system, beyond what may stay for new rows.
func (r *pass) space(ctx context.Context) error {
	before, err := r.c.o.Store.Space(ctx)
	if err != nil || !before.Shrinks {
		return err
	}
	for now := before; ; {
		extra := now.Unused - now.Total*int64(r.p.Spare)/100
		if extra < worthwhile {
			return ctx.Err()
		}
		err := r.step(ctx, "space", func(tx store.Tx, s share) (int, error) {
			return s.n, tx.GiveBack(ctx, min(extra, int64(s.n)*page))
		})
		if err != nil {
			return err
		}
		was := now
		if now, err = r.c.o.Store.Space(ctx); err != nil {
			return err
		}
		r.report.GivenBack = max(before.Total-now.Total, 0)
		if now.Unused >= was.Unused { // somebody else fills it as fast
			return ctx.Err()
		}
	}
}
