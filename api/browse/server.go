package browse

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
)

// ImportErrors lists what cannot be loaded now, oldest first. Who is limited to some DAGs sees what is wrong with files
// that have those alone.
func (b *Browser) ImportErrors(ctx context.Context) ([]api.ImportError, error) {
	all, err := b.o.API.ImportErrors(ctx)
	if err != nil {
		return nil, err
	}
	who, ok := access.From(ctx)
	switch {
	case !ok:
		return nil, access.ErrUnknown
	case who.DAGs.All():
		return all, nil
	}
	mine, err := b.visible(ctx, nil)
	if err != nil {
		return nil, err
	}
	may := map[string]bool{}
	for _, id := range mine {
		may[id] = true
	}
	states, err := b.o.Store.DAGs(ctx)
	if err != nil {
		return nil, err
	}
	some, others := map[string]bool{}, map[string]bool{}
	for _, st := range states {
		if may[st.ID] {
			some[st.File] = true
		} else {
			others[st.File] = true
		}
	}
	out := []api.ImportError{}
	for _, e := range all {
		if e.DAGID != "" && may[e.DAGID] || e.DAGID == "" && some[e.Filename] && !others[e.Filename] {
			out = append(out, e)
		}
	}
	return out, nil
}

// Job is a stretch in which a scheduler was at work.
type Job struct {
	ID             int64
	Start, Seen    time.Time
	Stopped, Alive bool
}

// Jobs lists them, oldest first. Alive is the newest one while its lease runs.
func (b *Browser) Jobs(ctx context.Context) ([]*Job, error) {
	lives, err := b.o.Store.SchedulerLives(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	until, err := b.o.Store.LeasedUntil(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*Job, len(lives))
	for i, l := range lives {
		out[i] = &Job{ID: l.ID, Start: l.StartedAt, Seen: l.SeenAt, Stopped: l.Stopped}
	}
	if len(out) > 0 && !until.Before(b.o.Clock()) {
		last := out[len(out)-1]
		last.Alive = !last.Stopped
	}
	return out, nil
}

// Now is the time by which lists are made.
func (b *Browser) Now() time.Time { return b.o.Clock() }
