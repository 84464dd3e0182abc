// Package told answers whether somebody was told of a failure, and by which messages.
package told

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Query asks whether somebody was told of a run that went wrong.
type Query struct {
	DAGID string
	// RunID is the run; empty for those of At, or without that for the newest one that failed.
	RunID string
	// At selects the runs of the minute that begins at that moment: those that were due in it or ended in it, or else
	// those that were at work, or else the next one that started within a quarter of an hour.
	At time.Time
	// TaskID selects what tells of one task.
	TaskID string
	// All takes in the messages of all events: retries, successes and recoveries too.
	All bool
}

// Told is a run with what people were told of it.
type Told struct {
	// Run is null for messages about ticks that started none.
	Run *api.Run `json:"run"`
	// Told says that somebody was told that it went wrong: a message about it was delivered.
	Told bool `json:"told"`
	// Alerts are the messages about what went wrong, oldest first; with All of the query those about all events.
	Alerts []Alert `json:"alerts"`
	// Others is how many messages about other events there are.
	Others int `json:"others"`
	// Configured says that a callback of the DAG or of a task in it is for failures.
	Configured bool `json:"configured"`
}

// Failed reports whether there was something to tell.
func (t *Told) Failed() bool { return t.Run == nil || t.Run.State == dag.RunFailed }

// Open reports whether somebody may yet be told by a message that has not come to its end.
func (t *Told) Open() bool {
	return slices.ContainsFunc(t.Alerts, func(x Alert) bool { return x.open() })
}

// Alert is a message about it.
type Alert struct {
	api.Alert
	// Digest is the message that tells a folded one, or null.
	Digest *api.Alert `json:"digest"`
	// Instead is the message in place of it, or of what tells it; null when there is none or when it was delivered
	// itself. One that arrived comes before the others, the newest of which it is otherwise.
	Instead *Alert `json:"instead"`
	// Silence keeps a silenced one back, or null. SummedUpBy is the message that told
	// what it kept back, or of doubles the one that told the same; null when there is none or it is not kept.
	Silence    *api.Silence `json:"silence"`
	SummedUpBy *api.Alert   `json:"summed_up_by"`
}

// Wrong reports whether the message tells that something went wrong.
func (x *Alert) Wrong() bool { return slices.Contains(wrong, x.Event) }

// Delivered reports whether the message arrived, by itself, in another one, by what stands in for it, or at the
// end of a silence.
func (x *Alert) Delivered() bool {
	arrived := func(t *api.Alert) bool { return t != nil && t.State == store.DeliveryDelivered }
	return x.State == store.DeliveryDelivered || arrived(x.SummedUpBy) || arrived(x.Digest) || x.Instead != nil && x.Instead.Delivered()
}

// open reports whether it, or what tells it, may yet arrive.
func (x *Alert) open() bool {
	open := func(t *api.Alert) bool {
		return t != nil && (t.State == store.DeliveryWaiting || t.State == store.DeliverySending || t.State == store.DeliveryUncertain)
	}
	silent := x.Silence != nil && x.Silence.SummedUp == nil
	return open(&x.Alert) || open(x.Digest) || open(x.SummedUpBy) || silent || x.Instead != nil && x.Instead.open()
}

const (
	// near is how long after a moment a run is still the next one of it.
	near = 15 * time.Minute
	// missed is the event of ticks that started no run, silenceEnd the one that sums up a silence.
	missed     = "on_missed"
	silenceEnd = "on_silence_end"
)

// wrong are the events that tell that something went wrong.
var wrong = []string{"on_failure", missed, "on_deadline"} //nolint:gochecknoglobals // a constant

