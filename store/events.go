package store

import (
	"context"
	"encoding/json"
	"time"
)

// Via is the way on which somebody asked for a change, or what asked by itself (Airflow,
// DagRunTriggeredByType).
type Via string

// The ways.
const (
	ViaCLI     Via = "cli"
	ViaRESTAPI Via = "rest_api"
	ViaUI      Via = "ui"
	// ViaChat is a message to a robot.
	ViaChat Via = "chat"
	// ViaLink is a signed link that a message had.
	ViaLink Via = "link"
	// ViaOperator is a task, ViaTimetable the schedule of a DAG, ViaAsset an update of the
	// assets that a DAG waits for, ViaBackfill a backfill.
	ViaOperator  Via = "operator"
	ViaTimetable Via = "timetable"
	ViaAsset     Via = "asset"
	ViaBackfill  Via = "backfill"
)

// Actor is who asked for a change. The zero Actor is nobody that is known, as in rows that older
// programs wrote.
type Actor struct {
	// Name is a user: of the operating system for [ViaCLI]. It is empty when no person asked.
	Name string `json:"name,omitempty"`
	Via  Via    `json:"via,omitempty"`
	// Address is the machine that the request came from, as far as it came over HTTP: an IP address.
	Address string `json:"address,omitempty"`
	// Ref names the message or the press by which a person asked, such as CONN/msgId; empty for what
	// is not told apart. A transaction that changes something for it fails with [ErrRepeated] when
	// another one that did has been committed before.
	Ref string `json:"ref,omitempty"`
	// Operation is the call of the REST API by which a program asked, and Request a JSON object with what it sent,
	// without secrets. Both are kept with the events of a change, and nowhere else.
	Operation string `json:"operation,omitempty"`
	Request   string `json:"request,omitempty"`
}

// Automatic reports whether no person asked.
func (a Actor) Automatic() bool {
	switch a.Via {
	case ViaOperator, ViaTimetable, ViaAsset, ViaBackfill:
		return true
	default:
		return false
	}
}

// String is the name with the way behind it, or what is known of both.
func (a Actor) String() string {
	switch {
	case a.Name == "":
		return string(a.Via)
	case a.Via == "":
		return a.Name
	default:
		return a.Name + " (" + string(a.Via) + ")"
	}
}

// Events reads what people changed.
type Events interface {
	// Events returns the events that match, newest first.
	Events(ctx context.Context, f EventFilter) ([]*Event, error)
	// CountEvents counts them on whatever page.
	CountEvents(ctx context.Context, f EventFilter) (int, error)
	// EventOfRef returns the first event of the change that was made for an [Actor] with a Ref, and
	// ErrNotFound when none was, or when it has gone with the history.
	EventOfRef(ctx context.Context, ref string) (*Event, error)
}

// EventsTx adds to that in a transaction.
type EventsTx interface {
	// InsertEvents adds events and sets their IDs. It returns ErrRepeated for a Ref of an Actor that an
	// earlier transaction has written; several events of one may have the same. The Ref is kept beside
	// the event, and not read with it.
	InsertEvents(ctx context.Context, es ...*Event) error
}

// EventKind says what was changed.
type EventKind string

