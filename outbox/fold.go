package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

// DefaultFoldAfter is how long a message waits by default until it is told with others.
const DefaultFoldAfter = 20 * time.Second

// isDigest reports whether a message tells what others were to tell that are part of it. One that stands in for
// a digest is none.
func isDigest(event string, standsInFor int64) bool {
	return event == string(callbacks.Folded) && standsInFor == 0
}

// folder is the sender of a message if it can fold, and if that is wanted or done already.
func (o *Outbox) folder(d *store.Delivery) (callbacks.FoldSender, bool) {
	if o.o.FoldAfter == 0 && !isDigest(d.Owner.Event, d.StandsInFor) {
		return nil, false
	}
	s, ok := o.o.Callbacks.Sender(d.Sender)
	if !ok {
		return nil, false
	}
	f, ok := s.(callbacks.FoldSender)
	return f, ok
}

// foldable selects what is to leave together with a message: whatever waits of its DAG when it tells
// of a failure or a retry, and when it is older than [Options.FoldAfter], whatever else is too. When
// more DAGs than a crowd wait for their turn, it is whatever waits. It reports false for one that
// leaves alone.
func (o *Outbox) foldable(c *channel, d *store.Delivery) (f store.Fold, ok bool) {
	if _, can := o.folder(d); !can {
		return f, false
	}
	now := o.now()
	f = store.Fold{Channel: d.Channel, Now: now, First: int(gate.Urgent), Alone: alone(), Seen: o.quiet.lookedAt()}
	if isDigest(d.Owner.Event, d.StandsInFor) {
		f.Digest = d.ID
		if o.o.FoldAfter > 0 {
			f.Old = now.Add(-o.o.FoldAfter)
		}
		return f, true
	}
	if d.Priority <= f.First || slices.Contains(f.Alone, d.Owner.Event) || d.EventData == nil || d.Refusals > 0 || d.Progress != "" {
		return f, false
	}
	if f.Whole = d.Priority <= int(gate.Retry); f.Whole {
		f.DAGID = d.Owner.DAGID
	}
	switch {
	case f.Whole && c.waited && c.alerting > crowd:
		f.Old = now
	case !d.CreatedAt.After(now.Add(-o.o.FoldAfter)):
		f.Old = now.Add(-o.o.FoldAfter)
	}
	return f, f.Whole || !f.Old.IsZero()
}

// alone are the events that are never folded: they tell of many things themselves.
func alone() []string {
	return []string{string(callbacks.Folded), string(callbacks.DailyDigest), string(callbacks.SilenceEnd)}
}

// errSilent says that nothing is left of a digest.
var errSilent = errors.New("all that the digest was to tell is silent")

// errAlone says that there is nothing to fold a message with.
var errAlone = errors.New("the message is alone")

// untoldError says why several messages can't be told in one.
type untoldError struct{ error }

// Unwrap is the cause.
func (e untoldError) Unwrap() error { return e.error }

