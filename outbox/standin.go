package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// standIns are the messages that tell an event in place of one that was refused: a simpler
// one for the same receiver if that may take it, else those for others.
func (o *Outbox) standIns(ctx context.Context, d *store.Delivery, cause error) []*store.Delivery {
	if out, ok := o.standInHere(d, cause); ok {
		return out
	}
	return o.standInsElsewhere(ctx, d)
}

// standInHere is a simpler message for the same receiver, if that may take it.
func (o *Outbox) standInHere(d *store.Delivery, cause error) ([]*store.Delivery, bool) {
	t := o.trailOf(d)
	if t == nil {
		return nil, false
	}
	t.Problem = join(t.Problem, d.Error)
	m, ok := o.simpler(d, t.Event, cause)
	if !ok {
		return nil, false
	}
	return []*store.Delivery{o.standIn(d, m, t)}, true
}

func (o *Outbox) simpler(d *store.Delivery, ev *callbacks.Event, cause error) (m callbacks.Message, ok bool) {
	s, found := o.o.Callbacks.Sender(d.Sender)
	if !found {
		return m, false
	}
	f, can := s.(callbacks.FallbackSender)
	if !can {
		return m, false
	}
	var err error
	func() {
		defer recovered(&err)
		m, ok = f.Fallback(message(d), ev, cause)
	}()
	if err != nil {
		o.o.Log.Error("a message that stands in for another one could not be prepared", "id", d.ID, "error", o.o.Masker.Mask(err.Error()))
		return m, false
	}
	return m, ok
}

// lastResort tells an event that its own callback could not tell to the receivers of
// [Options.OnUndelivered], if the event is one that must not pass unseen.
func (o *Outbox) lastResort(d *store.Delivery, t *trail) (out []*store.Delivery) {
	if slices.Contains([]callbacks.Kind{callbacks.Execute, callbacks.Success, callbacks.Retry, callbacks.Skipped, callbacks.Recovery}, t.Kind) {
		return nil
	}
	told := *t.Event
	told.Problem = fmt.Sprintf("not delivered: %s: %s", d.Summary, d.Error)
	for _, m := range o.messages(o.undelivered, &told) {
		_, _, receivers := callbacks.SplitChannel(m.Channel)
		if m.Channel == d.Channel || receivers == "" && slices.Contains(t.Via, o.connID(m.Sender, message(m))) {
			continue // it took no better one; another receiver of the same app may
		}
		// Its own problem is that of the event, of which the next one tells.
		out = append(out, o.standIn(d, message(m), &trail{Event: &told, Via: t.Via, Last: true}))
	}
	return out
}

// messages lets callbacks that belong to no DAG tell an event, as far as it is known.
func (o *Outbox) messages(cbs []Callback, ev *callbacks.Event) (out []*store.Delivery) {
	for _, b := range cbs {
		m, err := o.prepareOne(o.o.Bare, b, ev, bareContext(ev))
		if err != nil {
			m, err = o.prepareDefault(o.o.Bare, b, ev, bareContext(ev), err)
		}
		if err != nil {
			o.o.Log.Error("a message could not be prepared", "callback", b.name, "event", ev.Kind, "dag", ev.DAGID, "error", o.o.Masker.Mask(err.Error()))
			continue
		}
		out = append(out, o.delivery(m, ev))
	}
	return out
}

// bareContext is what templates see of an event without its run.
func bareContext(ev *callbacks.Event) *template.Context {
	tc := &template.Context{
		DAG:       template.DAGInfo{DAGID: ev.DAGID, DisplayName: ev.DAGID, Timezone: ev.Timezone, Owner: ev.Owner},
		Run:       template.RunInfo{RunID: ev.RunID, LogicalDate: ev.LogicalDate},
		Owner:     template.OwnerInfo{Name: ev.Owner, Mobiles: ev.OwnerMobiles, UserIDs: ev.OwnerUserIDs, Emails: ev.OwnerEmails},
		Exception: ev.Error, Reason: ev.Reason, Extra: ev.Names(),
	}
	if ev.TaskID != "" {
		tc.Task = template.TaskInfo{TaskID: ev.TaskID, Owner: ev.Owner}
		tc.TI = template.TaskInstanceInfo{
			DAGID: ev.DAGID, RunID: ev.RunID, TaskID: ev.TaskID, MapIndex: ev.MapIndex, TryNumber: ev.TryNumber, MaxTries: ev.MaxTries,
			State: ev.State, Hostname: ev.Host, LogURL: cmp.Or(ev.URL, ev.Log), StartDate: ev.StartDate, EndDate: ev.EndDate,
		}
	}
	return tc
}

func join(parts ...string) string {
	var all []string
	for _, p := range parts {
		if p != "" {
			all = append(all, p)
		}
	}
	return strings.Join(all, "; ")
}
