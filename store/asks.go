package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/phrase"
)

// Asks reads what tasks ask people.
type Asks interface {
	// Ask returns ErrNotFound for an unknown one.
	Ask(ctx context.Context, id int64) (*Ask, error)
	// AskOf returns what a try of an instance asks or asked, or nil.
	AskOf(ctx context.Context, in *Instance) (*Ask, error)
	// AskLog returns the asks that match, newest first.
	AskLog(ctx context.Context, f AskFilter) ([]*Ask, error)
}

// AsksTx changes them in a transaction.
type AsksTx interface {
	// InsertAsk adds an ask and sets its ID. It reports false, and changes nothing but sets the ID of the one
	// that is there, when the try has asked before.
	InsertAsk(ctx context.Context, a *Ask) (bool, error)
	// SettleAsk writes State, SettledAt and what was answered. It reports false, and changes nothing, when
	// the ask was settled before.
	SettleAsk(ctx context.Context, a *Ask) (bool, error)
}

// AskState is what became of an ask.
type AskState string

// The states of asks.
const (
	// AskOpen waits for an answer.
	AskOpen AskState = "open"
	// AskAnswered was answered by a person, AskDefaulted by its defaults when its time was over.
	AskAnswered  AskState = "answered"
	AskDefaulted AskState = "defaulted"
	// AskTimedOut had no defaults when its time was over.
	AskTimedOut AskState = "timed_out"
	// AskClosed needs no answer any more: its task was cleared or marked, or its run has ended.
	AskClosed AskState = "closed"
)

// AskStates are all of them.
func AskStates() []AskState {
	return []AskState{AskOpen, AskAnswered, AskDefaulted, AskTimedOut, AskClosed}
}

// Person is somebody by the id under which DingTalk, or the machine, knows them, and a name to show.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// String is the name with the id behind it, or what is known of both.
func (p Person) String() string {
	switch {
	case p.Name == "" || p.Name == p.ID:
		return p.ID
	case p.ID == "":
		return p.Name
	default:
		return p.Name + " (" + p.ID + ")"
	}
}

// AskParam is a field that people fill in (Airflow, Param).
type AskParam struct {
	Name string `json:"name"`
	// Value is the default as JSON, nil without one.
	Value       json.RawMessage `json:"value,omitempty"`
	Description string          `json:"description,omitempty"`
	// Schema is its JSON Schema, nil for any value.
	Schema json.RawMessage `json:"schema,omitempty"`
}

// Ask is what a try of a task asks people (Airflow, HITLDetail).
type Ask struct {
	ID int64
	// RunKey, TaskID, MapIndex and Try are the try. DAGID and RunID name the run.
	RunKey       int64
	DAGID, RunID string
	TaskID       string
	MapIndex     int
	Try          int
	// Subject and Body, which is Markdown, are what people read, secrets masked.
	Subject, Body string
	// Options are what can be chosen, Multiple says several at once.
	Options  []string
	Multiple bool
	// Defaults are chosen when the time is over; none let the try fail then.
	Defaults []string
	Params   []AskParam
	// Assigned are those who may answer; none are all who may operate the DAG.
	Assigned  []Person
	CreatedAt time.Time
	// Deadline is zero for none.
	Deadline time.Time

	State AskState
	// SettledAt is when that became its state, zero while it is open.
	SettledAt time.Time
	// RespondedBy is who answered, and Via on which way; both are empty when nobody did.
	RespondedBy Person
	Via         Via
	// Chosen are the options that were chosen, Input the values of the params as a JSON object.
	Chosen []string
	Input  json.RawMessage
	// Note says why a closed one was closed.
	Note string
}

// Of is the instance that asks, by its key.
func (a *Ask) Of() *Instance {
	return &Instance{RunKey: a.RunKey, TaskID: a.TaskID, MapIndex: a.MapIndex, Try: a.Try}
}

// Became says what became of an ask, behind its name.
func (a *Ask) Became() phrase.Text {
	switch a.State {
	case AskAnswered:
		return phrase.Of("ask.answered", a.RespondedBy, a.SettledAt, phrase.Names(a.Chosen...))
	case AskDefaulted:
		return phrase.Of("ask.defaulted", a.SettledAt, phrase.Names(a.Chosen...))
	case AskTimedOut:
		return phrase.Of("ask.timed_out", a.SettledAt)
	case AskClosed:
		return phrase.Of("ask.closed", a.SettledAt, a.Note)
	default:
		return phrase.Of("ask.open")
	}
}

// AskFilter selects asks. Zero fields select everything.
type AskFilter struct {
	// RunKey, DAGID, RunID and TaskID are those of the try.
	RunKey               int64
	DAGID, RunID, TaskID string
	// DAGIDs selects those of some DAGs; nil selects all, and an empty list none.
	DAGIDs []string
	States []AskState
	// Limit bounds how many there are; 0 is all. Behind passes over those up to the ask with this ID.
	Limit  int
	Behind int64
}