// Was answers whether somebody was told, for each run that is meant, oldest first. That is so whoever asks; of messages and silences that
// are of other DAGs than those that he may see, he learns what became of them alone.
func Was(ctx context.Context, ask *api.API, q Query) ([]Told, error) {
	configured, err := ask.TellsFailures(ctx, q.DAGID)
	if err != nil {
		return nil, err
	}
	runs, due, err := meant(ctx, ask, q)
	if err != nil {
		return nil, err
	}
	mine, err := ask.Only(ctx)
	if err != nil {
		return nil, err
	}
	a, out := asker{ask.Unlimited(), mine}, []Told{}
	for _, r := range slices.Backward(runs) {
		t, err := a.told(ctx, api.AlertQuery{DAGID: q.DAGID, RunID: r.RunID, TaskID: q.TaskID}, func(x *api.Alert) bool { return q.All || slices.Contains(wrong, x.Event) })
		if err != nil {
			return nil, err
		}
		t.Run, t.Configured = &r, configured
		out = append(out, t)
	}
	if q.At.IsZero() || due {
		return out, nil
	}
	// Ticks that started no run are told of a moment later.
	t, err := a.told(ctx, api.AlertQuery{DAGID: q.DAGID, Since: q.At, Until: q.At.Add(near)}, func(x *api.Alert) bool { return x.Event == missed })
	if err == nil && len(t.Alerts) > 0 {
		t.Others, t.Configured = 0, configured
		out = append(out, t)
	}
	return out, err
}

// meant are the runs that a query means, newest first. due says that one was due at its moment.
func meant(ctx context.Context, ask *api.API, q Query) (runs []api.Run, due bool, err error) {
	switch {
	case q.RunID != "":
		r, err := ask.Run(ctx, q.DAGID, q.RunID)
		return []api.Run{r}, false, err
	case q.At.IsZero():
		l, err := ask.Runs(ctx, api.RunQuery{DAGID: q.DAGID, States: []dag.RunState{dag.RunFailed}, Page: api.Page{Limit: 1}})
		return l.Items, false, err
	}
	l, err := ask.Runs(ctx, api.RunQuery{DAGID: q.DAGID, Since: q.At})
	if err != nil {
		return nil, false, err
	}
	runs, due = of(l.Items, q.At)
	return runs, due, nil
}

// of are those runs, the newest of which is first, that are meant by a moment.
func of(all []api.Run, at time.Time) (runs []api.Run, due bool) {
	in := func(t *time.Time, d time.Duration) bool { return t != nil && !t.Before(at) && t.Before(at.Add(d)) }
	var atWork []api.Run
	var next *api.Run
	for i, r := range all {
		dueIn := in(r.RunAfter, time.Minute) || in(r.LogicalDate, time.Minute)
		due = due || dueIn
		if dueIn || in(r.EndDate, time.Minute) {
			runs = append(runs, r)
		}
		if r.StartDate != nil && !r.StartDate.After(at) && (r.EndDate == nil || !r.EndDate.Before(at)) {
			atWork = append(atWork, r)
		}
		if in(r.StartDate, near) && (next == nil || r.StartDate.Before(*next.StartDate)) {
			next = &all[i]
		}
	}
	switch {
	case len(runs) > 0:
		return runs, due
	case len(atWork) > 0:
		return atWork, false
	case next != nil:
		return []api.Run{*next}, false
	}
	return nil, false
}

// asker asks for everybody, and shows what is within the limit of whoever asks.
type asker struct {
	api  *api.API
	mine access.Only
}

// told are the messages that match and are meant, oldest first, with those that tell them.
func (a asker) told(ctx context.Context, q api.AlertQuery, mean func(*api.Alert) bool) (Told, error) {
	t := Told{Alerts: []Alert{}}
	found, err := a.api.Alerts(ctx, q)
	if err != nil {
		return t, err
	}
	for _, x := range slices.Backward(found.Items) {
		if !mean(&x) {
			t.Others++
			continue
		}
		told, err := a.fate(ctx, x)
		if err != nil {
			return t, err
		}
		t.Told = t.Told || told.Wrong() && told.Delivered()
		t.Alerts = append(t.Alerts, a.shown(told))
	}
	return t, nil
}

