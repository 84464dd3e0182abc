package alter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// ErrEnded says that a backfill has ended.
var ErrEnded = errors.New("cannot be changed any more")

// SetBackfill pauses a backfill, lets it run again, or cancels it. A paused one starts no
// run; what runs goes on. A cancelled one ends: its queued runs fail, those that run go on.
// It returns ErrNotFound for an unknown backfill.
func SetBackfill(ctx context.Context, s store.Transactor, id int64, state store.BackfillState, who store.Actor, now time.Time) (*store.Backfill, error) {
	var b *store.Backfill
	err := s.Tx(ctx, func(tx store.Tx) (err error) {
		if b, err = tx.Backfill(ctx, id); err != nil {
			return err
		}
		if !b.Open() {
			return fmt.Errorf("backfill %d of dag %q is %s and %w", id, b.DAGID, b.State, ErrEnded)
		}
		kind := map[store.BackfillState]store.EventKind{
			store.BackfillPaused: store.EventBackfillPause, store.BackfillRunning: store.EventBackfillUnpause, store.BackfillCancelled: store.EventBackfillCancel,
		}[state]
		if kind == "" {
			return fmt.Errorf("backfill %d cannot be set to %q: use paused, running or cancelled", id, state)
		}
		if err := NoteBackfill(ctx, tx, kind, who, b, now); err != nil {
			return err
		}
		b.State, b.UpdatedAt = state, now.UTC().Truncate(time.Millisecond)
		if !b.Open() {
			b.CompletedAt = b.UpdatedAt
			if err := failQueued(ctx, tx, b); err != nil {
				return err
			}
		}
		return tx.UpdateBackfill(ctx, b)
	})
	return b, err
}

// NoteBackfill notes what somebody did with a backfill.
func NoteBackfill(ctx context.Context, tx store.EventsTx, kind store.EventKind, who store.Actor, b *store.Backfill, now time.Time) error {
	extra, err := request.Encode(map[string]int64{"backfill_id": b.ID})
	if err != nil {
		return err
	}
	return tx.InsertEvents(ctx, &store.Event{At: now, Actor: who, Kind: kind, DAGID: b.DAGID, MapIndex: -1, Extra: bytes.TrimSpace(extra)})
}

// reasonBackfillCancelled is the reason of a run that failed because it was queued when
// its backfill was cancelled.
const reasonBackfillCancelled = "backfill_cancelled"

func failQueued(ctx context.Context, tx store.Tx, b *store.Backfill) error {
	queued, err := tx.Runs(ctx, store.RunFilter{BackfillID: b.ID, States: []dag.RunState{dag.RunQueued}})
	if err != nil {
		return err
	}
	for _, r := range queued {
		r.State, r.Reason, r.EndDate = dag.RunFailed, reasonBackfillCancelled, b.CompletedAt
		if err := tx.UpdateRun(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
