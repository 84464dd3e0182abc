package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// AlertContent is what a message says, without credentials.
type AlertContent struct {
	// Title is empty where the message has none.
	Title string `json:"title,omitempty"`
	Text  string `json:"text"`
	// Mentions are who is notified by it, of mobile numbers only the last four digits.
	Mentions []string `json:"mentions,omitempty"`
}

// AlertTry is one try to send a message. Moments are in UTC.
type AlertTry struct {
	Number    int                  `json:"number"`
	StartDate time.Time            `json:"start_date"`
	EndDate   time.Time            `json:"end_date"`
	Node      string               `json:"node"`
	Outcome   store.AttemptOutcome `json:"outcome"`
	// Code and HTTPStatus are those of the receiver's answer; empty and 0 without any.
	Code       string `json:"code,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	// Message is the receiver's answer, or why it failed.
	Message string `json:"message"`
	// PartsTaken is how many parts the receiver took this time, Parts how many there are, 0 where that is
	// not known.
	PartsTaken int `json:"parts_taken"`
	Parts      int `json:"parts,omitempty"`
	// NextTry is when the next one may be; null for at once and for none.
	NextTry *time.Time `json:"next_try"`
}

// AlertWait says why a message waits.
type AlertWait struct {
	Why string `json:"why"`
	// Until is when that is looked at again, null when it is not known.
	Until *time.Time `json:"until"`
	// Waiting is how many messages wait in its channel, itself among them.
	Waiting int `json:"waiting"`
}

// AlertDetails is all that is known of a message.
type AlertDetails struct {
	Alert
	// Content is null where nobody knows how to show it.
	Content *AlertContent `json:"content"`
	Tries   []AlertTry    `json:"tries"`
	// Members are the messages that it tells, ReplacedBy those that stand in for it, oldest first.
	Members    []Alert `json:"members,omitempty"`
	ReplacedBy []Alert `json:"replaced_by,omitempty"`
	// Wait is null for a message that does not wait.
	Wait *AlertWait `json:"wait"`
}

// AlertDetails is one message with all that is known of it. Its error wraps [ErrNotFound] when there is none.
func (a *API) AlertDetails(ctx context.Context, id int64) (*AlertDetails, error) {
	shown, err := a.Alert(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &AlertDetails{Alert: shown}
	d, err := a.o.Store.Delivery(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.o.Content != nil {
		c, err := a.o.Content(d)
		if err != nil {
			return nil, err
		}
		c.Title, c.Text = a.o.Masker.Mask(c.Title), a.o.Masker.Mask(c.Text)
		out.Content = &c
	}
	tries, err := a.AlertTries(ctx, id)
	if err != nil {
		return nil, err
	}
	out.Tries = slices.Concat([]AlertTry{}, tries[id])
	if out.Members, err = a.linked(ctx, store.DeliveryFilter{DigestID: id}); err != nil {
		return nil, err
	}
	if out.ReplacedBy, err = a.linked(ctx, store.DeliveryFilter{StandsInFor: id}); err != nil {
		return nil, err
	}
	if d.State == store.DeliveryWaiting {
		out.Wait, err = a.waitOf(ctx, d)
	}
	return out, err
}

// linked are the messages that match, oldest first.
func (a *API) linked(ctx context.Context, f store.DeliveryFilter) (out []Alert, err error) {
	ds, err := a.o.Store.DeliveryLog(ctx, f)
	for _, d := range slices.Backward(ds) {
		out = append(out, a.alertOf(d))
	}
	return out, err
}

// AlertTries are the tries of messages by their ids, oldest first.
func (a *API) AlertTries(ctx context.Context, ids ...int64) (map[int64][]AlertTry, error) {
	out := map[int64][]AlertTry{}
	if a.o.Store == nil {
		return out, nil
	}
	rows, err := a.o.Store.DeliveryAttempts(ctx, ids...)
	for _, r := range rows {
		out[r.DeliveryID] = append(out[r.DeliveryID], AlertTry{
			Number: r.Attempt, StartDate: r.At, EndDate: r.EndedAt, Node: r.Node, Outcome: r.Outcome, Code: r.Code, HTTPStatus: r.HTTPStatus,
			Message: a.o.Masker.Mask(r.Message), PartsTaken: r.PartsTaken, Parts: r.Parts, NextTry: optional(r.NextTry),
		})
	}
	return out, err
}

// waitOf says why a message waits: for its own next try, for the robot, or for those before it.
func (a *API) waitOf(ctx context.Context, d *store.Delivery) (*AlertWait, error) {
	n, err := a.o.Store.CountDeliveries(ctx, store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryWaiting}, Channel: d.Channel})
	if err != nil {
		return nil, err
	}
	now, w := a.o.Clock(), &AlertWait{Waiting: n}
	if d.NextTry.After(now) {
		w.Until = optional(d.NextTry)
		w.Why = map[store.Hold]string{
			store.HoldNone: "it failed, and is tried again", store.HoldOutage: "the receiver could not be reached or could not do its work",
			store.HoldThrottled: "the receiver takes nothing for a time, since it was sent too much",
		}[d.Hold]
		return w, nil
	}
	gates, err := a.o.Store.KnownGates(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gates {
		t, err := a.o.Store.GateTicket(ctx, g.Robot, "channel "+d.Channel)
		if err != nil {
			return nil, err
		}
		switch {
		case t == nil:
			continue
		case g.ClosedUntil.After(now):
			w.Why, w.Until = fmt.Sprintf("robot %s takes no messages, since it was sent too many", g.Name), optional(g.ClosedUntil)
		default:
			w.Why, w.Until = fmt.Sprintf("robot %s has had its messages of this minute", g.Name), optional(t.LookAt)
		}
		return w, nil
	}
	w.Why = "it is the next of its channel, or those before it are: it leaves as soon as a scheduler is at work"
	return w, nil
}

// AlertCounts is how many messages are in each state.
type AlertCounts map[store.DeliveryState]int

// AlertsOfRuns counts the messages about runs of a DAG, by run.
func (a *API) AlertsOfRuns(ctx context.Context, dagID string, runIDs ...string) (map[string]AlertCounts, error) {
	out := map[string]AlertCounts{}
	if a.o.Store == nil {
		return out, nil
	}
	counts, err := a.o.Store.CountDeliveriesOfRuns(ctx, dagID, runIDs...)
	for _, c := range counts {
		if out[c.RunID] == nil {
			out[c.RunID] = AlertCounts{}
		}
		out[c.RunID][c.State] = c.N
	}
	return out, err
}

// AlertsOf counts the messages about a run, or about a task in it unless that is empty.
func (a *API) AlertsOf(ctx context.Context, dagID, runID, taskID string) (AlertCounts, error) {
	if taskID == "" {
		all, err := a.AlertsOfRuns(ctx, dagID, runID)
		return all[runID], err
	}
	out := AlertCounts{}
	if a.o.Store == nil {
		return out, nil
	}
	rows, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{DAGID: dagID, RunID: runID, TaskID: taskID})
	for _, d := range rows {
		out[d.State]++
	}
	return out, err
}

// ToldQuery asks whether somebody was told of a run that went wrong.
type ToldQuery struct {
	DAGID string
	// RunID is the run; empty for those of At, or without that for the newest one that failed.
	RunID string
	// At selects the runs that were due, at work, or ended within a quarter of an hour, at that moment.
	At time.Time
	// TaskID selects what tells of one task.
	TaskID string
}

// Told is a run with what people were told of it.
type Told struct {
	// Run is null for messages about no run, such as missed ticks.
	Run *Run `json:"run"`
	// Told says that somebody was told that it went wrong: a message about it was delivered.
	Told   bool        `json:"told"`
	Alerts []ToldAlert `json:"alerts"`
	// Configured says that a callback of the DAG or of a task in it is for failures.
	Configured bool `json:"configured"`
}

// Failed reports whether there was something to tell.
func (t *Told) Failed() bool { return t.Run == nil || t.Run.State == dag.RunFailed }

// ToldAlert is a message about it.
type ToldAlert struct {
	Alert
	// Digest is the message that tells a folded one, or null.
	Digest *Alert `json:"digest"`
	// Instead is the message that was delivered in place of it, or of the digest, or null.
	Instead *Alert `json:"instead"`
	// Silence keeps a silenced one back, or null; its count is not filled in. SummedUpBy is the message that told
	// what it kept back, or of doubles the one that told the same; null when there is none or it is not kept.
	Silence    *Silence `json:"silence"`
	SummedUpBy *Alert   `json:"summed_up_by"`
}

// Delivered reports whether the message arrived, by itself, in another one, by what stands in for it, or at the
// end of a silence.
func (t *ToldAlert) Delivered() bool {
	return t.State == store.DeliveryDelivered || t.SummedUpBy != nil && t.SummedUpBy.State == store.DeliveryDelivered || t.Digest != nil && t.Digest.State == store.DeliveryDelivered || t.Instead != nil
}

// near is how long after a moment a run that failed is that of the moment.
const near = 15 * time.Minute

// WasTold answers whether somebody was told, for each run that is meant, oldest first.
func (a *API) WasTold(ctx context.Context, q ToldQuery) ([]Told, error) {
	if err := a.known(ctx, q.DAGID, nil); err != nil {
		return nil, err
	}
	out := []Told{}
	runs, err := a.meant(ctx, q)
	if err != nil {
		return nil, err
	}
	configured := a.tellsFailures(q.DAGID)
	for _, r := range slices.Backward(runs) {
		t, err := a.toldOf(ctx, store.DeliveryFilter{DAGID: q.DAGID, RunID: r.RunID, TaskID: q.TaskID})
		if err != nil {
			return nil, err
		}
		t.Run, t.Configured = new(runOf(r)), configured
		out = append(out, t)
	}
	if q.At.IsZero() || a.o.Store == nil {
		return out, nil
	}
	// Ticks that started no run are told of a moment later.
	t, err := a.toldOf(ctx, store.DeliveryFilter{DAGID: q.DAGID, Since: q.At, Until: q.At.Add(near)})
	t.Alerts = slices.DeleteFunc(t.Alerts, func(x ToldAlert) bool { return x.RunID != "" })
	if err == nil && len(t.Alerts) > 0 {
		t.Told, t.Configured = slices.ContainsFunc(t.Alerts, func(x ToldAlert) bool { return x.Delivered() }), configured
		out = append(out, t)
	}
	return out, err
}

// meant are the runs that a query means, newest first.
func (a *API) meant(ctx context.Context, q ToldQuery) ([]*store.Run, error) {
	if a.o.Store == nil {
		return nil, nil
	}
	switch {
	case q.RunID != "":
		r, err := a.run(ctx, q.DAGID, q.RunID)
		return []*store.Run{r}, err
	case q.At.IsZero():
		return a.o.Store.Runs(ctx, store.RunFilter{DAGID: q.DAGID, States: []dag.RunState{dag.RunFailed}, Limit: 1})
	}
	runs, err := a.o.Store.Runs(ctx, store.RunFilter{DAGID: q.DAGID, Since: q.At})
	return slices.DeleteFunc(runs, func(r *store.Run) bool { return !of(r, q.At) }), err
}

// of reports whether a run is one of a moment.
func of(r *store.Run, at time.Time) bool {
	in := func(t time.Time, d time.Duration) bool { return !t.Before(at) && t.Before(at.Add(d)) }
	atWork := !r.StartDate.IsZero() && !r.StartDate.After(at) && (r.EndDate.IsZero() || !r.EndDate.Before(at))
	return atWork || in(r.RunAfter, time.Minute) || in(r.LogicalDate, time.Minute) || in(r.EndDate, near)
}

// toldOf are the messages that match, oldest first, with those that tell them.
func (a *API) toldOf(ctx context.Context, f store.DeliveryFilter) (t Told, err error) {
	t.Alerts = []ToldAlert{}
	alerts, err := a.linked(ctx, f)
	if err != nil {
		return t, err
	}
	for _, x := range alerts {
		told, teller := ToldAlert{Alert: x}, x.ID
		if x.DigestID != 0 {
			teller = x.DigestID
			digest, err := a.Alert(ctx, x.DigestID)
			switch {
			case err == nil:
				told.Digest = &digest
			case !errors.Is(err, ErrNotFound): // old ones are removed
				return t, err
			}
		}
		if x.State == store.DeliverySilenced {
			if err := a.silencedBy(ctx, &told); err != nil {
				return t, err
			}
			if told.SummedUpBy != nil {
				teller = told.SummedUpBy.ID
			}
		}
		if !told.Delivered() {
			if told.Instead, err = a.deliveredInstead(ctx, teller); err != nil {
				return t, err
			}
		}
		t.Told = t.Told || told.Delivered() && slices.Contains(wrong, x.Event)
		t.Alerts = append(t.Alerts, told)
	}
	return t, nil
}

// silencedBy finds the silence that keeps a message back, and the message that told of it.
func (a *API) silencedBy(ctx context.Context, t *ToldAlert) error {
	s, err := a.o.Store.Silence(ctx, t.SilenceID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t.Silence = new(a.silenceOf(s, 0))
	if s.ToldBy != 0 {
		first, err := a.Alert(ctx, s.ToldBy)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		t.SummedUpBy = &first
		return err
	}
	if s.SummedUp.IsZero() {
		return nil
	}
	// Messages do not keep of which silence they tell. Those at the end of one were written right after it was noted.
	const soon = 10 * time.Second
	ends, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{Since: s.SummedUp, Until: s.SummedUp.Add(soon)})
	for _, d := range ends { // the newest is first
		of := d.Owner.DAGID == "" || d.Owner.DAGID == t.DAGID
		if d.Owner.Event == silenceEnd && of && (d.Channel == t.Channel || t.SummedUpBy == nil || t.SummedUpBy.Channel != t.Channel) {
			t.SummedUpBy = new(a.alertOf(d))
		}
	}
	return err
}

// deliveredInstead is the message that was delivered in place of one, or of one that stands in for it, or nil.
func (a *API) deliveredInstead(ctx context.Context, id int64) (*Alert, error) {
	ds, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{StandsInFor: id})
	if err != nil {
		return nil, err
	}
	for _, d := range ds {
		if d.State == store.DeliveryDelivered {
			x := a.alertOf(d)
			return &x, nil
		}
		if x, err := a.deliveredInstead(ctx, d.ID); x != nil || err != nil {
			return x, err
		}
	}
	return nil, nil
}

// silenceEnd is the event that sums up a silence.
const silenceEnd = "on_silence_end"

// wrong are the events that tell that something went wrong.
var wrong = []string{"on_failure", "on_missed", "on_deadline"} //nolint:gochecknoglobals // a constant

// tellsFailures reports whether the file of a DAG has callbacks for failures. One that can't be read
// may have some.
func (a *API) tellsFailures(dagID string) bool {
	d, err := a.o.Folder.DAG(dagID)
	if err != nil {
		return true
	}
	return len(d.OnFailure) > 0 || slices.ContainsFunc(d.Tasks, func(t *dag.Task) bool { return len(t.OnFailure) > 0 })
}
