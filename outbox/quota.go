package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

// robotsLook is how long robots are not looked at again.
const robotsLook = 5 * time.Second

// warn tells, once a month, of each robot that has had most of its messages of the month, whoever sent
// them.
func (o *Outbox) warn(ctx context.Context) error {
	now := o.now()
	if since := now.Sub(o.robotsAt); since >= 0 && since < robotsLook {
		return nil
	}
	rows, err := o.store.KnownGates(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := o.warnOf(ctx, row, now); err != nil {
			return fmt.Errorf("tell of the quota of robot %q: %w", row.Name, err)
		}
	}
	o.robotsAt = now
	return nil
}

// warns reports whether people are to be told of a robot.
func warns(row *store.Gate, now time.Time) bool {
	return row.Warned != row.Month && gate.NearlySpent(row, now)
}

// warnOf tells of a robot, in the transaction that notes that.
func (o *Outbox) warnOf(ctx context.Context, row *store.Gate, now time.Time) error {
	if !warns(row, now) {
		return nil
	}
	ev := quotaEvent(row)
	out := o.messages(o.undelivered, ev)
	for _, d := range out {
		data, err := json.Marshal(&trail{Event: ev, Last: true}) // those of the last resort are told already
		if err != nil {
			return err
		}
		d.EventData = data
	}
	first := false
	err := o.store.Warn(ctx, func(tx WarnTx) error {
		locked, err := tx.LockGate(ctx, row.Robot)
		if first = err == nil && warns(locked, now); !first {
			return err
		}
		locked.Warned = locked.Month
		if err := tx.PutGate(ctx, locked); err != nil {
			return err
		}
		return tx.InsertDeliveries(ctx, out)
	})
	if err == nil && first {
		o.o.Log.Warn("a robot has had most of its messages of the month, or all", "reason", ev.Reason, "conn_id", row.Name, "sent", row.Sent, "quota", row.Quota, "month", row.Month)
	}
	return err
}

// quotaEvent is the event.
func quotaEvent(row *store.Gate) *callbacks.Event {
	q := callbacks.Quota{Robot: row.Name, Month: row.Month, Sent: row.Sent, Limit: row.Quota}
	ev := &callbacks.Event{Kind: callbacks.NearlySpent, MapIndex: -1, State: "nearly_spent", Quota: &q}
	if q.Spent() {
		ev.State, ev.Reason = "spent", q.Sum()+": nothing more is sent to it this month"
		return ev
	}
	ev.Reason = fmt.Sprintf("%s: retries and successes are no longer sent to it, messages of tasks until %s, and failures until %s",
		q.Sum(), callbacks.Grouped(gate.Reports(row.Quota)), callbacks.Grouped(row.Quota))
	return ev
}
