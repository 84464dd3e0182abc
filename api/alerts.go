package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/phrase"
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
	// Receipt is what the receiver answered, Error why it failed last, why it is silenced or who dropped it.
	Receipt string `json:"receipt"`
	Error   string `json:"error"`
	// StandsInFor is the message that it replaces, 0 for none.
	StandsInFor int64 `json:"stands_in_for,omitempty"`
	// Callback is the notifier that wrote it, with its place in the DAG file where that is known.
	Callback string `json:"callback,omitempty"`
	// DigestID is the message that tells a folded one, NamedIn the message that told people that
	// this one is uncertain, 0 for none.
	DigestID int64 `json:"digest_id,omitempty"`
	NamedIn  int64 `json:"named_in,omitempty"`
	// SilenceID is the silence that keeps it back, 0 for none.
	SilenceID int64 `json:"silence_id,omitempty"`
	// AckedAt is when somebody said that he has seen it, or null; AckedBy who, AckedNote what else he said.
	AckedAt   *time.Time `json:"acked_at"`
	AckedBy   string     `json:"acked_by,omitempty"`
	AckedNote string     `json:"acked_note,omitempty"`
	// Decisions are what a person may decide about it.
	Decisions []AlertDecision `json:"decisions"`
}

// AlertDecision is what a person decides about a message.
type AlertDecision string

// The decisions.
const (
	// RetryAlert sends a message again that was refused or silenced, or of which nobody knows
	// whether it arrived. The parts that arrived are not repeated.
	RetryAlert AlertDecision = "retry"
	// DropAlert ends a message that waits, or of which nobody knows whether it arrived: it is
	// refused, and says by whom.
	DropAlert AlertDecision = "drop"
)

// decisions are what may be decided in a state.
func decisions(s store.DeliveryState) []AlertDecision {
	switch s {
	case store.DeliveryWaiting:
		return []AlertDecision{DropAlert}
	case store.DeliveryUncertain:
		return []AlertDecision{RetryAlert, DropAlert}
	case store.DeliveryRefused, store.DeliverySilenced:
		return []AlertDecision{RetryAlert}
	default:
		return []AlertDecision{}
	}
}

// AlertStates are the states that a message may have.
func AlertStates() []store.DeliveryState {
	return []store.DeliveryState{
		store.DeliveryWaiting, store.DeliverySending, store.DeliveryDelivered, store.DeliveryRefused, store.DeliveryUncertain,
		store.DeliveryFolded, store.DeliverySilenced,
	}
}

func (a *API) alertOf(d *store.Delivery) Alert {
	return Alert{
		ID: d.ID, State: d.State, Channel: d.Channel, Summary: a.o.Masker.Mask(d.Summary), Event: d.Owner.Event, DAGID: d.Owner.DAGID,
		RunID: d.Owner.RunID, TaskID: d.Owner.TaskID, MapIndex: d.Owner.MapIndex, TryNumber: d.Owner.Try, Attempts: d.Attempts,
		NextTry: optional(d.NextTry), CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), Receipt: a.o.Masker.Mask(d.Receipt),
		Error: a.o.Masker.Mask(d.Error), StandsInFor: d.StandsInFor, Decisions: decisions(d.State),
		Callback: d.Callback, DigestID: d.DigestID, NamedIn: d.NamedIn, SilenceID: d.SilenceID, AckedAt: optional(d.AckedAt), AckedBy: d.AckedBy,
		AckedNote: a.o.Masker.Mask(d.AckedNote),
	}
}

// AlertQuery selects messages. Zero fields select everything.
type AlertQuery struct {
	States               []store.DeliveryState
	Channel              string
	DAGID, RunID, TaskID string
	// Robot is the connection of the robot to which they go, short for the channel. One that is not known, and to
	// which nothing was ever sent, is an error that wraps [ErrNotFound].
	Robot string
	// DAGIDs selects those of some DAGs; nil selects all, and an empty list none.
	DAGIDs []string
	// IDs selects those with these ids; none selects all.
	IDs []int64
	// Since and Until select the messages that were written from the one moment on and before the other one.
	Since, Until time.Time
	// DigestID selects the messages that another one tells, StandsInFor those that replace another one.
	DigestID, StandsInFor int64
	// Unacked selects those of which nobody has said that he has seen them.
	Unacked bool
	// Oldest has the oldest ones first, and takes no cursor.
	Oldest bool
	Page
}

