package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Alert is a message of a callback: what became of it, and what it tells of. Moments are in UTC.
type Alert struct {
	ID    int64               `json:"id"`
	State store.DeliveryState `json:"state"`
	// Channel is the sender with what it sends by; messages of one channel leave one after another.
	Channel string `json:"channel"`
	Summary string `json:"summary"`
	// Event is what happened. The ids are empty where it was nothing of a DAG, run or task.
	Event  string `json:"event"`
	DAGID  string `json:"dag_id"`
	RunID  string `json:"run_id"`
	TaskID string `json:"task_id"`
	// MapIndex is -1 for an unmapped task and without a task.
	MapIndex  int `json:"map_index"`
	TryNumber int `json:"try_number"`
	// Attempts counts how often it was sent.
	Attempts int `json:"attempts"`
	// NextTry is when one that waits is sent at the earliest; null for at once.
	NextTry   *time.Time `json:"next_try"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	// Receipt is what the receiver answered, Error why it failed last or who dismissed it.
	Receipt string `json:"receipt"`
	Error   string `json:"error"`
	// StandsInFor is the message that it replaces, 0 for none.
	StandsInFor int64 `json:"stands_in_for,omitempty"`
	// Decisions are what a person may decide about it.
	Decisions []AlertDecision `json:"decisions"`
}

// AlertDecision is what a person decides about a message.
type AlertDecision string

// The decisions.
const (
	// ResendAlert sends a message again that was refused, or of which nobody knows whether it
	// arrived. The parts that arrived are not repeated.
	ResendAlert AlertDecision = "resend"
	// DismissAlert ends a message that waits, or of which nobody knows whether it arrived: it is
	// refused, and says by whom.
	DismissAlert AlertDecision = "dismiss"
)

// decisions are what may be decided in a state.
func decisions(s store.DeliveryState) []AlertDecision {
	switch s {
	case store.DeliveryWaiting:
		return []AlertDecision{DismissAlert}
	case store.DeliveryUncertain:
		return []AlertDecision{ResendAlert, DismissAlert}
	case store.DeliveryRefused:
		return []AlertDecision{ResendAlert}
	default:
		return []AlertDecision{}
	}
}

// AlertStates are the states that a message may have.
func AlertStates() []store.DeliveryState {
	return []store.DeliveryState{
		store.DeliveryWaiting, store.DeliverySending, store.DeliveryDelivered, store.DeliveryRefused, store.DeliveryUncertain,
	}
}

func (a *API) alertOf(d *store.Delivery) Alert {
	return Alert{
		ID: d.ID, State: d.State, Channel: d.Channel, Summary: a.o.Masker.Mask(d.Summary), Event: d.Owner.Event, DAGID: d.Owner.DAGID,
		RunID: d.Owner.RunID, TaskID: d.Owner.TaskID, MapIndex: d.Owner.MapIndex, TryNumber: d.Owner.Try, Attempts: d.Attempts,
		NextTry: optional(d.NextTry), CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), Receipt: a.o.Masker.Mask(d.Receipt),
		Error: a.o.Masker.Mask(d.Error), StandsInFor: d.StandsInFor, Decisions: decisions(d.State),
	}
}

// AlertQuery selects messages. Zero fields select everything.
type AlertQuery struct {
	States               []store.DeliveryState
	Channel              string
	DAGID, RunID, TaskID string
	// Since selects the messages that were written at this moment or later.
	Since time.Time
	Page
}

// Alerts lists the messages of callbacks, newest first.
func (a *API) Alerts(ctx context.Context, q AlertQuery) (List[Alert], error) {
	out := List[Alert]{Items: []Alert{}}
	behind, err := q.behind("alerts")
	if err != nil {
		return out, err
	}
	for _, s := range q.States {
		if !slices.Contains(AlertStates(), s) {
			return out, &FieldError{"state", fmt.Errorf("unknown state %q: use waiting, sending, delivered, refused, uncertain", s)}
		}
	}
	if a.o.Store == nil {
		return out, nil
	}
	f := store.DeliveryFilter{
		States: q.States, Channel: q.Channel, DAGID: q.DAGID, RunID: q.RunID, TaskID: q.TaskID, Since: q.Since,
		Limit: q.more(), Offset: q.Offset, Behind: behind,
	}
	rows, err := a.o.Store.DeliveryLog(ctx, f)
	if err != nil {
		return out, err
	}
	if len(rows) == 0 && q.DAGID != "" {
		if err := a.known(ctx, q.DAGID, nil); err != nil {
			return out, err
		}
	}
	rows, out.Next = cut(q.Page, rows, func(d *store.Delivery) string { return strconv.FormatInt(d.ID, 10) })
	for _, d := range rows {
		out.Items = append(out.Items, a.alertOf(d))
	}
	if q.Count {
		out.Total, err = a.o.Store.CountDeliveries(ctx, f)
	}
	return out, err
}

// Alert is one message. Its error wraps [ErrNotFound] when there is none.
func (a *API) Alert(ctx context.Context, id int64) (Alert, error) {
	if a.o.Store == nil {
		return Alert{}, noAlert(id)
	}
	d, err := a.o.Store.Delivery(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Alert{}, noAlert(id)
	}
	if err != nil {
		return Alert{}, err
	}
	return a.alertOf(d), nil
}

func noAlert(id int64) error { return missing("no alert %d: see dingdag alerts list", id) }

// DecideAlert does what a person decides about a message. The process that works on the store notices
// at once that one is to be sent again, or within half a minute where it can't watch the store. A message
// whose state does not permit the decision is an error, and one that there is not wraps [ErrNotFound].
func (a *API) DecideAlert(ctx context.Context, id int64, what AlertDecision) (Alert, error) {
	if what != ResendAlert && what != DismissAlert {
		return Alert{}, &FieldError{"decision", fmt.Errorf("%q: use resend or dismiss", what)}
	}
	var d *store.Delivery
	err := a.o.Store.Tx(ctx, func(tx store.Tx) (err error) {
		if d, err = tx.Delivery(ctx, id); err != nil {
			return err
		}
		from := d.State
		if !slices.Contains(decisions(from), what) {
			return undecidable(d, what)
		}
		kind := store.EventAlertResend
		d.State, d.UpdatedAt = store.DeliveryWaiting, a.o.Clock()
		if what == DismissAlert {
			kind, d.State, d.Error = store.EventAlertDismiss, store.DeliveryRefused, dismissed(a.o.By, d.Error)
		}
		ok, err := tx.DecideDelivery(ctx, d, from)
		if err == nil && !ok {
			err = fmt.Errorf("alert %d has just changed its state: look at it again", id)
		}
		if err != nil {
			return err
		}
		extra := fmt.Appendf(nil, `{"alert_id":%d,"from":%q,"state":%q}`, d.ID, from, d.State)
		return tx.InsertEvents(ctx, &store.Event{
			At: d.UpdatedAt, Actor: a.o.By, Kind: kind, DAGID: d.Owner.DAGID, RunID: d.Owner.RunID, TaskID: d.Owner.TaskID, MapIndex: d.Owner.MapIndex, Extra: extra,
		})
	})
	if errors.Is(err, store.ErrNotFound) {
		return Alert{}, noAlert(id)
	}
	if err != nil {
		return Alert{}, err
	}
	return a.Alert(ctx, id)
}

// dismissed is why a message is refused that somebody dismissed.
func dismissed(by store.Actor, before string) string {
	text := "dismissed"
	if by.Name != "" {
		text += " by " + by.String()
	}
	if before != "" {
		text += "; before: " + before
	}
	return text
}

// undecidable says what may be decided about a message instead.
func undecidable(d *store.Delivery, what AlertDecision) error {
	var may []string
	for _, x := range decisions(d.State) {
		may = append(may, string(x))
	}
	if len(may) == 0 {
		return fmt.Errorf("alert %d is %s: there is nothing to decide about it", d.ID, d.State)
	}
	return fmt.Errorf("alert %d is %s and can't be %s: use %s", d.ID, d.State, map[AlertDecision]string{ResendAlert: "sent again", DismissAlert: "dismissed"}[what], strings.Join(may, " or "))
}
