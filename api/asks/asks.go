// Package asks is what tasks ask people, and how they answer: a list, one ask, an answer.
package asks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Engine settles asks. [*engine.Engine] is one.
type Engine interface {
	Respond(ctx context.Context, r engine.RespondRequest) (*engine.Responded, error)
}

// Why an answer is refused.
var (
	// ErrSettled says that an ask was answered before, or needs no answer any more.
	ErrSettled = engine.ErrSettled
	// ErrNotAssigned says that it asks others.
	ErrNotAssigned = engine.ErrNotAssigned
)

// Options are what [Asks] stand on. Store may be nil while there is none: nothing was asked then.
type Options struct {
	Store store.Reader
	// Engine makes the engine that settles asks.
	Engine func(ctx context.Context) (Engine, error)
	// Visible are the DAGs that whoever asks may see, as in [api.Options]: asks of others are not there.
	Visible func(ctx context.Context) ([]string, error)
	// By is who asks, which is kept with the answer.
	By store.Actor
	// Command is a command line of the program that people can copy.
	Command func(words ...string) string
}

// Asks answers what people ask about them. It keeps nothing between two calls and may be used by several
// at once.
type Asks struct{ o Options }

// New returns Asks.
func New(o Options) *Asks { return &Asks{o} }

// By is the same for somebody else.
func (s *Asks) By(who store.Actor) *Asks {
	o := s.o
	o.By = who
	return &Asks{o}
}

// Ask is what a try of a task asks people (Airflow, HITLDetail). Moments are in UTC.
type Ask struct {
	ID       int64  `json:"id"`
	DAGID    string `json:"dag_id"`
	RunID    string `json:"dag_run_id"`
	TaskID   string `json:"task_id"`
	MapIndex int    `json:"map_index"`
	Try      int    `json:"try_number"`
	// State is open, answered, defaulted, timed_out or closed; Note says why of a closed one.
	State    store.AskState   `json:"state"`
	Subject  string           `json:"subject"`
	Body     string           `json:"body"`
	Options  []string         `json:"options"`
	Multiple bool             `json:"multiple"`
	Defaults []string         `json:"defaults"`
	Params   []store.AskParam `json:"params"`
	// Assigned are those who may answer; none are all.
	Assigned  []store.Person `json:"assigned_users"`
	CreatedAt time.Time      `json:"created_at"`
	Deadline  *time.Time     `json:"deadline"`

	SettledAt   *time.Time      `json:"responded_at"`
	RespondedBy *store.Person   `json:"responded_by_user"`
	Via         store.Via       `json:"responded_via,omitempty"`
	Chosen      []string        `json:"chosen_options"`
	Input       json.RawMessage `json:"params_input"`
	Note        string          `json:"note,omitempty"`
}

// Of is an ask as people see it.
func Of(a *store.Ask) Ask {
	out := Ask{
		ID: a.ID, DAGID: a.DAGID, RunID: a.RunID, TaskID: a.TaskID, MapIndex: a.MapIndex, Try: a.Try, State: a.State, Subject: a.Subject, Body: a.Body,
		Options: slices.Concat([]string{}, a.Options), Multiple: a.Multiple, Defaults: slices.Concat([]string{}, a.Defaults),
		Params: slices.Concat([]store.AskParam{}, a.Params), Assigned: slices.Concat([]store.Person{}, a.Assigned), CreatedAt: a.CreatedAt.UTC(),
		Deadline: optional(a.Deadline), SettledAt: optional(a.SettledAt), Via: a.Via, Chosen: slices.Concat([]string{}, a.Chosen), Input: a.Input, Note: a.Note,
	}
	if out.Input == nil {
		out.Input = json.RawMessage("{}")
	}
	if a.State == store.AskAnswered {
		by := a.RespondedBy
		out.RespondedBy = &by
	}
	return out
}

// Answered reports whether there is an answer, be it that of the defaults.
func (a *Ask) Answered() bool { return a.State == store.AskAnswered || a.State == store.AskDefaulted }

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// Query selects asks. Zero fields select everything.
type Query struct {
	DAGID, RunID, TaskID string
	States               []store.AskState
	api.Page
}

// States are the states that an ask may have.
func States() []store.AskState { return store.AskStates() }

