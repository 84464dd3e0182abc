// Package waiting says why a message of the outbox waits.
package waiting

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Wait says why a message waits.
type Wait struct {
	Why string `json:"why"`
	// Said is the same for people who read another language. It says nothing where a server told it.
	Said phrase.Text `json:"-"`
	// Until is when that is looked at again, in UTC, null when it is not known.
	Until *time.Time `json:"until"`
	// Waiting is how many messages wait in its channel, itself among them.
	Waiting int `json:"waiting"`
}

// until sets the reason and when it ends.
func (w *Wait) until(at time.Time, why phrase.Text) *Wait {
	w.Why, w.Said, w.Until = why.String(), why, new(at.UTC())
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
		why := phrase.Of("wait.again")
		switch d.Hold {
		case store.HoldOutage:
			why = phrase.Of("wait.outage")
		case store.HoldThrottled:
			why = phrase.Of("wait.throttled")
		case store.HoldNone, store.HoldQuota:
		}
		return w.until(d.NextTry, why), nil
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
			return w.until(g.ClosedUntil, phrase.Of("wait.robot_closed", g.Name)), nil
		default:
			return w.until(t.LookAt, phrase.Of("wait.robot_minute", g.Name)), nil
		}
	}
	w.Said = phrase.Of("wait.next")
	w.Why = w.Said.String()
	return w, nil
}