// filter is the query without its page; a wrong state is an error.
func (q *AlertQuery) filter() (store.DeliveryFilter, error) {
	for _, s := range q.States {
		if !slices.Contains(AlertStates(), s) {
			return store.DeliveryFilter{}, &FieldError{"state", phrase.Err("alert.state", s, phrase.Names(alertStates()...))}
		}
	}
	channel := q.Channel
	if q.Robot != "" {
		if channel != "" {
			return store.DeliveryFilter{}, &FieldError{"robot", errors.New("a robot and a channel: give one of them")}
		}
		channel = robotChannel(q.Robot)
	}
	f := store.DeliveryFilter{
		States: q.States, Channel: channel, DAGID: q.DAGID, RunID: q.RunID, TaskID: q.TaskID, IDs: q.IDs, Since: q.Since, Until: q.Until,
		DigestID: q.DigestID, Unacked: q.Unacked, DAGIDs: q.DAGIDs, Oldest: q.Oldest,
	}
	if q.StandsInFor > 0 {
		f.StandsInFor = []int64{q.StandsInFor}
	}
	return f, nil
}

func alertStates() (names []string) {
	for _, s := range AlertStates() {
		names = append(names, string(s))
	}
	return names
}

// Alerts lists the messages of callbacks, newest first.
func (a *API) Alerts(ctx context.Context, q AlertQuery) (List[Alert], error) {
	out := List[Alert]{Items: []Alert{}}
	behind, err := q.behind("alerts")
	if err != nil {
		return out, err
	}
	f, err := a.filter(ctx, &q)
	if err != nil || a.o.Store == nil {
		return out, err
	}
	f.Limit, f.Offset, f.Behind = q.more(), q.Offset, behind
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

// filter is what the store is asked for: what a query selects of what whoever asks may see.
func (a *API) filter(ctx context.Context, q *AlertQuery) (store.DeliveryFilter, error) {
	f, err := q.filter()
	if err != nil {
		return f, err
	}
	mine, err := a.Only(ctx)
	f.DAGIDs = mine.Within(f.DAGIDs)
	if err == nil && q.Robot != "" && !mine.Limited() { // connections are not told to who is limited to some DAGs
		err = a.needRobot(ctx, q.Robot)
	}
	return f, err
}

// Alert is one message. Its error wraps [ErrNotFound] when there is none.
func (a *API) Alert(ctx context.Context, id int64) (Alert, error) {
	if a.o.Store == nil {
		return Alert{}, a.noAlert(id)
	}
	d, err := a.o.Store.Delivery(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Alert{}, a.noAlert(id)
	}
	if err != nil {
		return Alert{}, err
	}
	mine, err := a.Only(ctx)
	if err == nil && !mine.Has(d.Owner.DAGID) {
		err = a.noAlert(id)
	}
	if err != nil {
		return Alert{}, err
	}
	return a.alertOf(d), nil
}

func (a *API) noAlert(id int64) error {
	return store.NoSuch("alert.gone", id, a.command("alerts", "list"))
}

// DecideAlert does what a person decides about a message. The process that works on the store notices
// at once that one is to be sent again, or within half a minute where it can't watch the store. A message
// whose state does not permit the decision is a [*ConflictError], and one that there is not wraps [ErrNotFound].
func (a *API) DecideAlert(ctx context.Context, id int64, what AlertDecision) (Alert, error) {
	if what != RetryAlert && what != DropAlert {
		return Alert{}, &FieldError{"decision", phrase.Err("alert.decision", what)}
	}
	if a.o.Store == nil {
		return Alert{}, a.noAlert(id)
	}
	if _, err := a.Alert(ctx, id); err != nil {
		return Alert{}, err
	}
	err := a.o.Store.Tx(ctx, func(tx store.Tx) error { return a.decide(ctx, tx, id, what) })
	if errors.Is(err, store.ErrNotFound) {
		return Alert{}, a.noAlert(id)
	}
	if err != nil {
		return Alert{}, err
	}
	if what == RetryAlert && a.o.Resent != nil {
		a.o.Resent()
	}
	return a.Alert(ctx, id)
}

// decide is DecideAlert in a transaction.
func (a *API) decide(ctx context.Context, tx store.Tx, id int64, what AlertDecision) error {
	d, err := tx.Delivery(ctx, id)
	if err != nil {
		return err
	}
	from := d.State
	if !slices.Contains(decisions(from), what) {
		return undecidable(d, what)
	}
	kind := store.EventAlertRetry
	d.State, d.UpdatedAt = store.DeliveryWaiting, a.o.Clock()
	if what == DropAlert {
		kind, d.State, d.Error = store.EventAlertDrop, store.DeliveryRefused, dropped(a.o.By, d.Error)
	}
	ok, err := tx.DecideDelivery(ctx, d, from)
	if err == nil && !ok {
		err = Conflict("alert.changed", id)
	}
	if err != nil {
		return err
	}
	return tx.InsertEvents(ctx, a.alertEvent(d, kind, fmt.Appendf(nil, `{"alert_id":%d,"from":%q,"state":%q}`, d.ID, from, d.State)))
}

// alertEvent is what is kept of a change of a message.
func (a *API) alertEvent(d *store.Delivery, kind store.EventKind, extra []byte) *store.Event {
	return &store.Event{
		At: a.o.Clock(), Actor: a.o.By, Kind: kind, DAGID: d.Owner.DAGID, RunID: d.Owner.RunID, TaskID: d.Owner.TaskID, MapIndex: d.Owner.MapIndex, Extra: extra,
	}
}

// AckAlerts notes that whoever asks has seen the messages that match, but for those of which somebody
// has said so before, and returns how many these are. The page of the query has no meaning. A query
// without IDs, DAG and digest would take in everything and is an error; an id of which there is no
// message is one that wraps [ErrNotFound].
func (a *API) AckAlerts(ctx context.Context, q AlertQuery, note string) (int, error) {
	f, err := a.filter(ctx, &q)
	switch {
	case err != nil:
		return 0, err
	case len(q.IDs) == 0 && q.DAGID == "" && q.DigestID == 0:
		return 0, errors.New("which alerts were seen? Name some by their numbers, or a DAG, a run or a digest")
	}
	for _, id := range q.IDs {
		if _, err := a.Alert(ctx, id); err != nil {
			return 0, err
		}
	}
	if a.o.Store == nil {
		return 0, nil
	}
	var n int
	err = a.o.Store.Tx(ctx, func(tx store.Tx) (err error) {
		ack := store.Ack{At: a.o.Clock(), By: a.o.By.Name, Note: a.o.Masker.Mask(note)}
		if n, err = tx.AckDeliveries(ctx, f, ack); err != nil || n == 0 {
			return err
		}
		extra, err := json.Marshal(ackExtra{IDs: q.IDs, DigestID: q.DigestID, N: n, Note: ack.Note})
		if err != nil {
			return err
		}
		return tx.InsertEvents(ctx, a.alertEvent(&store.Delivery{Owner: store.Owner{DAGID: q.DAGID, RunID: q.RunID, TaskID: q.TaskID, MapIndex: -1}}, store.EventAlertAck, extra))
	})
	return n, err
}

// ackExtra is what an event says of the messages that somebody has seen.
type ackExtra struct {
	IDs      []int64 `json:"alert_ids,omitempty"`
	DigestID int64   `json:"digest_id,omitempty"`
	N        int     `json:"alerts"`
	Note     string  `json:"note,omitempty"`
}

// dropped is why a message is refused that somebody dropped.
func dropped(by store.Actor, before string) string {
	text := store.DroppedPrefix
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
	switch {
	case d.State == store.DeliveryFolded:
		return Conflict("alert.told_by", d.ID, d.DigestID)
	case len(may) == 0:
		return Conflict("alert.settled", d.ID, phrase.Delivery(string(d.State)))
	}
	return Conflict("alert.cannot", d.ID, phrase.Delivery(string(d.State)), map[AlertDecision]phrase.Text{RetryAlert: phrase.Of("alert.retry"), DropAlert: phrase.Of("alert.drop")}[what], strings.Join(may, " or "))
}