// Open are the states of those that wait for an answer.
func Open() []store.AskState { return []store.AskState{store.AskOpen} }

// List returns the asks that match, newest first.
func (s *Asks) List(ctx context.Context, q Query) (api.List[Ask], error) {
	out := api.List[Ask]{Items: []Ask{}}
	if q.Limit < 0 {
		return out, fmt.Errorf("limit %d: must be 0 or more", q.Limit)
	}
	mine, err := access.OnlyOf(ctx, s.o.Visible)
	if err != nil {
		return out, err
	}
	f := store.AskFilter{DAGIDs: mine.Within(nil), DAGID: q.DAGID, RunID: q.RunID, TaskID: q.TaskID, States: q.States}
	if q.Cursor != "" {
		behind, err := strconv.ParseInt(q.Cursor, 10, 64)
		if err != nil || behind < 1 {
			return out, &api.FieldError{Field: "cursor " + strconv.Quote(q.Cursor), Err: errors.New("is not a cursor of a list of asks")}
		}
		f.Behind = behind
	}
	if q.Limit > 0 {
		f.Limit = q.Limit + 1 // one more tells whether there are more
	}
	if s.o.Store == nil {
		return out, nil
	}
	as, err := s.o.Store.AskLog(ctx, f)
	if err != nil {
		return out, err
	}
	for _, a := range as {
		if q.Limit > 0 && len(out.Items) == q.Limit {
			out.Next = strconv.FormatInt(out.Items[q.Limit-1].ID, 10)
			break
		}
		out.Items = append(out.Items, Of(a))
	}
	return out, nil
}

// Get returns one ask. An unknown one is an error that wraps [store.ErrNotFound].
func (s *Asks) Get(ctx context.Context, id int64) (Ask, error) {
	if s.o.Store == nil {
		return Ask{}, s.missing(id)
	}
	a, err := s.o.Store.Ask(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Ask{}, s.missing(id)
	}
	mine, oerr := access.OnlyOf(ctx, s.o.Visible)
	switch err := cmp.Or(err, oerr); {
	case err != nil:
		return Ask{}, err
	case !mine.Has(a.DAGID):
		return Ask{}, s.missing(id)
	}
	return Of(a), nil
}

// Answer is an answer to an ask.
type Answer struct {
	ID int64
	// Chosen are its options. An approval takes approve and reject in any case, as other options do when
	// that leaves no doubt.
	Chosen []string
	// Input are values of params as a JSON object, or nil; those that are not given have their defaults.
	Input json.RawMessage
	// By is who answers: the ID is compared with those who may. The zero value is the one who asks.
	By store.Person
}

// Respond answers an ask; the first answer counts. An error means that nothing was changed: it is a
// [*api.FieldError], or wraps [store.ErrNotFound], [ErrSettled] or [ErrNotAssigned].
func (s *Asks) Respond(ctx context.Context, r Answer) (Ask, error) {
	a, err := s.Get(ctx, r.ID)
	if err != nil {
		return Ask{}, err
	}
	e, err := s.o.Engine(ctx)
	if err != nil {
		return Ask{}, err
	}
	by := r.By
	by.ID = cmp.Or(by.ID, s.o.By.Name)
	by.Name = cmp.Or(by.Name, by.ID)
	chosen := make([]string, len(r.Chosen))
	for i, c := range r.Chosen {
		chosen[i] = a.option(c)
	}
	done, err := e.Respond(ctx, engine.RespondRequest{AskID: r.ID, Chosen: chosen, Input: r.Input, By: by, Actor: s.o.By})
	if re, ok := errors.AsType[*engine.RespondError](err); ok {
		return Ask{}, &api.FieldError{Field: re.Field, Err: re.Err}
	}
	if errors.Is(err, store.ErrNotFound) {
		return Ask{}, s.missing(r.ID)
	}
	if err != nil {
		return Ask{}, err
	}
	return Of(&done.Ask), nil
}

// missing says that there is no such ask.
func (s *Asks) missing(id int64) error {
	list := "dingdag asks list"
	if s.o.Command != nil {
		list = s.o.Command("asks", "list")
	}
	return phrase.Err("ask.gone", id, list, store.ErrNotFound)
}
