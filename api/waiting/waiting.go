// Package waiting says why a message of the outbox waits.
package waiting

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Wait says why a message waits.
type Wait struct {
	Why string `json:"why"`
	// Until is when that is looked at again, in UTC, null when it is not known.
	Until *time.Time `json:"until"`
	// Waiting is how many messages wait in its channel, itself among them.
	Waiting int `json:"waiting"`
}

// until sets the reason and when it ends.
func (w *Wait) until(at time.Time, format string, args ...any) *Wait {
	w.Why, w.Until = fmt.Sprintf(format, args...), new(at.UTC())
	return w
}

// Of says why a message waits: for its own next try, for the robot, or for those before it.
func Of(ctx context.Context, s store.Reader, now time.Time, d *store.Delivery) (*Wait, error) {
	n, err := s.CountDeliveries(ctx, store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryWaiting}, Channel: d.Channel})
	if err != nil {
		return nil, err
	}
	w := &Wait{Waiting: n}
	if d.NextTry.After(now) {
		why := "it failed, and is tried again"
		switch d.Hold {
		case store.HoldOutage:
			why = "the receiver could not be reached or could not do its work"
		case store.HoldThrottled:
			why = "the receiver takes nothing for a time, since it was sent too much"
		case store.HoldNone, store.HoldQuota:
		}
		return w.until(d.NextTry, "%s", why), nil
	}
	gates, err := s.KnownGates(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gates {
		t, err := s.GateTicket(ctx, g.Robot, "channel "+d.Channel)
		switch {
		case err != nil:
			return nil, err
		case t == nil:
			continue
		case g.ClosedUntil.After(now):
			return w.until(g.ClosedUntil, "robot %s takes no messages, since it was sent too many", g.Name), nil
		default:
			return w.until(t.LookAt, "robot %s has had its messages of this minute", g.Name), nil
		}
	}
	w.Why = "it is the next of its channel, or those before it are, or more of its DAG is gathered to be told with it (alert_fold_after): " +
		"a scheduler that is at work sends it within that time"
	return w, nil
}
