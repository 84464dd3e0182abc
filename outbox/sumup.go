package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

const (
	// endPage is how many silences are looked at for their end in one go.
	endPage = 20
	// maxReceivers is to how many receivers one silence is summed up. The rest is summed up to those of
	// [Options.OnUndelivered].
	maxReceivers = 20
)

// endSilences sums up the silences that have ended, and sets the time of the next end.
func (o *Outbox) endSilences(ctx context.Context, now time.Time) error {
	q := &o.quiet
	for {
		ending, err := o.store.EndingSilences(ctx, endPage)
		if err != nil {
			return err
		}
		q.begun, q.ends = true, time.Time{}
		if len(ending) == 0 {
			return nil
		}
		for _, s := range ending {
			if s.Until.After(now) {
				q.ends = s.Until
				return nil
			}
			if err := o.handOver(ctx, s); err != nil {
				return fmt.Errorf("hand over what silence %d keeps back: %w", s.ID, err)
			}
			if err := o.sumUp(ctx, s, now); err != nil {
				return fmt.Errorf("sum up silence %d: %w", s.ID, err)
			}
		}
	}
}

// handOver gives what a silence that has ended keeps back to those that go on and are of it too: it is
// summed up when the last of them ends. A message that says the same as another one stays with that.
func (o *Outbox) handOver(ctx context.Context, s *store.Silence) error {
	if s.Kind == store.SilenceDouble || len(o.quiet.open) == 0 {
		return nil
	}
	for behind := int64(0); ; {
		page, err := o.store.SilencedDeliveries(ctx, s.ID, behind, hushPage)
		if err != nil || len(page) == 0 {
			return err
		}
		behind = page[len(page)-1].ID
		if err := o.store.Hush(ctx, func(tx HushTx) error {
			for _, d := range page {
				next := o.quiet.silenceOf(unsilenced(d))
				if next == nil {
					continue
				}
				d.SilenceID, d.Error = next.ID, o.o.Masker.Mask(silencedBy(next))
				if _, err := tx.HandOverDelivery(ctx, d, s.ID); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// summary is what one receiver was not told.
type summary struct {
	callbacks.SilencedBuilder

	// like is one of the messages, rank that of the most urgent one.
	like *store.Delivery
	rank int
}

// add adds what a message was to tell: the end of another silence and a digest tell of many.
func (o *Outbox) add(ctx context.Context, s *summary, d *store.Delivery) error {
	if s.like == nil {
		s.like, s.rank = d, d.Priority
	}
	s.rank = min(s.rank, d.Priority)
	switch callbacks.Kind(d.Owner.Event) {
	case callbacks.SilenceEnd:
		if end := eventOf(d).Silence; end != nil {
			s.AddSilence(end, d.Owner.DAGID)
			return nil
		}
	case callbacks.Folded:
		if n, err := o.addFolded(ctx, s, d); err != nil || n > 0 {
			return err
		}
	default: // it tells of one
	}
	s.Add(callbacks.Kind(d.Owner.Event), d.Owner.DAGID, d.Owner.TaskID, d.CreatedAt)
	return nil
}

// addFolded adds the messages of a digest, or of the one that d stands in for, and returns how many are kept.
func (o *Outbox) addFolded(ctx context.Context, s *summary, d *store.Delivery) (n int, err error) {
	for d.StandsInFor != 0 {
		d, err = o.store.Delivery(ctx, d.StandsInFor)
		if errors.Is(err, store.ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
	err = o.store.Write(ctx, func(tx store.OutboxTx) error {
		return tx.FoldedDeliveries(ctx, d.ID, func(part *store.Delivery, _ bool) error {
			n++
			s.Add(callbacks.Kind(part.Owner.Event), part.Owner.DAGID, part.Owner.TaskID, part.CreatedAt)
			return nil
		})
	})
	return n, err
}

// sumUp tells each receiver what a silence kept back from it, in the transaction that notes that.
func (o *Outbox) sumUp(ctx context.Context, s *store.Silence, now time.Time) error {
	all, rest, err := o.keptBack(ctx, s)
	if err != nil {
		return err
	}
	var out []*store.Delivery
	for _, x := range all {
		out = append(out, o.summaries(s, x)...)
	}
	if rest.like != nil {
		out = append(out, o.undeliverable(rest, o.endOf(s, rest))...)
	}
	first := false
	err = o.store.Hush(ctx, func(tx HushTx) (err error) {
		if first, err = tx.SumUpSilence(ctx, s.ID, now); err != nil || !first {
			return err
		}
		return tx.InsertDeliveries(ctx, out)
	})
	if err != nil || !first {
		return err
	}
	if s.Kind != store.SilenceDouble {
		o.o.Log.Info("silence ended", "id", s.ID, "silence", s.What(), "messages", len(out))
	}
	if len(out) > 0 {
		o.Wake()
	}
	return nil
}

// keptBack is what a silence kept back, by receiver, and what is of too many of them.
func (o *Outbox) keptBack(ctx context.Context, s *store.Silence) (all []*summary, rest *summary, err error) {
	rest = &summary{}
	known := map[string]*summary{}
	for behind := int64(0); ; {
		page, err := o.store.SilencedDeliveries(ctx, s.ID, behind, hushPage)
		if err != nil || len(page) == 0 {
			return all, rest, err
		}
		for _, d := range page {
			behind = d.ID
			receiver := o.receiverOf(d)
			x := known[receiver]
			switch {
			case x == nil && len(all) >= maxReceivers:
				x = rest
			case x == nil:
				x = &summary{}
				known[receiver], all = x, append(all, x)
			}
			if err := o.add(ctx, x, d); err != nil {
				return nil, nil, err
			}
		}
	}
}

// endOf is the end of a silence as an event for a receiver.
func (o *Outbox) endOf(s *store.Silence, x *summary) *callbacks.Event {
	ev := x.Event(callbacks.Silence{
		ID: s.ID, Kind: string(s.Kind), What: s.What(), Reason: s.Reason, By: s.MadeBy.String(), EndedBy: s.EndedBy.String(), ToldBy: s.ToldBy,
		Since: s.Since, Until: s.Until,
	})
	known := eventOf(x.like)
	ev.Timezone, ev.Program = known.Timezone, known.Program
	return ev
}

// summaries tell a receiver, or others if it can't be told, what it was not told.
func (o *Outbox) summaries(s *store.Silence, x *summary) []*store.Delivery {
	ev := o.endOf(s, x)
	m, err := o.tellLike(x.like, ev)
	if err != nil {
		ev.Problem = o.o.Masker.Mask(fmt.Sprintf("%s cannot be told the end of a silence: %s", x.like.Channel, err))
		return o.undeliverable(x, ev)
	}
	d := o.delivery(m, ev)
	d.Priority = max(x.rank, int(gate.Failure))
	return []*store.Delivery{d}
}

// undeliverable tells those of [Options.OnUndelivered].
func (o *Outbox) undeliverable(x *summary, ev *callbacks.Event) []*store.Delivery {
	out := o.messages(o.undelivered, ev)
	if len(out) == 0 {
		o.o.Log.Error("nobody is told what a silence kept back, since on_undelivered names nobody who can be", "silence", ev.Silence.ID,
			"channel", x.like.Channel, "messages", ev.Silence.Count, "error", ev.Problem)
	}
	for _, d := range out {
		data, err := json.Marshal(&trail{Event: ev, Last: true})
		if err != nil { // as with the event
			o.o.Log.Error("encode an event", "error", err)
		}
		d.EventData, d.Priority = data, max(x.rank, int(gate.Failure))
	}
	return out
}
