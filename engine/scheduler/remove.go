package scheduler

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// Remove removes what a request names. A DAG loses its runs, some in each transaction, and with the last of them all that is
// known of it; when its file is still there, it is a new one from then on, as in Airflow once the file is read again.
func (sch *Scheduler) Remove(tx *live.Tx, r *request.Remove) (*request.Removed, error) {
	if r.RunID != "" {
		return sch.o.Alter.Remove(tx, r)
	}
	_, err := tx.DAG(tx.Ctx, r.DAGID)
	d := sch.o.DAGs.Get(r.DAGID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, UnknownDAG(r.DAGID, slices.Sorted(maps.Keys(sch.o.DAGs.Loaded())))
	}
	if err != nil {
		return nil, err
	}
	done, err := sch.o.Alter.Remove(tx, r)
	if err != nil || done.More {
		return done, err
	}
	if err := tx.RemoveDAG(tx.Ctx, r.DAGID); err != nil {
		return nil, err
	}
	extra, err := request.Encode(map[string]bool{"file": d != nil})
	if err != nil {
		return nil, err
	}
	if err := tx.InsertEvents(tx.Ctx, &store.Event{At: tx.Now, Actor: r.Actor, Kind: store.EventDAGDelete, DAGID: r.DAGID, MapIndex: -1, Extra: bytes.TrimSpace(extra)}); err != nil {
		return nil, err
	}
	if d == nil {
		return done, nil
	}
	done.Stays = true
	fresh := schedule.NewState(d, sch.o.PausedAtCreation)
	fresh.LoadedAt = tx.Now
	if err := store.AddDAG(tx.Ctx, tx, fresh, tx.Now); err != nil {
		return nil, err
	}
	tx.After(func() { sch.o.DAGs.Renew(d, fresh.Paused) })
	tx.Wake(r.DAGID)
	return done, nil
}
