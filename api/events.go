package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Event is one change that somebody asked for (Airflow, EventLogResponse).
type Event struct {
	ID   int64     `json:"event_log_id"`
	When time.Time `json:"when"`
	// Owner is the user, Via the way on which it was asked for. Either is empty when it is not
	// known.
	Owner string    `json:"owner"`
	Via   store.Via `json:"via"`
	// Address is the IP address that a request over HTTP came from.
	Address string          `json:"address,omitempty"`
	Event   store.EventKind `json:"event"`
	// DAGID, RunID and TaskID are empty for what belongs to none, or to several tasks.
	DAGID  string `json:"dag_id"`
	RunID  string `json:"run_id"`
	TaskID string `json:"task_id"`
	// MapIndex is -1 unless one instance of a mapped task was changed.
	MapIndex int `json:"map_index"`
	// Extra is a JSON object with what else there is to know: the ids of the tasks, the states
	// before and after, the number of a backfill, the name of a pool.
	Extra json.RawMessage `json:"extra,omitempty"`
	// Operation is the call of the REST API by which it was asked for, and Request a JSON object with what was sent, without
	// secrets.
	Operation string `json:"operation,omitempty"`
	Request   string `json:"request,omitempty"`
}

// EventQuery selects events. Zero fields select everything.
type EventQuery struct {
	DAGID, RunID string
	// TaskID selects the events that changed that task, alone or with others.
	TaskID string
	Events []store.EventKind
	// Owner selects what one user asked for.
	Owner string
	// Since and Until select the events from the one moment on and before the other one.
	Since, Until time.Time
	Page
}

// Events lists what people changed, newest first, as far as whoever asks may see it.
func (a *API) Events(ctx context.Context, q EventQuery) (List[Event], error) {
	out := List[Event]{Items: []Event{}}
	behind, err := q.behind("events")
	if err != nil {
		return out, err
	}
	for _, k := range q.Events {
		if !slices.Contains(store.EventKinds(), k) {
			return out, fmt.Errorf("unknown event %q: use %s", k, strings.Join(EventKinds(), ", "))
		}
	}
	kinds := a.seen(q.Events)
	if a.o.Store == nil || len(kinds) == 0 && len(a.o.Unseen) > 0 {
		return out, nil
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return out, err
	}
	f := store.EventFilter{
		DAGIDs: mine.Within(nil), DAGID: q.DAGID, RunID: q.RunID, TaskID: q.TaskID, Kinds: kinds, Name: q.Owner, Since: q.Since, Until: q.Until,
		Limit: q.more(), Offset: q.Offset, Behind: behind,
	}
	rows, err := a.o.Store.Events(ctx, f)
	if err != nil {
		return out, err
	}
	if len(rows) == 0 && q.DAGID != "" {
		if unknown := a.known(ctx, q.DAGID, nil); unknown != nil {
			// Something may have been done to one that is gone, though nothing of what is asked for.
			done, err := a.o.Store.Events(ctx, store.EventFilter{DAGIDs: f.DAGIDs, DAGID: q.DAGID, Kinds: a.seen(nil), Limit: 1})
			if err == nil && len(done) == 0 {
				err = unknown
			}
			if err != nil {
				return out, err
			}
		}
	}
	rows, out.Next = cut(q.Page, rows, func(e *store.Event) string { return strconv.FormatInt(e.ID, 10) })
	for _, e := range rows {
		out.Items = append(out.Items, Event{e.ID, e.At.UTC(), e.Actor.Name, e.Actor.Via, e.Actor.Address, e.Kind, e.DAGID, e.RunID, e.TaskID, e.MapIndex, e.Extra, e.Actor.Operation, e.Actor.Request})
	}
	if q.Count {
		out.Total, err = a.o.Store.CountEvents(ctx, f)
	}
	return out, err
}

// seen are those of some kinds that whoever asks may see; none are all, as long as there are none that are not.
func (a *API) seen(kinds []store.EventKind) []store.EventKind {
	if len(a.o.Unseen) == 0 {
		return kinds
	}
	if len(kinds) == 0 {
		kinds = store.EventKinds()
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(k store.EventKind) bool { return slices.Contains(a.o.Unseen, k) })
}

// EventsOf are kinds of events by their words.
func EventsOf(words ...string) []store.EventKind {
	out := make([]store.EventKind, len(words))
	for i, w := range words {
		out[i] = store.EventKind(w)
	}
	return out
}

// EventKinds are the words for what people change.
func EventKinds() (words []string) {
	for _, k := range store.EventKinds() {
		words = append(words, string(k))
	}
	return words
}
