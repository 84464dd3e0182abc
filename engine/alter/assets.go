package alter

import (
	"bytes"
	"context"
	"time"

	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// ForgetAssets takes back what DAGs have been told of an asset, or for an empty URI of all, and no run has taken:
// what happened before a moment, or for the zero one everything. It returns how many events there were.
func ForgetAssets(ctx context.Context, s store.Transactor, dagIDs []string, uri string, before time.Time, who store.Actor, now time.Time) (total int, err error) {
	err = s.Tx(ctx, func(tx store.Tx) error {
		total = 0
		for _, id := range dagIDs {
			n, err := tx.ForgetAssetEvents(ctx, id, uri, before)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			total += n
			about := map[string]any{"events": n}
			if uri != "" {
				about["uri"] = uri
			}
			extra, err := request.Encode(about)
			if err != nil {
				return err
			}
			if err := tx.InsertEvents(ctx, &store.Event{At: now, Actor: who, Kind: store.EventAssetForget, DAGID: id, MapIndex: -1, Extra: bytes.TrimSpace(extra)}); err != nil {
				return err
			}
		}
		return nil
	})
	return total, err
}