// The kinds of events.
const (
	EventTrigger         EventKind = "trigger"
	EventClear           EventKind = "clear"
	EventMarkSuccess     EventKind = "mark_success"
	EventMarkFailed      EventKind = "mark_failed"
	EventPause           EventKind = "pause"
	EventUnpause         EventKind = "unpause"
	EventNote            EventKind = "note"
	EventXComSet         EventKind = "xcom_set"
	EventXComDelete      EventKind = "xcom_delete"
	EventDAGDelete       EventKind = "dag_delete"
	EventRunDelete       EventKind = "run_delete"
	EventTaskDelete      EventKind = "task_instance_delete"
	EventBackfillCreate  EventKind = "backfill_create"
	EventBackfillPause   EventKind = "backfill_pause"
	EventBackfillUnpause EventKind = "backfill_unpause"
	EventBackfillCancel  EventKind = "backfill_cancel"
	EventAssetEmit       EventKind = "asset_emit"
	// EventAssetForget takes back what a DAG was told of assets.
	EventAssetForget   EventKind = "asset_forget"
	EventPoolSet       EventKind = "pool_set"
	EventPoolDelete    EventKind = "pool_delete"
	EventAlertRetry    EventKind = "alert_retry"
	EventAlertDrop     EventKind = "alert_drop"
	EventAlertAck      EventKind = "alert_ack"
	EventAlertSnooze   EventKind = "alert_snooze"
	EventAlertUnsnooze EventKind = "alert_unsnooze"
	// EventAlertResend and EventAlertDismiss are what older programs wrote for [EventAlertRetry] and
	// [EventAlertDrop].
	EventAlertResend  EventKind = "alert_resend"
	EventAlertDismiss EventKind = "alert_dismiss"

	// EventNodeDrain has a node take no more attempts, or take them again.
	EventNodeDrain EventKind = "node_drain"
	// EventAskRespond is an answer to what a task asks.
	EventAskRespond EventKind = "hitl_respond"
	// EventChatBind lets a conversation be told of DAGs, EventChatUnbind ends that.
	EventChatBind   EventKind = "chat_bind"
	EventChatUnbind EventKind = "chat_unbind"

	EventConnectionSet    EventKind = "connection_set"
	EventConnectionDelete EventKind = "connection_delete"
	EventVariableSet      EventKind = "variable_set"
	EventVariableDelete   EventKind = "variable_delete"

	EventUserCreate   EventKind = "user_create"
	EventUserSet      EventKind = "user_set"
	EventUserPassword EventKind = "user_password"
	EventUserDelete   EventKind = "user_delete"
	EventTokenCreate  EventKind = "token_create"
	EventTokenRevoke  EventKind = "token_revoke"
	// EventSignIn is a person who signed in at a browser, EventSignOut one who signed out.
	EventSignIn  EventKind = "sign_in"
	EventSignOut EventKind = "sign_out"
)

// EventKinds are all of them.
func EventKinds() []EventKind {
	return []EventKind{
		EventTrigger, EventClear, EventMarkSuccess, EventMarkFailed, EventPause, EventUnpause, EventNote, EventXComSet, EventXComDelete,
		EventDAGDelete, EventRunDelete, EventTaskDelete, EventBackfillCreate, EventBackfillPause,
		EventBackfillUnpause, EventBackfillCancel, EventAssetEmit, EventAssetForget, EventPoolSet, EventPoolDelete, EventNodeDrain, EventAlertRetry, EventAlertDrop, EventAlertAck,
		EventAlertSnooze, EventAlertUnsnooze, EventAlertResend, EventAlertDismiss, EventChatBind, EventChatUnbind, EventAskRespond,
		EventConnectionSet, EventConnectionDelete, EventVariableSet, EventVariableDelete,
		EventUserCreate, EventUserSet, EventUserPassword, EventUserDelete, EventTokenCreate, EventTokenRevoke, EventSignIn, EventSignOut,
	}
}

// EventsOfAdmins are the kinds about users, tokens, connections and variables, which only those see who may change
// these.
func EventsOfAdmins() []EventKind {
	return []EventKind{
		EventConnectionSet, EventConnectionDelete, EventVariableSet, EventVariableDelete,
		EventUserCreate, EventUserSet, EventUserPassword, EventUserDelete, EventTokenCreate, EventTokenRevoke, EventSignIn, EventSignOut,
	}
}

// Event is one change that somebody asked for, written with it: one for each run of a request
// (Airflow, Log).
type Event struct {
	ID    int64
	At    time.Time
	Actor Actor
	Kind  EventKind
	// DAGID and RunID are what was changed; empty for what belongs to no DAG or run.
	DAGID, RunID string
	// TaskID is the one task that was changed, MapIndex its one instance, or -1. TaskID is empty for
	// a run as a whole and for several tasks, which Extra has then.
	TaskID   string
	MapIndex int
	// Extra is a JSON object with what else there is to know, or nil. No secret is in it. Under
	// "tasks" it has the ids of the tasks, each once.
	Extra json.RawMessage
}

// EventFilter selects events. Zero fields select everything.
type EventFilter struct {
	DAGID, RunID string
	// DAGIDs selects those of some DAGs; nil selects all, and an empty list none.
	DAGIDs []string
	// TaskID selects the events that changed that task, alone or with others.
	TaskID string
	Kinds  []EventKind
	// Name selects those that a user asked for.
	Name string
	// Since and Until select the events from the one moment on and before the other one.
	Since, Until time.Time
	// Limit bounds the number of events; 0 is all. Behind passes over those up to the event with this
	// ID, and Offset over the newest ones.
	Limit, Offset int
	Behind        int64
}
