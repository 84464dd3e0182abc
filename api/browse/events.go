package browse

import (
	"cmp"
	"context"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// EventFilter selects events.
type EventFilter = listing.Events

// Event is an event of the audit log as Airflow's clients know it.
type Event struct {
	listing.Event

	// Name is that of the operation by which it was asked for, or its kind.
	Name string
	// About is a JSON object with what was sent, or what else there is to know; "" for nothing.
	About string
	// DAGName and TaskName are how people call its DAG and its task; "" without one.
	DAGName, TaskName string
}

// Events lists the audit log. Who is limited to some DAGs sees what was done to them, and who may not configure sees nothing
// of users, tokens, connections and variables.
func (b *Browser) Events(ctx context.Context, f EventFilter, p Page) ([]*Event, int, error) {
	who, ok := access.From(ctx)
	if !ok {
		return nil, 0, access.ErrUnknown
	}
	var err error
	if f.DAGIDs, err = b.visible(ctx, f.DAGIDs); err != nil {
		return nil, 0, err
	}
	if !who.May(access.Configure, nil) {
		f.ButKinds = store.EventsOfAdmins()
	}
	rows, n, err := b.o.Lists.ListEvents(ctx, f, p)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*Event, len(rows))
	dags := map[string]*dag.DAG{}
	for i, row := range rows {
		e := &Event{Event: *row, Name: cmp.Or(row.Actor.Operation, string(row.Kind)), About: cmp.Or(row.Actor.Request, string(row.Extra)), DAGName: row.DAGID, TaskName: row.TaskID}
		d, known := dags[row.DAGID]
		if !known && row.DAGID != "" {
			if d, err = b.current(ctx, row.DAGID); err != nil {
				d = nil // it has gone, or cannot be read now: its id is its name
			}
			dags[row.DAGID] = d
		}
		if d != nil {
			e.DAGName = cmp.Or(d.DisplayName, d.ID)
			if t := d.Task(row.TaskID); t != nil {
				e.TaskName = TaskName(t)
			}
		}
		out[i] = e
	}
	return out, n, nil
}

// Event is one of them. Its error wraps [api.ErrNotFound] when there is none that whoever asks may see.
func (b *Browser) Event(ctx context.Context, id int64) (*Event, error) {
	found, _, err := b.Events(ctx, EventFilter{ID: id}, Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if id == 0 || len(found) == 0 {
		return nil, store.Missing("The Event Log with id: `%d` not found", id)
	}
	return found[0], nil
}
