package browse

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/store"
)

// NamedDAG is nil when there is a DAG, or was one. Otherwise its error wraps [api.ErrNotFound] and suggests one that whoever asks
// may read.
func (b *Browser) NamedDAG(ctx context.Context, dagID string) error {
	if b.known(ctx, dagID) == nil {
		return nil
	}
	all, err := b.summaries(ctx)
	if err != nil {
		return err
	}
	mine, err := b.visible(ctx, nil)
	if err != nil {
		return err
	}
	var ids []string
	for _, d := range all {
		if mine == nil || slices.Contains(mine, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	return store.Missing("no DAG %q%s", dagID, api.SuggestTask(dagID, ids))
}

// Ticks are due ticks of a schedule, one after another, that started no run for one reason.
type Ticks struct {
	// First and Last are the moments at which the first and the last of them were due, in UTC.
	First, Last time.Time
	Count       int
	// Outcome is skipped or missed, Reason a sentence without its end.
	Outcome, Reason string
	RecordedAt      time.Time
}

// farAway is after all moments at which ticks are due.
var farAway = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// Ticks lists the ticks of a DAG that started no run, newest first: those that have ticks from one moment on and before another
// one, of which zero ones bound nothing. Who may see the DAG is for the caller to know.
func (b *Browser) Ticks(ctx context.Context, dagID string, since, until time.Time) ([]Ticks, error) {
	rows, err := b.o.Store.TicksBetween(ctx, dagID, cmp.Or(since, time.UnixMilli(1)), cmp.Or(until, farAway))
	if err != nil {
		return nil, err
	}
	out := make([]Ticks, len(rows))
	for i, t := range rows {
		out[i] = Ticks{t.First.UTC(), t.Last.UTC(), t.Count, string(t.Outcome), b.o.API.Mask(t.Reason), t.RecordedAt.UTC()}
	}
	slices.Reverse(out)
	return out, nil
}

// Next is what a DAG waits for, as its file has it or as it was when it was read last: at most n of its next runs. Who may see
// it is for the caller to know.
func (b *Browser) Next(ctx context.Context, dagID string, n int) (*api.Next, error) {
	d, err := b.current(ctx, dagID)
	if err != nil {
		return nil, err
	}
	return b.o.API.Next(ctx, d, n)
}