// shown is a message with those that told it, as far as they are within the limit.
func (a asker) shown(x Alert) Alert {
	x.Alert = a.message(x.Alert)
	for _, by := range []**api.Alert{&x.Digest, &x.SummedUpBy} {
		if *by != nil {
			*by = new(a.message(**by))
		}
	}
	if s := x.Silence; s != nil && !a.mine.Has(api.SoleDAG(s.DAGs)) {
		x.Silence = &api.Silence{
			ID: s.ID, Kind: s.Kind, What: "alerts of several DAGs", DAGs: []string{}, Robots: []string{}, Urgent: s.Urgent, Since: s.Since, Until: s.Until, ToldBy: s.ToldBy, SummedUp: s.SummedUp,
		}
	}
	if x.Instead != nil {
		x.Instead = new(a.shown(*x.Instead))
	}
	return x
}

// message is a message, or what became of one that is not within the limit.
func (a asker) message(x api.Alert) api.Alert {
	if a.mine.Has(x.DAGID) {
		return x
	}
	return api.Alert{
		ID: x.ID, State: x.State, Summary: "a message about several DAGs", Event: x.Event, MapIndex: -1, Attempts: x.Attempts, NextTry: x.NextTry, CreatedAt: x.CreatedAt, UpdatedAt: x.UpdatedAt,
		Decisions: []api.AlertDecision{},
	}
}

// fate finds what told a message.
func (a asker) fate(ctx context.Context, x api.Alert) (told Alert, err error) {
	told.Alert = x
	teller := x.ID
	if x.DigestID != 0 {
		teller = x.DigestID
		if told.Digest, err = a.kept(ctx, x.DigestID); err != nil {
			return told, err
		}
	}
	if x.State == store.DeliverySilenced {
		if err := a.silencedBy(ctx, &told); err != nil {
			return told, err
		}
		if told.SummedUpBy != nil {
			teller = told.SummedUpBy.ID
		}
	}
	if !told.Delivered() {
		told.Instead, err = a.instead(ctx, teller)
	}
	return told, err
}

// kept is a message, or nil when it was removed as old.
func (a asker) kept(ctx context.Context, id int64) (*api.Alert, error) {
	x, err := a.api.Alert(ctx, id)
	if errors.Is(err, api.ErrNotFound) {
		return nil, nil
	}
	return &x, err
}

// silencedBy finds the silence that keeps a message back, and the message that told of it.
func (a asker) silencedBy(ctx context.Context, t *Alert) error {
	s, err := a.api.Silence(ctx, t.SilenceID)
	if errors.Is(err, api.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t.Silence = &s
	if s.ToldBy != 0 {
		t.SummedUpBy, err = a.kept(ctx, s.ToldBy)
		return err
	}
	if s.SummedUp == nil {
		return nil
	}
	// Messages do not keep of which silence they tell. Those at the end of one were written right after it was noted.
	const soon = 10 * time.Second
	ends, err := a.api.Alerts(ctx, api.AlertQuery{Since: *s.SummedUp, Until: s.SummedUp.Add(soon)})
	for _, x := range ends.Items { // the newest is first
		of := x.DAGID == "" || x.DAGID == t.DAGID
		if x.Event == silenceEnd && of && (x.Channel == t.Channel || t.SummedUpBy == nil || t.SummedUpBy.Channel != t.Channel) {
			t.SummedUpBy = &x
		}
	}
	return err
}

// instead is what stands in for a message, or nil.
func (a asker) instead(ctx context.Context, id int64) (*Alert, error) {
	found, err := a.api.Alerts(ctx, api.AlertQuery{StandsInFor: id})
	if err != nil {
		return nil, err
	}
	var newest *Alert
	for _, x := range found.Items {
		t, err := a.fate(ctx, x)
		if err != nil {
			return nil, err
		}
		if t.Delivered() {
			return &t, nil
		}
		if newest == nil {
			newest = &t
		}
	}
	return newest, nil
}
