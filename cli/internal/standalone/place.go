package standalone

import (
	"context"
	"log/slog"
	"time"
)

// placeLook is how often it is looked whether the store is where it was.
const placeLook = 10 * time.Second

// watchPlace logs once that the store is not where it was opened, and once that it is back, until ctx ends.
func watchPlace(ctx context.Context, inPlace func() error, log *slog.Logger) {
	gone := false
	tick := time.NewTicker(placeLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := inPlace()
		switch {
		case err != nil && !gone:
			log.Error("the store is not where it was", "error", err)
		case err == nil && gone:
			log.Info("the store is where it was again")
		}
		gone = err != nil
	}
}
