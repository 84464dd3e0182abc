package api

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/engine/alter"
)

// ForgetAssets takes back what DAGs have been told of an asset, or for an empty URI of all, and no run has taken: what
// happened before a moment, or for the zero one everything. It returns how many events there were.
func (a *API) ForgetAssets(ctx context.Context, dagIDs []string, uri string, before time.Time) (int, error) {
	return alter.ForgetAssets(ctx, a.o.Store, dagIDs, uri, before, a.o.By, a.o.Clock())
}