// fold claims a message that tells what d and others tell, with a note, and returns it with the DAGs that it
// tells of. It is nil when d is to leave alone.
func (o *Outbox) fold(ctx context.Context, c *channel, d *store.Delivery, n *note) (digest *store.Delivery, dags []string, err error) {
	f, ok := o.foldable(c, d)
	if !ok {
		return nil, nil, nil
	}
	if waiting, err := o.store.CountFoldable(ctx, f, 2); err != nil || f.Digest == 0 && waiting < 2 {
		return nil, nil, err
	}
	var silent []*store.Delivery
	folded := 0
	o.quiet.mu.Lock()
	err = o.store.Hush(ctx, func(tx HushTx) (err error) {
		if digest, dags, folded, silent, err = o.foldIn(ctx, tx, f, d); err != nil || digest == nil {
			return err
		}
		return o.claimWith(ctx, tx, digest, n)
	})
	o.quiet.mu.Unlock()
	if err == nil {
		o.silenced(silent)
	}
	var untold untoldError
	switch {
	case err == nil && digest == nil:
		return nil, nil, errSilent
	case errors.Is(err, errAlone), errors.Is(err, errClaimed):
		return nil, nil, nil
	case errors.As(err, &untold):
		o.o.Log.Error("messages leave one by one", "channel", d.Channel, "error", o.o.Masker.Mask(err.Error()))
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	o.o.Log.Info("messages folded into one", "id", digest.ID, "channel", digest.Channel, "messages", folded)
	return digest, dags, nil
}

// foldIn is fold in a transaction, up to the claim. It returns what has been silenced, and no digest if that
// was all of it. The caller holds the lock of what is quiet.
func (o *Outbox) foldIn(
	ctx context.Context, tx HushTx, f store.Fold, d *store.Delivery,
) (digest *store.Delivery, dags []string, n int, silent []*store.Delivery, err error) {
	copied := *d
	digest = &copied
	if f.Digest == 0 {
		digest = &store.Delivery{
			State: store.DeliveryWaiting, Channel: d.Channel, Sender: d.Sender, Payload: json.RawMessage("null"),
			Owner: store.Owner{Event: string(callbacks.Folded), MapIndex: -1}, CreatedAt: f.Now, UpdatedAt: f.Now, Priority: d.Priority,
		}
		if err := tx.InsertDeliveries(ctx, []*store.Delivery{digest}); err != nil {
			return nil, nil, 0, nil, err
		}
		f.Digest = digest.ID
	}
	n, err = tx.FoldDeliveries(ctx, f)
	if err != nil {
		return nil, nil, 0, nil, err
	}
	silent, _, err = o.thin(ctx, tx, digest, f.Now)
	switch {
	case err != nil:
		return nil, nil, 0, nil, err
	case d.ID != digest.ID && n-len(silent) < 2:
		return nil, nil, 0, nil, errAlone // others have just gone, or are to be silent
	}
	dags, err = o.rewrite(ctx, tx, digest)
	if errors.Is(err, errSilent) {
		return nil, nil, 0, append(silent, digest), o.emptied(ctx, tx, digest, f.Now)
	}
	if err != nil {
		return nil, nil, 0, nil, err
	}
	digest.UpdatedAt = f.Now
	return digest, dags, n, silent, nil
}

// thin silences those messages of a digest that waits that a silence is of. It returns them, and how many are
// left. The caller holds the lock of what is quiet.
func (o *Outbox) thin(ctx context.Context, tx HushTx, digest *store.Delivery, now time.Time) (silent []*store.Delivery, left int, err error) {
	if len(o.quiet.open) == 0 {
		return nil, 0, nil
	}
	var maybe []*store.Delivery
	err = tx.FoldedDeliveries(ctx, digest.ID, func(d *store.Delivery, _ bool) error {
		left++
		if s := o.quiet.silenceOf(unsilenced(d)); s != nil && d.SilenceID == 0 {
			d.SilenceID, d.Error = s.ID, o.o.Masker.Mask(silencedBy(s))
			maybe = append(maybe, d)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for _, d := range maybe {
		d.State, d.UpdatedAt = store.DeliverySilenced, now
		switch ok, err := tx.SilenceFolded(ctx, d, digest.ID); {
		case err != nil:
			return nil, 0, err
		case ok: // else the silence is over
			d.DigestID = 0
			silent, left = append(silent, d), left-1
		}
	}
	return silent, left, nil
}

// emptied settles a digest of which nothing is left. No silence counts it, since one counts its messages.
func (o *Outbox) emptied(ctx context.Context, tx HushTx, digest *store.Delivery, now time.Time) error {
	digest.State, digest.NextTry, digest.Hold, digest.UpdatedAt = store.DeliverySilenced, time.Time{}, store.HoldNone, now
	digest.Error = errSilent.Error()
	return tx.UpdateDelivery(ctx, digest, store.DeliveryWaiting)
}

// rewrite lets a digest tell what its messages tell now, and returns the DAGs.
func (o *Outbox) rewrite(ctx context.Context, tx store.OutboxTx, digest *store.Delivery) (dags []string, err error) {
	s, ok := o.folder(digest)
	if !ok {
		return nil, fmt.Errorf("sender %s folds no messages", digest.Sender)
	}
	folding, b, first := s.Fold(), callbacks.NewDigest(digest.ID), true
	way := trail{Last: true}
	err = tx.FoldedDeliveries(ctx, digest.ID, func(d *store.Delivery, mended bool) error {
		t := trail{Event: &callbacks.Event{}}
		ev := t.Event
		if err := json.Unmarshal(d.EventData, &t); err != nil {
			o.o.Log.Error("read the event of a message", "id", d.ID, "error", err)
			*ev = callbacks.Event{Kind: callbacks.Kind(d.Owner.Event), DAGID: d.Owner.DAGID, RunID: d.Owner.RunID, TaskID: d.Owner.TaskID, MapIndex: d.Owner.MapIndex}
		}
		said, err := folding.Add(message(d))
		if err != nil {
			o.o.Log.Error("read a message that is folded", "id", d.ID, "error", err)
		}
		way.join(t)
		b.Add(ev, d.CreatedAt, said, mended)
		if first || d.Priority < digest.Priority {
			digest.Priority = d.Priority
		}
		if first || d.CreatedAt.Before(digest.CreatedAt) {
			digest.CreatedAt = d.CreatedAt // its deadline is that of the first
		}
		first = false
		return nil
	})
	if err != nil {
		return nil, err
	}
	if first {
		return nil, errSilent
	}
	ev := b.Event()
	if o.o.Page != nil { // where all are that it tells, also those that it has no room for
		ev.URL = o.o.Page(digest.ID)
	}
	m, err := folding.Message(ev)
	if err != nil {
		return nil, untoldError{fmt.Errorf("tell several messages in one: %w", err)}
	}
	digest.Summary, digest.Payload = m.Summary, m.Payload
	way.Event = ev
	if digest.EventData, err = json.Marshal(way); err != nil {
		return nil, fmt.Errorf("tell several messages in one: %w", err)
	}
	return b.DAGs(), tx.RewriteDelivery(ctx, digest)
}
