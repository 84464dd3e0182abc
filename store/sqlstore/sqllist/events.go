package sqllist

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// eventName is the name of an event.
const eventName = "CASE WHEN e.operation <> '' THEN e.operation ELSE e.event END"

var eventKeys = map[string]string{
	"id": "=e.id", "event_log_id": "=e.id", "when": "=e.at", "dttm": "=e.at", "dag_id": "nullif(e.dag_id, '')", "task_id": "nullif(e.task_id, '')",
	"run_id": "nullif(e.run_id, '')", "event": "=" + eventName, "owner": "nullif(e.owner, '')", "extra": "coalesce(nullif(e.request, ''), e.extra)",
	"logical_date": "(SELECT r.logical_date FROM dag_run r WHERE r.dag_id = e.dag_id AND r.run_id = e.run_id)",
}

// ListEvents implements [listing.EventReader]. The ids of a page are found first.
func (q Queries) ListEvents(ctx context.Context, f listing.Events, p listing.Page) ([]*listing.Event, int, error) {
	w := q.where()
	eventsOf(w, &f)
	from := " FROM event_log e" + w.sql()
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*)"+from, w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count events: %w", err)
	}
	by, err := order(p, eventKeys, "e.id")
	if err != nil {
		return nil, 0, err
	}
	ids, err := sqlrow.Column[int64](ctx, q.c, "SELECT e.id"+from+by, append(slices.Clone(w.args), p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list events: %w", err)
	}
	out, err := q.events(ctx, ids)
	return out, n[0], err
}

// events are those with ids, in their order.
func (q Queries) events(ctx context.Context, ids []int64) ([]*listing.Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	w := q.where()
	in(w, "id", ids)
	rows, err := sqlrow.Collect(ctx, q.c, sqlstore.EventRows().Scan, sqlstore.EventRows().Select()+w.sql(), w.args...)
	if err != nil {
		return nil, fmt.Errorf("read the events of a list: %w", err)
	}
	type date struct {
		id int64
		at time.Time
	}
	d := q.where()
	in(d, "e.id", ids)
	dates, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, d *date) error { return rows.Scan(&d.id, sqlrow.Moment(&d.at)) },
		"SELECT e.id, r.logical_date FROM event_log e "+q.c.Dialect().JoinBehind()+" dag_run r ON r.dag_id = e.dag_id AND r.run_id = e.run_id"+d.sql(), d.args...)
	if err != nil {
		return nil, fmt.Errorf("read the dates of events: %w", err)
	}
	found := map[int64]*listing.Event{}
	for _, e := range rows {
		found[e.ID] = &listing.Event{Event: *e}
	}
	for _, d := range dates {
		if e := found[d.id]; e != nil {
			e.LogicalDate = d.at
		}
	}
	out := make([]*listing.Event, 0, len(ids))
	for _, id := range ids {
		if e := found[id]; e != nil { // else it went between the two looks
			out = append(out, e)
		}
	}
	return out, nil
}

// eventsOf are the conditions of a filter.
func eventsOf(w *where, f *listing.Events) {
	if f.ID != 0 {
		w.add("e.id = ?", f.ID)
	}
	in(w, "e.dag_id", f.DAGIDs)
	for _, c := range []struct {
		expression string
		value      *string
	}{{"e.dag_id", f.DAGID}, {"e.run_id", f.RunID}, {"e.task_id", f.TaskID}, {"e.owner", f.Owner}, {eventName, f.Event}} {
		if c.value != nil {
			w.add(c.expression+" = ?", *c.value)
		}
	}
	if f.MapIndex != nil {
		w.add("e.map_index = ? AND e.task_id <> ''", *f.MapIndex)
	}
	in(w, eventName, f.Included)
	if len(f.Excluded) > 0 {
		ex := w.another()
		in(ex, eventName, f.Excluded)
		w.add("NOT ("+ex.all[0]+")", ex.args...)
	}
	if len(f.ButKinds) > 0 {
		ex := w.another()
		in(ex, "e.event", f.ButKinds)
		w.add("NOT ("+ex.all[0]+")", ex.args...)
	}
	w.like("e.dag_id", f.DAGIDLike)
	w.like("e.run_id", f.RunIDLike)
	w.like("e.task_id", f.TaskIDLike)
	w.like("e.owner", f.OwnerLike)
	w.like(eventName, f.EventLike)
	w.moments("e.at", listing.Range[time.Time]{GT: f.After, LT: f.Before})
}
