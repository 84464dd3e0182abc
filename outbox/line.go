package outbox

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

const (
	// gather is how long the next messages of a DAG are gathered after one of its own has left by
	// itself: failures of a run come in bunches. After a digest it is [Options.FoldAfter].
	gather = 5 * time.Second
	// remembered is how long it is known when a DAG was told of last.
	remembered = 5 * time.Minute
	// crowd is how many DAGs take turns at a robot that can't take all at once. The last of more
	// would wait for longer than [Options.FoldAfter].
	crowd = 4
)

// told is when a channel told of a DAG last, and for how long more is gathered since.
type told struct {
	at      time.Time
	gathers time.Duration
}

// next is the message of a channel that is to leave now, or nil and when to look again.
func (o *Outbox) next(ctx context.Context, name string, c *channel) (*store.Delivery, time.Time, error) {
	heads, again, err := o.store.DeliveryLine(ctx, name, o.now())
	if err != nil || len(heads) == 0 {
		return nil, again, err
	}
	c.alerting = 0
	for _, h := range heads {
		if gathers(h.Priority) {
			c.alerting++ // of each DAG there are two at most, which makes no difference
		}
	}
	if c.fails > 0 {
		return o.probe(ctx, name, heads)
	}
	head, again := o.first(c, heads)
	if head == nil {
		return nil, again, nil
	}
	d, again, err := o.read(ctx, head)
	if err != nil || d == nil || d.Priority <= int(gate.Urgent) {
		return d, again, err
	}
	if _, folds := o.foldable(c, d); folds {
		return d, again, nil // what its DAG has said before goes with it
	}
	return o.read(ctx, earliest(heads, head)) // each DAG is told in order
}

// earliest is the first of the heads of the DAG of one, which is not urgent. What is urgent has its own order.
func earliest(heads []*store.DeliveryHead, of *store.DeliveryHead) *store.DeliveryHead {
	for _, h := range heads {
		if h.DAGID == of.DAGID && h.ID < of.ID && h.Priority > int(gate.Urgent) {
			of = h
		}
	}
	return of
}

// probe is the message that finds out whether a receiver is back: of the first messages of each DAG the
// one that was tried least, since what fails may be a message. A digest, which tells of what came before,
// goes first. Where one DAG alone waits and its messages can't be told in one, any of them may be tried,
// and overtake.
func (o *Outbox) probe(ctx context.Context, name string, heads []*store.DeliveryHead) (*store.Delivery, time.Time, error) {
	if i := slices.IndexFunc(heads, func(h *store.DeliveryHead) bool { return h.Event == string(callbacks.Folded) }); i >= 0 {
		return o.read(ctx, heads[i])
	}
	firsts := slices.DeleteFunc(slices.Clone(heads), func(h *store.DeliveryHead) bool {
		return h.Priority > int(gate.Urgent) && earliest(heads, h) != h
	})
	least := slices.MinFunc(firsts, func(a, b *store.DeliveryHead) int {
		return cmp.Or(cmp.Compare(a.Attempts, b.Attempts), cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.ID, b.ID))
	})
	d, again, err := o.read(ctx, least)
	if err != nil || d == nil {
		return d, again, err
	}
	if _, folds := o.folder(d); folds || slices.ContainsFunc(heads, func(h *store.DeliveryHead) bool { return h.DAGID != least.DAGID }) {
		return d, again, nil
	}
	return o.store.LeastTriedDelivery(ctx, name, o.now())
}

// read reads the message of a head; if it has just gone, the channel is to be looked at again.
func (o *Outbox) read(ctx context.Context, head *store.DeliveryHead) (*store.Delivery, time.Time, error) {
	d, err := o.store.Delivery(ctx, head.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, o.now(), nil
	}
	return d, time.Time{}, err
}

// first chooses among the heads of a channel: by rank, and within one that of the DAG that was told
// of longest ago. A digest that came back goes before what is told of its DAGs later. What is being
// gathered is passed over, with all that its DAG has said since; if there is nothing else, it says until when.
func (o *Outbox) first(c *channel, heads []*store.DeliveryHead) (best *store.DeliveryHead, again time.Time) {
	now := o.now()
	o.forgets(c)
	for _, h := range heads {
		if until := o.gathering(c, heads, h); until.After(now) {
			if again.IsZero() || until.Before(again) {
				again = until
			}
			continue
		}
		if best == nil || cmp.Or(
			cmp.Compare(h.Priority, best.Priority), c.told[h.DAGID].at.Compare(c.told[best.DAGID].at), cmp.Compare(h.ID, best.ID)) < 0 {
			best = h
		}
	}
	switch {
	case best == nil:
		return nil, again
	case best.Priority <= int(gate.Urgent):
		return best, time.Time{}
	}
	for _, h := range heads {
		if h.Event == string(callbacks.Folded) && h.Priority <= max(best.Priority, int(gate.Retry)) {
			return h, time.Time{}
		}
	}
	return best, time.Time{}
}

// forgets drops what a channel has told long ago, and reports whether nothing is left. A clock that
// was set back does not make anybody wait.
func (o *Outbox) forgets(c *channel) bool {
	now := o.now()
	maps.DeleteFunc(c.told, func(_ string, t told) bool { return now.Sub(t.at) > remembered || t.at.After(now) })
	return len(c.told) == 0
}

// gathering is until when a message waits for more of its DAG, which was told of just now: it tells of
// a failure or a retry, or one that does and came before it waits.
func (o *Outbox) gathering(c *channel, heads []*store.DeliveryHead, h *store.DeliveryHead) time.Time {
	t, ok := c.told[h.DAGID]
	if !ok || h.Priority <= int(gate.Urgent) || h.Event == string(callbacks.Folded) {
		return time.Time{}
	}
	if !slices.ContainsFunc(heads, func(g *store.DeliveryHead) bool { return g.DAGID == h.DAGID && g.ID <= h.ID && gathers(g.Priority) }) {
		return time.Time{}
	}
	return t.at.Add(t.gathers)
}

// gathers reports whether messages of a priority are told with more of their DAG.
func gathers(priority int) bool {
	return priority > int(gate.Urgent) && priority <= int(gate.Retry)
}

// tells notes that a message of a channel leaves now, which tells of some DAGs.
func (o *Outbox) tells(c *channel, d *store.Delivery, dags []string) {
	c.waited = false
	t := told{at: o.now()}
	_, folds := o.folder(d)
	switch {
	case d.Owner.Event == string(callbacks.Folded):
		t.gathers = o.o.FoldAfter
	case folds && d.Priority <= int(gate.Retry):
		dags, t.gathers = []string{d.Owner.DAGID}, min(gather, o.o.FoldAfter)
	default:
		dags = []string{d.Owner.DAGID}
	}
	if c.told == nil {
		c.told = map[string]told{}
	}
	for _, id := range dags {
		is := t
		if was, ok := c.told[id]; ok { // what is being gathered goes on
			is.gathers = min(max(is.gathers, was.at.Add(was.gathers).Sub(is.at)), o.o.FoldAfter) // clocks are set back
		}
		c.told[id] = is
	}
}
